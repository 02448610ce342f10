"""What the import makes of each line, before any database."""

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.values import Statistics
from staysync.importing.hotel_demand import Ending, Row, read_history
from staysync.processes import CannotStartError
from tests.importing.files import row, write

DAY = date(2016, 8, 1)


def read(folder: Path, *rows: dict[str, str]) -> Any:
    return read_history(write(folder / "bookings.csv", rows))


def only(folder: Path, **given: Any) -> Row:
    history = read(folder, row(DAY, **given))
    assert not history.unreadable
    found: Row = history.rows[2]
    return found


def test_a_row_becomes_a_booking(tmp_path: Path) -> None:
    assert only(tmp_path, nights=3, lead=12, children=1, babies=1, assigned_room_type="C") == Row(
        line=2,
        hotel="Resort Hotel",
        room_type="A",
        assigned_type="C",
        booked_on=date(2016, 7, 20),
        arrival=DAY,
        departure=date(2016, 8, 4),
        ending=Ending.STAYED,
        ended_on=date(2016, 8, 4),
        adults=2,
        child_ages=(None, 0),
        price=Decimal("75.50"),
        statistics=Statistics(
            channel="travel_agent",
            market_segment="Online TA",
            distribution_channel="TA/TO",
            agent="240",
            customer_type="Transient",
            meal="BB",
            country="PRT",
        ),
        flags=(),
    )


def test_null_means_absent(tmp_path: Path) -> None:
    statistics = only(tmp_path, agent="NULL", country="NULL", company="NULL").statistics
    assert (statistics.agent, statistics.country, statistics.company) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"adults": 0}, ("no_guests",)),
        ({"adults": 0, "children": 2}, ("no_adults",)),
        ({"children": "NA"}, ("children_unknown",)),
        ({"adr": "-6.38"}, ("negative_price",)),
        ({"ended": date(2016, 8, 2)}, ("left_early",)),
        ({"ended": DAY}, ("left_early",)),
        ({"ended": date(2016, 8, 9)}, ("left_late",)),
        ({"status": "Canceled", "ended": date(2016, 8, 2)}, ("cancelled_after_arrival",)),
        ({"status": "No-Show", "ended": date(2016, 3, 28)}, ("no_show_date_moved",)),
        ({"nights": 0}, ()),
        ({"adr": "5400"}, ()),
        ({"lead": 737}, ()),
        ({"children": "2.0"}, ()),
    ],
)
def test_what_is_odd_is_flagged_and_kept(tmp_path: Path, given: dict[str, Any], flags: tuple[str, ...]) -> None:
    assert only(tmp_path, **given).flags == flags


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"hotel": "Grand Hotel"}, "unknown hotel 'Grand Hotel'"),
        ({"arrival_date_month": "Brumaire"}, "unknown month 'Brumaire'"),
        ({"arrival_date_month": "February", "arrival_date_day_of_month": 30}, "there is no 30 February 2016"),
        ({"lead": -1}, "lead_time is '-1'"),
        ({"adults": "two"}, "adults is 'two'"),
        ({"adults": "٣"}, "adults is '٣'"),
        ({"adults": 1000}, "adults is '1000'"),
        ({"adr": "NaN"}, "adr 'NaN'"),
        ({"adr": "1e400"}, "adr '1e400'"),
        ({"adr": "cheap"}, "adr 'cheap' is no amount"),
        ({"reservation_status": "Walked"}, "unknown reservation_status 'Walked'"),
        ({"reservation_status_date": "2016-02-30"}, "reservation_status_date '2016-02-30' is no date"),
        ({"reserved_room_type": ""}, "unusable room type ''"),
        ({"assigned_room_type": "A B"}, "unusable room type 'A B'"),
        ({"country": "P\x00T"}, "unusable text"),
        ({"agent": "9" * 65}, "unusable text"),
        ({"ended": date(2016, 7, 31)}, "left on 2016-07-31, before the arrival"),
        ({"status": "Canceled", "ended": date(2016, 7, 21)}, "cancelled on 2016-07-21, before it was booked"),
    ],
)
def test_what_is_no_booking_is_rejected_with_its_reason(tmp_path: Path, given: dict[str, Any], reason: str) -> None:
    history = read(tmp_path, row(DAY, **given), row(DAY))
    assert [problem.line for problem in history.unreadable] == [2]
    assert history.unreadable[0].reason.startswith(reason)
    assert list(history.rows) == [3]
    assert history.lines == 2


def test_a_broken_line_takes_no_other_with_it(tmp_path: Path) -> None:
    good = ",".join(row(DAY).values())
    file = write(tmp_path / "bookings.csv", [row(DAY)])
    with file.open("ab") as stream:
        stream.write(b'"Resort Hotel,0\n')
        stream.write(b"\xff\xfe\n\n" + b"x" * 25_000 + b"\n" + good.encode())
    history = read_history(file)
    assert list(history.rows) == [2, 7]
    assert [(bad.line, bad.reason) for bad in history.unreadable] == [
        (3, "its quotes don't match"),
        (4, "not UTF-8"),
        (5, "1 columns instead of 32"),
        (6, "longer than 10000 bytes"),
    ]


def test_a_packed_file_is_read_like_the_plain_one(tmp_path: Path) -> None:
    plain = write(tmp_path / "bookings.csv", [row(DAY)])
    packed = tmp_path / "bookings.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_history(packed) == read_history(plain)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08 damaged", b"hotel,price\nRitz,9\n", b"\x00" * 50])
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(CannotStartError, match="other"):
        read_history(file)


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="No such file"):
        read_history(tmp_path / "nowhere.csv")
