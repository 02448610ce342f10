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
    """The hotel's business date: the local date, rolling to the next day at `rolls_at` local wall-clock time."""
    local = now.astimezone(zone(timezone))
    return local.date() if local.time() >= rolls_at else local.date() - ONE_DAY


@lru_cache(maxsize=8192)
def nights(arrival: date, departure: date) -> tuple[date, ...]:
    """The nights of a half-open stay [arrival, departure), each named by the date it begins on."""
    return tuple(arrival + timedelta(days=offset) for offset in range((departure - arrival).days))
