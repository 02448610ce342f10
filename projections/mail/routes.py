"""Mails over HTTP, for administrators: what waits, what went, what can't go and why, and another try for that.

No answer holds an address, a name or a text: a mail is named by what it is about.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from identity.http import permitted
from identity.permissions import needs
from projections.mail.errors import MailNotFailed, MailsUnavailable, UnknownMail
from projections.mail.sql import statement

router = APIRouter(prefix="/v1/ops/mails", tags=["operations"])

_PATIENCE_S = 5.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)
_CURSOR = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MailDesk:
    """What the endpoints need while the service runs: connections of the mail role."""

    pool: "asyncpg.Pool[Any]"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[Any]"]:
        """A connection for one short piece of work. Raises MailsUnavailable."""
        try:
            async with self.pool.acquire(timeout=_PATIENCE_S) as connection:
                yield connection
        except _AWAY as error:
            raise MailsUnavailable from error


@asynccontextmanager
async def open_mail_desk(url: str) -> AsyncIterator[MailDesk]:
    """Open it on the database at `url`, which must be that of the mail role. No connection is made yet."""
    async with asyncpg.create_pool(url, min_size=0, max_size=2, command_timeout=10) as pool:
        yield MailDesk(pool)


def _made_here(after: str | None) -> str | None:
    if after is not None and _CURSOR.fullmatch(after) is None:
        raise ValueError("this isn't a cursor of this list")
    return after


class Asked(BaseModel):
    """Which mails. A parameter that isn't known is refused, since it would be silently ignored."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["waiting", "sending", "sent", "failed", "dropped"] | None = Field(
        default=None, description="Those in this state."
    )
    hotel_id: UUID | None = Field(default=None, description="Those about bookings of this hotel.")
    limit: int = Field(default=20, ge=1, le=200, description="How many items at most.")
    after: Annotated[str | None, AfterValidator(_made_here)] = Field(
        default=None, max_length=60, description="The `next` of the page before; absent for the first page."
    )

    @property
    def cursor(self) -> tuple[datetime | None, UUID | None]:
        """The mail that the page before ended with."""
        found = None if self.after is None else _CURSOR.fullmatch(self.after)
        return (None, None) if found is None else (_EPOCH + timedelta(microseconds=int(found[1])), UUID(found[2]))


class Mail(BaseModel):
    """A mail, by what it is about."""

    mail_id: UUID
    kind: str = Field(
        description="confirmation, change, cancellation, hold_expiring, before_arrival or after_departure of a booking;"
        " verify_email, already_registered, reset_password, password_changed or session_stolen of an account."
    )
    state: str = Field(
        description="waiting, sending, sent, failed (it can be tried again) or dropped (it isn't wanted any more)."
    )
    hotel_id: UUID | None
    booking_id: UUID | None
    account_id: UUID | None
    seq: int | None = Field(description="The event that it is about, in the hotel's ledger.")
    attempts: int
    error: str | None = Field(
        description="Why the last attempt failed, with the server's codes and none of its words; or why it was dropped:"
        " outdated, erased, no_address."
    )
    created_at: datetime
    due_at: datetime | None = Field(description="When it is to be sent next; null where it isn't.")
    sent_at: datetime | None


class MailPage(BaseModel):
    """A page of mails, the newest first."""

    items: list[Mail]
    next: str | None


class Retried(BaseModel):
    """A mail that is to be tried again."""

    mail_id: UUID
    state: Literal["waiting"]


@router.get("", response_model=MailPage, summary="Mails, and what became of them", **needs("mails.read"))
async def list_mails(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """Mails of bookings and accounts, the newest first; `state=failed` shows what somebody should look at."""
    await permitted(request)
    async with _desk(request).connection() as connection:
        rows = await connection.fetch(
            statement("list_mails"), asked.state, asked.hotel_id, *asked.cursor, asked.limit + 1
        )
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    body = {"items": [dict(row) for row in shown], "next": _cursor(shown[-1]) if more else None}
    # The driver's ids are a kind of their own.
    return Response(orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z), media_type="application/json")


@router.post(
    "/{mail_id}/retry",
    status_code=202,
    response_model=Retried,
    responses={404: {"description": "There is no such mail."}, 409: {"description": "It hasn't failed."}},
    summary="Try a failed mail again",
    **needs("mails.retry"),
)
async def retry_mail(request: Request, mail_id: UUID) -> Response:
    """It goes with the next round of the worker, within seconds, and has all its attempts anew."""
    await permitted(request)
    async with _desk(request).connection() as connection:
        for name in ("retry_message", "retry_account_mail"):
            if await connection.fetchval(statement(name), mail_id) is not None:
                break
        else:
            raise MailNotFailed if await connection.fetchval(statement("is_there"), mail_id) else UnknownMail
    return Response(
        orjson.dumps({"mail_id": str(mail_id), "state": "waiting"}), status_code=202, media_type="application/json"
    )


def _desk(request: Request) -> MailDesk:
    desk: MailDesk = request.app.state.mail_desk
    return desk


def _cursor(row: asyncpg.Record) -> str:
    micros = (row["created_at"] - _EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{row['mail_id'].hex}"
