"""What access tokens that are out already don't know: sessions that have ended, and roles that have changed.

A token is believed without asking the database. So each API process keeps what ended or changed within the lifetime of
a token, and asks for news of it every fifteen seconds by one short statement; what this process ends counts at once.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from identity.errors import AccountsUnavailable, NotSignedIn
from identity.tokens import ACCESS_TOKEN_LIFETIME, Claims

log = logging.getLogger(__name__)

REFRESH_EVERY_S = 15.0
STALE_AFTER_S = 45.0
"""Older knowledge isn't relied on: with the database away, tokens stop working instead of outliving their session."""

MOST_KEPT = 100_000
_RETRY_S = 2.0
_PATIENCE_S = 5.0
_KEPT = ACCESS_TOKEN_LIFETIME + timedelta(minutes=1)
_OVERLAP_S = 30.0  # times are taken before a commit; what commits late is seen by a later look
_TIDY_EVERY_S = 3600.0

_NEWS = """
    select session_id as id, ended_at as at, null::integer as roles_version
      from identity.session where ended_at > clock_timestamp() - make_interval(secs => $1)
     union all
    select account_id, roles_changed_at, roles_version
      from identity.account where roles_changed_at > clock_timestamp() - make_interval(secs => $1)
     limit $2
"""
# Ended sessions are kept for a month, to be looked into; an unused token of a mail is of no use once it has ended.
_TIDY = (
    """
    delete from identity.session where session_id in (
        select session_id from identity.session
         where ended_at < clock_timestamp() - interval '30 days' or expires_at < clock_timestamp() - interval '30 days'
         limit 1000
    )
    """,
    """
    delete from identity.one_time_token where token_hash in (
        select token_hash from identity.one_time_token where expires_at < clock_timestamp() limit 10000
    )
    """,
)


class Revocations:
    """The sessions that ended and the roles that changed lately, as far as this process knows.

    At most `most` are kept. If more than that happen within a token's lifetime, tokens from before are all refused:
    browsers refresh theirs, nobody is signed out, and nobody who was stays in.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", *, most: int = MOST_KEPT) -> None:
        self._pool = pool
        self._most = most
        self._ended: dict[UUID, datetime] = {}
        self._changed: dict[UUID, tuple[datetime, int]] = {}
        self._refused_before: datetime | None = None
        self._known_at: float | None = None
        self._tidied_at = time.monotonic()

    def refuse(self, claims: Claims) -> None:
        """Raise NotSignedIn if the token's session has ended or its roles have changed.

        Raises AccountsUnavailable where this process has heard nothing for so long that it can't know.
        """
        if self._known_at is None or time.monotonic() - self._known_at > STALE_AFTER_S:
            raise AccountsUnavailable
        if claims.session_id in self._ended:
            raise NotSignedIn("The session has ended. Sign in again.")
        changed = self._changed.get(claims.account_id)
        if changed is not None and claims.roles_version < changed[1]:
            raise NotSignedIn("Your roles have changed: refresh the access token.")
        if self._refused_before is not None and (claims.issued_at is None or claims.issued_at < self._refused_before):
            raise NotSignedIn("This access token can't be checked any more: refresh it.")

    def sessions_ended(self, session_ids: Iterable[UUID]) -> None:
        """Know at once about sessions that this process ended; call it after the commit."""
        now = datetime.now(UTC)
        self._ended |= dict.fromkeys(session_ids, now)

    def roles_changed(self, account_id: UUID, roles_version: int) -> None:
        """Know at once about roles that this process changed; call it after the commit."""
        self._changed[account_id] = (datetime.now(UTC), roles_version)

    async def run(self) -> None:
        """Keep up with the database until cancelled."""
        up_to_date = self._known_at is not None
        while True:
            await asyncio.sleep(REFRESH_EVERY_S if up_to_date else _RETRY_S)
            up_to_date = await self.refresh()
            await self._tidy_now_and_then()

    async def refresh(self) -> bool:
        """Ask for news; False, with the knowledge of before, if the database is away."""
        asked_at = time.monotonic()
        window_s = _KEPT.total_seconds()
        if self._known_at is not None:
            window_s = min(window_s, asked_at - self._known_at + _OVERLAP_S)
        try:
            async with self._pool.acquire(timeout=_PATIENCE_S) as connection:
                rows = await connection.fetch(_NEWS, window_s, self._most + 1, timeout=_PATIENCE_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("ended sessions can't be read: %s", type(error).__name__)
            return False
        for row in rows:
            if row["roles_version"] is None:
                self._ended[row["id"]] = row["at"]
            else:
                self._changed[row["id"]] = (row["at"], row["roles_version"])
        self._forget(datetime.now(UTC))
        self._known_at = asked_at
        return True

    def _forget(self, now: datetime) -> None:
        over = now - _KEPT
        self._ended = {session_id: at for session_id, at in self._ended.items() if at > over}
        self._changed = {account_id: change for account_id, change in self._changed.items() if change[0] > over}
        if len(self._ended) + len(self._changed) > self._most:
            self._ended, self._changed, self._refused_before = {}, {}, now
        elif self._refused_before is not None and self._refused_before < over:
            self._refused_before = None

    async def _tidy_now_and_then(self) -> None:
        if time.monotonic() - self._tidied_at < _TIDY_EVERY_S:
            return
        self._tidied_at = time.monotonic()
        try:
            async with self._pool.acquire(timeout=_PATIENCE_S) as connection:
                for statement in _TIDY:
                    await connection.execute(statement)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("old sessions can't be tidied away: %s", type(error).__name__)
