"""Sending what is due, of bookings and accounts alike: claimed, counted, composed, handed in, noted.

An attempt is counted before it is made. Whoever dies in between leaves a mail that is being sent by nobody; after a
while another worker takes it. So each mail goes at least once, and twice only if its sender died after the server had
taken it and before that was noted: at most one mail for each worker killed. Both have the same Message-ID.
"""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import asyncpg

from projections.drain import described
from projections.mail.letters import BadAddress, NotWanted
from projections.mail.relay import Letter, Refused, Relay, ServerAway, TryLater

log = logging.getLogger(__name__)

type State = Literal["waiting", "sending", "sent", "failed", "dropped"]

_LONGEST_REASON = 200
_GAVE_UP = "given up after {attempts} attempts: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait after an attempt that failed, and after how many to give up: about a day and a half in all."""

    first_s: float = 15.0
    longest_s: float = 3600.0
    attempts: int = 40

    def pause_s(self, attempt: int) -> float:
        """How long to wait after the attempt of this number, from 1: twice as long each time, and not all at once."""
        grown = self.first_s * 2.0 ** min(attempt - 1, 30)
        return min(self.longest_s, grown) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads attempts, guards nothing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. `again_in` is there if there is to be another one."""

    state: State
    reason: str | None = None
    again_in: timedelta | None = None


class Claimed(Protocol):
    """A mail that this worker is sending."""

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1."""
        ...

    @property
    def label(self) -> str:
        """What the log calls it: no address, no name."""
        ...

    async def compose(self, at: datetime) -> Letter | datetime:
        """The mail as it goes, or on which instant it is wanted instead. Raises NotWanted, BadAddress."""
        ...

    async def note(self, outcome: Outcome) -> None:
        """Write down what became of the attempt."""
        ...

    async def postpone(self, until: datetime) -> None:
        """Put it off, as if it hadn't been tried."""
        ...


class Outgoing(Protocol):
    """Where mails wait to be sent."""

    async def claim(self, lease: timedelta) -> Claimed | None:
        """The mail that has been due longest; others leave it alone for that long. None if nothing is due."""
        ...


async def send_due(relay: Relay, outgoing: "list[Outgoing]", patience: Patience, *, at_work_s: float) -> bool:
    """Send what is due, for about so many seconds at most. True if there is more to do at once."""
    end = time.monotonic() + at_work_s
    lease = timedelta(seconds=2 * relay.timeout_s + 5)
    try:
        for waiting in outgoing:
            while not relay.is_quiet:
                if time.monotonic() > end:
                    return True
                claimed = await waiting.claim(lease)
                if claimed is None:
                    break
                await _attempt(relay, claimed, patience)
    finally:
        await relay.close()
    return False


async def _attempt(relay: Relay, claimed: Claimed, patience: Patience) -> None:
    try:
        letter = await claimed.compose(datetime.now(UTC))
    except NotWanted as error:
        await claimed.note(Outcome("dropped", error.reason))
        return
    except BadAddress as error:
        await _fail(claimed, str(error))
        return
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        raise  # the database is in trouble and not the mail, which another round takes up
    except Exception as error:
        await _fail(claimed, described(error))
        return
    if isinstance(letter, datetime):
        await claimed.postpone(letter)
        return
    try:
        await relay.send(letter)
    except Refused as error:
        await _fail(claimed, error.reason)
    except (TryLater, ServerAway) as error:
        await _again(claimed, error.reason, patience)
    else:
        # The server has it: what is left is to say so, also if this worker is to stop now.
        await asyncio.shield(claimed.note(Outcome("sent")))


async def _again(claimed: Claimed, reason: str, patience: Patience) -> None:
    if claimed.attempt >= patience.attempts:
        await _fail(claimed, _GAVE_UP.format(attempts=claimed.attempt, reason=reason))
        return
    pause = timedelta(seconds=patience.pause_s(claimed.attempt))
    await claimed.note(Outcome("waiting", reason, pause))


async def _fail(claimed: Claimed, reason: str) -> None:
    log.warning("%s can't be sent: %s", claimed.label, reason)
    await claimed.note(Outcome("failed", reason[:_LONGEST_REASON]))
