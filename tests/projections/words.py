"""What the tests of the projectors ask and do: how far a hotel is projected, what its read tables say."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from asyncpg import Record
from uuid_utils.compat import uuid7

from command import answers
from domain.booking_commands import (
    AssignRoom,
    AssignRooms,
    CancelLines,
    ChangeBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    DescribeGuests,
    LifeCommand,
    MarkNoShow,
    ReleaseRooms,
    SwapRooms,
    Walk,
    WantedLine,
)
from domain.bookings import DescribedPerson
from domain.hotels import AddRoomType, ReturnToService, SetRoomFeatures, TakeOutOfOrder
from domain.inventory import SetAllowance, SetRestrictions
from domain.values import Sealed
from eventstore.submission import Submission
from projections.drain import Drained, Projector, drain_hotel
from readmodels.rows import TABLES
from staysync.settings import Settings
from staysync.verify import verify
from tests.eventstore.house import METADATA, House


async def drain(projector: Projector, hotel_id: UUID, **options: Any) -> Drained:
    """Drain a hotel on a connection of the projector's pool."""
    async with projector.pool.acquire() as connection:
        return await drain_hotel(projector, connection, hotel_id, **options)


async def checkpoint(projector: Projector, hotel_id: UUID) -> Record:
    """A hotel's checkpoint, which is there."""
    row: Record | None = await projector.pool.fetchrow("select * from read.checkpoint where hotel_id = $1", hotel_id)
    assert row is not None
    return row


async def head(projector: Projector, hotel_id: UUID) -> int:
    """The seq of a hotel's last event."""
    seq: int = await projector.pool.fetchval("select seq from ledger.head where hotel_id = $1", hotel_id)
    return seq


async def read_tables(projector: Projector, hotel_id: UUID) -> dict[str, list[Record]]:
    """All rows of a hotel in all read tables."""
    keys = {table.name: ", ".join(table.columns[: table.key]) or "1" for table in TABLES}
    return {
        table.name: await projector.pool.fetch(
            f"select * from read.{table.name} where hotel_id = $1 order by {keys[table.name]}",  # noqa: S608
            hotel_id,
        )
        for table in TABLES
    }


async def differences(settings: Settings, hotel_id: UUID | None = None) -> dict[str, str]:
    """What `verify` finds: kind and facts."""
    report = await verify(settings, hotel_id)
    return {difference.kind: difference.facts for difference in report.differences}


async def live_a_little(house: House) -> None:
    """A few bookings with most of what can happen to one."""
    await house.book(1, 3)
    two = await house.book(0, 4, rooms=2)
    held = await house.book(2, 5, hold_for=timedelta(minutes=15))
    await house.book(3, 4, hold_for=timedelta(minutes=15))
    await house.live(ConfirmBooking(), held)
    await house.live(CancelLines(lines=(2,), reason="plans"), two)
    await house.live(AssignRooms(), two)
    await house.live(CheckIn(), two)
    await house.live(CheckOut(), two)
    gone = await house.book(0, 2)
    await house.live(MarkNoShow(), gone)


async def live_in_rooms(house: House) -> None:
    """Changes, rooms and what a house does with them; the hotel has at least eight rooms, from 100 on."""
    suites = AddRoomType(
        room_type_id=uuid7(), code="STE", name="Suite", max_adults=2, max_children=2, base_price=Decimal("250.00"),
        rooms=("200", "201"),
    )  # fmt: skip
    await house.submit(suites, house.hotel_id)
    await house.submit(SetRoomFeatures(room="101", features=frozenset({"sea_view", "quiet"})), house.hotel_id)
    moved = await house.book(0, 3)
    await house.live(AssignRoom(line=1, room="100"), moved)
    await house.live(CheckIn(), moved)
    await house.live(AssignRoom(line=1, room="101", first=house.day(1)), moved)
    two = await house.book(1, 4, rooms=2)
    await house.live(AssignRooms(), two)
    await house.live(SwapRooms(line=1, other_line=2), two)
    await house.live(ChangeBooking(arrival=house.day(2), departure=house.day(6)), two)
    upgraded = await house.book(2, 4)
    await house.live(AssignRoom(line=1, room="200"), upgraded)
    await house.live(ReleaseRooms(), upgraded)
    await house.live(AssignRoom(line=1, room="201"), upgraded)
    new = WantedLine(room_type="DBL", adults=1, child_ages=())
    await house.live(ChangeBooking(rooms=(WantedLine(line=1), new, new)), upgraded)
    day_use = await house.book(6, 6)
    await house.live(AssignRoom(line=1, room="107"), day_use)
    walked = await house.book(3, 5)
    await house.live(Walk(cost=Decimal("80.00")), walked)
    await _described(house, walked, "Berta Guest")
    await _out_of_order(house, "106", 7, 10, "a leak in the bathroom")
    await house.submit(ReturnToService(room="106", first=house.day(9)), house.hotel_id)
    range_ = {"room_type": "DBL", "first": house.day(7), "until": house.day(9)}
    await house.submit(SetAllowance(**range_, allowance=2, reason=_unopened()), house.hotel_id)  # type: ignore[arg-type]
    await house.submit(SetRestrictions(**range_, minimum_stay=2), house.hotel_id)  # type: ignore[arg-type]


async def _described(house: House, booking: dict[str, Any], name: str) -> None:
    def command(sealed: Sealed) -> LifeCommand:
        return DescribeGuests(guest=DescribedPerson(details=sealed, changed=("full_name",)))

    await _with_words(house, UUID(booking["booking_id"]), {"full_name": name}, command)


async def _out_of_order(house: House, room: str, first: int, until: int, reason: str) -> None:
    def command(sealed: Sealed) -> TakeOutOfOrder:
        return TakeOutOfOrder(room=room, first=house.day(first), until=house.day(until), reason=sealed)

    await _with_words(house, house.hotel_id, {"text": reason}, command)


async def _with_words(
    house: House, stream_id: UUID, words: dict[str, str], command: Callable[[Sealed], LifeCommand | TakeOutOfOrder]
) -> None:
    """Send a command with something that is sealed under a key of its own."""
    key, wrapped = house.side.master_key.new_guest_key(house.hotel_id, uuid7())
    await house.side.appender.submit(
        Submission(
            hotel_id=house.hotel_id,
            stream_id=stream_id,
            command=command(key.seal(words)),
            metadata=METADATA,
            render=lambda outcome: (answers.booking_changed if outcome.booking else answers.hotel_changed)(outcome),
            guest_keys=(wrapped,),
        )
    )


def _unopened() -> Sealed:
    return Sealed(guest_id=uuid7(), ciphertext="c2VhbGVk")
