"""Knows how the API is served: uvicorn with a fast loop and parser, on one port, ended gracefully."""

import asyncio
import contextlib
import errno
import socket

from eventstore.errors import WrongMasterKey
from staysync.bootstrap import check_master_key
from staysync.processes import CannotStartError
from staysync.settings import Settings

GRACE_S = 10  # requests under way may end within this time


def serve(settings: Settings) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    Raises `CannotStartError` if the port can't be had or the API doesn't come up, and WrongMasterKey, also later, when
    it meets a database that is sealed with another key than ours.
    """
    listener = listen(settings)
    asyncio.run(check_master_key(settings, "command", unless_away=True))
    import uvicorn  # after the port: who has to choose another one shouldn't wait

    from staysync.app import create_app
    from staysync.protocol import protocol
    from staysync.watching.logs import configure_logs
    from staysync.watching.metrics import share_metrics
    from staysync.watching.traces import require_traces

    require_traces(settings)
    configure_logs(settings, "api")

    reasons: list[WrongMasterKey] = []

    def unfit(reason: WrongMasterKey) -> None:
        reasons.append(reason)
        server.should_exit = True

    app = create_app(settings, unfit, share_metrics(settings.data_dir))
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol(settings),
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the edge knows whom to believe who the client is
        log_config=None,  # ours is there
        timeout_graceful_shutdown=GRACE_S,
    )

    class Server(uvicorn.Server):
        """uvicorn, which waits for answers under way: streams have to be told that it is over."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.streams.end()
            await super().shutdown(sockets)

    server = Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has ended in order by then and says it once more
        server.run(sockets=[listener])
    if reasons:
        raise reasons[0]
    if not server.started:
        raise CannotStartError("the API didn't come up; the reason is above")


def listen(settings: Settings) -> socket.socket:
    """A socket on the API's address. Raises `CannotStartError` if somebody has it, or if it isn't ours to have."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port of a run that just ended is free
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStartError(f"port {settings.port} is taken; STAYSYNC_PORT names another") from error
        raise CannotStartError(f"{settings.host}:{settings.port} can't be listened on: {error.strerror}") from error
    return listener
