"""Makes an installation's cluster out of a backup: as it was then, or up to an instant, by the WAL fetched after it."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from eventstore.guest_keys import MasterKey
from eventstore.master_key import check_master_key
from staysync.backup import Backup, BackupError, Head, check_files, read_backup
from staysync.bootstrap import bootstrap, migrate, scram_verifier
from staysync.embedded import SUPERUSER, ClusterPlace, cluster_place, start_postgres
from staysync.processes import run_once, sole_user
from staysync.secrets import ensure_password, load_secrets
from staysync.settings import Settings

_RECOVERY_S = 24 * 3600.0  # replaying days of WAL takes as long as it takes; a server that can't ends by itself
_WAL_TO_REPLAY = "wal-to-replay"
_SEGMENT_LENGTH = 24
_END_SESSIONS = "update identity.session set ended_at = clock_timestamp(), ended_by = 'revoked' where ended_at is null"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came out: the hotels and events, the newest of them, and how many sessions were ended."""

    hotels: int
    events: int
    newest: datetime | None
    sessions_ended: int


async def restore(
    settings: Settings, folder: Path, *, wal: Path | None = None, until: datetime | None = None
) -> Restored:
    """Put a backup where the embedded server of these settings will find it, and bring it up to date.

    With `wal` what was fetched after the backup is replayed too: all of it, or up to `until`. The secrets must be in
    their directory before. Sessions end, since one that was ended after the backup would live again. Raises
    BackupError, CannotStartError, WrongMasterKey; the place is empty again then, unless the backup itself came up.
    """
    backup = read_backup(folder)
    if until is not None and wal is None:
        raise BackupError("to restore up to an instant, name the folder with the WAL that was fetched (--wal)")
    if until is not None and until < backup.began_at:
        raise BackupError(f"the backup began at {backup.began_at:%Y-%m-%d %H:%M:%S} UTC, after that instant")
    master_key = _master_key(settings)
    with sole_user(settings.data_dir):
        place = cluster_place(settings.data_dir)
        if place.cluster.exists():
            raise BackupError(f"{place.cluster} is there already: restore into another STAYSYNC_DATA_DIR")
        await check_files(backup.cluster)
        await asyncio.to_thread(_put, backup, place, wal, until)
        try:
            await _recover(settings)
            _set_password(settings, place)
        except BaseException:
            _take_away(place)
            raise
        _forget_recovery(place)
        return await _bring_up(settings, backup, master_key)


def _master_key(settings: Settings) -> MasterKey:
    try:
        return load_secrets(settings.secrets_dir).master_key()
    except FileNotFoundError:
        raise BackupError(
            f"{settings.secrets_dir} has no master.key: put the secrets of the installation there before restoring"
        ) from None


def _put(backup: Backup, place: ClusterPlace, wal: Path | None, until: datetime | None) -> None:
    """Copy data and WAL beside the place, and move them there when they are whole."""
    draft = place.cluster.with_name("postgres.new")
    replay = place.cluster.with_name(_WAL_TO_REPLAY)
    for folder in (draft, replay):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(backup.cluster, draft, symlinks=True)
        if wal is not None:
            _copy_wal(backup, wal, replay)
            _plan_recovery(draft, replay, until)
        for folder in (draft, replay):
            _hand_over(folder, place)
    except OSError as error:
        _take_away(place)
        raise BackupError(f"the backup can't be copied: {error.strerror or error}") from error
    os.sync()
    draft.rename(place.cluster)


def _copy_wal(backup: Backup, wal: Path, replay: Path) -> None:
    """Copy the segments from the backup's end on. Raises BackupError where one is missing: replay would end there."""
    last = max(file.name for file in (backup.cluster / "pg_wal").iterdir() if len(file.name) == _SEGMENT_LENGTH)
    fetched = {file.name.removesuffix(".partial"): file for file in wal.iterdir() if file.is_file()}
    newest = max((name for name in fetched if len(name) == _SEGMENT_LENGTH and name[:8] == last[:8]), default=last)
    expected = _segment_after(last)
    while expected <= newest:
        if expected not in fetched:
            raise BackupError(f"{wal} lacks the segment {expected}; the backup ends with {last}")
        expected = _segment_after(expected)
    replay.mkdir(mode=0o700)
    for name, file in fetched.items():
        if len(name) != _SEGMENT_LENGTH or name >= last:  # the others say how timelines follow one another
            shutil.copy2(file, replay / name)


def _segment_after(name: str) -> str:
    """The next file of WAL: its name is the timeline and the number of the segment, in two parts of 16 MiB files."""
    number = int(name[8:16], 16) * 0x100 + int(name[16:], 16) + 1
    return f"{name[:8]}{number // 0x100:08X}{number % 0x100:08X}"


def _plan_recovery(cluster: Path, replay: Path, until: datetime | None) -> None:
    source = str(replay / "%f").replace("'", "''")
    lines = [
        f'restore_command = \'cp "{source}" "%p"\'',
        "recovery_target_action = 'promote'",
        "hot_standby = off",  # it is ready when it has replayed everything, not as soon as it could be read
    ]
    if until is not None:
        lines.append(f"recovery_target_time = '{until.isoformat()}'")
    with (cluster / "postgresql.auto.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("\n".join(["", *lines, ""]))
    (cluster / "recovery.signal").touch(mode=0o600)


def _hand_over(folder: Path, place: ClusterPlace) -> None:
    """Give what was copied to whom PostgreSQL runs as, where that is another account."""
    kind, *ids = place.identity.split(":")
    if kind != "account" or not folder.exists():
        return
    uid, gid = map(int, ids)
    for file in (folder, *folder.rglob("*")):
        os.chown(file, uid, gid, follow_symlinks=False)


def _take_away(place: ClusterPlace) -> None:
    for name in (place.cluster.name, "postgres.new", _WAL_TO_REPLAY):
        shutil.rmtree(place.cluster.with_name(name), ignore_errors=True)


async def _recover(settings: Settings) -> None:
    """Let the server replay the WAL; it takes connections when that has ended."""
    password_file = settings.secrets_dir / "db-superuser.password"
    server = await start_postgres(settings.data_dir, password_file, patience_s=_RECOVERY_S)
    await server.stop()


def _set_password(settings: Settings, place: ClusterPlace) -> None:
    """Let the superuser's password be that of these secrets: by PostgreSQL alone with the data, which asks for none."""
    password = ensure_password(settings.secrets_dir / "db-superuser.password")
    command = f"alter role {SUPERUSER} password '{scram_verifier(password)}'"
    done = run_once(
        [place.programs / "postgres", "--single", "-j", "-D", place.cluster, "template1"],
        identity=place.identity,
        given_input=f"{command};\n\n".encode(),
    )
    if done.returncode != 0 or b"ERROR" in done.stderr:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise BackupError(f"the superuser's password can't be set: {lines[-1]}")


def _forget_recovery(place: ClusterPlace) -> None:
    """Take out what `_plan_recovery` wrote, so that a later backup of this cluster doesn't carry it along."""
    configuration = place.cluster / "postgresql.auto.conf"
    planned = ("restore_command", "recovery_target_", "hot_standby")
    lines = configuration.read_text(encoding="utf-8").splitlines(keepends=True)
    configuration.write_text("".join(line for line in lines if not line.startswith(planned)), encoding="utf-8")
    shutil.rmtree(place.cluster.with_name(_WAL_TO_REPLAY), ignore_errors=True)


async def _bring_up(settings: Settings, backup: Backup, master_key: MasterKey) -> Restored:
    """Start the restored cluster: roles, schema, a look at the key and at the ledger's heads; end the sessions."""
    server = await start_postgres(settings.data_dir, settings.secrets_dir / "db-superuser.password")
    try:
        ours = settings.model_copy(update={"database_url": server.url})
        await bootstrap(ours)
        await asyncio.to_thread(migrate, ours)
        connection = await asyncpg.connect(ours.role_url("owner"))
        try:
            await check_master_key(connection, master_key)
            await _check_heads(connection, backup.heads)
            ended = await connection.execute(_END_SESSIONS)
            facts = await connection.fetchrow(
                "select count(*) as hotels, coalesce(sum(seq), 0)::bigint as events, max(recorded_at) as newest"
                " from ledger.head where seq > 0"
            )
        finally:
            await connection.close()
    finally:
        await server.stop()
    if facts is None:
        raise AssertionError("an aggregate has a row")
    return Restored(facts["hotels"], facts["events"], facts["newest"], int(ended.rpartition(" ")[2]))


async def _check_heads(connection: "asyncpg.Connection[asyncpg.Record]", heads: tuple[Head, ...]) -> None:
    """The ledger must have every event that the backup says it had, with its hash. Raises BackupError."""
    for head in heads:
        found = await connection.fetchval(
            "select hash from ledger.event where hotel_id = $1 and seq = $2", head.hotel_id, head.seq
        )
        if found != head.hash:
            raise BackupError(f"hotel {head.hotel_id} lacks event {head.seq} as it was when the backup began")
