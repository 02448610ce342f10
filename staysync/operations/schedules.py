"""Knows what is done without anybody asking, and when: the one table of schedules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

import command.tasks
import eventstore.audit.tasks
import identity.access_tasks
import projections.mail.tasks
import projections.tasks
from staysync.forgetting import FORGET_GUESTS

DIGEST = "ops.digest"
FORGET_DEAD_LETTERS = "ops.forget_dead_letters"

_OFTEN = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Every:
    """At each multiple of a period, counted from 1970, so that it is the same for every clock."""

    seconds: float

    def after(self, now: datetime) -> datetime:
        """The first time after `now`."""
        period = timedelta(seconds=self.seconds)
        return _EPOCH + ((now - _EPOCH) // period + 1) * period

    @property
    def often(self) -> bool:
        """Whether a run that failed is soon made up for by the next."""
        return timedelta(seconds=self.seconds) < _OFTEN

    def __str__(self) -> str:
        return f"every {self.seconds:g} seconds"


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day, at a time in UTC."""

    at: time
    often = False

    def after(self, now: datetime) -> datetime:
        """The first time after `now`."""
        today = datetime.combine(now.astimezone(UTC).date(), self.at, UTC)
        return today if today > now else today + timedelta(days=1)

    def __str__(self) -> str:
        return f"daily at {self.at:%H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Monthly:
    """Once a month, on a day that every month has, at a time in UTC."""

    day: int
    at: time
    often = False

    def __post_init__(self) -> None:
        if not 1 <= self.day <= 28:
            raise ValueError("not every month has this day")

    def after(self, now: datetime) -> datetime:
        """The first time after `now`."""
        day = now.astimezone(UTC).date().replace(day=self.day)
        this = datetime.combine(day, self.at, UTC)
        return this if this > now else datetime.combine((day + timedelta(days=31)).replace(day=self.day), self.at, UTC)

    def __str__(self) -> str:
        return f"monthly on day {self.day} at {self.at:%H:%M} UTC"


type When = Every | Daily | Monthly


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task and when it is sent. Without a worker, one that isn't begun within `expires_s` is dropped."""

    name: str
    task: str
    when: When
    what: str
    expires_s: float | None = None


SWEEP_EVERY_S = 2.0
EXPIRE_HOLDS_EVERY_S = 5.0
DELIVER_MAIL_EVERY_S = 2.0
SIGN_HEADS_EVERY_S = 900.0
"""What was written since the last signature is vouched for by nothing outside of the database."""

# None of those that come often pile up while no worker runs; but a sweep may wait for a projector that is at work.
# fmt: off
_TABLE = (
    Schedule("sweep", projections.tasks.SWEEP, Every(SWEEP_EVERY_S),
        "projects what nobody nudged about", expires_s=2 * projections.tasks.AT_WORK_S),
    Schedule("expire-holds", command.tasks.EXPIRE_HOLDS, Every(EXPIRE_HOLDS_EVERY_S),
        "expires holds past their deadline", expires_s=5 * EXPIRE_HOLDS_EVERY_S),
    Schedule("deliver-mail", projections.mail.tasks.DELIVER, Every(DELIVER_MAIL_EVERY_S),
        "writes the mails that are due, and sends them", expires_s=2 * DELIVER_MAIL_EVERY_S),
    Schedule("sign-heads", eventstore.audit.tasks.SIGN_HEADS, Every(SIGN_HEADS_EVERY_S),
        "signs the heads of all ledgers", expires_s=SIGN_HEADS_EVERY_S),
    Schedule("extend-horizons", command.tasks.EXTEND_HORIZONS, Daily(time(2, 7)),
        "keeps every hotel bookable for its whole horizon"),
    Schedule("forget-access", identity.access_tasks.FORGET_ACCESS, Daily(time(3, 17)),
        "deletes entries of the access log that are past their time"),
    Schedule("forget-guests", FORGET_GUESTS, Daily(time(3, 57)),
        "erases guests whose last stay was long ago, where a setting says so"),
    Schedule("forget-answers", command.tasks.FORGET_ANSWERS, Daily(time(3, 37)),
        "deletes answers kept for repeated requests that are past their time"),
    Schedule("forget-dead-letters", FORGET_DEAD_LETTERS, Daily(time(3, 47)),
        "deletes dead letters that are past their time"),
    Schedule("digest", DIGEST, Daily(time(6, 0)),
        "tells what is parked and what has failed for good"),
)
# fmt: on

SCHEDULES: Mapping[str, Schedule] = MappingProxyType({schedule.name: schedule for schedule in _TABLE})
