"""The pages over HTTP."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from identity import accounts
from identity.errors import AccountsUnavailable
from identity.http import identity_of
from query import hotels
from query.errors import ReadSideUnavailable
from query.side import query_of
from staysync.admin import SignIn
from staysync.pages import html
from staysync.pages.assets import Assets
from staysync.problems import PROBLEMS
from staysync.settings import Settings

router = APIRouter(include_in_schema=False)

_MOST_HOTELS = 50
_EXAMPLE_IN = timedelta(days=30)
_EXAMPLE_STAY = timedelta(days=2)
_SANE_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages need while the service runs. In a demo, examples are of its hotels and can be sent as they are."""

    assets: Assets
    public_origin: str | None
    demo: bool
    sign_ins: Sequence[SignIn]
    mails: str | None = None


def pages_of(settings: Settings, sign_ins: Sequence[SignIn]) -> Pages:
    """The pages of an installation. Sign-ins are shown for a demo only, never in production."""
    demo = settings.demo and not settings.production
    return Pages(Assets(), settings.public_origin, demo, sign_ins if demo else (), mails=settings.catcher_address)


@router.get("/")
async def front(request: Request) -> Response:
    """What this is, a live calendar, commands to copy, demo sign-ins."""
    pages: Pages = request.app.state.pages
    shown, example = await first_hotels(request)
    sign_ins = await working_sign_ins(request)
    return _page(html.front_page(_origin(request, pages), shown, example, sign_ins, mails=pages.mails))


@router.get("/docs")
async def docs() -> Response:
    """Swagger UI."""
    return _page(html.docs_page())


@router.get("/account")
async def account() -> Response:
    """Where the links of account mails lead."""
    return _page(html.account_page())


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A file that a page needs."""
    pages: Pages = request.app.state.pages
    response = await pages.assets.response(request, name)
    if response is None:
        raise HTTPException(404)
    return response


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """The icon for browsers that ask for it unasked."""
    return await static(request, "mark.svg")


@router.get("/problems")
async def problems(request: Request) -> Response:
    """Every kind of problem."""
    if _wants_json(request):
        return Response(
            orjson.dumps({"items": [_as_json(code) for code in sorted(PROBLEMS)]}), media_type="application/json"
        )
    return _page(html.problems_page([PROBLEMS[code] for code in sorted(PROBLEMS)]))


@router.get("/problems/{code}")
async def problem(request: Request, code: str) -> Response:
    """What a kind of problem means: the page that the member `type` of a problem points to."""
    if code not in PROBLEMS:
        raise HTTPException(404)
    if _wants_json(request):
        return Response(orjson.dumps(_as_json(code)), media_type="application/json")
    return _page(html.problem_page(PROBLEMS[code]))


async def working_sign_ins(request: Request) -> list[SignIn]:
    """The demo sign-ins that have an account here: a ledger that had other hotels already gets no demo."""
    pages: Pages = request.app.state.pages
    if not pages.sign_ins:
        return []
    try:
        async with identity_of(request).connection() as connection:
            known = await accounts.existing(connection, [sign_in.email for sign_in in pages.sign_ins])
    except AccountsUnavailable:
        return []
    return [sign_in for sign_in in pages.sign_ins if sign_in.email in known]


async def first_hotels(request: Request) -> tuple[list[html.ShownHotel], html.Example | None]:
    """Hotels for the calendar, and a stay at the first that has rooms on sale. Empty while the database is away."""
    shown: list[html.ShownHotel] = []
    example: html.Example | None = None
    try:
        async with query_of(request).session() as session:
            for hotel in (await hotels.hotels(session, city=None, limit=_MOST_HOTELS, after=None)).items:
                shown.append(html.ShownHotel(hotel_id=UUID(str(hotel.hotel_id)), name=hotel.name, city=hotel.city))
                if example is not None:
                    continue
                types = (await hotels.room_types(session, hotel.hotel_id)).items
                arrival = hotel.business_date + _EXAMPLE_IN
                fitting = [room_type.code for room_type in types if room_type.max_adults >= 2 and room_type.rooms]
                if fitting:
                    example = html.Example(
                        hotel_id=str(hotel.hotel_id),
                        room_type=fitting[0],
                        arrival=arrival,
                        departure=arrival + _EXAMPLE_STAY,
                    )
    except ReadSideUnavailable:
        return [], None
    return shown, example


def _origin(request: Request, pages: Pages) -> str:
    if pages.public_origin is not None:
        return pages.public_origin
    host = request.headers.get("host", "")
    # A Host header is the client's word: what doesn't look like a host isn't put into a page, not even escaped.
    return f"{request.url.scheme}://{host if _SANE_HOST.fullmatch(host) else 'localhost'}"


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def _as_json(code: str) -> dict[str, str | int]:
    found = PROBLEMS[code]
    return {
        "type": found.type,
        "code": found.code,
        "status": found.status,
        "title": found.title,
        "explanation": found.explanation,
    }


def _page(text: str) -> Response:
    return HTMLResponse(text, headers={"Cache-Control": "no-cache"})
