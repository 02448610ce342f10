"""What the identity side needs while it runs: its pool, its keys, its cookies."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import asyncpg

from identity.errors import AccountsUnavailable
from identity.outbox import MailSeal
from identity.passwords import Passwords
from identity.programs import Programs
from identity.revocations import Revocations
from identity.tokens import AccessTokens, SigningKey

ACCESS_COOKIE = "staysync_access"
REFRESH_COOKIE = "staysync_refresh"
CSRF_COOKIE = "staysync_csrf"
CSRF_HEADER = "X-CSRF-Token"

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
class Cookie:
    """A cookie that we set.

    Access is `Lax`, so that a link in a mail opens a report for who is signed in; nothing that answers GET changes
    anything. The refresh token is `Strict` and goes to `/v1/auth` only: no other site's page needs it sent. Where
    cookies are secure their names have the prefix by which browsers refuse what a plain-text page or a neighbouring
    host planted; `__Host-` demands the path `/`, so the refresh cookie has `__Secure-`.
    """

    name: str
    path: str
    same_site: str
    http_only: bool

    def named(self, *, secure: bool) -> str:
        """Its name in the browser."""
        return f"{'__Host-' if self.path == '/' else '__Secure-'}{self.name}" if secure else self.name


ACCESS = Cookie(ACCESS_COOKIE, "/", "Lax", http_only=True)
REFRESH = Cookie(REFRESH_COOKIE, "/v1/auth", "Strict", http_only=True)
CSRF = Cookie(CSRF_COOKIE, "/", "Strict", http_only=False)  # scripts read it, since they must echo it


@dataclass(frozen=True, slots=True)
class IdentitySide:
    """The open identity side.

    `public_origin` is the origin that browsers use, where it is configured. `secure_cookies` says that they use HTTPS.
    """

    pool: "asyncpg.Pool[Any]"
    tokens: AccessTokens
    passwords: Passwords
    revocations: Revocations
    programs: Programs
    mail_seal: MailSeal
    public_origin: str | None
    secure_cookies: bool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[Any]"]:
        """A connection for one short piece of work. Raises AccountsUnavailable when the database is away."""
        try:
            async with self.pool.acquire(timeout=_PATIENCE_S) as connection:
                yield connection
        except _AWAY as error:
            raise AccountsUnavailable from error

    def name_of(self, cookie: Cookie) -> str:
        """A cookie's name in the browser."""
        return cookie.named(secure=self.secure_cookies)

    def cookie(self, cookie: Cookie, value: str, max_age_s: int) -> str:
        """A Set-Cookie header."""
        name = self.name_of(cookie)
        jar: SimpleCookie = SimpleCookie({name: value})
        morsel = jar[name]
        morsel["path"] = cookie.path
        morsel["max-age"] = max_age_s
        morsel["samesite"] = cookie.same_site
        if cookie.http_only:
            morsel["httponly"] = True
        if self.secure_cookies:
            morsel["secure"] = True
        return morsel.OutputString()

    def without_cookie(self, cookie: Cookie) -> str:
        """A Set-Cookie header that makes the browser drop a cookie."""
        return self.cookie(cookie, "", 0)


@asynccontextmanager
async def open_identity(
    url: str,
    *,
    read_signing_keys: Callable[[], Sequence[SigningKey]],
    mail_key: bytes,
    public_origin: str | None,
    secure_cookies: bool,
) -> AsyncIterator[IdentitySide]:
    """Open the identity side on the database at `url`, which must be that of the identity role."""
    passwords = Passwords()
    try:
        # No connection is needed to start, so that the service comes up, and says so, while the database is away.
        async with asyncpg.create_pool(url, min_size=0, max_size=_POOL_SIZE, command_timeout=10) as pool:
            revocations = Revocations(pool)
            await revocations.refresh()
            keeping_up = asyncio.create_task(revocations.run())
            try:
                yield IdentitySide(
                    pool,
                    AccessTokens(read_signing_keys),
                    passwords,
                    revocations,
                    Programs(),
                    MailSeal(mail_key),
                    public_origin,
                    secure_cookies,
                )
            finally:
                keeping_up.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await keeping_up
    finally:
        passwords.close()
