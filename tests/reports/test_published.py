"""After importing the real history the `bookings` report says of each hotel what its file says, read by other means.

The authors of the data set published these numbers of it: counts by every field, mean ADR, mean lead time (N. Antonio,
A. de Almeida, L. Nunes, Hotel booking demand datasets, Data in Brief 22 (2019) 41-49). `make test` compares a slice
that has every oddity in it, `make published` the whole file, which takes some minutes.
"""

import csv
import gzip
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.values import rounded
from staysync.importing.hotels import hotel_id
from staysync.settings import Settings
from tests.clients import project
from tests.importing.files import CITY, RESORT, imported
from tests.importing.test_real_history import DATA, dates
from tests.reports.conftest import Ask

WHOLE = os.environ.get("STAYSYNC_TEST_WHOLE_HISTORY") == "1"
EVERY = 60
"""Which lines are in the slice, besides the odd ones."""

FIELDS = {
    "market_segment": "market_segment",
    "distribution_channel": "distribution_channel",
    "agent": "agent",
    "company": "company",
    "customer_type": "customer_type",
    "meal": "meal",
    "country": "country",
    "reserved_room_type": "reserved_room_type",
    "assigned_room_type": "assigned_room_type",
}
"""The report's field and the file's column."""

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason=f"the real booking history isn't at {DATA}: docs/import.md says where it comes from"
)


def is_odd(row: dict[str, str]) -> bool:
    """Day use that was moved or didn't take place, guests who left early, a negative price: few, and easily lost."""
    arrival, departure = dates(row)
    moved = row["reserved_room_type"] != row["assigned_room_type"]
    stayed = row["reservation_status"] == "Check-Out"
    left_early = stayed and row["reservation_status_date"] != f"{departure}"
    return left_early or row["adr"].startswith("-") or (arrival == departure and (moved or not stayed))


def chosen() -> Iterator[str]:
    """The header and the lines that are imported."""
    with gzip.open(DATA, "rt", encoding="utf-8") as stream:
        header = next(stream)
        yield header
        names = header.rstrip("\n").split(",")
        for number, line in enumerate(stream):
            if WHOLE or number % EVERY == 0 or is_odd(dict(zip(names, line.rstrip("\n").split(","), strict=True))):
                yield line


def said(value: str) -> str | None:
    """A value of the file, absent where it says so."""
    return None if value in ("NULL", "NA", "") else value


def mean(values: list[Decimal]) -> Decimal:
    return rounded(sum(values, Decimal(0)) / len(values), "EUR")


@pytest.mark.parametrize("by", ["week", "room_type"])
async def test_the_report_says_of_each_hotel_what_the_file_says(
    settings: Settings, ask: Ask, tmp_path: Path, by: str
) -> None:
    if WHOLE and by != "week":
        pytest.skip("the whole file is imported once")
    lines = list(chosen())
    file = tmp_path / "history.csv"
    file.write_text("".join(lines), encoding="utf-8")
    result = await imported(settings, file)
    assert len(result.imported) == len(lines) - 1
    await project(settings)

    now = datetime.now(UTC)
    rows = list(csv.DictReader(lines))
    booked_on = [dates(row)[0] - timedelta(int(row["lead_time"])) for row in rows]
    first, until = min(booked_on), max(booked_on) + timedelta(days=1)
    for hotel in (RESORT, CITY):
        answer = await ask(hotel_id(hotel), "bookings", now, first=first, until=until, group_by=by)
        total, counts = answer.total, answer.counts
        assert total is not None
        assert counts is not None
        mine = [row for row in rows if row["hotel"] == hotel]
        ends = Counter(row["reservation_status"] for row in mine)
        assert total["bookings"] == total["rooms"] == len(mine)
        assert (total["completed"], total["cancelled"], total["no_show"]) == (
            ends["Check-Out"],
            ends["Canceled"],
            ends["No-Show"],
        )
        cancelled = sum(row["is_canceled"] == "1" for row in mine)  # no-shows included
        assert ends["Canceled"] + ends["No-Show"] == cancelled
        assert total["walked"] == total["in_house"] == total["to_come"] == total["held"] == total["holds_ended"] == 0
        assert total["mean_adr"] == f"{mean([Decimal(row['adr']) for row in mine]):f}"
        assert total["mean_lead_days"] == float(mean([Decimal(row["lead_time"]) for row in mine]))
        assert total["mean_adults"] == float(mean([Decimal(row["adults"]) for row in mine]))
        children = [Decimal(said(row["children"]) or 0) + Decimal(row["babies"]) for row in mine]
        assert total["mean_children"] == float(mean(children))
        lengths = [Decimal(row["stays_in_week_nights"]) + Decimal(row["stays_in_weekend_nights"]) for row in mine]
        assert (total["nights"], total["mean_nights"]) == (sum(lengths), float(mean(lengths)))
        for field, column in FIELDS.items():
            shown = {counted.value: counted.rooms for counted in counts[field]}
            assert shown == Counter(said(row[column]) for row in mine), field
