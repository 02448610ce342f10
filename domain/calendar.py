"""Dates as a hotel counts them: the business date, nights of a stay, weekdays."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ZoneInfoNotFoundError for an unknown one."""
    return ZoneInfo(name)


def business_date(now: datetime, timezone: str, rolls_at: time) -> date:
    """The hotel's business date: the local date, rolling to the next day when the wall clock first reaches `rolls_at`.

    It never goes back: where clocks are put back over that hour, the second time it comes changes nothing. Where they
    are put forward over it, the day rolls when the clocks are changed.
    """
    local = now.astimezone(zone(timezone))
    today = local.date()
    if local.fold and _rolled(today + ONE_DAY, now, local, rolls_at):
        return today + ONE_DAY  # clocks were put back over midnight, after the next day had begun
    if local.time() >= rolls_at or (local.fold and _rolled(today, now, local, rolls_at)):
        return today
    return today - ONE_DAY


def _rolled(day: date, now: datetime, local: datetime, rolls_at: time) -> bool:
    """Whether the wall clock had shown `rolls_at` on this day, before it was put back."""
    # Between two datetimes of one zone Python compares wall clocks; as instants they are compared by their timestamps.
    return datetime.combine(day, rolls_at, local.tzinfo).timestamp() <= now.timestamp()


@lru_cache(maxsize=8192)
def nights(arrival: date, departure: date) -> tuple[date, ...]:
    """The nights of a half-open stay [arrival, departure), each named by the date it begins on."""
    return tuple(arrival + timedelta(days=offset) for offset in range((departure - arrival).days))
