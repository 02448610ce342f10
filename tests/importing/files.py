"""Files in the data set's form, written by hand, and what the ledger made of them."""

import csv
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from staysync.importing.hotel_demand import read_history
from staysync.importing.hotels import Inventory, hotel_id
from staysync.importing.plan import Plan
from staysync.importing.replay import Progress, Result, Stop, replay
from staysync.settings import Settings

RESORT, CITY = "Resort Hotel", "City Hotel"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
COLUMNS = (
    *("hotel", "is_canceled", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_week_number"),
    *("arrival_date_day_of_month", "stays_in_weekend_nights", "stays_in_week_nights", "adults", "children", "babies"),
    *("meal", "country", "market_segment", "distribution_channel", "is_repeated_guest", "previous_cancellations"),
    *("previous_bookings_not_canceled", "reserved_room_type", "assigned_room_type", "booking_changes"),
    *("deposit_type", "agent", "company", "days_in_waiting_list", "customer_type", "adr"),
    *("required_car_parking_spaces", "total_of_special_requests", "reservation_status", "reservation_status_date"),
)


def row(
    arrival: date,
    nights: int = 2,
    *,
    lead: int = 10,
    ended: date | None = None,
    status: str = "Check-Out",
    **given: Any,
) -> dict[str, str]:
    """A row of the data set: a couple in room type A of the resort, staying to the end unless said otherwise."""
    # Who isn't said to have been moved was given what they booked.
    given.setdefault("assigned_room_type", given.get("reserved_room_type", "A"))
    if ended is None:
        ended = arrival + timedelta(nights) if status == "Check-Out" else arrival
    facts: dict[str, Any] = dict.fromkeys(COLUMNS, "0") | {
        "hotel": RESORT,
        "is_canceled": int(status != "Check-Out"),
        "lead_time": lead,
        "arrival_date_year": arrival.year,
        "arrival_date_month": _MONTHS[arrival.month - 1],
        "arrival_date_day_of_month": arrival.day,
        "stays_in_week_nights": nights,
        "adults": 2,
        "meal": "BB",
        "country": "PRT",
        "market_segment": "Online TA",
        "distribution_channel": "TA/TO",
        "reserved_room_type": "A",
        "deposit_type": "No Deposit",
        "agent": "240",
        "company": "NULL",
        "customer_type": "Transient",
        "adr": "75.5",
        "reservation_status": status,
        "reservation_status_date": ended.isoformat(),
    }
    return {name: str(value) for name, value in (facts | given).items()}


def write(file: Path, rows: Iterable[dict[str, str]]) -> Path:
    """A file with a header and these rows."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


async def imported(
    settings: Settings,
    file: Path,
    *rooms: str,
    scale: float | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Result:
    """Import a file."""
    plan = Plan(await _read(file))
    return await replay(settings, plan, Inventory.parse(rooms, scale), progress=progress, stop=stop)


async def _read(file: Path) -> Any:
    return read_history(file)


@asynccontextmanager
async def ledger(settings: Settings) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that sees everything."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def events(settings: Settings, hotel: str = RESORT) -> list[tuple[str, int | None]]:
    """The hotel's events in order: type, and the line of the row that each is about."""
    async with ledger(settings) as connection:
        rows = await connection.fetch(
            "select type, metadata ->> 'request_id' as key from ledger.event where hotel_id = $1 order by seq",
            hotel_id(hotel),
        )
    return [(row["type"], _line(row["key"])) for row in rows]


def _line(key: str) -> int | None:
    return int(key.removeprefix("row-").split(":")[0]) if key.startswith("row-") else None


async def sold(settings: Settings, hotel: str = RESORT) -> dict[tuple[str, date], int]:
    """The rooms sold by room type and night, where there are any."""
    async with ledger(settings) as connection:
        rows = await connection.fetch(
            "select room_type, night, sold from ledger.night where hotel_id = $1 and sold > 0", hotel_id(hotel)
        )
    return {(row["room_type"], row["night"]): row["sold"] for row in rows}


async def rooms(settings: Settings, hotel: str = RESORT) -> list[tuple[str, int, date, date]]:
    """Who has which physical room by the ledger's guard: room, line of the row, first night and until, in order."""
    async with ledger(settings) as connection:
        rows = await connection.fetch(
            "select s.room, e.metadata ->> 'request_id' as key, lower(s.stay) as first, upper(s.stay) as until"
            " from ledger.room_stay s join ledger.event e"
            " on e.hotel_id = s.hotel_id and e.stream_id = s.booking_id and e.version = 1"
            " where s.hotel_id = $1 order by s.room, first",
            hotel_id(hotel),
        )
    return [(row["room"], _line(row["key"]) or 0, row["first"], row["until"]) for row in rows]


async def made(settings: Settings, booking_id: UUID) -> dict[str, Any]:
    """The event that began a booking, as JSON."""
    import orjson

    async with ledger(settings) as connection:
        text = await connection.fetchval(
            "select data from ledger.event where stream_id = $1 and version = 1", booking_id
        )
    facts: dict[str, Any] = orjson.loads(text)
    return facts
