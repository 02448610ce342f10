"""The command line of upkeep: check all against the ledger, let a parked projection try again, rebuild a hotel."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from collections.abc import AsyncIterator

    from rich.console import Console
    from rich.progress import Progress

    from projections.drain import Projector
    from staysync.settings import Settings
    from staysync.verify import Report

EXIT_HOLDS, EXIT_DIFFERS, EXIT_CANNOT_CHECK = 0, 1, 2

_HOTEL = Annotated[UUID, typer.Argument(help="the hotel's id")]


def verify(
    hotel: Annotated[UUID | None, typer.Option("--hotel", help="check this hotel alone")] = None,
    caught_up: Annotated[
        bool, typer.Option("--caught-up", help="count it as a difference if read tables are behind the ledger")
    ] = False,
) -> None:
    """Check the ledger, the guards and every read table against the events.

    Read tables are compared as far as they are projected, which is said. Exit code 0: all that was compared holds; 1:
    something differs, the first difference of each kind is shown; 2: it can't be checked.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.verify import verify as check

        with progress_bar(console) as bar:
            tasks: dict[UUID, int] = {}

            def progress(hotel_id: UUID, done: int, total: int) -> None:
                if hotel_id not in tasks:
                    tasks[hotel_id] = int(bar.add_task(str(hotel_id), total=total))
                bar.update(tasks[hotel_id], completed=done, total=total)  # type: ignore[arg-type]

            gc.disable()  # millions of rows without a cycle among them, which it would count again and again
            report = await check(settings, hotel, progress, caught_up=caught_up)
        _tell(console, report)
        return EXIT_DIFFERS if report.differences else EXIT_HOLDS

    run(work)


def retry(hotel: _HOTEL) -> None:
    """Let a parked projection try again.

    Exit code 0: it has caught up; 1: it is parked again, or a projector is at it.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from projections.drain import Drained
        from projections.drain import retry as retry_hotel

        async with _projector(settings) as projector:
            await _known(projector, hotel)
            drained = await retry_hotel(projector, hotel)
            while drained is Drained.MORE:
                drained = await retry_hotel(projector, hotel)
        console.print(f"The projection of hotel {hotel}: {drained.value.replace('_', ' ')}.")
        return EXIT_HOLDS if drained is Drained.CAUGHT_UP else EXIT_DIFFERS

    run(work)


def rebuild(hotel: _HOTEL) -> None:
    """Fold a hotel's read tables from nothing, while queries go on being answered from the old rows.

    Exit code 0: done; 1: an event can't be applied, and everything is as before.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from projections.drain import CannotRebuild, rebuild_hotel

        async with _projector(settings) as projector:
            total = await _known(projector, hotel)
            with progress_bar(console) as bar:
                task = bar.add_task(str(hotel), total=total)
                try:
                    seq = await rebuild_hotel(projector, hotel, lambda done: bar.update(task, completed=done))
                except CannotRebuild as error:
                    console.print(f"The hotel can't be rebuilt: {error}", style="red", markup=False)
                    return EXIT_DIFFERS
        console.print(f"The read tables of hotel {hotel} are rebuilt from {seq:,} events.")
        return EXIT_HOLDS

    run(work)


def run(work: "Callable[[Settings, Console], Awaitable[int]]") -> None:
    """Do a command's work with a database, and end with its exit code; what can't be done is said in one line."""
    import asyncpg
    import uvloop
    from rich.console import Console

    from domain.rejections import UnknownHotel
    from eventstore.errors import WrongMasterKey
    from staysync.importing.database import database
    from staysync.processes import CannotStartError
    from staysync.settings import Settings

    console = Console(stderr=True)

    async def with_database() -> int:
        async with database(Settings()) as settings:
            return await work(settings, console)

    try:
        code = uvloop.run(with_database())
    except (
        CannotStartError, UnknownHotel, WrongMasterKey, asyncpg.PostgresError, asyncpg.InterfaceError, OSError
    ) as problem:  # fmt: skip
        reason = str(problem) or type(problem).__name__
        console.print(f"It can't be done: {reason}", style="red", markup=False, soft_wrap=True)
        code = EXIT_CANNOT_CHECK
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = EXIT_CANNOT_CHECK
    raise typer.Exit(code)


@asynccontextmanager
async def _projector(settings: "Settings") -> "AsyncIterator[Projector]":
    from eventstore.guest_keys import MasterKey
    from projections.drain import Projector, projector_pool
    from staysync.secrets import load_secrets

    master_key = MasterKey(load_secrets(settings.secrets_dir).master_key())
    async with projector_pool(settings.role_url("projector"), master_key) as pool:
        yield Projector(pool, master_key)


async def _known(projector: "Projector", hotel_id: UUID) -> int:
    """How many events the hotel has. Raises UnknownHotel."""
    from domain.rejections import UnknownHotel

    seq: int | None = await projector.pool.fetchval("select seq from ledger.head where hotel_id = $1", hotel_id)
    if seq is None:
        raise UnknownHotel(hotel_id=hotel_id)
    return seq


def progress_bar(console: "Console") -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


def _tell(console: "Console", report: "Report") -> None:
    for note in report.notes:
        console.print(note, style="yellow", markup=False, soft_wrap=True)
    for difference in report.differences:
        line = f"hotel {difference.hotel_id}: {difference.kind}: {difference.facts}"
        console.print(line, style="red", markup=False, soft_wrap=True)
    checked = f"{report.events:,} events of {report.hotels} hotels"
    if report.differences:
        console.print(f"{checked} checked: {len(report.differences)} kinds of difference, the first of each is above.")
    elif report.compared == report.events:
        console.print(f"{checked} checked: all holds.")
    else:
        console.print(
            f"{checked} checked: the ledger and its guards hold. The read tables hold as far as they go: they were"
            f" compared up to {report.compared:,} of these events.",
            soft_wrap=True,
        )
