"""The command line: each command says what it does and hands over to the module that does it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from eventstore.errors import WrongMasterKey
from staysync.account_tools import account_mails, rotate_master_key, rotate_signing_key
from staysync.audit_tools import app as audit
from staysync.backup_commands import archive_wal, backup, restore
from staysync.erasing import erase_person, forget_guests
from staysync.importing.console import app as imports
from staysync.operations.console import dead_letters, schedules
from staysync.processes import CannotStartError
from staysync.upkeep import parked, rebuild, retry, verify

if TYPE_CHECKING:
    from staysync.settings import Settings

app = typer.Typer(
    name="staysync",
    help="StaySync, a hotel reservation backend that can't be made to sell a room twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a plain traceback is what a bug report needs
)

app.add_typer(imports, name="import")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(audit, name="audit")

EXIT_CANNOT_START = 2


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a person can put right into one line and an exit code, instead of a traceback."""
    from pydantic import ValidationError

    try:
        yield
    except (CannotStartError, WrongMasterKey) as error:
        for line in getattr(error, "problems", (str(error),)):
            typer.echo(f"StaySync can't start: {line}", err=True)
        raise typer.Exit(EXIT_CANNOT_START) from error
    except ValidationError as error:
        if error.title != "Settings":
            raise
        for problem in error.errors():
            if problem["type"] == "default_factory_not_called":
                continue  # it follows from another setting's problem
            name = "_".join(["STAYSYNC", *(str(part).upper() for part in problem["loc"])])
            reason = problem["msg"].removeprefix("Value error, ")
            typer.echo(f"StaySync can't start: {f'{name}: ' if problem['loc'] else ''}{reason}", err=True)
        raise typer.Exit(EXIT_CANNOT_START) from error


def _settings() -> "Settings":
    """The settings of what runs for clients. Raises `CannotStartError` where production mode asks for others."""
    from staysync.production import check_production
    from staysync.settings import Settings

    settings = Settings()
    check_production(settings)
    return settings


@app.command()
def up() -> None:
    """Run everything: database and broker unless they are given, API, workers, beat. Ctrl-C stops it all."""
    with one_line_errors():
        from staysync.supervisor import run_all

        asyncio.run(run_all(_settings()))


@app.command()
def serve() -> None:
    """Run the API alone."""
    with one_line_errors():
        from staysync.serving import serve as serve_api

        serve_api(_settings())


@app.command()
def worker(queue: Annotated[str, typer.Argument(help="projections, commands or mail")]) -> None:
    """Run the worker of one queue."""
    if queue not in ("projections", "commands", "mail"):
        raise typer.BadParameter("the queues are projections, commands and mail")
    with one_line_errors():
        from staysync.working import run_worker

        sys.exit(run_worker(_settings(), queue))


@app.command()
def beat() -> None:
    """Run the clock that sends the scheduled commands and the projectors' sweep."""
    with one_line_errors():
        from staysync.working import run_beat

        sys.exit(run_beat(_settings()))


@app.command()
def mail_catcher() -> None:
    """Take every mail and send none on; a page shows them. For development."""
    with one_line_errors():
        from staysync.catcher.running import run_catcher
        from staysync.settings import Settings

        run_catcher(Settings())


@app.command()
def bootstrap() -> None:
    """Make the database and its roles, or bring them up to date."""
    with one_line_errors():
        from staysync.bootstrap import bootstrap as make_roles
        from staysync.settings import Settings

        asyncio.run(make_roles(Settings()))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date; `bootstrap` comes first."""
    with one_line_errors():
        from staysync.bootstrap import check_master_key
        from staysync.bootstrap import migrate as upgrade
        from staysync.settings import Settings

        settings = Settings()
        upgrade(settings)
        asyncio.run(check_master_key(settings))


@app.command()
def secrets() -> None:
    """Make the keys and passwords that are missing; those that exist stay as they are."""
    with one_line_errors():
        from staysync.bootstrap import make_secrets
        from staysync.settings import Settings

        make_secrets(Settings())


@app.command()
def demo() -> None:
    """Make the first administrator and, unless switched off, the demo hotels; leaves what is there."""
    with one_line_errors():
        from staysync.supervisor import make_first_things

        asyncio.run(make_first_things(_settings()))


app.command()(verify)
app.command()(parked)
app.command()(retry)
app.command()(rebuild)
app.command()(backup)
app.command()(archive_wal)
app.command()(restore)
app.command()(erase_person)
app.command()(forget_guests)
app.command()(rotate_signing_key)
app.command()(rotate_master_key)
app.command()(account_mails)
app.command()(schedules)
