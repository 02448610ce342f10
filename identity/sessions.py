"""Sessions: signing in, and refresh tokens that work once each."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import uuid_utils.compat as uuids

from identity import accounts
from identity.accounts import Account, Connection
from identity.errors import ForgedRequest, NotSignedIn, WrongCredentials
from identity.side import IdentitySide
from identity.tokens import Claims, utc_now

SESSION_LIFETIME = timedelta(days=30)

_TOKEN_BYTES = 32

_OPEN = """
    with opened as (
        insert into identity.session (session_id, account_id, csrf_hash, expires_at) values ($1, $2, $3, $4)
    )
    insert into identity.refresh_token (token_hash, session_id) values ($5, $1)
"""
# Locks the session, so that of two uses of one token at once the second sees the first.
_FIND = """
    select s.session_id, s.account_id, s.csrf_hash, s.expires_at, s.ended_at, t.used_at
      from identity.session s
      join identity.refresh_token t on t.session_id = s.session_id
     where s.session_id = (select session_id from identity.refresh_token where token_hash = $1) and t.token_hash = $1
       for update of s
"""
_USED = "select used_at from identity.refresh_token where token_hash = $1"
_ROTATE = """
    with used as (
        update identity.refresh_token set used_at = clock_timestamp() where token_hash = $1
    )
    insert into identity.refresh_token (token_hash, session_id) values ($2, $3)
"""
_END = """
    update identity.session set ended_at = clock_timestamp(), ended_by = $2
     where session_id = $1 and ended_at is null
"""
_END_OF_HOLDER = """
    update identity.session s set ended_at = clock_timestamp(), ended_by = 'signed_out'
      from identity.refresh_token t
     where t.token_hash = $1 and s.session_id = t.session_id and s.ended_at is null
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a browser gets when it signs in or refreshes."""

    account: Account
    access_token: str
    refresh_token: str
    csrf_token: str


async def sign_in(side: IdentitySide, email: str, password: str) -> SignedIn:
    """Open a session. Raises WrongCredentials, after the same work whether an account exists or not; TooBusy."""
    async with side.connection() as connection:
        account = await accounts.find_by_email(connection, email)
    # No connection is held while the password is checked: it takes long, and others may wait for it.
    if not await side.passwords.verify(password, account.password_hash if account else None) or account is None:
        raise WrongCredentials
    rehashed = await side.passwords.hash(password) if side.passwords.outdated(account.password_hash) else None
    refresh_token, csrf_token = _random_token(), _random_token()
    session_id, now = uuids.uuid7(), utc_now()
    async with side.connection() as connection, connection.transaction():
        if rehashed is not None:
            await accounts.set_password_hash(connection, account.account_id, rehashed)
        await connection.execute(
            _OPEN, session_id, account.account_id, _hashed(csrf_token), now + SESSION_LIFETIME, _hashed(refresh_token)
        )
    return SignedIn(account, _access_token(side, account, session_id, csrf_token, now), refresh_token, csrf_token)


async def refresh(side: IdentitySide, refresh_token: str, csrf_token: str) -> SignedIn:
    """Swap a refresh token for a new one and a new access token, with the account's roles of now.

    A token that was swapped before ends its session: two hold it, and one of them stole it. Raises NotSignedIn;
    ForgedRequest for a CSRF token of another session, which changes nothing.
    """
    now = utc_now()
    async with side.connection() as connection:
        async with connection.transaction():
            row = await connection.fetchrow(_FIND, _hashed(refresh_token))
            if row is None or row["ended_at"] is not None or row["expires_at"] <= now:
                raise NotSignedIn("The session has ended. Sign in again.")
            if not hmac.compare_digest(_hashed(csrf_token), row["csrf_hash"]):
                raise ForgedRequest("The CSRF token doesn't belong to this session.")
            # Read after the lock: the row above may be older than a use that committed while it waited.
            stolen = await connection.fetchval(_USED, _hashed(refresh_token)) is not None
            fresh = _random_token()
            if stolen:
                await connection.execute(_END, row["session_id"], "token_reused")
            else:
                await connection.execute(_ROTATE, _hashed(refresh_token), _hashed(fresh), row["session_id"])
        if stolen:
            raise NotSignedIn("This refresh token was used before, so its session has been ended. Sign in again.")
        account = await accounts.find_by_id(connection, row["account_id"])
    if account is None:
        raise NotSignedIn
    return SignedIn(account, _access_token(side, account, row["session_id"], csrf_token, now), fresh, csrf_token)


async def sign_out(connection: Connection, session_id: UUID | None, refresh_token: str | None) -> None:
    """End the session of an access token, and that of a refresh token."""
    if session_id is not None:
        await connection.execute(_END, session_id, "signed_out")
    if refresh_token is not None:
        await connection.execute(_END_OF_HOLDER, _hashed(refresh_token))


def _access_token(side: IdentitySide, account: Account, session_id: UUID, csrf_token: str, now: datetime) -> str:
    claims = Claims(
        account_id=account.account_id,
        session_id=session_id,
        is_administrator=account.is_administrator,
        roles=account.roles,
        csrf=_hashed(csrf_token).hex(),
    )
    return side.tokens.issue(claims, uuids.uuid7(), now)


def _random_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def _hashed(token: str) -> bytes:
    # A plain hash is enough: the tokens are random, there is nothing to guess.
    return sha256(token.encode("utf-8", "replace")).digest()
