"""The command line of upkeep: check all against the ledger, let a parked projection try again, rebuild a hotel."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from collections.abc import AsyncIterator

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from projections.drain import Drained, Projector
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


def parked() -> None:
    """List the hotels whose projection is parked or has raised an alarm, the longest first.

    Exit code 0: there are none; 1: there are.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        async with _projector(settings) as projector:
            rows = await _amiss(projector)
        for row in rows:
            if row["parked_seq"] is not None:
                _say(console, f"hotel {row['hotel_id']}: parked before event {row['parked_seq']:,} of"
                              f" {row['ledger_seq']:,} since {row['parked_at']:%Y-%m-%d %H:%M} UTC:"
                              f" {row['parked_error']}")  # fmt: skip
            if row["alarm"] is not None:
                _say(console, f"hotel {row['hotel_id']}: alarm since {row['alarm_at']:%Y-%m-%d %H:%M} UTC:"
                              f" {row['alarm']}")  # fmt: skip
        console.print(f"{len(rows)} hotels are parked or have raised an alarm.")
        return EXIT_DIFFERS if rows else EXIT_HOLDS

    run(work)


def retry(
    hotel: Annotated[UUID | None, typer.Argument(help="the hotel's id")] = None,
    every: Annotated[bool, typer.Option("--all", help="all that are parked, the longest parked first")] = False,
) -> None:
    """Let a parked projection try again, from the event on that couldn't be applied.

    Exit code 0: it has caught up; 1: it is parked again, or a projector is at it.
    """
    if (hotel is None) != every:
        raise typer.BadParameter("name one hotel, or say --all")

    async def work(settings: "Settings", console: "Console") -> int:
        from projections.drain import Drained

        async with _projector(settings) as projector:
            if hotel is not None:
                await _known(projector, hotel)
            parked = [row["hotel_id"] for row in await _amiss(projector) if row["parked_seq"] is not None]
            hotels = parked if hotel is None else [hotel]
            ends = [await _retried(projector, hotel_id, console) for hotel_id in hotels]
        return EXIT_HOLDS if all(end is Drained.CAUGHT_UP for end in ends) else EXIT_DIFFERS

    run(work)


async def _retried(projector: "Projector", hotel_id: UUID, console: "Console") -> "Drained":
    from projections.drain import Drained
    from projections.drain import retry as retry_hotel

    drained = await retry_hotel(projector, hotel_id)
    while drained is Drained.MORE:
        drained = await retry_hotel(projector, hotel_id)
    console.print(f"The projection of hotel {hotel_id}: {drained.value.replace('_', ' ')}.", soft_wrap=True)
    return drained


async def _amiss(projector: "Projector") -> "list[Any]":
    from projections.sql import statement

    return await projector.pool.fetch(statement("amiss"))


def _say(console: "Console", line: str) -> None:
    console.print(line, style="red", markup=False, soft_wrap=True)


def rebuild(
    hotel: Annotated[UUID | None, typer.Argument(help="this hotel alone; absent: all")] = None,
    even_if_different: Annotated[
        bool, typer.Option("--even-if-different", help="put the new tables in place whatever is different")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="catch up the tables from before the last rebuild, and put these in place")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="keep the new tables, drop those from before")] = False,
) -> None:
    """Fold the read tables from nothing, while queries go on being answered from the old rows.

    All hotels are folded beside the live tables, compared with them, and put in their place if all is the same. One
    hotel is replaced in one transaction, without a comparison. Exit code 0: done; 1: an event can't be applied, or
    something is different, and everything is as before.
    """
    if sum((hotel is not None, undo, keep)) > 1 or (hotel is not None and even_if_different):
        raise typer.BadParameter("a hotel, --undo and --keep go one at a time; a hotel is never compared")

    async def work(settings: "Settings", console: "Console") -> int:
        from projections.drain import CannotRebuild

        try:
            if hotel is not None:
                return await _rebuild_hotel(settings, console, hotel)
            if keep:
                return await _keep(settings, console)
            return await _rebuild_all(settings, console, even_if_different=even_if_different, undo=undo)
        except CannotRebuild as error:
            console.print(f"It can't be rebuilt: {error}", style="red", markup=False, soft_wrap=True)
            return EXIT_DIFFERS

    run(work)


async def _rebuild_hotel(settings: "Settings", console: "Console", hotel: UUID) -> int:
    from projections.drain import rebuild_hotel

    async with _projector(settings) as projector:
        total = await _known(projector, hotel)
        with progress_bar(console) as bar:
            task = bar.add_task(str(hotel), total=total)
            seq = await rebuild_hotel(projector, hotel, lambda done: bar.update(task, completed=done))
    console.print(f"The read tables of hotel {hotel} are rebuilt from {seq:,} events.")
    return EXIT_HOLDS


async def _rebuild_all(settings: "Settings", console: "Console", *, even_if_different: bool, undo: bool) -> int:
    from projections.rebuilding import rebuild_all, rebuilder
    from projections.schemas import BEFORE, NEXT
    from staysync.secrets import load_secrets

    master_key = load_secrets(settings.secrets_dir).master_key()
    urls = settings.role_url("owner"), settings.role_url("projector")
    with progress_bar(console) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        async with rebuilder(*urls, master_key, BEFORE if undo else NEXT) as work:
            outcome = await rebuild_all(work, even_if_different=even_if_different or undo, progress=progress)
    for unlike in outcome.differences:
        _say(console, f"hotel {unlike.hotel_id}: {unlike.table}: {unlike.missing:,} rows are missing in the live table,"
                      f" {unlike.unaccounted:,} are ones that no event accounts for; the first is {unlike.first}"
                      f"{' (the hotel was known to be amiss)' if unlike.explained else ''}")  # fmt: skip
    if not outcome.swapped:
        console.print(
            "The live tables stay as they are: what is different isn't explained. See it through, or say"
            " --even-if-different.", soft_wrap=True,
        )  # fmt: skip
        return EXIT_DIFFERS
    whole = f"{outcome.hotels:,} hotels, {outcome.events:,} events"
    console.print(
        f"The tables from before are live again ({whole}). The others are kept."
        if undo
        else f"The read tables are folded anew ({whole}). What was live is kept: rebuild --undo goes back to it,"
        " rebuild --keep drops it.",
        soft_wrap=True,
    )
    return EXIT_HOLDS


async def _keep(settings: "Settings", console: "Console") -> int:
    from projections.rebuilding import drop
    from projections.schemas import BEFORE

    there = await drop(settings.role_url("owner"), BEFORE)
    console.print("The tables from before are dropped." if there else "There are no tables from before.")
    return EXIT_HOLDS


def run(work: "Callable[[Settings, Console], Awaitable[int]]", *, with_database: bool = True) -> None:
    """Do a command's work, with a database unless said, and end with its exit code.

    What can't be done is said in one line.
    """
    import asyncpg
    import uvloop
    from rich.console import Console

    from domain.rejections import UnknownHotel
    from eventstore.errors import WrongMasterKey
    from staysync.backup import BackupError
    from staysync.importing.database import database
    from staysync.processes import CannotStartError
    from staysync.settings import Settings

    console = Console(stderr=True)

    async def do() -> int:
        if not with_database:
            return await work(Settings(), console)
        async with database(Settings()) as settings:
            return await work(settings, console)

    try:
        code = uvloop.run(do())
    except (
        BackupError, CannotStartError, UnknownHotel, WrongMasterKey,
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError,
    ) as problem:  # fmt: skip
        reason = str(problem) or type(problem).__name__
        console.print(f"It can't be done: {reason}", style="red", markup=False, soft_wrap=True)
        code = EXIT_CANNOT_CHECK
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = EXIT_CANNOT_CHECK
    raise typer.Exit(code)


@asynccontextmanager
async def _projector(settings: "Settings") -> "AsyncIterator[Projector]":
    from projections.drain import Projector, projector_pool
    from staysync.secrets import load_secrets

    master_key = load_secrets(settings.secrets_dir).master_key()
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
