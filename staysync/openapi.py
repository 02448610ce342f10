"""Knows the OpenAPI document: what FastAPI finds in the code, and what holds for every endpoint besides."""

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from identity.permissions import EXTENSION, said, scope_of
from identity.side import ACCESS_COOKIE
from staysync.pages.html import Example
from staysync.pages.routes import Pages, first_hotels, working_sign_ins
from staysync.problems import MEDIA_TYPE, PROBLEMS

router = APIRouter(include_in_schema=False)

_DESCRIPTION = """
StaySync is the system of record for hotel rooms. Hotels, availability, calendars and booking are open to anyone; all
else needs a role. Sign in with `POST /v1/auth/login`: from this page the browser then stays signed in by its cookies.

Dates are the hotel's local dates, instants RFC 3339 in UTC, amounts strings. Errors are `application/problem+json`;
the member `code` is stable, and `type` is the path of its explanation.
"""
_TAGS = [
    {"name": "hotels", "description": "Hotels, room types, rooms, prices."},
    {"name": "availability", "description": "Where there is room, and at what price."},
    {"name": "bookings", "description": "A booking's life, from the first to the last."},
    {"name": "accounts", "description": "Who may do what."},
    {"name": "programs", "description": "Keys by which programs act at a hotel."},
    {"name": "access log", "description": "Who did what, from where."},
    {"name": "ledger", "description": "What happened, and how far the read model is."},
    {"name": "operations", "description": "What runs in the background, and what administrators look after."},
    {"name": "health", "description": "Whether the service can do its work."},
]
_PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457). Further members depend on the code; see /problems.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "The path that explains this kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "pointer", "detail"],
                "properties": {
                    "in": {"type": "string", "enum": ["body", "query", "header", "cookie", "path"]},
                    "pointer": {"type": "string", "description": "A JSON pointer."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_PROBLEM_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
# Which problems an endpoint may answer; any other status isn't possible, and a test holds the service to that.
_ANYWHERE = {
    "400": "It breaks a rule of HTTP.",
    "401": "Nobody is signed in, or the token or key isn't valid.",
    "403": "No role permits it, or another site may have sent it.",
    "408": "It didn't arrive in time.",
    "413": "The body is too large.",
    "422": "It isn't well formed, or its values can't be.",
    "429": "Too many of this kind.",
    "431": "Too many header fields, or too long ones.",
    "503": "Something is away or behind.",
}
_OF_A_PATH_WITH_IDS = {"404": "An id or name in the path isn't there, or belongs to another hotel."}
_OF_A_WRITE = {"409": "A rule refuses it."}
_OF_A_COMMAND = {"412": "If-Match names another version."}
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, or a program's key (ssk_…)."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": f"Behind HTTPS it is named __Host-{ACCESS_COOKIE}.",
    },
}
_COMMAND_HEADERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key sent again has one effect and gets the same answer, for 30 days.",
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    },
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": 'The version that you decided on, such as "3"; another one is answered by 412.',
        "schema": {"type": "string", "pattern": '^(\\*|"[0-9]{1,9}")$'},
    },
]
_BOOKING_PATH = "/v1/hotels/{hotel_id}/bookings"


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an app, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=_DESCRIPTION,
            routes=app.routes,
            tags=_TAGS,
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = _PROBLEM_SCHEMA
        made["components"]["securitySchemes"] = _SECURITY_SCHEMES
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                _complete(path, method, operation)
        # Without it, Swagger UI makes values up from the patterns of the fields, and nobody can read those.
        arrival = datetime.now(UTC).date() + timedelta(days=30)
        _body_example(made, _BOOKING_PATH, _booking("DBL", arrival, arrival + timedelta(days=2)))
        app.openapi_schema = made
    return app.openapi_schema


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    action = operation.get(EXTENSION)
    scope = scope_of(action)
    who = f"**For {said(action)}**{'' if scope is None else f'; a key needs the scope `{scope}`'}."
    operation["description"] = f"{operation.get('description', '')}\n\n{who}".strip()
    if path.startswith("/v1/"):
        operation["security"] = [{}, {"bearer": []}, {"cookie": []}]
    is_command = path.startswith("/v1/hotels") and method in ("post", "put", "patch") and "/members/" not in path
    if is_command:
        operation.setdefault("parameters", []).extend(_COMMAND_HEADERS)
    _add_problems(operation.setdefault("responses", {}), _problems_of(path, method, is_command=is_command))


def _problems_of(path: str, method: str, *, is_command: bool) -> dict[str, str]:
    """The statuses of problems that an endpoint may answer, and when."""
    return {
        **_ANYWHERE,
        **(_OF_A_PATH_WITH_IDS if "{" in path else {}),
        **(_OF_A_WRITE if method != "get" else {}),
        **(_OF_A_COMMAND if is_command else {}),
    }


def _add_problems(responses: dict[str, Any], possible: dict[str, str]) -> None:
    """Say what problems there may be; what an endpoint itself says of one goes first."""
    responses.pop("422", None)  # FastAPI's own, in a form that isn't ours
    own = {status: answer for status, answer in responses.items() if status.startswith(("4", "5"))}
    for status, when in possible.items():
        responses[status] = {"description": when, "content": _PROBLEM_CONTENT}
    for status, answer in own.items():
        responses[status] = {**answer, "content": {**_PROBLEM_CONTENT, **answer.get("content", {})}}


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The document. In a demo its examples are a hotel, a stay and a sign-in that work as they stand."""
    pages: Pages = request.app.state.pages
    made = document(request.app)
    if pages.demo:
        made = copy.deepcopy(made)
        _, example = await first_hotels(request)
        if example is not None:
            _fill_in(made, example)
        sign_ins = await working_sign_ins(request)
        if sign_ins:
            _body_example(made, "/v1/auth/login", {"email": sign_ins[0].email, "password": sign_ins[0].password})
    return Response(orjson.dumps(made), media_type="application/json")


def _fill_in(made: dict[str, Any], example: Example) -> None:
    for operations in made["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "hotel_id" and parameter["in"] == "path":
                    parameter["example"] = example.hotel_id
                elif parameter["name"] in ("arrival", "departure"):
                    parameter["example"] = getattr(example, parameter["name"]).isoformat()
    _body_example(made, _BOOKING_PATH, _booking(example.room_type, example.arrival, example.departure))


def _booking(room_type: str, arrival: date, departure: date) -> dict[str, Any]:
    return {
        "arrival": arrival.isoformat(),
        "departure": departure.isoformat(),
        "rooms": [{"room_type": room_type, "adults": 2}],
        "guest": {"full_name": "Ada Lovelace", "email": "ada@example.org"},
        "channel": "direct",
        "state": "confirmed",
    }


def _body_example(made: dict[str, Any], path: str, example: dict[str, Any]) -> None:
    operation = made["paths"].get(path, {}).get("post")
    if operation is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example
