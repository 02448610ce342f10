"""Knows how a bare PostgreSQL server becomes StaySync's: the roles, the database, and the schema by migrations."""

import asyncio
import base64
import hashlib
import hmac
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from staysync.processes import CannotStartError
from staysync.secrets import ROLES, Role, ensure_password, ensure_secrets, load_secrets
from staysync.settings import Settings

if TYPE_CHECKING:  # generic in its type stubs only
    type Connection = asyncpg.Connection[asyncpg.Record]

log = logging.getLogger(__name__)

POSTGRES_VERSION = 18

_LOCK = int.from_bytes(hashlib.sha256(b"staysync bootstrap").digest()[:8], signed=True)
_SCRAM_ROUNDS = 4096
_CONNECT_S = 10

# Limits that hold whatever a client sends; they belong to the role, so that no connection can be opened without them.
_ROLE_SETTINGS: dict[Role, dict[str, str]] = {
    "owner": {},
    # A writer holds a hotel's head: one that stalls must not stop the hotel for longer than this.
    "command": {"transaction_timeout": "2s", "idle_in_transaction_session_timeout": "2s"},
    "query": {"default_transaction_read_only": "on", "statement_timeout": "10s", "transaction_timeout": "30s"},
    "projector": {"idle_in_transaction_session_timeout": "60s"},
    "identity": {"statement_timeout": "10s", "idle_in_transaction_session_timeout": "10s"},
    "mail": {"statement_timeout": "30s", "idle_in_transaction_session_timeout": "10s"},
    "operator": {"statement_timeout": "5s", "idle_in_transaction_session_timeout": "30s"},
    "audit": {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "10s"},
}


def make_secrets(settings: Settings) -> None:
    """Make the secrets that are missing, also those that a server is to be given through a file of its own."""
    ensure_secrets(settings.secrets_dir)
    for file in (settings.database_password_file, settings.redis_password_file):
        if file is not None:
            ensure_password(file)


async def bootstrap(settings: Settings) -> None:
    """Make the roles and the database, or bring them up to date; changes nothing when all is as it should be.

    Needs a `database_url` whose user may make roles and databases. Raises `CannotStartError` if the server can't be
    reached, refuses that user or is too old.
    """
    secrets = await asyncio.to_thread(ensure_secrets, settings.secrets_dir)
    database = database_name(settings)
    admin = await connect(settings, "postgres")
    try:
        if admin.get_server_version().major < POSTGRES_VERSION:
            raise CannotStartError(
                f"PostgreSQL {POSTGRES_VERSION} or newer is needed, this one is {admin.get_server_version().major}"
            )
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)  # two first starts at once take turns
        for role in ROLES:
            await _make_role(admin, role, secrets.database_password(role))
        await _let_owner_see_snapshots(admin)
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            await _make_database(admin, database)
        await open_to_roles(admin, database)
    finally:
        await admin.close()
    inside = await connect(settings, database)
    try:
        await inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    finally:
        await inside.close()


def migrate(settings: Settings, revision: str = "heads") -> None:
    """Bring the schema to `revision`, as the role that owns it. It runs an event loop: call it where none runs."""
    from alembic import command
    from alembic.config import Config

    import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = settings.role_url("owner")
    command.upgrade(config, revision)


async def check_master_key(settings: Settings, role: Role = "owner", *, unless_away: bool = False) -> None:
    """Refuse to go on with another master key than the one that this database's guests are sealed with.

    A new one is made where the file is missing, so a lost one would otherwise show only when a guest can't be read any
    more, and with guests under both. With `unless_away` a database that can't be reached is no reason to stop: whatever
    works by the key looks at each new connection again. Raises WrongMasterKey.
    """
    from eventstore.master_key import check_master_key as check

    master_key = load_secrets(settings.secrets_dir).master_key()
    try:
        connection = await asyncpg.connect(settings.role_url(role), timeout=_CONNECT_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        if unless_away:
            return
        raise
    try:
        await check(connection, master_key)
    except asyncpg.PostgresError:  # such as a schema that isn't there yet
        if not unless_away:
            raise
    finally:
        await connection.close()


def database_name(settings: Settings) -> str:
    """The name of the database in the database URL."""
    return unquote(urlsplit(settings.database_url or "").path.lstrip("/")) or "staysync"


async def connect(settings: Settings, database: str) -> "Connection":
    """A connection of the privileged user. Raises `CannotStartError` with a line that says what is wrong."""
    if settings.database_url is None:
        raise CannotStartError("no database is named: set STAYSYNC_DATABASE_URL, or use `staysync up`")
    url = urlunsplit(urlsplit(settings.database_url)._replace(path=f"/{database}"))
    place = urlsplit(url)
    try:
        return await asyncpg.connect(
            url, timeout=_CONNECT_S, server_settings={"application_name": "staysync bootstrap"}
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        reason = str(error) or type(error).__name__
        raise CannotStartError(
            f"PostgreSQL at {place.hostname}:{place.port or 5432} can't be used: {reason}"
        ) from error


async def _make_role(admin: "Connection", role: Role, password: str) -> None:
    name = f"staysync_{role}"
    if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
        await admin.execute(f'CREATE ROLE "{name}"')
    # The password goes as its verifier, so that no server log ever shows it; always, so that it follows the secrets.
    await admin.execute(f"ALTER ROLE \"{name}\" LOGIN PASSWORD '{scram_verifier(password)}'")
    for setting, value in _ROLE_SETTINGS[role].items():
        await admin.execute(f"ALTER ROLE \"{name}\" SET {setting} = '{value}'")


async def _let_owner_see_snapshots(admin: "Connection") -> None:
    """Let a function of the owner's tell the age of the oldest snapshot: nobody else needs the right to see sessions.

    A server whose user may not give that right goes without this one metric.
    """
    try:
        await admin.execute("GRANT pg_read_all_stats TO staysync_owner")
    except asyncpg.InsufficientPrivilegeError:
        log.warning("the oldest snapshot can't be measured: this user may not grant pg_read_all_stats")


async def _make_database(admin: "Connection", database: str) -> None:
    # A user who isn't a superuser may only give a database to a role that it belongs to.
    if not await admin.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await admin.execute("GRANT staysync_owner TO CURRENT_USER")
    await admin.execute(
        f"CREATE DATABASE {_quoted(database)} OWNER staysync_owner TEMPLATE template0 ENCODING 'UTF8'"
        " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
    )


async def open_to_roles(admin: "Connection", database: str) -> None:
    """Let StaySync's roles into a database, and nobody else."""
    roles = ", ".join(f"staysync_{role}" for role in ROLES)
    await admin.execute(f"REVOKE ALL ON DATABASE {_quoted(database)} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {roles}")


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def scram_verifier(password: str) -> str:
    """What PostgreSQL keeps of a password, computed here (RFC 5803, RFC 5802 section 3)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{salt_text}${stored_text}:{server_text}"
