"""What the identity side needs while it runs: its pool, its keys, its cookies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from identity.errors import AccountsUnavailable
from identity.passwords import Passwords
from identity.tokens import AccessTokens

ACCESS_COOKIE = "staysync_access"
REFRESH_COOKIE = "staysync_refresh"
CSRF_COOKIE = "staysync_csrf"
CSRF_HEADER = "X-CSRF-Token"

_PATHS = {ACCESS_COOKIE: "/", REFRESH_COOKIE: "/v1/auth", CSRF_COOKIE: "/"}
_POOL_SIZE = 4
_PATIENCE_S = 5.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
)


@dataclass(frozen=True, slots=True)
class IdentitySide:
    """The open identity side. `public_origin` is the origin that browsers use, where it is configured."""

    pool: "asyncpg.Pool[Any]"
    tokens: AccessTokens
    passwords: Passwords
    public_origin: str | None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[Any]"]:
        """A connection for one short piece of work. Raises AccountsUnavailable when the database is away."""
        try:
            async with self.pool.acquire(timeout=_PATIENCE_S) as connection:
                yield connection
        except _AWAY as error:
            raise AccountsUnavailable from error

    def cookie(self, name: str, value: str, max_age_s: int) -> str:
        """A Set-Cookie header. Scripts can read the CSRF cookie alone, since they must echo it."""
        cookie: SimpleCookie = SimpleCookie({name: value})
        morsel = cookie[name]
        morsel["path"] = _PATHS[name]
        morsel["max-age"] = max_age_s
        morsel["samesite"] = "Lax"
        if name != CSRF_COOKIE:
            morsel["httponly"] = True
        if self.public_origin is not None and self.public_origin.startswith("https://"):
            morsel["secure"] = True
        return morsel.OutputString()

    def without_cookie(self, name: str) -> str:
        """A Set-Cookie header that makes the browser drop a cookie."""
        return self.cookie(name, "", 0)


@asynccontextmanager
async def open_identity(
    url: str, *, kid: str, signing_key: Ed25519PrivateKey, public_origin: str | None
) -> AsyncIterator[IdentitySide]:
    """Open the identity side on the database at `url`, which must be that of the identity role."""
    passwords = Passwords()
    try:
        # No connection is needed to start, so that the service comes up, and says so, while the database is away.
        async with asyncpg.create_pool(url, min_size=0, max_size=_POOL_SIZE, command_timeout=10) as pool:
            yield IdentitySide(pool, AccessTokens(kid, signing_key), passwords, public_origin)
    finally:
        passwords.close()
