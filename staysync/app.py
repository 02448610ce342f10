"""Knows how the whole is put together: `create_app(settings)` makes the service, its lifespan owns every pool."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from command import routes as command_routes
from eventstore.errors import WrongMasterKey
from identity import access_routes, key_routes, member_routes
from identity import routes as identity_routes
from identity.access_log import open_access_log
from identity.side import open_identity
from projections.mail import routes as mail_routes
from projections.mail.routes import open_mail_desk
from query import guest_routes, history_routes, own_routes, report_routes, search_routes, stream_routes
from query import routes as query_routes
from query.side import open_query_side
from query.stream import Streams
from staysync import __version__, health, openapi, problems
from staysync.celery_app import make_celery
from staysync.demo import SIGN_INS
from staysync.http import Edge
from staysync.keeping import open_kept_answers
from staysync.limiting import open_limits
from staysync.nudge import open_nudger
from staysync.operations import parked
from staysync.operations import routes as operations_routes
from staysync.operations.desk import open_desk
from staysync.operations.runs import take_cause_along
from staysync.pages import routes as pages
from staysync.proxies import TrustedProxies
from staysync.secrets import load_secrets
from staysync.settings import Settings
from staysync.watching import routes as watching_routes
from staysync.watching.metrics import Shared
from staysync.watching.pools import Pools, noting
from staysync.watching.watch import ProcessWatch
from staysync.writing import write_side

_DESK_POOL_SIZE = 2


class Json(JSONResponse):
    """An answer as JSON, written by orjson. Of any other kind FastAPI would document the body as a string."""

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


def create_app(
    settings: Settings, unfit: Callable[[WrongMasterKey], None] | None = None, shared: Shared | None = None
) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    `unfit` is told when the database turns out to be sealed with another master key: the process has to end then.
    With `shared` its metrics are counted together with those of other processes.
    """
    watching = ProcessWatch(settings, "api", shared)
    take_cause_along()
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
            kept = await stack.enter_async_context(open_kept_answers(settings))
            app.state.query = await stack.enter_async_context(
                open_query_side(
                    settings.sqlalchemy_url("query"),
                    pool_size=settings.query_pool_size,
                    position_wait_s=settings.position_wait_s,
                    redis_url=settings.redis_url,
                    kept=kept,
                )
            )
            app.state.streams = Streams(
                app.state.query, most=settings.streams, most_per_account=settings.streams_per_account
            )
            stack.push_async_callback(app.state.streams.close)
            stack.callback(watching.close)
            announce = celery = None
            if settings.redis_url is not None:  # without a broker, projectors find news by their sweep
                celery = make_celery(settings)
                nudger = await stack.enter_async_context(open_nudger(settings.redis_url, celery))
                announce = nudger.announce
            app.state.desk = await stack.enter_async_context(open_desk(settings, celery, size=_DESK_POOL_SIZE))
            app.state.command_side = await stack.enter_async_context(
                write_side(settings, announce=announce, watch=watching(), without_database=True, unfit=unfit)
            )
            app.state.mail_desk = await stack.enter_async_context(open_mail_desk(settings.role_url("mail")))
            app.state.pages = pages.pages_of(settings, SIGN_INS)
            app.state.health = await stack.enter_async_context(health.open_health(settings, app.state.desk))
            app.state.shown = watching_routes.Shown(
                watching().metrics,
                await stack.enter_async_context(noting(_pools(app, watching))),
                app.state.health.asking,
                watching_routes.networks_of(settings.metrics_networks),
                proxied=bool(settings.trusted_proxies),
            )
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
        watch=watching(),
    )
    app.router.routes.extend(command_routes.routes())
    app.router.routes.extend(search_routes.router.routes)
    for router in (
        query_routes.router,
        stream_routes.router,
        history_routes.router,
        own_routes.router,
        report_routes.router,
        guest_routes.router,
        identity_routes.router,
        member_routes.router,
        key_routes.router,
        identity_routes.public,
        access_routes.router,
        mail_routes.router,
        health.router,
        watching_routes.router,
        operations_routes.router,
        parked.router,
        openapi.router,
        pages.router,
    ):
        app.include_router(router)
    return app


def _pools(app: FastAPI, watching: ProcessWatch) -> Pools:
    """The pools of this process, as its metrics name them."""
    state = app.state
    direct = {"command": state.command_side.pool, "identity": state.identity.pool, "operator": state.desk.pool}
    return Pools(watching().metrics, direct, state.query.engine, state.command_side.appender)
