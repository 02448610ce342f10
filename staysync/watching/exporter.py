"""Shows the metrics of processes that serve no HTTP otherwise: workers and beat that share no disk with an API."""

import errno

from prometheus_client import start_http_server

from staysync.processes import CannotStartError
from staysync.settings import Settings
from staysync.watching.metrics import Shared


def show_metrics(settings: Settings, shared: Shared) -> None:
    """Serve what all processes of this data directory have counted, at the port of the settings, by a thread.

    Raises CannotStartError if somebody has the port. Whoever reaches it may read: it is for a network of one's own.
    """
    try:
        start_http_server(settings.metrics_port, settings.host, registry=shared.registry())
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise CannotStartError(f"port {settings.metrics_port} is taken; STAYSYNC_METRICS_PORT names another") from error
