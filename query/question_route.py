"""A route for questions that are asked very often: its parameters go straight into their model.

FastAPI documents it from the endpoint's signature as any other. At run time its dependency solving is left out, which
costs more than a search in memory (docs/adr/0005 says the same of commands).
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, get_origin, get_type_hints
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from query.positions import MIN_POSITION


class QuestionRoute(APIRoute):
    """A route whose endpoint takes the request, UUIDs of its path, `parameters` as a model, and `min_position`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        handle = self.get_route_handler()

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            response = await handle(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = serve

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, made once from the endpoint's signature."""
        hints = get_type_hints(self.endpoint)
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        ids = [name for name in inspect.signature(endpoint).parameters if hints[name] is UUID]
        model: type[BaseModel] = hints["parameters"]
        lists = frozenset(
            field.alias or name for name, field in model.model_fields.items() if get_origin(field.annotation) is list
        )

        async def handle(request: Request) -> Response:
            path = request.path_params
            arguments = {name: _uuid(path[name]) for name in ids}
            return await endpoint(
                request,
                parameters=_read(model, lists, request),
                min_position=request.headers.get(MIN_POSITION),
                **arguments,
            )

        return handle


def _read(model: type[BaseModel], lists: frozenset[str], request: Request) -> BaseModel:
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("query", *one["loc"])} for one in found]) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise HTTPException(404) from None
