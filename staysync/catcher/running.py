"""Runs the catcher: SMTP on one port, its page on another."""

import asyncio
import logging

import typer
import uvicorn
from aiosmtpd.smtp import SMTP

from staysync.catcher.box import Box
from staysync.catcher.pages import pages_of
from staysync.processes import CannotStartError
from staysync.settings import Settings

_LARGEST_MAIL_BYTES = 10_000_000


def run_catcher(settings: Settings) -> None:
    """Catch mails until SIGTERM or Ctrl-C; not in production mode. Raises CannotStartError for a port that is taken."""
    if settings.production:
        typer.echo("There is no mail catcher in production mode: set STAYSYNC_SMTP_URL to your mail server.")
        return
    if settings.catcher_port is None or settings.catcher_smtp_port is None:
        raise CannotStartError("STAYSYNC_CATCHER_PORT and STAYSYNC_CATCHER_SMTP_PORT say where the catcher listens")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's, which would say who writes to whom
    asyncio.run(_catch(settings, settings.catcher_port, settings.catcher_smtp_port))


async def _catch(settings: Settings, port: int, smtp_port: int) -> None:
    box = Box()
    config = uvicorn.Config(
        pages_of(box),
        host=settings.catcher_host,
        port=port,
        access_log=False,
        server_header=False,
        log_level="warning",
    )
    try:
        smtp = await asyncio.get_running_loop().create_server(
            lambda: SMTP(box, hostname="catcher", enable_SMTPUTF8=True, data_size_limit=_LARGEST_MAIL_BYTES),
            settings.catcher_host,
            smtp_port,
        )
    except OSError as error:
        raise CannotStartError(f"the mail catcher can't listen on port {smtp_port}: {error.strerror}") from error
    async with smtp:
        await uvicorn.Server(config).serve()
