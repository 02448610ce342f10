"""The access log over HTTP: for a hotel's auditors and managers what concerns it, for administrators all."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from identity.http import identity_of, permitted
from identity.permissions import needs

router = APIRouter(prefix="/v1", tags=["access log"])

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2999, 12, 30, tzinfo=UTC)
_SHOWN = (
    "at, event, request_id, address, agent, actor, account_id, subject_id, hotel_id, booking_id, method, route,"
    " status, code"
)


def _instant(value: object) -> object:
    # pydantic alone also takes a number for an instant, as seconds since 1970.
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("an instant looks like 2026-05-31T14:03:12Z")
    return value


def _sensible(value: datetime) -> datetime:
    if not _EARLIEST <= value <= _LATEST:
        raise ValueError(f"an instant lies between {_EARLIEST.date()} and {_LATEST.date()}")
    return value


def _cursor(after: str) -> tuple[datetime, int]:
    try:
        raw = after.encode("ascii")
        micros, entry_id = orjson.loads(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        if type(entry_id) is not int or not 0 <= entry_id < 2**62 or type(micros) is not int:
            raise ValueError
        return _sensible(datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)), (
            entry_id
        )
    except (ValueError, TypeError, OverflowError, OSError):
        raise ValueError("this isn't a cursor of this list") from None


def _made_here(after: str | None) -> str | None:
    if after is not None:
        _cursor(after)
    return after


def _written(at: datetime, entry_id: int) -> str:
    micros = int(at.timestamp()) * 1_000_000 + at.microsecond
    return urlsafe_b64encode(orjson.dumps([micros, entry_id])).rstrip(b"=").decode()


Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_sensible)]


class Asked(BaseModel):
    """Which entries. One parameter that isn't known is refused, since it would be silently ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    begin: Instant | None = Field(default=None, alias="from", description="Not before this instant.")
    to: Instant | None = Field(default=None, description="Before this instant.")
    account: UUID | None = Field(default=None, description="Requests of this account.")
    status: int | None = Field(default=None, ge=100, le=599, description="Requests with this status.")
    limit: int = Field(default=20, ge=1, le=200, description="How many items at most.")
    after: Annotated[str | None, AfterValidator(_made_here)] = Field(
        default=None, max_length=100, description="The `next` of the page before; absent for the first page."
    )

    @property
    def cursor(self) -> tuple[datetime, int] | None:
        """The entry that the page before ended with."""
        return None if self.after is None else _cursor(self.after)


class AccessEntry(BaseModel):
    """A request: who, from where, what, and what came of it."""

    at: datetime
    event: str = Field(
        description="sign_in, sign_in_failed, sign_out, session_ended, token_reused, email_verified, password_changed,"
        " password_reset, role_changed, booking_claimed, key_made, key_revoked, refused, write or read."
    )
    request_id: str
    address: str | None
    agent: str | None = Field(description="The beginning of the User-Agent header.")
    actor: str = Field(
        description="As in the metadata of events: the id of an account, of a key (after key:), or anonymous."
    )
    account_id: UUID | None
    subject_id: UUID | None = Field(description="The account that was changed.")
    hotel_id: UUID | None
    booking_id: UUID | None
    method: str
    route: str | None = Field(description="The path with names in the place of ids.")
    status: int | None = Field(description="Null where the client went before it was answered.")
    code: str | None = Field(description="The problem's code, of a refusal.")


class AccessLogPage(BaseModel):
    """A page of entries, the newest first."""

    items: list[AccessEntry]
    next: str | None


@router.get(
    "/hotels/{hotel_id}/access-log",
    response_model=AccessLogPage,
    summary="Who did what at a hotel",
    **needs("access_log.read"),
)
async def hotel_access_log(request: Request, hotel_id: UUID, asked: Annotated[Asked, Query()]) -> Response:
    """Requests that named this hotel: writes, refusals, and reads of bookings and their history. The newest first."""
    await permitted(request, hotel_id)
    return await _page(request, asked, hotel_id)


@router.get("/access-log", response_model=AccessLogPage, summary="Who did what", **needs("group_log.read"))
async def access_log(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """All entries, sign-ins and those of every hotel among them. The newest first."""
    await permitted(request)
    return await _page(request, asked, None)


async def _page(request: Request, asked: Asked, hotel_id: UUID | None) -> Response:
    conditions: list[tuple[str, Any]] = [
        ("hotel_id = {}", hotel_id),
        ("account_id = {}", asked.account),
        ("status = {}", asked.status),
        ("at >= {}", asked.begin),
        ("at < {}", asked.to),
    ]
    parts: list[str] = []
    values: list[Any] = []
    for condition, value in conditions:
        if value is not None:
            values.append(value)
            parts.append(condition.format(f"${len(values)}"))
    if asked.cursor is not None:
        values += asked.cursor
        parts.append(f"(at, entry_id) < (${len(values) - 1}, ${len(values)})")
    where = f"where {' and '.join(parts)}" if parts else ""
    async with identity_of(request).connection() as connection:
        rows = await connection.fetch(
            f"select entry_id, {_SHOWN} from identity.access_log {where}"  # noqa: S608 - of constants; values are bound
            f" order by at desc, entry_id desc limit {asked.limit + 1}",
            *values,
        )
    items = [{name: value for name, value in row.items() if name != "entry_id"} for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    last = rows[asked.limit - 1] if more else None
    body = {"items": items, "next": None if last is None else _written(last["at"], last["entry_id"])}
    written = orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z)  # the driver's ids are a kind of their own
    return Response(written, media_type="application/json")
