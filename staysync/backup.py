"""Takes a physical copy of the whole cluster with the WAL that it needs, and fetches the WAL written after it.

Both go by PostgreSQL's own replication, so no snapshot is held open over the ledger, however long they take. Secrets
are not in a copy: without the master key the guests in it can't be read, and that is meant.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import orjson

from staysync import __version__
from staysync.embedded import postgres_program
from staysync.processes import CannotStartError
from staysync.secrets import read_password
from staysync.settings import Settings

CLUSTER = "cluster"
SLOT = "staysync_archive"

_FACTS = "backup.json"
_PROGRESS = re.compile(rb"(\d+)/(\d+) kB")
_HEARD = 10_000
_SUPERUSER_PASSWORD = "db-superuser.password"  # noqa: S105 - the name of a file
_HEADS = "select hotel_id, seq, hash from ledger.head where seq > 0 order by hotel_id"

type Progress = Callable[[int, int], None]
"""Told how many kB are copied, and how many there are."""


class BackupError(Exception):
    """A backup can't be taken, read or restored; the message is one line for the person at the keyboard."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a hotel's ledger was when a backup began: the backup has at least these events, with this hash."""

    hotel_id: UUID
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was taken: where it is, when it began, and what it has at least."""

    folder: Path
    began_at: datetime
    heads: tuple[Head, ...]

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data."""
        return self.folder / CLUSTER


async def back_up(settings: Settings, folder: Path, progress: Progress) -> Backup:
    """Copy the cluster of `settings.database_url` into a new folder, and check the copy by its checksums.

    What is copied moves to its place when it is whole. Raises BackupError, and what asyncpg raises.
    """
    began_at = datetime.now(UTC)
    heads = await _heads(settings)
    draft = _draft_of(folder)
    options = ("--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password", "--progress")
    try:
        await _by_replication("pg_basebackup", settings, ["-D", str(draft / CLUSTER), *options], progress)
        await check_files(draft / CLUSTER)
        backup = Backup(folder, began_at, heads)
        (draft / _FACTS).write_bytes(_facts(backup))
        os.sync()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return backup


def _draft_of(folder: Path) -> Path:
    if folder.exists():
        raise BackupError(f"{folder} is there already: a backup goes into a folder of its own")
    draft = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    return draft


async def archive_wal(settings: Settings, folder: Path) -> None:
    """Fetch the WAL as it is written, until cancelled. Going on later loses nothing: a replication slot keeps the rest.

    The slot keeps `max_slot_wal_keep_size` at most, so that an archive that nobody fetches doesn't fill the disk.
    Raises BackupError.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    slot = (f"--slot={SLOT}", "--no-password")
    await _by_replication("pg_receivewal", settings, ["--create-slot", "--if-not-exists", *slot])
    await _by_replication("pg_receivewal", settings, ["-D", str(folder), "--synchronous", *slot])


def read_backup(folder: Path) -> Backup:
    """What a backup says of itself. Raises BackupError."""
    try:
        facts = orjson.loads((folder / _FACTS).read_bytes())
        heads = tuple(Head(UUID(h["hotel_id"]), h["seq"], bytes.fromhex(h["hash"])) for h in facts["heads"])
        return Backup(folder, datetime.fromisoformat(facts["began_at"]), heads)
    except OSError as error:
        raise BackupError(f"{folder / _FACTS} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder / _FACTS} isn't what a backup says of itself") from error


async def check_files(cluster: Path) -> None:
    """Compare every file of a copy with the checksums of its manifest. Raises BackupError."""
    await _run([postgres_program("pg_verifybackup"), "--quiet", "--exit-on-error", cluster])


def _facts(backup: Backup) -> bytes:
    heads = [{"hotel_id": str(h.hotel_id), "seq": h.seq, "hash": h.hash.hex()} for h in backup.heads]
    return orjson.dumps(
        {"staysync": __version__, "began_at": backup.began_at, "heads": heads}, option=orjson.OPT_INDENT_2
    )


async def _heads(settings: Settings) -> tuple[Head, ...]:
    connection = await asyncpg.connect(settings.role_url("owner"))
    try:
        rows = await connection.fetch(_HEADS)
    finally:
        await connection.close()
    return tuple(Head(row["hotel_id"], row["seq"], row["hash"]) for row in rows)


async def _by_replication(
    program: str, settings: Settings, arguments: Sequence[str], progress: Progress | None = None
) -> None:
    """Run a program that speaks replication, as the privileged user, whose password no command line shows."""
    parts = urlsplit(settings.database_url or "")
    place = urlunsplit(parts._replace(netloc=f"{_user(settings)}@{parts.netloc.rpartition('@')[2]}"))
    password = unquote(parts.password) if parts.password else _kept_password(settings)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    await _run([postgres_program(program), f"--dbname={place}", *arguments], environment, progress)


def _user(settings: Settings) -> str:
    return quote(unquote(urlsplit(settings.database_url or "").username or "postgres"), safe="")


def _kept_password(settings: Settings) -> str | None:
    """The password of the embedded server's superuser."""
    file = settings.secrets_dir / _SUPERUSER_PASSWORD
    return read_password(file) if file.exists() else None


async def _run(
    command: Sequence[str | Path], environment: dict[str, str] | None = None, progress: Progress | None = None
) -> None:
    """Run a program of PostgreSQL to its end; it ends with us. Raises BackupError with what it complained of."""
    try:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        raise CannotStartError(f"{command[0]} can't be run: {error.strerror}") from error
    if process.stderr is None:
        raise AssertionError("a pipe was asked for")
    try:
        said = await _listen(process.stderr, progress)
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if code != 0:
        complaint = next((line for line in reversed(said) if b"error" in line or b"fatal" in line.lower()), b"")
        reason = complaint.decode(errors="replace").strip() or f"it ended with code {code}"
        raise BackupError(f"{Path(command[0]).name}: {reason.removeprefix(f'{Path(command[0]).name}: ')}")


async def _listen(output: asyncio.StreamReader, progress: Progress | None) -> list[bytes]:
    """The last lines that a program says; how far it is goes to `progress`."""
    said = b""
    while chunk := await output.read(65536):
        said = (said + chunk)[-_HEARD:]
        if progress is not None and (found := _PROGRESS.findall(said)):
            progress(*map(int, found[-1]))
    return said.splitlines()
