"""How every command comes in and goes out over HTTP: body, idempotency key, version, metadata, answer."""

import hmac
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, get_type_hints
from uuid import UUID

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from command.errors import BadHeader, UnknownParameter
from command.side import CommandSide
from domain.booking_commands import Book, LifeCommand
from domain.hotels import HotelCommand
from domain.inventory import InventoryCommand
from domain.rejections import Rejected
from eventstore.guest_keys import WrappedKey
from eventstore.reading import given_answer
from eventstore.submission import Acknowledged, Answer, IdempotencyKey, Outcome, Submission
from identity.http import Principal

LONGEST_KEY = 255
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_ENTITY_TAG = re.compile(r'"(\d{1,9})"')


class CommandRoute(APIRoute):
    """A route whose body goes from bytes straight through validation, and whose path holds UUIDs and codes.

    FastAPI documents it from the endpoint's signature as any other; at run time only what commands need is done, since
    a command's time is mostly its framework's: no dependencies to solve, so no exit stacks to open for them either.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        handle = self.get_route_handler()

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handle(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = serve

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, made once from the endpoint's signature."""
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        hints = get_type_hints(endpoint)
        path: list[tuple[str, Callable[[str], Any]]] = []
        body: tuple[str, type[BaseModel]] | None = None
        for name in inspect.signature(endpoint).parameters:
            kind = hints[name]
            if kind is UUID:
                path.append((name, _uuid))
            elif kind is str:
                path.append((name, _code))
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                body = (name, kind)

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                raise UnknownParameter(next(iter(request.query_params), ""))
            given = request.path_params
            arguments: dict[str, Any] = {name: parse(given[name]) for name, parse in path}
            if body is not None:
                name, model = body
                arguments[name] = model.model_validate_json(await request.body() or b"{}")
            return await endpoint(request, **arguments)

        return handle


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(404) from None


def _code(text: str) -> str:
    if not text.isprintable() or len(text) > 64:
        raise HTTPException(404)
    return text


async def submit(
    side: CommandSide,
    request: Request,
    principal: Principal,
    *,
    hotel_id: UUID,
    stream_id: UUID,
    command: HotelCommand | InventoryCommand | Book | LifeCommand,
    render: Callable[[Outcome], Answer],
    guest_keys: tuple[WrappedKey, ...] = (),
    version: int | None = None,
    renamed: Mapping[str, str] | None = None,
    email: str | None = None,
) -> Response:
    """Append what the command decides and answer the client. Refusals are raised, for the table of problems.

    `version` is the one that the command was prepared from; unless given it is the client's, if it said one. `renamed`
    says where the body has a field that refusals point at by another name. `email` tells those apart who aren't signed
    in: each has idempotency keys of their own.
    """
    submission = Submission(
        hotel_id=hotel_id,
        stream_id=stream_id,
        command=command,
        metadata=_metadata(request, principal),
        render=render,
        idempotency=await _idempotency(side, request, principal, email),
        expected_version=expected_version(request) if version is None else version,
        guest_keys=guest_keys,
    )
    try:
        acknowledged = await side.appender.submit(submission)
    except Rejected as refusal:
        if renamed is not None and refusal.pointer is not None:
            refusal.pointer = renamed.get(refusal.pointer, refusal.pointer)
        raise
    return _response(acknowledged)


async def answer_again(side: CommandSide, request: Request, principal: Principal, hotel_id: UUID) -> Response | None:
    """The answer that this very request has earned before, if it has. Raises KeyReused.

    The appender knows repeats too. This is for commands that are prepared from what the ledger says: by the time of a
    repeat that may have changed so much that they can't be prepared any more.
    """
    key = await _idempotency(side, request, principal)
    if key is None:
        return None
    async with side.pool.acquire() as connection:
        answer = await given_answer(connection, hotel_id, key)
    return None if answer is None else _response(Acknowledged(answer, replayed=True))


def _metadata(request: Request, principal: Principal) -> str:
    # The edge takes an id of the client's only if it looks like one: metadata stays for ever and in the clear.
    return orjson.dumps(
        {
            "actor": principal.actor,
            "role": principal.role,
            "request_id": request.state.request_id,
            "correlation_id": request.state.correlation_id,
        }
    ).decode()


async def _idempotency(
    side: CommandSide, request: Request, principal: Principal, email: str | None = None
) -> IdempotencyKey | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise BadHeader("Idempotency-Key", f"it must have 1 to {LONGEST_KEY} printable ASCII characters")
    fingerprint = hmac.new(side.fingerprint_key, f"{request.method} {request.scope['path']}\n".encode(), "sha256")
    fingerprint.update(await request.body())
    return IdempotencyKey(_owner_of_keys(side, principal, email), key, fingerprint.digest())


def _owner_of_keys(side: CommandSide, principal: Principal, email: str | None) -> str:
    """Whose idempotency keys are meant: the account's; without one, those of whoever has this e-mail.

    All who aren't signed in are one actor, and two of them may choose the same key. The e-mail is kept as an HMAC only.
    """
    if principal.role != "anonymous" or email is None:
        return principal.actor
    owner = hmac.new(side.fingerprint_key, f"{principal.actor}\n{email.casefold()}".encode(), "sha256")
    return f"{principal.actor}:{owner.hexdigest()}"


def expected_version(request: Request) -> int | None:
    """The version in If-Match, if the client named one. Raises BadHeader."""
    tag = request.headers.get("if-match")
    if tag is None or tag.strip() == "*":
        return None
    match = _ENTITY_TAG.fullmatch(tag.strip())
    if match is None:
        raise BadHeader("If-Match", 'it must be a version in quotes, such as "3"')
    return int(match[1])


def _response(acknowledged: Acknowledged) -> Response:
    """The answer with its headers, which all follow from the body: so a repeated request gets the same ones."""
    answer = acknowledged.answer
    facts = orjson.loads(answer.body)
    headers = {"Content-Type": "application/json", "StaySync-Position": facts["position"]}
    if "version" in facts:
        headers["ETag"] = f'"{facts["version"]}"'
    if answer.status == 201:
        hotel_path = f"/v1/hotels/{facts['hotel_id']}"
        headers["Location"] = f"{hotel_path}/bookings/{facts['booking_id']}" if "booking_id" in facts else hotel_path
    return Response(answer.body, answer.status, headers)
