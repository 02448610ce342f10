"""`verify` finds whatever somebody with full power over the database changes, and says what it is."""

import asyncio
import os
import sys
from datetime import timedelta
from unittest.mock import ANY
from uuid import UUID, uuid4

import pytest

from command.side import CommandSide
from domain.rejections import UnknownHotel
from projections.drain import Projector
from staysync.settings import Settings
from staysync.verify import verify
from tests.eventstore.house import House, open_house, superuser
from tests.projections.words import differences, drain, head, live_a_little, live_in_rooms


@pytest.fixture
async def house(settings: Settings, side: CommandSide, projector: Projector) -> House:
    """A hotel with some history, projected, and all holds."""
    house = await open_house(side, 8)
    await live_a_little(house)
    await house.book(5, 5, hold_for=timedelta(minutes=15))  # day use, held
    await drain(projector, house.hotel_id)
    assert await differences(settings) == {}
    return house


@pytest.fixture
async def roomed(settings: Settings, side: CommandSide, projector: Projector) -> House:
    """A hotel whose guests have rooms, projected, and all holds."""
    house = await open_house(side, 8)
    await live_in_rooms(house)
    await drain(projector, house.hotel_id)
    assert await differences(settings) == {}
    return house


async def tamper(settings: Settings, statement: str, *arguments: object) -> None:
    """Change something that no role may change."""
    async with superuser(settings) as connection:
        for table in ("ledger.event", "ledger.head"):
            await connection.execute(f"alter table {table} disable trigger all")
        status = await connection.execute(statement, *arguments)
        assert not status.endswith(" 0"), "nothing was tampered with"


async def test_progress_is_told_to_the_end(settings: Settings, house: House, projector: Projector) -> None:
    told: list[tuple[UUID, int, int]] = []
    report = await verify(settings, None, lambda *progress: told.append(progress))
    end = await head(projector, house.hotel_id)
    assert told[-1] == (house.hotel_id, end, end)
    assert (report.hotels, report.events, report.notes) == (1, end, [])


@pytest.mark.usefixtures("house")
async def test_one_changed_byte_of_an_event(settings: Settings) -> None:
    await tamper(
        settings,
        "update ledger.event set data = replace(data::text, '\"adults\":2', '\"adults\":1')::json where seq = 3",
    )
    found = await differences(settings)
    assert found["chain"].startswith("the hash of event 3 (BookingMade)")
    assert "adults is 2, should be 1" in found["read.booking_line"]


@pytest.mark.parametrize("table", ["ledger.night", "ledger.room_stay", "read.night", "read.room_stay"])
async def test_a_row_of_a_hotel_that_never_was(settings: Settings, roomed: House, table: str) -> None:
    stranger = UUID(int=7)
    await tamper(
        settings,
        f"insert into {table} select (jsonb_populate_record(n, jsonb_build_object('hotel_id', '{stranger}'))).*"  # noqa: S608
        f" from {table} n where hotel_id = $1 limit 1",
        roomed.hotel_id,
    )
    report = await verify(settings)
    [found] = [each for each in report.differences if each.kind == table]
    assert found.hotel_id == stranger
    assert "no event accounts for" in found.facts


@pytest.mark.usefixtures("house")
async def test_changed_metadata(settings: Settings) -> None:
    await tamper(settings, 'update ledger.event set metadata = \'{"actor":"somebody"}\' where seq = 4')
    assert set(await differences(settings)) == {"chain", "read.timeline"}


@pytest.mark.usefixtures("house")
async def test_a_deleted_event(settings: Settings) -> None:
    await tamper(settings, "delete from ledger.event where seq = 5")
    found = await differences(settings)
    assert found["numbering"] == "after event 4 comes event 6"
    assert "chain" in found


async def test_the_last_event_deleted(settings: Settings, house: House, projector: Projector) -> None:
    end = await head(projector, house.hotel_id)
    await tamper(settings, "delete from ledger.event where seq = $1", end)
    found = await differences(settings)
    assert found["checkpoint"] == f"it is at {end}, but the ledger ends at {end - 1}"
    assert found["head"] == f"its seq is {end}, the last event's {end - 1}"


@pytest.mark.usefixtures("house")
async def test_two_swapped_events(settings: Settings) -> None:
    async with superuser(settings) as connection:
        await connection.execute("alter table ledger.event disable trigger all")
        for old, new in ((3, 1003), (4, 3), (1003, 4)):
            await connection.execute("update ledger.event set seq = $2 where seq = $1", old, new)
    found = await differences(settings)
    assert {"chain", "times"} <= set(found)


@pytest.mark.usefixtures("house")
async def test_a_changed_time(settings: Settings) -> None:
    await tamper(settings, "update ledger.event set recorded_at = recorded_at - interval '1 hour' where seq = 6")
    assert {"chain", "times"} <= set(await differences(settings))


@pytest.mark.usefixtures("house")
async def test_a_changed_version(settings: Settings) -> None:
    await tamper(settings, "update ledger.event set version = 9 where seq = 6")
    assert {"chain", "versions"} <= set(await differences(settings))


@pytest.mark.usefixtures("house")
async def test_a_broken_chain_is_seen_where_it_breaks_only(settings: Settings) -> None:
    await tamper(settings, "update ledger.event set hash = decode(repeat('ab', 32), 'hex') where seq = 6")
    found = await differences(settings)
    assert set(found) == {"chain", "checkpoint"}  # what was applied had another hash
    assert "event 6" in found["chain"]


@pytest.mark.usefixtures("house")
async def test_a_head_that_is_not_the_last_event(settings: Settings) -> None:
    await tamper(settings, "update ledger.head set hash = decode(repeat('ab', 32), 'hex') where seq > 0")
    found = await differences(settings)
    assert set(found) == {"head"}
    assert found["head"].startswith("its hash is abab")


@pytest.mark.usefixtures("house")
async def test_sealed_details_that_were_exchanged(settings: Settings) -> None:
    await tamper(settings, "update ledger.guest_key set wrapped_key = '\\x00'::bytea || wrapped_key")
    found = await differences(settings)
    assert "InvalidTag" in found["fold"]


@pytest.mark.parametrize(
    ("statement", "kind", "facts"),
    [
        ("update ledger.night set sold = sold - 1 where sold > 0", "ledger.night", "sold is"),
        ("update ledger.night set in_service = 9", "ledger.night", "in_service is 9, should be 8"),
        ("update ledger.night set price = price + 1", "ledger.night", "price is 101.00, should be 100.00"),
        ("delete from ledger.night where sold > 0", "ledger.night", "is missing"),
        ("update ledger.hold set hold_until = hold_until + interval '1 day'", "ledger.hold", "is missing"),
        ("delete from ledger.hold where isempty(stay)", "ledger.hold", "is missing"),
        ("update ledger.reference set reference = 'X' || reference", "ledger.reference", "is missing"),
        ("update read.night set held = held + 1", "read.night", "held is"),
        ("update read.booking set state = 'held' where state = 'confirmed'", "read.booking", "state is held"),
        ("update read.booking_night set claim = null where claim = 'sold'", "read.booking_night", "claim is None"),
        ("update read.guest set email = 'eve@example.org'", "read.guest", "email differs"),
        ("update read.timeline set facts = '{}'", "read.timeline", "facts is {}"),
        ("update read.hotel set name = 'Borealis'", "read.hotel", "name is Borealis, should be Aurora"),
        ("delete from read.room", "read.room", "is missing"),
        ("delete from read.booking_line where line = 2", "read.booking_line", "is missing"),
        (
            "insert into read.room select hotel_id, 'attic', room_type, in_service_from, '{}' from read.room limit 1",
            "read.room",
            "a row room attic that no event accounts for",
        ),
    ],
)
@pytest.mark.usefixtures("house")
async def test_an_altered_row(settings: Settings, statement: str, kind: str, facts: str) -> None:
    await tamper(settings, statement)
    found = await differences(settings)
    assert set(found) == {kind}
    assert facts in found[kind]


@pytest.mark.parametrize(
    ("statement", "kind", "facts"),
    [
        ("update ledger.room_stay set room = '105' where room = '201'", "ledger.room_stay", "room 201"),
        ("delete from ledger.room_stay where room = '101'", "ledger.room_stay", "room 101"),
        (
            "insert into ledger.room_stay select hotel_id, 'attic', stay, booking_id, 1 from ledger.room_stay limit 1",
            "ledger.room_stay",
            "is one that no event accounts for",
        ),
        (
            "update ledger.room_stay set stay = daterange(lower(stay), upper(stay) + 1) where room = '201'",
            "ledger.room_stay",
            "is missing",
        ),
        ("update read.room_stay set room = '105' where room = '201'", "read.room_stay", "room is 105, should be 201"),
        ("update read.room_stay set until = until + 1 where room = '201'", "read.room_stay", "until is"),
        ("delete from read.room_stay where first = until", "read.room_stay", "is missing"),
        ("update read.room_outage set reason = 'a party'", "read.room_outage", "reason differs"),
        ("update read.room_outage set until = until + 1", "read.room_outage", "until is"),
        ("update read.room set features = '{}' where room = '101'", "read.room", "features is ()"),
        ("update read.booking_night set room_type = 'DBL' where room_type = 'STE'", "read.booking_night", "is DBL"),
        ("update read.booking_line set room = null where room = '201'", "read.booking_line", "room is None"),
        ("update read.night set allowance = 0", "read.night", "allowance is 0, should be 2"),
        ("update ledger.night set minimum_stay = 1", "ledger.night", "minimum_stay is 1, should be 2"),
    ],
)
@pytest.mark.usefixtures("roomed")
async def test_an_altered_row_of_rooms(settings: Settings, statement: str, kind: str, facts: str) -> None:
    await tamper(settings, statement)
    found = await differences(settings)
    assert set(found) == {kind}
    assert facts in found[kind]
    assert "leak" not in found[kind]


@pytest.mark.usefixtures("roomed")
async def test_an_erased_reason_is_no_difference(settings: Settings, projector: Projector) -> None:
    erased = "delete from ledger.guest_key where guest_id in (select reason_id from read.room_outage)"
    assert await projector.pool.fetchval("select reason from read.room_outage") == "a leak in the bathroom"
    await tamper(settings, erased)
    assert set(await differences(settings)) == {"read.room_outage"}
    await projector.pool.execute("update read.room_outage set reason = null")
    assert await differences(settings) == {}


async def test_a_lag_is_noted_and_no_difference(settings: Settings, house: House) -> None:
    await house.book(1, 2)
    report = await verify(settings)
    assert report.differences == []
    end = report.events
    compared = f"the read tables were compared up to event {end - 1} of {end}"
    assert report.notes == [f"hotel {house.hotel_id}: {compared}; the rest isn't projected yet"]
    assert report.compared == end - 1
    strict = await verify(settings, caught_up=True)
    assert [(each.kind, each.facts) for each in strict.differences] == [("behind", compared)]
    assert strict.notes == []


async def test_a_hotel_that_was_never_projected_holds(settings: Settings, side: CommandSide) -> None:
    house = await open_house(side, 4)
    await live_a_little(house)
    report = await verify(settings)
    assert report.differences == []
    assert len(report.notes) == 1
    assert (report.compared, report.events > 10) == (0, True)


@pytest.mark.parametrize(
    ("statement", "facts"),
    [
        ("update read.checkpoint set events_applied = events_applied + 1", "events were applied, but there are"),
        ("update read.checkpoint set recorded_at = now()", "its recorded_at is"),
    ],
)
@pytest.mark.usefixtures("house")
async def test_a_checkpoint_that_counts_otherwise(settings: Settings, statement: str, facts: str) -> None:
    await tamper(settings, statement)
    found = await differences(settings)
    assert set(found) == {"checkpoint"}
    assert facts in found["checkpoint"]


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ("recorded_at = now() + interval '1 day'", "which is yet to come"),
        ("status = 409", "is a 409, and only successes are kept"),
        ("answer = 'no JSON'", "can't be read"),
        ("answer = replace(convert_from(answer, 'utf8'), ':{seq}\"', ':9999\"')::bytea", "tells of event 9999"),
        (
            "answer = replace(convert_from(answer, 'utf8'), '\"version\":1', '\"version\":7')::bytea",
            "tells of version 7",
        ),
        (
            "answer = replace(convert_from(answer, 'utf8'), ':\"{hotel}:', ':\"{other}:')::bytea",
            "tells of hotel {other}",
        ),
    ],
)
async def test_an_answer_that_cannot_be(
    settings: Settings, house: House, projector: Projector, change: str, facts: str
) -> None:
    await house.book(1, 2, key="once")
    await drain(projector, house.hotel_id)
    assert await differences(settings) == {}
    names = {"seq": await head(projector, house.hotel_id), "hotel": house.hotel_id, "other": UUID(int=9)}
    await tamper(settings, f"update ledger.idempotency set {change.format(**names)}")  # noqa: S608 - our own words
    found = await differences(settings)
    assert set(found) == {"ledger.idempotency"}
    assert facts.format(**names) in found["ledger.idempotency"]


async def test_an_answer_about_a_hotel_that_never_was(settings: Settings, house: House, projector: Projector) -> None:
    await house.book(1, 2, key="once")
    await drain(projector, house.hotel_id)
    await tamper(settings, "update ledger.idempotency set hotel_id = $1", UUID(int=9))
    assert {"head", "ledger.idempotency"} <= set(await differences(settings))
    await tamper(settings, "update ledger.idempotency set hotel_id = $1, answer = $2", UUID(int=0),
                 f'{{"position":"{UUID(int=9)}:1"}}'.encode())  # fmt: skip
    assert await differences(settings) == {"ledger.idempotency": ANY}


@pytest.mark.usefixtures("house")
async def test_an_erased_guest_is_no_difference(settings: Settings, projector: Projector) -> None:
    await tamper(settings, "delete from ledger.guest_key")
    assert set(await differences(settings)) == {"read.guest"}
    await projector.pool.execute(
        "update read.guest set full_name = null, email = null, phone = null, language = null, erased = true"
    )
    assert await differences(settings) == {}


async def test_a_hotel_is_checked_alone(settings: Settings, side: CommandSide, house: House) -> None:
    other = await open_house(side, 2)
    await tamper(settings, "update ledger.night set in_service = 9 where hotel_id = $1", other.hotel_id)
    assert await differences(settings, house.hotel_id) == {}
    assert set(await differences(settings, other.hotel_id)) == {"ledger.night"}
    with pytest.raises(UnknownHotel):
        await verify(settings, uuid4())


async def test_exit_codes_say_whether_all_holds(settings: Settings, house: House, projector: Projector) -> None:
    async def command(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "staysync", *arguments),
            env={**os.environ, **settings.environment(), "COLUMNS": "200"},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    code, said = await command("verify")
    assert (code, "all holds" in said) == (0, True)
    await house.book(1, 2)
    code, said = await command("verify")
    assert (code, "all holds" in said, "compared up to" in said) == (0, False, True)
    assert (await command("verify", "--caught-up"))[0] == 1
    await drain(projector, house.hotel_id)
    assert (await command("verify", "--caught-up"))[0] == 0
    await tamper(settings, "update read.night set held = held + 1")
    code, said = await command("verify", "--hotel", str(house.hotel_id))
    assert (code, f"hotel {house.hotel_id}: read.night" in said) == (1, True)
    code, said = await command("rebuild", str(house.hotel_id))
    assert (code, "are rebuilt" in said) == (0, True)
    assert (await command("verify"))[0] == 0
    assert (await command("retry", str(house.hotel_id)))[0] == 0
    code, said = await command("verify", "--hotel", str(uuid4()))
    assert (code, "There is no hotel" in said) == (2, True)
