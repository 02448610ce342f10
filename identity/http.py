"""Who sends a request, and whether they may: called by every endpoint that isn't open to all.

These are plain functions to call, not FastAPI dependencies, which cost more than the check.

**Reads** and whatever is open to all ask no database: a token says who someone is, and what it can't know yet is in the
process's memory (identity/revocations.py). **Writes that need a role** are decided by the role and the session of this
moment: one look-up by primary key, so that who has lost a role or was signed out changes nothing any more.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from identity import sessions
from identity.errors import ForgedRequest, NotPermitted, NotSignedIn
from identity.limits import limit_here, limit_key
from identity.permissions import Action, Scope, Who, action_of, is_for_owners, may, said, scope_of
from identity.programs import PREFIX
from identity.side import ACCESS, CSRF, CSRF_HEADER, IdentitySide
from identity.tokens import Claims, Role

type Own = Callable[[UUID], Awaitable[bool]]
"""Says of an account whether something is its own."""

type Standing = Literal["anonymous", "guest", "staff", "program", "administrator"] | Role

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_ROLES: Mapping[UUID, Role] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request. `actor` is the account's id, `key:` and the id of a program's key, or "anonymous".

    `role` is what they act as: from `current_principal` anonymous, guest, staff, program or administrator; at a hotel,
    from `permitted` and `at`, their role there, or guest. A program has a `key_id` and `scopes`, and no account.
    """

    actor: str
    role: Standing
    account_id: UUID | None
    is_administrator: bool
    roles: Mapping[UUID, Role]
    session_id: UUID | None = None
    key_id: UUID | None = None
    scopes: frozenset[Scope] = frozenset()

    def at(self, hotel_id: UUID) -> "Principal":
        """The same principal as it acts at a hotel."""
        if self.is_administrator or self is ANONYMOUS:
            return self
        role = self.roles.get(hotel_id)
        return replace(self, role=role or ("guest" if self.key_id is None else "program"))

    def acts_as(self, hotel_id: UUID | None) -> Who:
        """What the table of permissions calls them at a hotel, or where none is concerned."""
        if self.is_administrator:
            return "administrator"
        role = None if hotel_id is None else self.roles.get(hotel_id)
        return role or ("anonymous" if self.account_id is None else "guest")


ANONYMOUS = Principal("anonymous", "anonymous", None, is_administrator=False, roles=_NO_ROLES)


def identity_of(request: Request) -> IdentitySide:
    """The identity side that the app factory opened."""
    side: IdentitySide = request.app.state.identity
    return side


async def current_principal(request: Request) -> Principal:
    """Who sends this request; anonymous without credentials. No database is asked, but now and then for a program.

    Raises NotSignedIn for credentials that aren't valid, ForgedRequest for a write by cookie without its CSRF token,
    NotPermitted for a program's key outside its scopes, TooManyRequests.
    """
    request.state.principal = principal = await _identified(request)  # for the access log
    return principal


async def _identified(request: Request) -> Principal:
    side = identity_of(request)
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer":
            raise NotSignedIn("The Authorization header must be: Bearer and an access token or a key.")
        return await _program(request, token) if token.startswith(PREFIX) else _account(_checked(side, token))
    cookie = request.cookies.get(side.name_of(ACCESS))
    if cookie is None:
        return ANONYMOUS
    try:
        claims = _checked(side, cookie)
    except NotSignedIn as error:
        # The browser drops the cookie, so that a stale one doesn't lock its owner out of what is open to all.
        raise NotSignedIn(str(error), [("Set-Cookie", side.without_cookie(ACCESS))]) from None
    if request.method not in _SAFE_METHODS:
        require_same_origin(request)
        echoed = require_csrf_echo(request)
        if not hmac.compare_digest(sha256(echoed.encode()).hexdigest(), claims.csrf):
            raise ForgedRequest(f"{CSRF_HEADER} doesn't belong to this session.")
    return _account(claims)


async def permitted(
    request: Request, *hotel_ids: UUID, also: Action | None = None, own: Own | None = None
) -> Principal:
    """Who sends this request, if they may do what its route names (and `also` this) at each of these hotels.

    At one hotel the answer acts in its role there. `own` says of an account whether what the request is about is its
    own; then it acts as a guest. Raises NotSignedIn, NotPermitted, ForgedRequest, TooManyRequests.
    """
    principal = await current_principal(request)
    action = action_of(request.scope.get("route"))
    wanted = (action,) if also is None else (action, also)
    if not all(may("anonymous", one) for one in wanted):
        if principal is ANONYMOUS:
            raise NotSignedIn
        principal = await _as_of_now(request, principal)
    if principal.key_id is not None and not all(scope_of(one) in principal.scopes for one in wanted):
        raise NotPermitted(f"This key lacks the scope {scope_of(also)}.")
    for one in wanted:
        if all(may(principal.acts_as(hotel_id), one) for hotel_id in hotel_ids or (None,)):
            continue
        if (
            own is not None
            and principal.account_id is not None
            and is_for_owners(one)
            and await own(principal.account_id)
        ):
            return replace(principal, role="guest")
        raise NotPermitted(f"You have no role that permits this. It is for {said(one)}.")
    return principal.at(hotel_ids[0]) if len(hotel_ids) == 1 else principal


def require_same_origin(request: Request) -> None:
    """Refuse a request that a browser sent from another site's page. Raises ForgedRequest."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    own = identity_of(request).public_origin
    # Without a configured origin the scheme isn't known behind a proxy that ends TLS; the host must match anyway.
    same = origin == own if own is not None else _host(origin) == request.headers.get("host", "").lower()
    if not same:
        raise ForgedRequest("The Origin header names another site.")


def require_csrf_echo(request: Request) -> str:
    """The CSRF token, which header and cookie must agree on. Raises ForgedRequest."""
    name = identity_of(request).name_of(CSRF)
    cookie, header = request.cookies.get(name, ""), request.headers.get(CSRF_HEADER, "")
    if not cookie or not hmac.compare_digest(cookie.encode(), header.encode()):
        raise ForgedRequest(f"The header {CSRF_HEADER} must carry the value of the cookie {name}.")
    return header


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _checked(side: IdentitySide, token: str) -> Claims:
    claims = side.tokens.check(token)
    side.revocations.refuse(claims)
    return claims


def _account(claims: Claims) -> Principal:
    return Principal(
        str(claims.account_id),
        _standing(claims.roles, is_administrator=claims.is_administrator),
        claims.account_id,
        claims.is_administrator,
        claims.roles,
        claims.session_id,
    )


def _standing(roles: Mapping[UUID, Role], *, is_administrator: bool) -> Standing:
    return "administrator" if is_administrator else "staff" if roles else "guest"


async def _as_of_now(request: Request, principal: Principal) -> Principal:
    """For a write, the principal with the roles of this moment. Raises NotSignedIn if the session has ended."""
    if request.method in _SAFE_METHODS or principal.session_id is None:  # a program was looked up for its write already
        return principal
    async with identity_of(request).connection() as connection:
        standing = await sessions.standing(connection, principal.session_id)
    if standing is None:
        raise NotSignedIn("The session has ended. Sign in again.")
    is_administrator, roles = standing
    return replace(
        principal,
        role=_standing(roles, is_administrator=is_administrator),
        is_administrator=is_administrator,
        roles=MappingProxyType(roles),
    )


async def _program(request: Request, key: str) -> Principal:
    """Who sends a program's key: as it is known for some seconds if it reads, as it is at this moment if it writes."""
    scope = scope_of(action_of(request.scope.get("route")))
    if scope is None:
        raise NotPermitted("A program's key can't do this; it needs a person who is signed in.")
    side = identity_of(request)
    writes = request.method not in _SAFE_METHODS
    is_known, program = (False, None) if writes else side.programs.known(key)
    if not is_known:
        async with side.connection() as connection:
            program = await side.programs.look_up(connection, key)
    if program is None:
        limit_here(request, "unknown_keys")
        raise NotSignedIn("This key isn't valid: it was never made, was revoked, or has ended.")
    limit_key(request, str(program.key_id))
    request.state.principal = principal = Principal(  # before its scopes are looked at: a refusal is logged as its own
        f"key:{program.key_id}",
        "program",
        None,
        is_administrator=False,
        roles=program.roles,
        key_id=program.key_id,
        scopes=program.scopes,
    )
    if scope not in program.scopes:
        raise NotPermitted(f"This key lacks the scope {scope}.")
    return principal
