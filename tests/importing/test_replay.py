"""What an import leaves in the ledger: every quirk, refusals by too few rooms, and going on after it was stopped."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from domain.calendar import ONE_DAY
from domain.calendar import nights as stay_nights
from domain.hotels import AddRooms
from eventstore.submission import Answer, Submission
from staysync.importing.hotel_demand import Ending
from staysync.importing.hotels import hotel_id
from staysync.importing.plan import Plan
from staysync.importing.replay import Result, Stop
from staysync.processes import CannotStartError
from staysync.settings import Settings
from staysync.writing import write_side
from tests.importing.files import CITY, RESORT, events, imported, ledger, made, rooms, row, sold, write

DAY = date(2016, 8, 1)


def day(number: int) -> date:
    return DAY + timedelta(number)


def numbers(result: Result) -> tuple[int, int, int]:
    """Imported, refused, rejected."""
    return len(result.imported), len(result.refused), len(result.history.unreadable)


async def test_every_quirk_has_its_outcome(settings: Settings, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bookings.csv",
        [
            row(DAY, 3),  # 2: as it should be
            row(DAY, 3),  # 3: exactly the same again, another room
            row(DAY, 0),  # 4: day use
            row(DAY, 2, adults=0),  # 5: nobody
            row(DAY, 2, children="NA", adr="-6.38"),  # 6
            row(DAY, 4, ended=DAY),  # 7: left on the day of arrival
            row(DAY, 4, ended=day(1)),  # 8: left early
            row(DAY, 3, status="No-Show"),  # 9: keeps the first night
            row(DAY, 3, status="Canceled", ended=day(-2)),  # 10
            row(DAY, 3, status="Canceled", lead=0),  # 11
            row(DAY, 2, status="No-Show", lead=90, ended=day(-60)),  # 12: dated before the arrival
            row(day(5), 1, lead=737, adr="5400", reserved_room_type="B"),  # 13
            row(DAY, 181),  # 14: longer than a stay may be
            row(DAY, 2, adr="gold"),  # 15: unreadable
            row(DAY, 2, hotel=CITY, agent="NULL"),  # 16
        ],
    )
    result = await imported(settings, file)
    assert numbers(result) == (13, 1, 1)
    assert sum(numbers(result)) == result.history.lines == 15
    assert result.refused[14].rule == "StayTooLong"
    assert result.refused[14].action == "book"
    assert result.stopped is None

    nights: Counter[tuple[str, date]] = Counter()
    nights.update(("A", day(n)) for _ in range(2) for n in range(3))  # 2 and 3
    nights.update(("A", day(n)) for _ in range(2) for n in range(2))  # 5 and 6
    nights.update([("A", DAY), ("A", DAY), ("A", DAY), ("B", day(5))])  # 8, 9, 12, 13
    assert await sold(settings) == nights

    resort, city = result.hotels[RESORT], result.hotels[CITY]
    odd = await made(settings, resort.booking_id(result.history.rows[6]))
    assert odd["flags"] == ["children_unknown", "negative_price"]
    assert odd["lines"][0]["prices"] == ["-6.38", "-6.38"]
    assert odd["lines"][0]["child_ages"] == []
    nobody = await made(settings, resort.booking_id(result.history.rows[5]))
    assert (nobody["flags"], nobody["lines"][0]["adults"]) == (["no_guests"], 0)
    elsewhere = await made(settings, city.booking_id(result.history.rows[16]))
    assert elsewhere["statistics"]["agent"] is None
    assert elsewhere["statistics"]["channel"] == "travel_agent"


async def test_within_a_day_the_ledger_follows_the_order_of_a_hotels_day(settings: Settings, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bookings.csv",
        [
            row(DAY, 0, lead=0),
            row(DAY, lead=0, status="Canceled"),
            row(DAY, lead=1, status="No-Show"),
            row(DAY, lead=2, status="Canceled"),
            row(day(-1), 1, lead=3),
        ],
    )
    await imported(settings, file)
    assert (await events(settings))[-9:] == [
        ("GuestsCheckedOut", 6),
        ("LinesCancelled", 5),
        ("BookingMade", 2),
        ("BookingMade", 3),
        ("RoomsAssigned", 2),
        ("GuestsCheckedIn", 2),
        ("NoShowRecorded", 4),
        ("LinesCancelled", 3),
        ("GuestsCheckedOut", 2),
    ]


async def test_too_few_rooms_are_refused_and_listed(settings: Settings, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bookings.csv",
        [
            row(DAY, 2, lead=9),  # 2: takes the room
            row(day(1), 2, lead=9),  # 3: overlaps
            row(day(2), 1, lead=9),  # 4: fits after it
            row(DAY, 2, lead=5, status="Canceled", ended=day(-3)),  # 5: no room
            row(DAY, 2, lead=2, hotel=CITY),  # 6: another hotel
        ],
    )
    result = await imported(settings, file, "A=1")
    assert numbers(result) == (3, 2, 0)
    assert {line: refusal.rule for line, refusal in result.refused.items()} == {3: "SoldOut", 5: "SoldOut"}
    assert "2016-08-02 (A: 0 free, 1 wanted)" in result.refused[3].reason
    again = await imported(settings, file)
    assert again.refused == result.refused
    assert again.imported == result.imported
    assert again.written_steps == 0


async def test_guests_are_given_rooms_on_the_day_of_arrival(settings: Settings, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bookings.csv",
        [
            row(DAY, 2),  # 2
            row(day(2), 1),  # 3: arrives when the first guest has left
            row(DAY, 3, assigned_room_type="D"),  # 4
            row(day(1), 3, ended=day(2), assigned_room_type="D"),  # 5: leaves early
            row(DAY, 2, status="No-Show", assigned_room_type="E"),  # 6
            row(DAY, 0, assigned_room_type="E"),  # 7: day use
        ],
    )
    result = await imported(settings, file)
    assert numbers(result) == (6, 0, 0)
    assert result.moved == {4, 5, 6, 7}
    assert await rooms(settings) == [
        ("A001", 2, DAY, day(2)),
        ("A001", 3, day(2), day(3)),
        ("D001", 4, DAY, day(3)),
        ("D002", 5, day(1), day(2)),
    ]
    d_nights = {("D", DAY): 1, ("D", day(1)): 2, ("D", day(2)): 1}
    a_nights = {("A", day(number)): 1 for number in range(3)}
    assert await sold(settings) == {**a_nights, **d_nights, ("E", DAY): 1}
    assert [event for event in await events(settings) if event[1] in (4, 7)] == [
        ("BookingMade", 4), ("BookingMade", 7),
        ("RoomsAssigned", 4), ("GuestsCheckedIn", 4),
        ("RoomsAssigned", 7), ("GuestsCheckedIn", 7), ("GuestsCheckedOut", 7),
        ("GuestsCheckedOut", 4),
    ]  # fmt: skip
    moved = await made(settings, result.hotels[RESORT].booking_id(result.history.rows[4]))
    assert (moved["lines"][0]["room_type"], moved["lines"][0]["prices"]) == ("A", ["75.50"] * 3)


async def test_what_was_assigned_to_those_who_cancelled_is_free_at_once(settings: Settings, tmp_path: Path) -> None:
    cancelled: dict[str, Any] = {"status": "Canceled", "ended": day(-3), "assigned_room_type": "D"}
    file = write(
        tmp_path / "bookings.csv", [row(DAY, 2, **cancelled), row(DAY, 2, **cancelled), row(DAY, 0, **cancelled)]
    )
    result = await imported(settings, file)
    assert numbers(result) == (3, 0, 0)
    assert result.moved == {2, 3, 4}
    assert [event for event in await events(settings) if event[0] != "BookingMade"][-6:] == [
        ("RoomsAssigned", 2), ("LinesCancelled", 2),
        ("RoomsAssigned", 3), ("LinesCancelled", 3),
        ("RoomsAssigned", 4), ("LinesCancelled", 4),
    ]  # fmt: skip
    assert await sold(settings) == {}
    assert await rooms(settings) == []
    # One after the other they had the same room, so there is only one.
    assert len(result.hotels[RESORT].hotel.room_types["D"].rooms) == 1


async def test_who_cannot_be_moved_stays_in_the_type_booked(settings: Settings, tmp_path: Path) -> None:
    moved: dict[str, Any] = {"assigned_room_type": "D"}
    file = write(
        tmp_path / "bookings.csv",
        [
            row(DAY, 3, reserved_room_type="D"),  # 2: has the only room of D
            row(DAY, 2, **moved),  # 3: finds none
            row(DAY, 4, status="No-Show", **moved),  # 4: nor does who doesn't come
            row(day(2), 3, **moved, status="Canceled", ended=day(1)),  # 5: the room isn't free for all nights
            row(day(4), 1, reserved_room_type="D"),  # 6: not yet there, but booked
            row(day(3), 2, **moved),  # 7: no guest has the room, though it is sold
            row(day(1), 0, **moved),  # 8: day use
        ],
    )
    result = await imported(settings, file, "A=5,D=1")
    assert numbers(result) == (2, 5, 0)
    assert result.moved == set()
    assert {line: (refusal.action, refusal.rule) for line, refusal in result.refused.items()} == {
        3: ("move", "NoRoomFits"),
        4: ("move", "NoRoomFits"),
        5: ("move", "NoRoomFits"),
        7: ("move", "SoldOut"),
        8: ("move", "NoRoomFits"),
    }
    assert "2016-08-05 (D: 0 free, 1 wanted)" in result.refused[7].reason
    happened = await events(settings)
    for line, story in {
        3: ["BookingMade", "RoomsAssigned", "GuestsCheckedIn", "GuestsCheckedOut"],
        4: ["BookingMade", "NoShowRecorded"],
        5: ["BookingMade", "LinesCancelled"],
        8: ["BookingMade", "RoomsAssigned", "GuestsCheckedIn", "GuestsCheckedOut"],
    }.items():
        assert [kind for kind, about in happened if about == line] == story
    assert await sold(settings) == stayed(result, RESORT)
    again = await imported(settings, file)
    assert (again.refused, again.imported, again.written_steps) == (result.refused, result.imported, 0)


async def test_a_day_use_without_any_free_room_is_recorded_without_one(settings: Settings, tmp_path: Path) -> None:
    file = write(
        tmp_path / "bookings.csv",
        [row(DAY, 3), row(day(1), 0), row(day(1), 0, assigned_room_type="D"), row(DAY, 3, reserved_room_type="D")],
    )
    result = await imported(settings, file, "A=1,D=1")
    assert {line: (refusal.action, refusal.rule) for line, refusal in result.refused.items()} == {
        3: ("assign", "NoRoomFits"),
        4: ("move", "NoRoomFits"),
    }
    happened = await events(settings)
    for line in (3, 4):
        assert [kind for kind, about in happened if about == line] == [
            "BookingMade",
            "GuestsCheckedIn",
            "GuestsCheckedOut",
        ]
    again = await imported(settings, file)
    assert (again.refused, again.imported, again.written_steps) == (result.refused, result.imported, 0)


def stayed(result: Result, hotel: str) -> Counter[tuple[str, date]]:
    """The nights that the bookings keep in the end, from their rows and which of them were refused what."""
    nights: Counter[tuple[str, date]] = Counter()
    for line, told in result.history.rows.items():
        if line in result.refused and result.refused[line].action == "book":
            continue
        if told.hotel != hotel or told.ending is Ending.CANCELLED:
            continue
        until = told.arrival + ONE_DAY if told.ending is Ending.NO_SHOW else told.ended_on
        room_type = told.assigned_type if line in result.moved else told.room_type
        nights.update((room_type, night) for night in stay_nights(told.arrival, min(until, told.departure)))
    return nights


def history(folder: Path, rows: int, seed: int = 7) -> Path:
    """A file of made-up bookings that press on few rooms."""
    chance = random.Random(seed)  # noqa: S311 - test data

    def one() -> dict[str, str]:
        arrival, nights = day(chance.randrange(60)), chance.randrange(6)
        lead = chance.randrange(90)
        status = chance.choice(["Check-Out", "Check-Out", "Canceled", "No-Show"])
        ended = None
        if status == "Canceled":
            ended = arrival - timedelta(chance.randint(0, lead))
        hotel, code = chance.choice([RESORT, CITY]), chance.choice("AB")
        given = chance.choice(["A", "B", "C", code, code])
        return row(
            arrival,
            nights,
            lead=lead,
            status=status,
            ended=ended,
            hotel=hotel,
            reserved_room_type=code,
            assigned_room_type=given,
        )

    return write(folder / "bookings.csv", (one() for _ in range(rows)))


async def everything(settings: Settings) -> list[tuple[object, ...]]:
    """The ledger without what differs from run to run: when it was recorded, hashes, sealed names."""
    async with ledger(settings) as connection:
        rows = await connection.fetch(
            "select hotel_id, seq, stream_id, version, type, occurred_at, metadata::text,"
            " data::jsonb - 'guest' from ledger.event order by hotel_id, seq"
        )
        nights = await connection.fetch("select * from ledger.night order by hotel_id, room_type, night")
    return [tuple(row) for row in (*rows, *nights)]


async def test_stopped_between_any_two_steps_it_goes_on_to_the_same_end(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With chunks of one command there is a place to stop between every two; what a run decides again is the same."""
    file = history(tmp_path, 70)
    monkeypatch.setattr("staysync.importing.replay.CHUNK", 1)
    for attempt in range(400):
        stop = Stop()

        def after_one(done: int, _: date, stop: Stop = stop, attempt: int = attempt) -> None:
            if done > attempt:
                stop.ask("enough for now")

        result = await imported(settings, file, scale=0.4, progress=after_one, stop=stop)
        if result.stopped is None:
            break
    else:
        raise AssertionError("it never came to an end")
    assert attempt > 100
    assert sum(numbers(result)) == 70
    for hotel in (RESORT, CITY):
        assert await sold(settings, hotel) == stayed(result, hotel)
    assert Counter(refusal.action for refusal in result.refused.values()).keys() == {"book", "move"}
    async with ledger(settings) as connection:
        doubled = "select 1 from ledger.event group by metadata ->> 'request_id' having count(*) > 1"
        assert await connection.fetch(doubled) == []


async def test_stopped_anywhere_it_goes_on_to_the_same_end(settings: Settings, tmp_path: Path) -> None:
    file = history(tmp_path, 600)
    results = []
    for attempt in range(20):
        stop = Stop()
        told = count(-attempt)  # skipping what is done is told as well

        def after_a_while(done: int, _: date, stop: Stop = stop, told: Iterator[int] = told) -> None:
            del done
            if next(told) == 2:
                stop.ask("enough for now")

        results.append(await imported(settings, file, scale=0.5, progress=after_a_while, stop=stop))
        if results[-1].stopped is None:
            break
        assert sum(numbers(results[-1])) + results[-1].unfinished == 600
    assert len(results) > 2
    last = results[-1]
    assert sum(numbers(last)) == 600
    assert {refusal.action for refusal in last.refused.values()} >= {"book", "move"}
    assert sum(result.written_steps for result in results) == last.found_steps + last.written_steps
    whole = await everything(settings)
    assert len(whole) > 600
    for hotel in (RESORT, CITY):
        assert await sold(settings, hotel) == stayed(last, hotel)
    again = await imported(settings, file)
    assert (again.imported, again.refused, again.moved) == (last.imported, last.refused, last.moved)
    assert await everything(settings) == whole


async def test_killed_in_the_middle_it_goes_on_without_doubling(settings: Settings, tmp_path: Path) -> None:
    file = history(tmp_path, 4000)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "staysync", "import", "hotel-demand", str(file), "--inventory", "0.5"),
        env=os.environ | settings.environment(),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ledger(settings) as connection, asyncio.timeout(60):
            # Another process makes the progress: there is nothing to wait for but what it writes.
            while await connection.fetchval("select count(*) from ledger.event") < 1000:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    result = await imported(settings, file)
    assert result.found_steps >= 900
    assert result.written_steps > 0
    assert sum(numbers(result)) == 4000
    assert result.refused
    async with ledger(settings) as connection:
        bookings = await connection.fetchval("select count(*) from ledger.event where type = 'BookingMade'")
        # Not of the events: an assignment of a room that a guest has been given already is answered, and none.
        steps = await connection.fetchval("select count(*) from ledger.idempotency where key like 'row-%'")
    assert bookings == 4000 - sum(refusal.action == "book" for refusal in result.refused.values())
    assert steps == result.found_steps + result.written_steps


async def test_broken_connections_lose_nothing(settings: Settings, tmp_path: Path) -> None:
    file = history(tmp_path, 1500)
    breaking: set[asyncio.Task[None]] = set()

    async def break_connections() -> None:
        async with ledger(settings) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'staysync_command' and datname = current_database()"
            )

    settled = count()

    def now_and_then(done: int, _: date) -> None:
        del done
        if next(settled) % 4 == 1:
            breaking.add(asyncio.get_running_loop().create_task(break_connections()))

    for _ in range(30):
        result = await imported(settings, file, progress=now_and_then)
        await asyncio.gather(*breaking)
        breaking.clear()
        if result.stopped is None:
            break
    assert result.stopped is None
    assert sum(numbers(result)) == 1500
    assert not result.refused  # there are rooms for all, and nothing came too late
    for hotel in (RESORT, CITY):
        assert await sold(settings, hotel) == stayed(result, hotel)


async def test_another_file_needs_another_hotel(settings: Settings, tmp_path: Path) -> None:
    await imported(settings, write(tmp_path / "bookings.csv", [row(DAY)]))
    with pytest.raises(CannotStartError, match="from another file"):
        await imported(settings, write(tmp_path / "bookings.csv", [row(DAY), row(DAY)]))


async def test_other_rooms_need_another_hotel(settings: Settings, tmp_path: Path) -> None:
    file = write(tmp_path / "bookings.csv", [row(DAY)])
    await imported(settings, file)
    with pytest.raises(CannotStartError, match="was opened with 1 rooms of type A, not 3"):
        await imported(settings, file, "A=3")


async def test_a_hotel_that_was_imported_without_rooms_to_give_is_refused_in_one_line(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "bookings.csv", [row(DAY)])
    await imported(settings, file)
    monkeypatch.setattr(Plan, "most_wanted", lambda _: {(RESORT, "A"): 1, (RESORT, "I"): 1})
    with pytest.raises(CannotStartError, match="without rooms of type I, so by an earlier version"):
        await imported(settings, file)


async def test_a_hotel_with_other_events_is_refused_in_one_line(settings: Settings, tmp_path: Path) -> None:
    file = write(tmp_path / "bookings.csv", [row(DAY)])
    await imported(settings, file)
    async with write_side(settings) as side:
        await side.appender.submit(
            Submission(
                hotel_id=hotel_id(RESORT),
                stream_id=hotel_id(RESORT),
                command=AddRooms(room_type="A", rooms=("X1",)),
                metadata='{"actor":"somebody","role":"manager"}',
                render=lambda _: Answer(200, b"{}"),
            )
        )
    with pytest.raises(CannotStartError, match=r"didn't write \(seq 7, RoomsAdded, by somebody\)"):
        await imported(settings, file)


async def test_a_database_without_tables_is_refused_in_one_line(settings: Settings, tmp_path: Path) -> None:
    empty = settings.model_copy(update={"database_url": f"{settings.database_url}_missing"})
    with pytest.raises(CannotStartError, match="ledger can't be used"):
        await imported(empty, write(tmp_path / "bookings.csv", [row(DAY)]))


async def test_the_guests_are_sealed(settings: Settings, tmp_path: Path) -> None:
    await imported(settings, write(tmp_path / "bookings.csv", [row(DAY)]))
    async with ledger(settings) as connection:
        assert await connection.fetchval("select count(guest_id) from ledger.guest_key where hotel_id <> guest_id") == 1
        texts = await connection.fetch("select data::text as data from ledger.event")
    assert not any("Guest 2" in text["data"] for text in texts)
