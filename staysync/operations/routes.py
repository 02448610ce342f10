"""The operator's view over HTTP, for administrators: how everything stands, schedules, tasks that failed for good."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from identity.access_log import note
from identity.http import permitted
from identity.permissions import needs
from query.routes import NoParameters
from staysync.operations import dead_letters
from staysync.operations.dead_letters import DeadLetter
from staysync.operations.desk import AWAY, Desk
from staysync.operations.errors import DeskUnavailable, UnknownSchedule
from staysync.operations.schedules import SCHEDULES
from staysync.operations.sql import statement
from staysync.watching.standing import Standing

router = APIRouter(prefix="/v1/ops", tags=["operations"])


class ScheduleShown(BaseModel):
    """A schedule, how its last run went, and when the next is."""

    name: str
    task: str
    when: str
    what: str
    next_run_at: datetime
    last_sent_at: datetime | None
    last_started_at: datetime | None
    last_ended_at: datetime | None
    last_outcome: Literal["done", "failed"] | None
    last_error: str | None = Field(description="What went wrong, and where; nothing that anybody wrote.")
    runs: int
    failures: int


class SchedulesShown(BaseModel):
    """All schedules."""

    items: list[ScheduleShown]


class DeadLetterShown(BaseModel):
    """A task that failed for good, and the request that it followed from, if it did from one."""

    dead_letter_id: UUID
    task: str
    arguments: dict[str, Any] = Field(description="args and kwargs; nothing but ids.")
    error: str = Field(description="What went wrong, and where; nothing that anybody wrote.")
    request_id: str | None
    correlation_id: str | None
    failed_at: datetime


class DeadLettersShown(BaseModel):
    """A page of them, the newest first."""

    items: list[DeadLetterShown]
    next: str | None


class RetriedShown(BaseModel):
    """A task that was queued again."""

    dead_letter_id: UUID
    task: str


class ProjectionStanding(BaseModel):
    """How far a projection is behind the ledger."""

    projection: str
    behind_hotels: int
    behind_events: int
    oldest_s: float = Field(description="Age of the oldest event that isn't projected, in seconds.")
    parked_hotels: int


class Overview(BaseModel):
    """How everything stands. What can't be asked at the moment is in `away`, and missing or null elsewhere."""

    away: list[Literal["database", "broker"]]
    projections: list[ProjectionStanding]
    dead_letters: int
    failed_schedules: list[str] = Field(description="Those whose last run failed.")
    queued_tasks: dict[str, int]
    taken_tasks: int | None
    open_holds: int | None
    oldest_hold_overdue_s: float | None
    oldest_snapshot_s: float | None
    mails: list[dict[str, Any]] = Field(description="How many there are by kind and state.")


def _cursor(after: str) -> tuple[datetime, UUID]:
    try:
        raw = after.encode("ascii")
        micros, text = orjson.loads(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        if type(micros) is not int or not 0 <= micros < 2**55:
            raise ValueError
        return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000), UUID(text)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        raise ValueError("this isn't a cursor of this list") from None


def _written(letter: DeadLetter) -> str:
    micros = int(letter.failed_at.timestamp()) * 1_000_000 + letter.failed_at.microsecond
    raw = orjson.dumps([micros, str(letter.dead_letter_id)])
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _made_here(after: str | None) -> str | None:
    if after is not None:
        _cursor(after)
    return after


class Page(BaseModel):
    """Which dead letters."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=200, description="How many items at most.")
    after: Annotated[str | None, AfterValidator(_made_here)] = Field(
        default=None, max_length=120, description="The `next` of the page before; absent for the first page."
    )


@asynccontextmanager
async def _at_desk(request: Request) -> AsyncIterator[Desk]:
    """The desk that the app factory opened. Raises DeskUnavailable."""
    try:
        yield request.app.state.desk
    except AWAY as error:
        raise DeskUnavailable from error


@router.get("/overview", response_model=Overview, summary="How everything stands", **needs("ops.read"))
async def get_overview(request: Request, _: Annotated[NoParameters, Query()]) -> Overview:
    """Numbers over all hotels; what is away is said, and isn't an error."""
    await permitted(request)
    standing: Standing = await request.app.state.shown.asking.standing()
    return Overview(
        away=sorted(standing.away),
        projections=[
            ProjectionStanding(
                projection=row["projection"],
                behind_hotels=row["hotels"],
                behind_events=row["events"],
                oldest_s=row["oldest_s"],
                parked_hotels=row["parked"],
            )
            for row in standing.lag
        ],
        dead_letters=sum(row["letters"] for row in standing.dead_letters),
        failed_schedules=[row["name"] for row in standing.schedules if row["outcome"] == "failed"],
        queued_tasks=standing.queues,
        taken_tasks=standing.taken,
        open_holds=None if standing.holds is None else standing.holds["bookings"],
        oldest_hold_overdue_s=None if standing.holds is None else standing.holds["overdue_s"],
        oldest_snapshot_s=standing.snapshot_s,
        mails=[dict(row) for row in standing.mails],
    )


@router.get("/schedules", response_model=SchedulesShown, summary="Scheduled tasks", **needs("ops.read"))
async def get_schedules(request: Request, _: Annotated[NoParameters, Query()]) -> SchedulesShown:
    """What is done without anybody asking: when it ran last, how that went, and when it runs next."""
    await permitted(request)
    async with _at_desk(request) as desk:
        rows = await desk.pool.fetch(statement("schedules"))
    return SchedulesShown(items=[shown(row) for row in rows if row["name"] in SCHEDULES])


@router.post(
    "/schedules/{schedule}/run",
    status_code=202,
    response_model=ScheduleShown,
    summary="Run a scheduled task soon",
    responses={404: {"description": "There is no such schedule."}},
    **needs("ops.manage"),
)
async def run_schedule(request: Request, schedule: str, _: Annotated[NoParameters, Query()]) -> ScheduleShown:
    """Makes it due at once: beat sends it within five seconds. Asking again before that changes nothing."""
    await permitted(request)
    if schedule not in SCHEDULES:
        raise UnknownSchedule
    note(request, "schedule_hastened")
    async with _at_desk(request) as desk:
        if await desk.pool.fetchval(statement("hasten_schedule"), schedule) is None:
            raise UnknownSchedule
        rows = await desk.pool.fetch(statement("schedules"))
    return next(shown(row) for row in rows if row["name"] == schedule)


@router.get("/dead-letters", response_model=DeadLettersShown, summary="Tasks that failed for good", **needs("ops.read"))
async def get_dead_letters(request: Request, page: Annotated[Page, Query()]) -> DeadLettersShown:
    """Those that nobody has retried or thrown away. They are kept for 90 days."""
    await permitted(request)
    async with _at_desk(request) as desk:
        cursor = None if page.after is None else _cursor(page.after)
        letters = await dead_letters.waiting(desk, page.limit + 1, cursor)
    items = letters[: page.limit]
    return DeadLettersShown(
        items=[DeadLetterShown.model_validate(letter, from_attributes=True) for letter in items],
        next=_written(items[-1]) if len(letters) > page.limit else None,
    )


@router.post(
    "/dead-letters/{dead_letter_id}/retry",
    status_code=202,
    response_model=RetriedShown,
    summary="Queue a failed task again",
    responses={404: {"description": "There is no such dead letter, or it was retried already."}},
    **needs("ops.manage"),
)
async def retry_dead_letter(
    request: Request, dead_letter_id: UUID, _: Annotated[NoParameters, Query()]
) -> RetriedShown:
    """Sends the task as it was. If it fails again, it is a new dead letter."""
    await permitted(request)
    note(request, "dead_letter_retried")
    async with _at_desk(request) as desk:
        task = await dead_letters.retry(desk, dead_letter_id)
    return RetriedShown(dead_letter_id=dead_letter_id, task=task)


@router.delete(
    "/dead-letters/{dead_letter_id}",
    status_code=204,
    summary="Throw a failed task away",
    responses={404: {"description": "There is no such dead letter, or it was retried already."}},
    **needs("ops.manage"),
)
async def discard_dead_letter(request: Request, dead_letter_id: UUID, _: Annotated[NoParameters, Query()]) -> Response:
    """It is never done, then."""
    await permitted(request)
    note(request, "dead_letter_discarded")
    async with _at_desk(request) as desk:
        await dead_letters.discard(desk, dead_letter_id)
    return Response(status_code=204)


def shown(row: Any) -> ScheduleShown:
    """A row of the table of schedules, with what the code says of it."""
    return ScheduleShown(
        name=row["name"],
        task=row["task"],
        when=row["pattern"],
        what=SCHEDULES[row["name"]].what,
        next_run_at=row["due_at"],
        last_sent_at=row["sent_at"],
        last_started_at=row["started_at"],
        last_ended_at=row["ended_at"],
        last_outcome=row["outcome"],
        last_error=row["error"],
        runs=row["runs"],
        failures=row["failures"],
    )
