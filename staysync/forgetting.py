"""Finds whose data has to go, by the read tables, and lets the write side destroy their keys.

Who is forgotten is decided by the ledger, booking by booking; the read tables only say where to look. What they miss
because they are behind is found the next time.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg

from command.scheduled import erase_guests
from command.side import CommandSide
from domain.rejections import GuestsExpected, UnknownBooking
from eventstore.reading import Connection
from staysync.settings import Settings

log = logging.getLogger(__name__)

FORGET_GUESTS = "command.forget_guests"

_PAGE = 500

# Bookings whose stays ended before a date ($1), of which somebody is still known, and none of whose people has a stay
# that ends later at the same hotel; people are the same where their e-mail is. After a booking ($2, $3), $4 at most.
_OVER = """
    with people as (
        select b.hotel_id, b.booking_id, g.email
          from read.booking b
          cross join lateral (
              select p.guest_id from (values (b.guest_id), (b.booker_id)) as p (guest_id) where p.guest_id is not null
              union
              select l.guest_id from read.booking_line l
               where l.hotel_id = b.hotel_id and l.booking_id = b.booking_id and l.guest_id is not null
          ) as p
          join read.guest g on g.hotel_id = b.hotel_id and g.guest_id = p.guest_id and not g.erased
         where b.arrival < $1 and b.departure < $1 and (b.hotel_id, b.booking_id) > ($2, $3)
    )
    select p.hotel_id, p.booking_id
      from people p
     group by p.hotel_id, p.booking_id
    having not bool_or(exists (
               select from read.guest other
                 join read.booking later on later.hotel_id = other.hotel_id
                      and (later.guest_id = other.guest_id or later.booker_id = other.guest_id)
                where other.hotel_id = p.hotel_id and lower(other.email) = lower(p.email) and later.departure >= $1
           ))
     order by p.hotel_id, p.booking_id
     limit $4
"""

_OF_PERSON = """
    with person as (select hotel_id, guest_id from read.guest where lower(email) = lower($1))
    select b.hotel_id, b.booking_id from person p
      join read.booking b on b.hotel_id = p.hotel_id and (b.guest_id = p.guest_id or b.booker_id = p.guest_id)
    union
    select l.hotel_id, l.booking_id from person p
      join read.booking_line l on l.hotel_id = p.hotel_id and l.guest_id = p.guest_id
     order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The bookings whose guests were erased, and those that have a stay before them still."""

    erased: list[UUID]
    expected: list[UUID]


def last_day_kept(settings: Settings) -> date | None:
    """Guests whose last stay ended before this date are erased; None: nobody is."""
    if not settings.guests_kept_years:
        return None
    today = datetime.now(UTC).date()
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - settings.guests_kept_years, day=day)


async def forget_by_rule(settings: Settings, side: CommandSide) -> int:
    """Erase whose time is over, if the settings say when; how many bookings that were."""
    before = last_day_kept(settings)
    if before is None:
        return 0
    connection = await asyncpg.connect(settings.role_url("query"))
    try:
        return await forget_past_guests(connection, side, before)
    finally:
        await connection.close()


async def forget_past_guests(connection: Connection, side: CommandSide, before: date) -> int:
    """Erase the guests whose last stay at a hotel ended before a date; how many bookings that were.

    `connection` is one of the query role.
    """
    last, count, left = (UUID(int=0), UUID(int=0)), 0, list[UUID]()
    while page := await connection.fetch(_OVER, before, *last, _PAGE):
        forgotten = await _erase(side, page)
        count += len(forgotten.erased)
        left += forgotten.expected
        last = (page[-1]["hotel_id"], page[-1]["booking_id"])
    if left:
        log.warning("%d bookings are over by their dates and open still, the first is %s", len(left), left[0])
    return count


async def forget_person(connection: Connection, side: CommandSide, email: str) -> Forgotten:
    """Erase the people of every booking, at any hotel, that someone with this e-mail is part of."""
    return await _erase(side, await connection.fetch(_OF_PERSON, email))


async def _erase(side: CommandSide, bookings: list[asyncpg.Record]) -> Forgotten:
    forgotten = Forgotten([], [])
    for hotel_id, booking_id in bookings:
        try:
            await erase_guests(side, hotel_id, booking_id)
        except (GuestsExpected, UnknownBooking):
            forgotten.expected.append(booking_id)
        else:
            forgotten.erased.append(booking_id)
    return forgotten
