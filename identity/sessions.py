"""Sessions: signing in, and refresh tokens that work once each.

Two tabs of a browser may refresh at the same moment with the same token. The second is no thief, so for ten seconds the
token just before the present one gets the SAME successor again, as long as that one hasn't been used. Why a thief gains
nothing lasting by it: he needs the CSRF token too, must come within the ten seconds after the owner's own refresh, and
then holds the same token as the owner. Whichever of the two uses it first makes the other one's use the reuse that ends
the session, unless the other follows within ten seconds again; browsers refresh every ten minutes. What he has until
then is one access token of a session that its owner can see and end.

The successor isn't kept for this. It is the HMAC, keyed by the token before, of a random value that the session holds
until the successor is used: who has the database has no token, and who has an old token hasn't the value.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

import uuid_utils.compat as uuids
from jwt.utils import base64url_encode

from identity import accounts, outbox
from identity.accounts import Account, Connection, Record
from identity.errors import ForgedRequest, NotSignedIn, TokenReused, UnknownSession, WrongCredentials
from identity.side import IdentitySide
from identity.tokens import Claims, Role, utc_now

type Ending = Literal["signed_out", "revoked", "password_changed", "password_reset"]

SESSION_LIFETIME = timedelta(days=30)
TWO_TABS = timedelta(seconds=10)
MOST_LISTED = 200

_TOKEN_BYTES = 32

# A change of the password waits for this, and then ends the session that is being opened.
_STILL = "select account_id from identity.account where account_id = $1 and password_hash = $2 for share"
_OPEN = """
    with opened as (
        insert into identity.session (session_id, account_id, csrf_hash, expires_at) values ($1, $2, $3, $4)
    )
    insert into identity.refresh_token (token_hash, session_id) values ($5, $1)
"""
# Locks the session, so that of two uses of one token at once the second sees the first.
_FIND = """
    select s.session_id, s.account_id, s.csrf_hash, s.expires_at, s.ended_at, s.previous_hash, s.rotation_nonce,
           s.rotated_at
      from identity.session s
     where s.session_id = (select session_id from identity.refresh_token where token_hash = $1)
       for update
"""
_USED = "select used_at, clock_timestamp() as now from identity.refresh_token where token_hash = $1"
_ROTATE = """
    with used as (
        update identity.refresh_token set used_at = clock_timestamp() where token_hash = $1
    ), kept as (
        update identity.session
           set previous_hash = $1, rotation_nonce = $4, rotated_at = clock_timestamp(), last_used_at = clock_timestamp()
         where session_id = $3
    )
    insert into identity.refresh_token (token_hash, session_id) values ($2, $3)
"""
_END = """
    update identity.session set ended_at = clock_timestamp(), ended_by = $2
     where session_id = $1 and ended_at is null
    returning session_id
"""
_END_OF_HOLDER = """
    update identity.session s set ended_at = clock_timestamp(), ended_by = 'signed_out'
      from identity.refresh_token t
     where t.token_hash = $1 and s.session_id = t.session_id and s.ended_at is null
    returning s.session_id
"""
_END_OF_ACCOUNT = """
    update identity.session set ended_at = clock_timestamp(), ended_by = $2
     where account_id = $1 and ended_at is null and session_id is distinct from $3
    returning session_id
"""
_END_OWN = """
    update identity.session set ended_at = clock_timestamp(), ended_by = 'revoked'
     where session_id = $1 and account_id = $2 and ended_at is null and expires_at > clock_timestamp()
    returning session_id
"""
_LIST = """
    select session_id, created_at, last_used_at, expires_at from identity.session
     where account_id = $1 and ended_at is null and expires_at > clock_timestamp()
     order by last_used_at desc, session_id
     limit $2
"""
_STANDING = """
    select a.is_administrator,
           coalesce(array_agg(m.hotel_id) filter (where m.role is not null), '{}') as hotels,
           coalesce(array_agg(m.role) filter (where m.role is not null), '{}') as roles
      from identity.session s
      join identity.account a on a.account_id = s.account_id
      left join identity.membership m on m.account_id = s.account_id
     where s.session_id = $1 and s.ended_at is null and s.expires_at > clock_timestamp()
     group by a.account_id
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a browser gets when it signs in or refreshes."""

    account: Account
    access_token: str
    refresh_token: str
    csrf_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session as its owner sees it. `last_used_at` is when its refresh token was last swapped."""

    session_id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


async def sign_in(side: IdentitySide, email: str, password: str, replaced: str | None = None) -> SignedIn:
    """Open a session, always a new one; the one of the refresh token `replaced` ends.

    Raises WrongCredentials, after the same work whether an account exists or not; TooBusy.
    """
    async with side.connection() as connection:
        account = await accounts.find_by_email(connection, email)
    # No connection is held while the password is checked: it takes long, and others may wait for it.
    if not await side.passwords.verify(password, account.password_hash if account else None) or account is None:
        raise WrongCredentials(account.account_id if account else None)
    rehashed = await side.passwords.hash(password) if side.passwords.outdated(account.password_hash) else None
    refresh_token, csrf_token = random_token(), random_token()
    session_id, now = uuids.uuid7(), utc_now()
    async with side.connection() as connection, connection.transaction():
        if not await _still_has(connection, account, rehashed):
            raise WrongCredentials(account.account_id)  # the password was changed while it was checked
        ended = await _ended_by(connection, _END_OF_HOLDER, hashed(replaced)) if replaced is not None else []
        await connection.execute(
            _OPEN, session_id, account.account_id, hashed(csrf_token), now + SESSION_LIFETIME, hashed(refresh_token)
        )
    side.revocations.sessions_ended(ended)
    return SignedIn(account, _access_token(side, account, session_id, csrf_token, now), refresh_token, csrf_token)


async def refresh(side: IdentitySide, refresh_token: str, csrf_token: str) -> SignedIn:
    """Swap a refresh token for a new one and a new access token, with the account's roles of now.

    A token that was swapped before ends its session: two hold it, and one of them stole it. Raises NotSignedIn;
    ForgedRequest for a CSRF token of another session, which changes nothing.
    """
    now = utc_now()
    async with side.connection() as connection:
        async with connection.transaction():
            row = await connection.fetchrow(_FIND, hashed(refresh_token))
            if row is None or row["ended_at"] is not None or row["expires_at"] <= now:
                raise NotSignedIn("The session has ended. Sign in again.")
            if not hmac.compare_digest(hashed(csrf_token), row["csrf_hash"]):
                raise ForgedRequest("The CSRF token doesn't belong to this session.")
            successor = await _successor(connection, refresh_token, row)
            if successor is None:
                await connection.execute(_END, row["session_id"], "token_reused")
                await outbox.write(
                    connection,
                    side.mail_seal,
                    mail_id=uuids.uuid7(),
                    account_id=row["account_id"],
                    template="session_stolen",
                )
        if successor is None:
            side.revocations.sessions_ended([row["session_id"]])
            raise TokenReused(row["account_id"])
        account = await accounts.find_by_id(connection, row["account_id"])
    if account is None:
        raise NotSignedIn
    access_token = _access_token(side, account, row["session_id"], csrf_token, now)
    return SignedIn(account, access_token, successor, csrf_token)


async def sign_out(side: IdentitySide, session_id: UUID | None, refresh_token: str | None) -> None:
    """End the session of an access token, and that of a refresh token."""
    ended: list[UUID] = []
    async with side.connection() as connection:
        if session_id is not None:
            ended += await _ended_by(connection, _END, session_id, "signed_out")
        if refresh_token is not None:
            ended += await _ended_by(connection, _END_OF_HOLDER, hashed(refresh_token))
    side.revocations.sessions_ended(ended)


async def end_all(
    connection: Connection, account_id: UUID, ending: Ending, *, but: UUID | None = None
) -> Sequence[UUID]:
    """End an account's sessions, all or all but one; which ones: tell the revocations of them after the commit."""
    return await _ended_by(connection, _END_OF_ACCOUNT, account_id, ending, but)


async def end_own(side: IdentitySide, account_id: UUID, session_id: UUID) -> None:
    """End one session of an account. Raises UnknownSession."""
    async with side.connection() as connection:
        ended = await _ended_by(connection, _END_OWN, session_id, account_id)
    if not ended:
        raise UnknownSession
    side.revocations.sessions_ended(ended)


async def listed(connection: Connection, account_id: UUID) -> list[OpenSession]:
    """The open sessions of an account, the last used first; no more than MOST_LISTED."""
    return [OpenSession(**dict(row)) for row in await connection.fetch(_LIST, account_id, MOST_LISTED)]


async def standing(connection: Connection, session_id: UUID) -> tuple[bool, dict[UUID, Role]] | None:
    """What the account of a session is now: administrator or not, and its roles. None: the session has ended."""
    row = await connection.fetchrow(_STANDING, session_id)
    if row is None:
        return None
    return row["is_administrator"], dict(zip(row["hotels"], row["roles"], strict=True))


def random_token() -> str:
    """256 random bits for a URL, a cookie or a mail."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hashed(token: str) -> bytes:
    """How a token is kept. A plain hash is enough: tokens are random, there is nothing to guess."""
    return sha256(token.encode("utf-8", "replace")).digest()


async def _still_has(connection: Connection, account: Account, rehashed: str | None) -> bool:
    """Whether the password is still the one that was checked, kept so until the transaction ends."""
    if rehashed is not None:
        return await accounts.replace_password_hash(connection, account.account_id, account.password_hash, rehashed)
    return await connection.fetchval(_STILL, account.account_id, account.password_hash) is not None


async def _successor(connection: Connection, refresh_token: str, session: Record) -> str | None:
    """The token that follows, swapped now or, for the second of two tabs, a moment ago; None for a stolen one."""
    token_hash = hashed(refresh_token)
    # Read after the lock: a statement from before it may know less than a use that committed while it waited.
    used = await connection.fetchrow(_USED, token_hash)
    if used is None:
        return None
    if used["used_at"] is None:
        nonce = secrets.token_bytes(_TOKEN_BYTES)
        successor = _follower(refresh_token, nonce)
        await connection.execute(_ROTATE, token_hash, hashed(successor), session["session_id"], nonce)
        return successor
    if session["previous_hash"] == token_hash and used["now"] - session["rotated_at"] <= TWO_TABS:
        return _follower(refresh_token, session["rotation_nonce"])
    return None


def _follower(refresh_token: str, nonce: bytes) -> str:
    return base64url_encode(hmac.digest(refresh_token.encode("utf-8", "replace"), nonce, "sha256")).decode()


async def _ended_by(connection: Connection, statement: str, *args: object) -> list[UUID]:
    return [row["session_id"] for row in await connection.fetch(statement, *args)]


def _access_token(side: IdentitySide, account: Account, session_id: UUID, csrf_token: str, now: datetime) -> str:
    claims = Claims(
        account_id=account.account_id,
        session_id=session_id,
        is_administrator=account.is_administrator,
        roles=account.roles,
        roles_version=account.roles_version,
        csrf=hashed(csrf_token).hex(),
    )
    return side.tokens.issue(claims, uuids.uuid7(), now)
