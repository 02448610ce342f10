"""Other things behind the very server that serves the API: `python -m bench.serve without-database` or `... bare`.

Both go through StaySync's own `serve`, with another application in place of its own, so that server, event loop, parser
and their options are the same.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast
from unittest.mock import patch

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import staysync.app
from bench.memory import MemoryAppender
from command.side import CommandSide
from eventstore.appender import Appender
from staysync.serving import serve
from staysync.settings import Settings

_ANSWER = (
    b'{"booking_id":"01a20bbd-3dcb-739d-9db8-837639f99ac0","reference":"BNCH-PQRLYEJ2","state":"confirmed",'
    b'"total":{"amount":"360.00","currency":"EUR"},"lines":[{"line":1,"room_type":"T4","adults":2,"child_ages":[],'
    b'"arrival":"2027-08-20","departure":"2027-08-23","nights":['
    b'{"date":"2027-08-20","price":{"amount":"120.00","currency":"EUR"}},'
    b'{"date":"2027-08-21","price":{"amount":"120.00","currency":"EUR"}},'
    b'{"date":"2027-08-22","price":{"amount":"120.00","currency":"EUR"}}],"state":"confirmed","room":null}],'
    b'"hotel_id":"01a20bbd-3dcb-739d-9db8-837639f99ac1","version":1,'
    b'"position":"01a20bbd-3dcb-739d-9db8-837639f99ac1:12345"}'
)
"""As long as a booking's answer."""


def without_database(settings: Settings) -> Starlette:
    """The real service, whose commands are decided against stock in memory once it is open."""
    from staysync.app import create_app

    app = create_app(settings)
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(inner: Starlette) -> AsyncIterator[None]:
        async with opened(inner):
            side: CommandSide = inner.state.command_side
            inner.state.command_side = replace(side, appender=cast(Appender, MemoryAppender(side.pool)))
            yield

    app.router.lifespan_context = lifespan
    return app


def bare(settings: Settings) -> Starlette:
    """Starlette alone: the body is read, the answer is constant."""
    del settings

    async def book(request: Request) -> Response:
        await request.body()
        return Response(_ANSWER, 201, media_type="application/json")

    return Starlette(routes=[Route("/v1/hotels/{hotel_id}/bookings", book, methods=["POST"])])


_KINDS: dict[str, Callable[[Settings], Starlette]] = {"without-database": without_database, "bare": bare}


def main(kind: str) -> None:
    """Serve until SIGTERM."""
    make = _KINDS[kind]
    real = staysync.app.create_app

    def instead(settings: Settings, *_: object) -> Starlette:
        with patch.object(staysync.app, "create_app", real):  # what stands in may be built around the real one
            return make(settings)

    with patch.object(staysync.app, "create_app", instead):
        serve(Settings())


if __name__ == "__main__":
    main(sys.argv[1])
