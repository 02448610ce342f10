"""The operator's view at the command line: schedules, and tasks that failed for good."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from staysync.upkeep import EXIT_CANNOT_CHECK, EXIT_DIFFERS, EXIT_HOLDS, run

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from rich.console import Console

    from staysync.settings import Settings

dead_letters = typer.Typer(
    name="dead-letters", help="Tasks that failed for good: list them, queue them again, throw them away."
)

_MOST_SHOWN = 200


def schedules() -> None:
    """Show what is done without anybody asking: last run, outcome, next run, in UTC. Exit code 1 if a run failed."""

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.operations.desk import open_desk
        from staysync.operations.schedules import SCHEDULES
        from staysync.operations.sql import statement

        async with open_desk(settings, None) as desk:
            rows = await desk.pool.fetch(statement("schedules"))
        for row in rows:
            known = SCHEDULES.get(row["name"])
            last = "never" if row["ended_at"] is None else f"{row['ended_at']:%Y-%m-%d %H:%M:%S} {row['outcome']}"
            console.print(
                f"{row['name']}: {'' if known is None else known.what}, {row['pattern']}\n"
                f"    last {last}{'' if row['error'] is None else ': ' + row['error']},"
                f" next {row['due_at']:%Y-%m-%d %H:%M:%S}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if not rows:
            console.print("No beat has run yet: it notes the schedules when it starts.")
        return EXIT_DIFFERS if any(row["outcome"] == "failed" for row in rows) else EXIT_HOLDS

    run(work)


@dead_letters.command("list")
def list_dead_letters() -> None:
    """List them, the newest first. Exit code 1 if there are any."""

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.operations.dead_letters import waiting
        from staysync.operations.desk import open_desk

        async with open_desk(settings, None) as desk:
            letters = await waiting(desk, _MOST_SHOWN)
        for letter in letters:
            arguments = [*letter.arguments["args"], *letter.arguments["kwargs"].items()]
            line = f"{letter.dead_letter_id}  {letter.failed_at:%Y-%m-%d %H:%M:%S} UTC  {letter.task} {arguments}"
            console.print(f"{line}\n    {letter.error}", markup=False, soft_wrap=True)
        if not letters:
            console.print("Nothing has failed for good.")
        return EXIT_DIFFERS if letters else EXIT_HOLDS

    run(work)


@dead_letters.command("retry")
def retry_dead_letters(
    which: Annotated[list[UUID] | None, typer.Argument(help="ids of dead letters")] = None,
    every: Annotated[bool, typer.Option("--all", help="all that there are")] = False,
) -> None:
    """Queue them again, as they were."""
    if bool(which) == every:
        raise typer.BadParameter("name dead letters by their ids, or say --all")

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.celery_app import make_celery
        from staysync.operations.dead_letters import retry, waiting
        from staysync.operations.desk import open_desk
        from staysync.operations.errors import QueueUnavailable, UnknownDeadLetter

        code = EXIT_HOLDS
        async with open_desk(settings, make_celery(settings)) as desk:
            wanted = which or [letter.dead_letter_id for letter in await waiting(desk, _MOST_SHOWN)]
            for dead_letter_id in wanted:
                try:
                    console.print(
                        f"{dead_letter_id}: queued again as {await retry(desk, dead_letter_id)}", markup=False
                    )
                except UnknownDeadLetter:
                    console.print(f"{dead_letter_id}: there is no such dead letter", style="red", markup=False)
                    code = EXIT_DIFFERS
                except QueueUnavailable:
                    console.print("The broker can't be reached; nothing was queued.", style="red")
                    return EXIT_CANNOT_CHECK
        return code

    run(work)


@dead_letters.command("discard")
def discard_dead_letters(which: Annotated[list[UUID], typer.Argument(help="ids of dead letters")]) -> None:
    """Throw them away: what they were to do is never done."""

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.operations.dead_letters import discard
        from staysync.operations.desk import open_desk
        from staysync.operations.errors import UnknownDeadLetter

        code = EXIT_HOLDS
        async with open_desk(settings, None) as desk:
            for dead_letter_id in which:
                try:
                    await discard(desk, dead_letter_id)
                except UnknownDeadLetter:
                    console.print(f"{dead_letter_id}: there is no such dead letter", style="red", markup=False)
                    code = EXIT_DIFFERS
        return code

    run(work)
