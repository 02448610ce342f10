"""The command line of backups: taking one, fetching the WAL after it, and restoring both."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from staysync.upkeep import EXIT_HOLDS, run

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from rich.console import Console

    from staysync.settings import Settings

_FORMATS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]


def backup(folder: Annotated[Path, typer.Argument(help="a folder that isn't there yet", resolve_path=True)]) -> None:
    """Copy the whole database with the WAL that it needs, while everything runs, and check the copy.

    The secrets aren't in it: keep them elsewhere. Exit code 0: done; 2: it can't be done.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        from staysync.backup import back_up

        with Progress(TextColumn("copying"), BarColumn(), DownloadColumn(), console=console) as bar:
            task = bar.add_task("")
            kept = await back_up(
                settings, folder, lambda done, total: bar.update(task, completed=done * 1024, total=total * 1024)
            )
        events = sum(head.seq for head in kept.heads)
        console.print(f"{kept.folder}: {len(kept.heads)} hotels with {events:,} events or more.", soft_wrap=True)
        console.print("It is of no use without the secrets (master.key above all). Keep those elsewhere.")
        return EXIT_HOLDS

    run(work)


def archive_wal(folder: Annotated[Path, typer.Argument(help="where the segments go", resolve_path=True)]) -> None:
    """Fetch the WAL as it is written, until Ctrl-C; with a backup it restores any instant after that."""

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.backup import archive_wal as fetch

        console.print(f"The WAL goes to {folder.absolute()} as it is written. Ctrl-C ends that.", soft_wrap=True)
        await fetch(settings, folder)
        return EXIT_HOLDS

    run(work)


def restore(
    folder: Annotated[Path, typer.Argument(help="a backup", resolve_path=True)],
    wal: Annotated[
        Path | None, typer.Option("--wal", help="the WAL that `archive-wal` fetched", resolve_path=True)
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_FORMATS, help="replay up to this instant, in UTC")
    ] = None,
) -> None:
    """Put a backup into an empty STAYSYNC_DATA_DIR, in which the installation's secrets are already.

    Everybody is signed out. Exit code 0: done; 2: it can't be done.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.restoring import restore as put_back

        instant = None if until is None else until.replace(tzinfo=UTC)
        with console.status("copying, checking and replaying"):
            restored = await put_back(settings, folder, wal=wal, until=instant)
        newest = "" if restored.newest is None else f", the newest of {restored.newest:%Y-%m-%d %H:%M:%S} UTC"
        console.print(f"Restored: {restored.events:,} events of {restored.hotels} hotels{newest}.", soft_wrap=True)
        console.print(f"{restored.sessions_ended} sessions were ended. `staysync verify` checks all of it.")
        return EXIT_HOLDS

    run(work, with_database=False)
