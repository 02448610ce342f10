"""What stands in the ledger stays there: numbering, times, chain, sealed data, walls and grants."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import asyncpg
import orjson
import pytest
from cryptography.exceptions import InvalidTag
from uuid_utils.compat import uuid7

from command.side import CommandSide
from domain.booking_commands import CancelLines
from domain.bookings import BookingMade
from domain.hotels import ChangeHotelDetails
from domain.rejections import TimeRunsBackwards, UnknownBooking, UnknownHotel
from eventstore import codec
from eventstore.chain import GENESIS, event_hash, microseconds
from eventstore.guest_keys import MasterKey
from eventstore.reading import Position, RecordedEvent, pages, read_after
from staysync.settings import Settings
from tests.eventstore.house import House, open_house, superuser


async def _ledger(side: CommandSide, house: House) -> list[RecordedEvent]:
    return [event async for page in pages(side.pool, house.hotel_id, size=3) for event in page]


async def test_seqs_have_no_gap_and_times_never_go_back(side: CommandSide) -> None:
    house = await open_house(side, rooms=50)
    await asyncio.gather(*(house.book(1, 2) for _ in range(30)))
    events = await _ledger(side, house)
    assert [event.seq for event in events] == list(range(1, 33))
    assert events == sorted(events, key=lambda event: (event.recorded_at, event.seq))
    assert all(event.recorded_at == event.occurred_at for event in events)


async def test_anyone_can_check_the_chain_with_sha256(side: CommandSide) -> None:
    """Written out from the words of the chain's description, without its code."""
    house = await open_house(side)
    await house.book(1, 2)
    previous = bytes(32)
    for e in await _ledger(side, house):
        texts = [text.encode() for text in (e.type, e.data, e.metadata)]
        clear = (
            previous
            + e.hotel_id.bytes
            + e.seq.to_bytes(8)
            + e.stream_id.bytes
            + e.version.to_bytes(4)
            + e.schema_version.to_bytes(2)
            + microseconds(e.occurred_at).to_bytes(8)
            + microseconds(e.recorded_at).to_bytes(8)
            + b"".join(len(text).to_bytes(4) + text for text in texts)
        )
        assert sha256(clear).digest() == e.hash
        previous = e.hash


async def test_the_chain_moves_with_every_field(side: CommandSide) -> None:
    house = await open_house(side)
    [first, *_] = await _ledger(side, house)

    def hashed(event: RecordedEvent) -> bytes:
        return event_hash(
            GENESIS,
            hotel_id=event.hotel_id,
            seq=event.seq,
            stream_id=event.stream_id,
            version=event.version,
            schema_version=event.schema_version,
            occurred_us=microseconds(event.occurred_at),
            recorded_us=microseconds(event.recorded_at),
            event_type=event.type,
            data=event.data,
            metadata=event.metadata,
        )

    assert hashed(first) == first.hash
    microsecond = timedelta(microseconds=1)
    changed = [
        replace(first, hotel_id=uuid7()),
        replace(first, seq=2),
        replace(first, stream_id=uuid7()),
        replace(first, version=2),
        replace(first, schema_version=2),
        replace(first, occurred_at=first.occurred_at + microsecond),
        replace(first, recorded_at=first.recorded_at + microsecond),
        replace(first, type="HotelClosed"),
        replace(first, data=first.data.replace("Aurora", "aurora")),
        replace(first, metadata=first.metadata + " "),
        replace(first, data=first.data + first.metadata[:1], metadata=first.metadata[1:]),
    ]
    assert len({hashed(event) for event in changed} | {first.hash}) == len(changed) + 1


async def test_an_import_dates_events_and_never_backwards(side: CommandSide) -> None:
    house = await open_house(side)
    [*_, last] = await _ledger(side, house)
    with pytest.raises(TimeRunsBackwards):
        await house.submit(
            ChangeHotelDetails(name="Old"), house.hotel_id, occurred_at=last.occurred_at - timedelta(microseconds=1)
        )
    await house.submit(ChangeHotelDetails(name="New"), house.hotel_id, occurred_at=last.occurred_at)
    [*_, newest] = await _ledger(side, house)
    assert newest.occurred_at == last.occurred_at
    assert newest.recorded_at > last.recorded_at


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.event set type = type",
        "update ledger.event set data = '{}' where false",
        "delete from ledger.event",
        "truncate ledger.event",
        "delete from ledger.head",
        "truncate ledger.head",
    ],
)
async def test_not_even_a_superuser_changes_the_ledger_by_a_statement(
    side: CommandSide, settings: Settings, statement: str
) -> None:
    await open_house(side)
    async with superuser(settings) as connection:
        for role in ("origin", "replica"):  # a replica's sessions skip ordinary triggers, not these
            await connection.execute(f"set session_replication_role = {role}")
            with pytest.raises(asyncpg.PostgresError, match="the ledger is append-only"):
                await connection.execute(statement)


FORBIDDEN = {
    "command": [
        "insert into audit.head_key values ('0123456789abcdef', decode(repeat('00', 32), 'hex'))",
        "update ledger.event set type = 'x'",
        "delete from ledger.event",
        "truncate ledger.event",
        "delete from ledger.head",
        "delete from ledger.night",
        "update ledger.idempotency set answer = ''",
        "update ledger.guest_key set wrapped_key = ''",
        "update ledger.reference set reference = 'x'",
        "select * from identity.account",
        "create table ledger.mine ()",
        "drop trigger event_is_append_only on ledger.event",
        "alter table ledger.event disable trigger all",
    ],
    "projector": [
        "insert into ledger.head select * from ledger.head",
        "update ledger.head set seq = 0",
        "select * from ledger.idempotency",
        "select * from ledger.night",
        "delete from ledger.guest_key",
        "select * from identity.account",
    ],
    "query": [
        "select * from audit.signed_head",
        "select * from ledger.guest_key",
        "select * from ledger.idempotency",
        "select * from ledger.night",
        "insert into ledger.event select * from ledger.event",
        "update ledger.head set seq = 0",
        "select * from identity.account",
        "create temporary table mine ()",
    ],
    "audit": [
        "insert into ledger.event select * from ledger.event",
        "update ledger.head set seq = 0",
        "select * from ledger.guest_key",
        "select * from ledger.idempotency",
        "update audit.signed_head set seq = 1",
        "delete from audit.signed_head",
        "truncate audit.head_key",
        "select * from read.guest",
        "select * from identity.account",
        "create table audit.mine ()",
    ],
    "identity": ["select * from ledger.event", "select * from ledger.guest_key", "select * from ledger.head"],
}


@pytest.mark.parametrize(("role", "statement"), [(role, sql) for role, rows in FORBIDDEN.items() for sql in rows])
async def test_no_role_can_do_what_it_need_not(settings: Settings, role: str, statement: str) -> None:
    connection = await asyncpg.connect(settings.role_url(role))  # type: ignore[arg-type]
    try:
        await connection.execute("set default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_personal_data_stands_sealed_in_the_event_and_opens_with_the_guests_key(
    side: CommandSide, settings: Settings
) -> None:
    house = await open_house(side)
    booking = await house.book(1, 2)
    async with superuser(settings) as connection:
        dump = await connection.fetch(
            "select e::text from ledger.event e union all select i::text from ledger.idempotency i"
        )
        assert not any("Ana Guest" in row[0] or "ana@example.org" in row[0] for row in dump)
        key = await connection.fetchrow("select * from ledger.guest_key where hotel_id = $1", house.hotel_id)
    assert key is not None
    [*_, event] = await _ledger(side, house)
    made = event.event()
    assert isinstance(made, BookingMade)
    assert str(event.stream_id) == booking["booking_id"]
    guest_key = side.master_key.unwrap(house.hotel_id, key["guest_id"], key["wrapped_key"])
    assert guest_key.open(made.guest)["full_name"] == "Ana Guest"
    with pytest.raises(InvalidTag):
        MasterKey(bytes(32)).unwrap(house.hotel_id, key["guest_id"], key["wrapped_key"])
    with pytest.raises(InvalidTag):
        side.master_key.unwrap(uuid7(), key["guest_id"], key["wrapped_key"])


async def test_what_is_not_there_is_unknown_and_opens_no_lane(side: CommandSide) -> None:
    house = await open_house(side)
    with pytest.raises(UnknownBooking):
        await house.submit(CancelLines(), uuid7())
    with pytest.raises(UnknownBooking):
        await house.submit(CancelLines(), house.hotel_id)
    with pytest.raises(UnknownHotel):
        await House(side, uuid7(), house.today).book(1, 2)


async def test_one_commands_conflict_does_not_hurt_its_batch(side: CommandSide, settings: Settings) -> None:
    """A guest key that exists makes the write fail; alone again, all others succeed."""
    house = await open_house(side, rooms=9)
    taken = side.master_key.new_guest_key(house.hotel_id, uuid7())[1]
    async with superuser(settings) as connection:
        await connection.execute("insert into ledger.reference values ('AUR-TAKEN', $1, $2)", house.hotel_id, uuid7())
        await connection.execute(
            "insert into ledger.guest_key values ($1, $2, '1', '')", house.hotel_id, taken.guest_id
        )
    results = await asyncio.gather(
        house.book(1, 2), house.book(1, 2, kept=taken), house.book(1, 2), return_exceptions=True
    )
    assert [isinstance(result, dict) for result in results] == [True, False, True]
    events = await _ledger(side, house)
    assert [event.seq for event in events] == [1, 2, 3, 4]


async def test_events_are_read_back_as_they_were_decided(side: CommandSide) -> None:
    house = await open_house(side)
    await house.book(1, 3)
    async with side.pool.acquire() as connection:
        events = await read_after(connection, house.hotel_id, 1, 1)
    [room_type] = events
    assert codec.encode(room_type.event()) == (room_type.type, room_type.schema_version, room_type.data)
    assert orjson.loads(room_type.data)["base_price"] == "100.00"


def test_an_event_from_a_newer_build_is_named() -> None:
    with pytest.raises(codec.UnknownEvent, match="BookingMade in schema version 99"):
        codec.decode("BookingMade", 99, "{}")
    with pytest.raises(codec.UnknownEvent, match="RoomPainted"):
        codec.decode("RoomPainted", 1, "{}")


@pytest.mark.parametrize("text", ["", "x", f"{UUID(int=1)}", f"{UUID(int=1)}:-1", f"{UUID(int=1)}:1e3", "x:1", ":"])
def test_a_position_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"position|UUID|hexadecimal"):
        Position.parse(text)
    assert str(Position.parse(f" {UUID(int=1)}:12 ")) == f"{UUID(int=1)}:12"
