"""The command line of imports: progress while they run, a summary at the end, a report on demand."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # the parts that work are loaded when an import runs, not for every --help
    from rich.console import Console

    from staysync.importing.hotels import Inventory
    from staysync.importing.plan import Plan
    from staysync.importing.replay import Progress, Result
    from staysync.settings import Settings

app = typer.Typer(help="Bring the history of hotels from elsewhere into the ledger.", no_args_is_help=True)

EXIT_DONE, EXIT_INCOMPLETE = 0, 1
_SHOWN = 15
_LOOKED_AT_EVERY_S = 0.2


@app.callback()
def imports() -> None:
    """Bring the history of hotels from elsewhere into the ledger."""


@app.command("hotel-demand")
def hotel_demand(
    file: Annotated[Path, typer.Argument(help="hotel_bookings.csv, also packed by gzip")],
    rooms: Annotated[
        list[str] | None,
        typer.Option(help="rooms by type, such as A=40,B=10 or resort:A=40; the others are enough for all"),
    ] = None,
    inventory: Annotated[
        float | None, typer.Option(help="a share of the rooms that would be enough for all, such as 0.5")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="write how every line ended, as JSON lines, to this file")] = None,
) -> None:
    """Replay the "Hotel booking demand" data set: 119,390 real bookings of two hotels, as commands of their days.

    Stopped and started again it goes on. Exit code 0: done; 1: stopped, or lines that can't be read; 2: can't start.
    """
    from staysync.cli import one_line_errors
    from staysync.importing.hotels import Inventory
    from staysync.settings import Settings

    try:
        wanted = Inventory.parse(rooms or (), inventory)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    with one_line_errors():
        raise typer.Exit(_run(Settings(), file, wanted, report))


def _run(settings: "Settings", file: Path, inventory: "Inventory", report: Path | None) -> int:
    import uvloop
    from rich.console import Console

    from staysync.importing.hotel_demand import read_history
    from staysync.importing.plan import Plan
    from staysync.processes import CannotStartError

    if report is not None:
        try:
            report.open("a").close()  # not only after minutes of work
        except OSError as error:
            raise CannotStartError(f"the report {report} can't be written: {error.strerror}") from error
    # What moves goes to the error stream, so that the summary can be kept by a redirection.
    console = Console(stderr=True)
    with console.status(f"Reading {file.name} …"):
        plan = Plan(read_history(file))
    began = time.monotonic()
    with _progress_bar(console, len(plan)) as progress:
        result = uvloop.run(_replay(settings, plan, inventory, progress))
    took_s = time.monotonic() - began
    if report is not None:
        write_report(result, report)
    _tell(Console(), result, took_s)
    return EXIT_INCOMPLETE if result.stopped or result.history.unreadable else EXIT_DONE


async def _replay(settings: "Settings", plan: "Plan", inventory: "Inventory", progress: "Progress") -> "Result":
    from staysync.importing.database import database
    from staysync.importing.replay import Stop, replay

    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.ask, "stopped by a signal")
    async with database(settings) as found:
        return await replay(found, plan, inventory, progress=progress, stop=stop)


@contextmanager
def _progress_bar(console: "Console", steps: int) -> Iterator["Progress"]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} commands/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as bar:
        task = bar.add_task("Opening", total=steps, rate=0.0)
        shown, last = time.monotonic(), 0

        def progress(done: int, day: date) -> None:
            nonlocal shown, last
            last = done
            if (now := time.monotonic()) - shown > _LOOKED_AT_EVERY_S:
                shown = now
                bar.update(task, completed=done, description=day.isoformat(), rate=bar.tasks[0].speed or 0.0)

        yield progress
        bar.update(task, completed=last)


def _tell(console: "Console", result: "Result", took_s: float) -> None:
    from rich.table import Table

    history = result.history
    table = Table("Hotel", "Lines", "Imported", "Refused", "Rejected", "Not yet", title="Hotel booking demand")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in result.hotels:
        lines = [line for line, row in history.rows.items() if row.hotel == name]
        imported = sum(line in result.imported for line in lines)
        refused = sum(line in result.refused for line in lines)
        counts = (len(lines), imported, refused, 0, len(lines) - imported - refused)
        table.add_row(name, *(f"{count:,}" for count in counts))
    if history.unreadable:
        table.add_row(
            "(unreadable)", *(f"{count:,}" for count in (len(history.unreadable), 0, 0, len(history.unreadable), 0))
        )
    table.add_section()
    totals = (history.lines, len(result.imported), len(result.refused), len(history.unreadable), result.unfinished)
    table.add_row("All", *(f"{count:,}" for count in totals), style="bold")
    console.print(table)
    for problem in history.unreadable[:_SHOWN]:
        console.print(f"rejected: line {problem.line}: {problem.reason}", markup=False, soft_wrap=True)
    _tell_refusals(console, result)
    rate = f"{result.written_steps:,} commands in {took_s:.1f} s, {result.written_steps / took_s:,.0f}/s"
    if result.found_steps:
        rate += f"; {result.found_steps:,} were done before"
    else:
        rate += f"; {history.lines - result.unfinished:,} lines, {(history.lines - result.unfinished) / took_s:,.0f}/s"
    console.print(f"{len(result.moved):,} were given a room of another type than they booked.", highlight=False)
    console.print(f"{rate}.", highlight=False, soft_wrap=True)
    if result.stopped:
        console.print(
            f"Not done: {result.stopped}. Start it again to go on.", style="red", markup=False, soft_wrap=True
        )


def _tell_refusals(console: "Console", result: "Result") -> None:
    from rich.table import Table

    if not result.refused:
        return
    rows = result.history.rows
    reasons = Counter(
        (
            refusal.rule,
            str(refusal.action),
            rows[line].hotel,
            rows[line].assigned_type if refusal.action == "move" else rows[line].room_type,
        )
        for line, refusal in result.refused.items()
    )
    table = Table("Refused for", "at", "Hotel", "Room type", "Bookings", title="Refusals")
    table.columns[-1].justify = "right"
    for (rule, action, hotel, room_type), count in reasons.most_common():
        table.add_row(rule, action, hotel, room_type, f"{count:,}")
    console.print(table)
    for line, refusal in list(result.refused.items())[:_SHOWN]:
        console.print(f"refused: line {line}: {refusal.reason}", markup=False, highlight=False, soft_wrap=True)
    if len(result.refused) > _SHOWN:
        console.print(f"… and {len(result.refused) - _SHOWN:,} more; --report FILE lists them all.", soft_wrap=True)


def write_report(result: "Result", file: Path) -> None:
    """How every line ended: a JSON object a line, in the file's order."""
    import orjson

    ends: dict[int, dict[str, object]] = {
        problem.line: {"line": problem.line, "end": "rejected", "reason": problem.reason}
        for problem in result.history.unreadable
    }
    for line, row in result.history.rows.items():
        end: dict[str, object] = {"line": line, "end": "imported", "hotel": row.hotel}
        if line in result.refused:
            refusal = result.refused[line]
            end |= {"end": "refused", "step": refusal.action, "rule": refusal.rule, "reason": refusal.reason}
        elif line not in result.imported:
            end["end"] = "not yet"
        if line not in result.refused or result.refused[line].action != "book":
            end["booking_id"] = str(result.hotels[row.hotel].booking_id(row))
        if row.flags:
            end["flags"] = row.flags
        ends[line] = end
    with file.open("wb") as stream:
        for line in sorted(ends):
            stream.write(orjson.dumps(ends[line]) + b"\n")
