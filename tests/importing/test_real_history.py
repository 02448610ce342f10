"""The real file, where this machine has it: a slice of its days against an independent reading of the same lines."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from staysync.settings import Settings
from tests.importing.files import CITY, RESORT, imported, ledger, sold

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "hotel_bookings.csv.gz"
FIRST, LAST = date(2016, 8, 1), date(2016, 8, 21)
LOOKED_AT = date(2016, 8, 13)

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason=f"the real booking history isn't at {DATA}: docs/import.md says where it comes from"
)


def dates(row: dict[str, str]) -> tuple[date, date]:
    """Arrival and departure, read by other means than the import's."""
    text = f"{row['arrival_date_year']} {row['arrival_date_month']} {row['arrival_date_day_of_month']}"
    arrival = datetime.strptime(text, "%Y %B %d").date()  # noqa: DTZ007 - a date without a time
    return arrival, arrival + timedelta(int(row["stays_in_week_nights"]) + int(row["stays_in_weekend_nights"]))


def occupied(rows: list[dict[str, str]], hotel: str, night: date) -> Counter[str]:
    """How many rooms of each type were slept in, or kept for a no-show's first night."""
    rooms: Counter[str] = Counter()
    for row in rows:
        arrival, departure = dates(row)
        if row["reservation_status"] == "Canceled" or row["hotel"] != hotel:
            continue
        if row["reservation_status"] == "No-Show":
            departure = min(departure, arrival + timedelta(1))
        else:
            departure = min(departure, date.fromisoformat(row["reservation_status_date"]))
        rooms[row["assigned_room_type"]] += arrival <= night < departure
    return +rooms


def moves_in(rows: list[dict[str, str]]) -> Counter[tuple[str, str]]:
    """How many were given a room of another type than they had booked, by both types."""
    types = Counter((row["reserved_room_type"], row["assigned_room_type"]) for row in rows)
    return Counter({(booked, given): count for (booked, given), count in types.items() if booked != given})


async def moves_in_the_ledger(settings: Settings) -> Counter[tuple[str, str]]:
    """The same by the ledger's events alone: what was booked, and what the room is that was assigned."""
    async with ledger(settings) as connection:
        rows = await connection.fetch(
            "select b.data -> 'lines' -> 0 ->> 'room_type' as booked,"
            " a.data -> 'assignments' -> 0 ->> 'room_type' as given, count(*)"
            " from ledger.event a join ledger.event b"
            " on b.hotel_id = a.hotel_id and b.stream_id = a.stream_id and b.version = 1"
            " where a.type = 'RoomsAssigned' group by 1, 2"
        )
    return Counter({(row["booked"], row["given"]): row["count"] for row in rows if row["booked"] != row["given"]})


async def doubly_taken_rooms(settings: Settings) -> int:
    """How many nights of rooms the ledger's guard gave to more than one stay."""
    async with ledger(settings) as connection:
        count: int = await connection.fetchval(
            "select count(*) from (select 1 from ledger.room_stay s, generate_series(lower(s.stay), upper(s.stay) - 1,"
            " interval '1 day') as night group by s.hotel_id, s.room, night having count(*) > 1) as doubled"
        )
    return count


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The header and every line whose stay touches the days looked at."""

    def near() -> Iterator[str]:
        with gzip.open(DATA, "rt", encoding="utf-8") as stream:
            header = next(stream)
            yield header
            names = header.rstrip("\n").split(",")
            for line in stream:
                arrival, departure = dates(dict(zip(names, line.rstrip("\n").split(","), strict=True)))
                if departure > FIRST and arrival < LAST:
                    yield line

    return list(near())


async def test_the_calendar_of_august_2016_shows_what_the_file_says(
    settings: Settings, tmp_path: Path, lines: list[str]
) -> None:
    file = tmp_path / "slice.csv"
    file.write_text("".join(lines), encoding="utf-8")
    rows = list(csv.DictReader(lines))
    assert len(rows) > 3000

    result = await imported(settings, file)
    assert len(result.imported) == len(rows)
    assert not result.refused
    assert not result.history.unreadable
    assert len(result.moved) == sum(row["reserved_room_type"] != row["assigned_room_type"] for row in rows) > 200
    assert await moves_in_the_ledger(settings) == moves_in(rows)
    for hotel in (RESORT, CITY):
        calendar = await sold(settings, hotel)
        for number in range((LAST - FIRST).days):
            night = FIRST + timedelta(number)
            shown = {code: count for (code, day), count in calendar.items() if day == night}
            assert shown == occupied(rows, hotel, night)
        assert sum(occupied(rows, hotel, LOOKED_AT).values()) > 150
    assert await doubly_taken_rooms(settings) == 0


async def test_with_half_the_rooms_some_are_refused_and_the_sums_still_add_up(
    settings: Settings, tmp_path: Path, lines: list[str]
) -> None:
    file = tmp_path / "slice.csv"
    file.write_text("".join(lines[:1500]), encoding="utf-8")
    result = await imported(settings, file, scale=0.5)
    assert len(result.imported) + len(result.refused) == 1499
    refusals = Counter((str(refusal.action), refusal.rule) for refusal in result.refused.values())
    assert refusals.keys() == {("book", "SoldOut"), ("move", "SoldOut"), ("move", "NoRoomFits")}
    again = await imported(settings, file)
    assert (again.refused, again.moved, again.written_steps) == (result.refused, result.moved, 0)
    # Whoever couldn't be moved stayed in the type they had booked: nobody was left at the door.
    async with ledger(settings) as connection:
        events = await connection.fetch("select type, count(*) from ledger.event group by 1")
    kinds = {row["type"]: row["count"] for row in events}
    ends = kinds["GuestsCheckedOut"] + kinds["LinesCancelled"] + kinds["NoShowRecorded"]
    assert ends == kinds["BookingMade"]
