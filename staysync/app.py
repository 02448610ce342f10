"""Knows how the whole is put together: `create_app(settings)` makes the service, its lifespan owns every pool."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from command import routes as command_routes
from command.side import open_command_side
from eventstore.errors import WrongMasterKey
from identity import access_routes, key_routes, member_routes
from identity import routes as identity_routes
from identity.access_log import open_access_log
from identity.side import open_identity
from query import guest_routes, own_routes, report_routes
from query import routes as query_routes
from query.side import open_query_side
from staysync import __version__, health, openapi, problems
from staysync.celery_app import make_celery
from staysync.demo import SIGN_INS
from staysync.http import Edge
from staysync.limiting import open_limits
from staysync.nudge import open_nudger
from staysync.pages import routes as pages
from staysync.proxies import TrustedProxies
from staysync.secrets import load_secrets
from staysync.settings import Settings


class Json(Response):
    """An answer as JSON, written by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The body's bytes."""
        return orjson.dumps(content)


class Service(FastAPI):
    """FastAPI with our edge as the outermost layer, in the place of Starlette's page for unexpected errors."""

    edge: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        """Edge, then the table of problems, then the routes."""
        handlers = {kind: handler for kind, handler in self.exception_handlers.items() if kind not in (500, Exception)}
        return self.edge(ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=handlers))


def create_app(settings: Settings, unfit: Callable[[WrongMasterKey], None] | None = None) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    `unfit` is told when the database turns out to be sealed with another master key: the process has to end then.
    """
    https = settings.public_origin is not None and settings.public_origin.startswith("https://")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            secrets = load_secrets(settings.secrets_dir)
            app.state.identity = await stack.enter_async_context(
                open_identity(
                    settings.role_url("identity"),
                    read_signing_keys=secrets.signing_keys,
                    mail_key=secrets.mail_key(),
                    public_origin=settings.public_origin,
                    secure_cookies=settings.production or https,
                )
            )
            app.state.access_log = await stack.enter_async_context(open_access_log(app.state.identity.pool))
            app.state.limits = await stack.enter_async_context(open_limits(settings, secrets.fingerprint_key()))
            app.state.query = await stack.enter_async_context(
                open_query_side(
                    settings.sqlalchemy_url("query"),
                    pool_size=settings.query_pool_size,
                    position_wait_s=settings.position_wait_s,
                )
            )
            announce = None
            if settings.redis_url is not None:  # without a broker, projectors find news by their sweep
                nudger = await stack.enter_async_context(open_nudger(settings.redis_url, make_celery(settings)))
                announce = nudger.announce
            app.state.command_side = await stack.enter_async_context(
                open_command_side(
                    database_url=settings.role_url("command"),
                    pool_size=settings.command_pool_size,
                    master_key=secrets.master_key(),
                    fingerprint_key=secrets.fingerprint_key(),
                    bookable_horizon_days=settings.bookable_horizon_days,
                    business_day_rolls_at=settings.business_day_rolls_at,
                    announce=announce,
                    without_database=True,
                    unfit=unfit,
                )
            )
            app.state.pages = pages.pages_of(settings, SIGN_INS)
            app.state.health = await stack.enter_async_context(health.open_health(settings))
            yield

    app = Service(
        title="StaySync",
        version=__version__,
        summary="An event-sourced hotel reservation backend that can't be made to sell a room twice.",
        lifespan=lifespan,
        default_response_class=Json,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=problems.handlers(),
        telemetry={"tracing": False, "metrics": False, "logs": False},  # asked for by nobody, looked up per request
    )
    app.edge = partial(
        Edge,
        max_body_bytes=settings.max_body_bytes,
        request_timeout_s=settings.request_timeout_s,
        https=https,
        proxies=TrustedProxies(settings.trusted_proxies, settings.proxy_header),
    )
    app.router.routes.extend(command_routes.routes())
    for router in (
        query_routes.router,
        own_routes.router,
        guest_routes.router,
        report_routes.router,
        identity_routes.router,
        member_routes.router,
        key_routes.router,
        identity_routes.public,
        access_routes.router,
        health.router,
        openapi.router,
        pages.router,
    ):
        app.include_router(router)
    return app
