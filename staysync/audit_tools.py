"""The command line of the audit: sign heads, carry the evidence outside, and check it there or in the live ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from staysync.upkeep import EXIT_CANNOT_CHECK, EXIT_DIFFERS, EXIT_HOLDS, progress_bar, run

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.progress import Progress

    from eventstore.audit.file_check import KeptHeads
    from eventstore.audit.findings import Checked
    from staysync.settings import Settings

app = typer.Typer(help="Show that the ledger wasn't touched.", no_args_is_help=True)

_OUT = Annotated[Path, typer.Argument(help="the file to write; packed by gzip if its name ends with .gz")]
_SHOWN = 20


@app.command("export")
def export(
    places: Annotated[
        list[str], typer.Argument(metavar="[HOTEL_ID] FILE", help="which hotel, and the file to write (.gz packs it)")
    ],
    everything: Annotated[bool, typer.Option("--all", help="every hotel")] = False,
) -> None:
    """Write a hotel's ledger, or all, with signed heads and public keys into one file that proves itself."""
    hotel_id, file = _hotel_and_file(places, everything=everything)

    async def work(settings: "Settings", console: "Console") -> int:
        from eventstore.audit.export import export as write
        from eventstore.audit.store import audit_pool

        with progress_bar(console) as bar:
            async with audit_pool(settings.role_url("audit")) as pool:
                events = await write(pool, file, _now_us(), hotel_id, _by_hotel(bar))
        console.print(f"{events:,} events are in {file}.")
        return EXIT_HOLDS

    run(work)


@app.command("heads")
def heads(file: _OUT) -> None:
    """Write the signed heads and public keys alone: small, to be kept where nobody here can change it."""

    async def work(settings: "Settings", console: "Console") -> int:
        from eventstore.audit.export import export_heads
        from eventstore.audit.store import audit_pool

        async with audit_pool(settings.role_url("audit")) as pool:
            count = await export_heads(pool, file, _now_us())
        console.print(f"{count:,} signed heads are in {file}.")
        return EXIT_HOLDS

    run(work)


@app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="the audit file to check; it needs no database")] = None,
    live: Annotated[bool, typer.Option("--live", help="check the ledger in the database instead of a file")] = False,
    hotel: Annotated[UUID | None, typer.Option("--hotel", help="with --live: this hotel alone")] = None,
    head: Annotated[
        list[Path] | None, typer.Option(help="an earlier audit file, kept outside: what it says must still hold")
    ] = None,
    trusted_key: Annotated[
        list[str] | None, typer.Option(help="a public key (64 hexadecimal digits) that you have from elsewhere")
    ] = None,
) -> None:
    """Say whether a file, or the live ledger, is whole, and name what is wrong where.

    Exit code 0: whole; 1: something is wrong; 2: it can't be checked.
    """
    if (file is None) is not live:
        raise typer.BadParameter("name a file or say --live")
    if hotel is not None and not live:
        raise typer.BadParameter("--hotel goes with --live; a file is checked whole")
    if live:
        run(lambda settings, console: _check_live(settings, console, hotel, head or (), trusted_key or ()))
    elif file is not None:
        raise typer.Exit(_check_file(file, head or (), trusted_key or ()))


@app.command("sign")
def sign() -> None:
    """Sign the heads that moved since the last time, now. Exit code 0: done; 1: a ledger isn't what was signed."""

    async def work(settings: "Settings", console: "Console") -> int:
        from datetime import UTC, datetime

        from eventstore.audit.signing import sign_heads
        from eventstore.audit.store import audit_pool
        from staysync.secrets import load_secrets

        secrets = load_secrets(settings.secrets_dir)
        async with audit_pool(settings.role_url("audit")) as pool:
            done = await sign_heads(pool, secrets.head_key(), secrets.head_public_keys(), lambda: datetime.now(UTC))
        for refusal in done.refused:
            console.print(f"not signed: {refusal}", style="red", markup=False, soft_wrap=True)
        console.print(f"{done.signed:,} heads are signed, {done.unchanged:,} were signed before.")
        return EXIT_DIFFERS if done.refused else EXIT_HOLDS

    run(work)


@app.command("public-key")
def public_key() -> None:
    """Print the public key that signs heads today, for whoever checks: to be handed over by another way than files."""
    from staysync.cli import one_line_errors
    from staysync.secrets import ensure_secrets
    from staysync.settings import Settings

    with one_line_errors():
        typer.echo(ensure_secrets(Settings().secrets_dir).head_key().public_key.hex())


@app.command("rotate-key")
def rotate_key() -> None:
    """Sign with a new key from now on. The former private key is destroyed, its public key kept. No restart is needed.

    Sign once before, so that the former key vouches for all that there is; hand the new public key to whoever checks.
    """
    from staysync.cli import one_line_errors
    from staysync.secrets import ensure_secrets, rotate_head_key
    from staysync.settings import Settings

    with one_line_errors():
        settings = Settings()
        ensure_secrets(settings.secrets_dir)
        key = rotate_head_key(settings.secrets_dir)
    typer.echo(f"Key {key.key_id} signs heads from now on: {key.public_key.hex()}")


async def _check_live(
    settings: "Settings", console: "Console", hotel: UUID | None, files: "Sequence[Path]", keys: "Sequence[str]"
) -> int:
    from eventstore.audit.live_check import check_ledger
    from eventstore.audit.store import audit_pool
    from staysync.secrets import load_secrets

    kept, trusted = _evidence(files, keys, console)
    if kept is None:
        return EXIT_CANNOT_CHECK
    trusted += load_secrets(settings.secrets_dir).head_public_keys()
    with progress_bar(console) as bar:
        async with audit_pool(settings.role_url("audit")) as pool:
            checked = await check_ledger(pool, hotel_id=hotel, trusted_keys=trusted, kept=kept, progress=_by_hotel(bar))
    return _tell(console, checked)


def _check_file(file: Path, files: "Sequence[Path]", keys: "Sequence[str]") -> int:
    import gc
    import gzip

    from rich.console import Console

    from eventstore.audit.file_check import NotAnAuditFile, check_file

    console = Console(stderr=True)
    kept, trusted = _evidence(files, keys, console)
    if kept is None:
        return EXIT_CANNOT_CHECK
    gc.disable()  # nothing here is a cycle, and there is much of it
    try:
        with console.status(f"Checking {file.name} …") as status:
            checked = check_file(
                file,
                trusted_keys=trusted,
                kept=kept,
                progress=lambda events: status.update(f"Checking {file.name}: {events:,} events …"),
            )
    except (NotAnAuditFile, gzip.BadGzipFile, OSError) as problem:
        console.print(f"{file} can't be checked: {problem}", style="red", markup=False, soft_wrap=True)
        return EXIT_CANNOT_CHECK
    return _tell(console, checked)


def _evidence(
    files: "Sequence[Path]", keys: "Sequence[str]", console: "Console"
) -> "tuple[list[KeptHeads] | None, list[bytes]]":
    """What was kept outside and which keys are trusted; None where a file or a key can't be read, which is said."""
    from eventstore.audit.file_check import NotAnAuditFile, read_heads, trusted_key

    try:
        return [read_heads(file) for file in files], [trusted_key(key) for key in keys]
    except (NotAnAuditFile, OSError, ValueError) as problem:
        console.print(f"It can't be checked: {problem}", style="red", markup=False, soft_wrap=True)
        return None, []


def _tell(console: "Console", checked: "Checked") -> int:
    from eventstore.audit.chain_check import said

    for note in checked.notes:
        console.print(note, style="yellow", markup=False, soft_wrap=True)
    for finding in checked.findings[:_SHOWN]:
        console.print(str(finding), style="red", markup=False, soft_wrap=True)
    if checked.found > _SHOWN:
        console.print(f"… and {checked.found - _SHOWN:,} more.", style="red")
    for hotel in checked.coverage:
        signed = (
            f"signed up to event {hotel.signed_seq:,} at {said(hotel.signed_us)} by {hotel.key_id}"
            if hotel.signed_seq
            else "nothing of it is signed"
        )
        console.print(f"hotel {hotel.hotel_id}: {hotel.events:,} events, {signed}", markup=False, soft_wrap=True)
    verdict = f"not whole, {checked.found:,} found." if checked.found else "all holds."
    console.print(f"{checked.events:,} events of {len(checked.coverage)} hotels checked: {verdict}")
    return EXIT_DIFFERS if checked.found else EXIT_HOLDS


def _hotel_and_file(places: "Sequence[str]", *, everything: bool) -> tuple[UUID | None, Path]:
    if len(places) != (1 if everything else 2):
        raise typer.BadParameter("name a hotel by its id and a file, or say --all and a file")
    if everything:
        return None, Path(places[0])
    try:
        return UUID(places[0]), Path(places[1])
    except ValueError:
        raise typer.BadParameter(f"{places[0]} isn't the id of a hotel") from None


def _by_hotel(bar: "Progress") -> "Callable[[UUID, int, int], None]":
    from rich.progress import TaskID

    tasks: dict[UUID, TaskID] = {}

    def progress(hotel_id: UUID, done: int, total: int) -> None:
        if hotel_id not in tasks:
            tasks[hotel_id] = bar.add_task(str(hotel_id), total=total)
        bar.update(tasks[hotel_id], completed=done, total=total)

    return progress


def _now_us() -> int:
    from datetime import UTC, datetime

    from eventstore.chain import microseconds

    return microseconds(datetime.now(UTC))
