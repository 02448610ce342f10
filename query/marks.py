"""Marks: what an answer about some hotels depends on, as PostgreSQL has it at this moment.

A read table changes only together with its hotel's checkpoint, in one transaction. Beside the checkpoint an answer
depends on time in two ways: which holds are past their deadline, and the hotels' business dates. All of it is in the
mark, so two answers to the same question under the same mark are equal.
"""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response

from domain.calendar import business_date
from query.conditional import tagged
from query.hotels import utc_now
from query.side import QuerySide
from query.sql import statement

type Scope = tuple[Literal["city", "hotel"], object]
"""Which hotels an answer is about: those of a city, or one by its id."""

_WHERE = {"city": "lower(h.city) = lower($1::text)", "hotel": "h.hotel_id = $1::uuid"}


def of_city(name: str) -> Scope:
    """The hotels of a city."""
    return "city", name


def of_hotel(hotel_id: UUID) -> Scope:
    """One hotel."""
    return "hotel", hotel_id


async def mark_of(side: QuerySide, scope: Scope) -> bytes | None:
    """The mark of these hotels; None where one of them has no checkpoint, or there is none. One statement."""
    kind, which = scope
    rows = await side.rows(statement("marks").format(hotels=_WHERE[kind]), which)
    if not rows or any(row["seq"] is None for row in rows):
        return None
    now = utc_now()
    return orjson.dumps(
        [
            (
                str(row["hotel_id"]),
                row["seq"],
                row["updated_at"],  # after a rebuild by another build, the same seq may say something else
                row["due"],
                business_date(now, row["timezone"], row["business_day_rolls_at"]),
            )
            for row in rows
        ]
    )


async def answer_kept(
    request: Request, side: QuerySide, scope: Scope | None, find: Callable[[], Awaitable[bytes]]
) -> Response:
    """The answer to a request: one kept under the mark of now, or else what `find` finds, which is kept.

    The mark is read before the answer is found, so what is kept under it is at least as new. Without a scope nothing
    is kept. What `find` raises is never kept.
    """
    mark = await mark_of(side, scope) if scope is not None and side.kept.here else None
    if mark is None:
        return tagged(request, await find())
    question = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
    answer = await side.kept.find(question, mark)
    if answer is None:
        answer = await find()
        await side.kept.keep(question, mark, answer)
    return tagged(request, answer)
