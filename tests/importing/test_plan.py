"""In which order a day happens, and how many rooms a history takes."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.calendar import business_date
from staysync.importing.hotel_demand import read_history
from staysync.importing.hotels import Inventory
from staysync.importing.plan import Plan, RoomKind, room_kinds
from staysync.importing.replay import reference_suffix
from staysync.processes import CannotStartError
from tests.importing.files import CITY, RESORT, row, write

DAY = date(2016, 8, 10)
EARLIER = date(2016, 8, 8)


def plan_of(folder: Path, *rows: dict[str, str]) -> Plan:
    return Plan(read_history(write(folder / "bookings.csv", rows)))


def test_a_day_goes_from_departures_to_what_is_over_on_the_day_itself(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        row(DAY, 0, lead=0),  # 2: day use, booked, stayed and left on the day
        row(DAY, lead=0, status="Canceled"),  # 3: booked and cancelled on the day
        row(DAY, lead=5, status="No-Show"),  # 4
        row(DAY, lead=5, assigned_room_type="D"),  # 5: arrives
        row(DAY, lead=0, ended=DAY),  # 6: leaves again on the day of arrival
        row(DAY, lead=5, status="Canceled", assigned_room_type="D"),  # 7: a cancellation of an earlier booking
        row(EARLIER, 2),  # 8: leaves
    )
    steps = [(step.row.line, step.action.value) for step in plan if _local_day(step.occurred_at) == DAY]
    assert steps == [
        (8, "check-out"),
        (7, "move"), (7, "cancel"),
        (2, "book"), (3, "book"), (6, "book"),
        (2, "assign"), (2, "check-in"),
        (4, "no-show"),
        (5, "move"), (5, "assign"), (5, "check-in"),
        (6, "assign"), (6, "check-in"),
        (3, "cancel"),
        (2, "check-out"), (6, "check-out"),
    ]  # fmt: skip


def test_no_two_steps_of_a_hotel_share_an_instant_and_time_never_goes_back(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, *(row(DAY, 1, lead=lead % 3) for lead in range(50)))
    instants = [step.occurred_at for step in plan]
    assert instants == sorted(set(instants))


@pytest.mark.parametrize("day", [date(2016, 3, 27), date(2016, 10, 30), date(2017, 3, 26)])
def test_on_the_days_that_change_the_clocks_every_step_is_on_its_business_date(tmp_path: Path, day: date) -> None:
    plan = plan_of(tmp_path, row(day, 0, lead=0), row(day, lead=0, status="Canceled"))
    assert {business_date(step.occurred_at, "Europe/Lisbon", time(4, 0)) for step in plan} == {day}


def test_enough_rooms_for_all_counts_those_cancelled_later(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        row(DAY, lead=20),
        row(DAY, lead=10, status="Canceled", ended=date(2016, 8, 5)),
        row(DAY, lead=2),  # booked after the cancellation
        row(date(2016, 8, 12), lead=1),  # arrives when the others leave
        row(DAY, 0, reserved_room_type="P"),
        row(DAY, hotel=CITY),
    )
    assert plan.most_wanted() == {(RESORT, "A"): 2, (RESORT, "P"): 1, (CITY, "A"): 1}


def test_enough_rooms_for_all_counts_those_who_were_given_another_type(tmp_path: Path) -> None:
    moved: dict[str, Any] = {"assigned_room_type": "D"}
    plan = plan_of(
        tmp_path,
        row(DAY, **moved),
        row(DAY, **moved, status="No-Show"),  # takes a room of D after the first, and leaves it its first night
        row(DAY, reserved_room_type="D", lead=3),
        row(DAY, **moved, lead=30, status="Canceled", ended=date(2016, 7, 20)),  # before the bookings of the others
    )
    assert plan.most_wanted() == {(RESORT, "A"): 2, (RESORT, "D"): 3}


def test_a_day_use_takes_a_room_in_which_nobody_stays_on(tmp_path: Path) -> None:
    night_before, booked = date(2016, 8, 9), dict[str, Any](reserved_room_type="B")
    leaves = row(night_before, 1, **booked)
    assert plan_of(tmp_path, leaves, row(DAY, 0, **booked)).most_wanted() == {(RESORT, "B"): 1}
    stays_on = row(night_before, 2, **booked)
    assert plan_of(tmp_path, stays_on, row(DAY, 0, **booked)).most_wanted() == {(RESORT, "B"): 2}
    moved_there = row(DAY, 0, assigned_room_type="B")
    assert plan_of(tmp_path, stays_on, moved_there).most_wanted() == {(RESORT, "A"): 0, (RESORT, "B"): 2}


def test_a_type_that_was_only_given_costs_what_those_paid_who_were_given_it(tmp_path: Path) -> None:
    history = read_history(
        write(
            tmp_path / "bookings.csv",
            [
                row(DAY, adr="80", adults=1),
                row(DAY, adr="100", assigned_room_type="I", adults=3, babies=1),
                row(DAY, adr="60", assigned_room_type="I", hotel=CITY),
            ],
        )
    )
    kinds = room_kinds(history.rows.values())
    assert kinds[RESORT, "I"] == RoomKind(max_adults=3, max_children=1, average_price=Decimal(100))
    assert kinds[RESORT, "A"] == RoomKind(max_adults=3, max_children=1, average_price=Decimal(90))
    assert kinds[CITY, "I"].average_price == 60


def test_room_counts_are_options() -> None:
    wanted = {(RESORT, "A"): 100, (RESORT, "B"): 11, (RESORT, "P"): 0, (CITY, "A"): 300}
    everywhere = Inventory.parse(["A=40,B=0"], None).rooms(wanted)
    assert everywhere == {(RESORT, "A"): 40, (RESORT, "B"): 0, (RESORT, "P"): 1, (CITY, "A"): 40}
    here = Inventory.parse(["resort:A=40", "A=50"], 0.5).rooms(wanted)
    assert here == {(RESORT, "A"): 40, (RESORT, "B"): 6, (RESORT, "P"): 1, (CITY, "A"): 50}


@pytest.mark.parametrize("option", ["A", "A=-1", "A=many", "beach:A=1", "=4", "A=1,,B=2"])
def test_room_counts_that_make_no_sense_are_refused(option: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Inventory.parse([option], None)


def test_a_room_type_that_the_file_lacks_is_refused() -> None:
    with pytest.raises(CannotStartError, match="no room type Z"):
        Inventory.parse(["Z=1"], None).rooms({(RESORT, "A"): 1})


def test_every_line_has_a_reference_of_its_own() -> None:
    suffixes = {reference_suffix(line) for line in range(1, 120_000)}
    assert len(suffixes) == 119_999
    assert {len(suffix) for suffix in suffixes} == {8}


def _local_day(instant: datetime) -> date:
    assert instant.tzinfo is UTC
    return business_date(instant, "Europe/Lisbon", time(4, 0))
