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

import pytest

from command.side import open_command_side
from domain.calendar import ONE_DAY
from domain.calendar import nights as stay_nights
from domain.hotels import AddRooms
from eventstore.submission import Answer, Submission
from staysync.importing.hotel_demand import Ending
from staysync.importing.hotels import hotel_id
from staysync.importing.replay import Result, Stop
from staysync.processes import CannotStartError
from staysync.secrets import load_secrets
from staysync.settings import Settings
from tests.importing.files import CITY, RESORT, events, imported, ledger, made, row, sold, write

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
    assert (await events(settings))[-8:] == [
        ("GuestsCheckedOut", 6),
        ("LinesCancelled", 5),
        ("BookingMade", 2),
        ("BookingMade", 3),
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


def stayed(result: Result, hotel: str) -> Counter[tuple[str, date]]:
    """The nights that the imported bookings keep in the end, from their rows alone."""
    nights: Counter[tuple[str, date]] = Counter()
    for line in result.imported:
        row = result.history.rows[line]
        if row.hotel != hotel or row.ending is Ending.CANCELLED:
            continue
        until = row.arrival + ONE_DAY if row.ending is Ending.NO_SHOW else row.ended_on
        nights.update((row.room_type, night) for night in stay_nights(row.arrival, min(until, row.departure)))
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
        return row(arrival, nights, lead=lead, status=status, ended=ended, hotel=hotel, reserved_room_type=code)

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
    assert last.refused
    assert sum(result.written_steps for result in results) == last.found_steps + last.written_steps
    whole = await everything(settings)
    assert len(whole) > 600
    for hotel in (RESORT, CITY):
        assert await sold(settings, hotel) == stayed(last, hotel)
    again = await imported(settings, file)
    assert (again.imported, again.refused) == (last.imported, last.refused)
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
        steps = await connection.fetchval(
            "select count(*) from ledger.event where metadata ->> 'request_id' like 'row-%'"
        )
    assert bookings == len(result.imported)
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


async def test_a_hotel_with_other_events_is_refused_in_one_line(settings: Settings, tmp_path: Path) -> None:
    file = write(tmp_path / "bookings.csv", [row(DAY)])
    await imported(settings, file)
    secrets = load_secrets(settings.secrets_dir)
    async with open_command_side(
        database_url=settings.role_url("command"),
        pool_size=2,
        master_key=secrets.master_key(),
        fingerprint_key=secrets.fingerprint_key(),
        bookable_horizon_days=730,
        business_day_rolls_at=settings.business_day_rolls_at,
    ) as side:
        await side.appender.submit(
            Submission(
                hotel_id=hotel_id(RESORT),
                stream_id=hotel_id(RESORT),
                command=AddRooms(room_type="A", rooms=("X1",)),
                metadata='{"actor":"somebody","role":"manager"}',
                render=lambda _: Answer(200, b"{}"),
            )
        )
    with pytest.raises(CannotStartError, match=r"didn't write \(seq 6, RoomsAdded, by somebody\)"):
        await imported(settings, file)


async def test_a_database_without_tables_is_refused_in_one_line(settings: Settings, tmp_path: Path) -> None:
    empty = settings.model_copy(update={"database_url": f"{settings.database_url}_missing"})
    with pytest.raises(CannotStartError, match="ledger can't be used"):
        await imported(empty, write(tmp_path / "bookings.csv", [row(DAY)]))


async def test_the_guests_are_sealed(settings: Settings, tmp_path: Path) -> None:
    await imported(settings, write(tmp_path / "bookings.csv", [row(DAY)]))
    async with ledger(settings) as connection:
        assert await connection.fetchval("select count(*) from ledger.guest_key") == 1
        texts = await connection.fetch("select data::text as data from ledger.event")
    assert not any("Guest 2" in text["data"] for text in texts)
