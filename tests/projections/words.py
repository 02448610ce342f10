"""What the tests of the projectors ask and do: how far a hotel is projected, what its read tables say."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import Record

from domain.booking_commands import CancelLines, CheckIn, CheckOut, ConfirmBooking, MarkNoShow
from projections.drain import Drained, Projector, drain_hotel
from readmodels.rows import TABLES
from staysync.settings import Settings
from staysync.verify import verify
from tests.eventstore.house import House


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
    await house.live(CheckIn(), two)
    await house.live(CheckOut(), two)
    gone = await house.book(0, 2)
    await house.live(MarkNoShow(), gone)
