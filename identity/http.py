"""Who sends a request, and whether they may: called by every endpoint that isn't open to all.

These are plain functions to call, not FastAPI dependencies: a dependency that doesn't await runs in a thread pool,
which costs more than the check.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from identity.errors import ForgedRequest, NotPermitted, NotSignedIn
from identity.side import ACCESS_COOKIE, CSRF_COOKIE, CSRF_HEADER, IdentitySide
from identity.tokens import Claims, Role

type Standing = Literal["anonymous", "guest", "staff", "administrator"] | Role

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_ROLES: Mapping[UUID, Role] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request. `actor` is the account's id or "anonymous"; `role` is what they act as.

    From `current_principal` the role is anonymous, guest, staff or administrator; from `require_member` and `at` it is
    their role at that hotel.
    """

    actor: str
    role: Standing
    account_id: UUID | None
    is_administrator: bool
    roles: Mapping[UUID, Role]
    session_id: UUID | None = None

    def at(self, hotel_id: UUID) -> "Principal":
        """The same principal, acting in their role at a hotel if they have one there."""
        role = self.roles.get(hotel_id)
        return self if role is None or self.is_administrator else replace(self, role=role)


ANONYMOUS = Principal("anonymous", "anonymous", None, is_administrator=False, roles=_NO_ROLES)


def identity_of(request: Request) -> IdentitySide:
    """The identity side that the app factory opened."""
    side: IdentitySide = request.app.state.identity
    return side


def current_principal(request: Request) -> Principal:
    """Who sends this request; anonymous without credentials. No database is asked.

    Raises NotSignedIn for credentials that aren't valid, ForgedRequest for a write by cookie without its CSRF token.
    """
    side = identity_of(request)
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn("The Authorization header must be: Bearer and an access token.")
        return _principal(side.tokens.check(token.strip()))
    cookie = request.cookies.get(ACCESS_COOKIE)
    if cookie is None:
        return ANONYMOUS
    try:
        claims = side.tokens.check(cookie)
    except NotSignedIn as error:
        # The browser drops the cookie, so that a stale one doesn't lock its owner out of what is open to all.
        raise NotSignedIn(str(error), [("Set-Cookie", side.without_cookie(ACCESS_COOKIE))]) from None
    if request.method not in _SAFE_METHODS:
        require_same_origin(request)
        echoed = require_csrf_echo(request)
        if not hmac.compare_digest(sha256(echoed.encode()).hexdigest(), claims.csrf):
            raise ForgedRequest(f"{CSRF_HEADER} doesn't belong to this session.")
    return _principal(claims)


def require_signed_in(request: Request) -> Principal:
    """Whoever is signed in. Raises NotSignedIn, ForgedRequest."""
    principal = current_principal(request)
    if principal.account_id is None:
        raise NotSignedIn
    return principal


def require_member(request: Request, hotel_id: UUID, *roles: Role) -> Principal:
    """A member of a hotel, with one of these roles if any are given. Administrators may do everything.

    Auditors read all and write nothing. Raises NotSignedIn, NotPermitted, ForgedRequest.
    """
    principal = require_signed_in(request)
    if principal.is_administrator:
        return principal
    role = principal.roles.get(hotel_id)
    if role is None or (roles and role not in roles):
        raise NotPermitted("Your account has no role at this hotel that permits this.")
    if role == "auditor" and request.method not in _SAFE_METHODS:
        raise NotPermitted("Auditors read and change nothing.")
    return replace(principal, role=role)


def require_administrator(request: Request) -> Principal:
    """An administrator of the group. Raises NotSignedIn, NotPermitted, ForgedRequest."""
    principal = require_signed_in(request)
    if not principal.is_administrator:
        raise NotPermitted("Only administrators may do this.")
    return principal


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
    cookie, header = request.cookies.get(CSRF_COOKIE, ""), request.headers.get(CSRF_HEADER, "")
    if not cookie or not hmac.compare_digest(cookie.encode(), header.encode()):
        raise ForgedRequest(f"The header {CSRF_HEADER} must carry the value of the cookie {CSRF_COOKIE}.")
    return header


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _principal(claims: Claims) -> Principal:
    role: Standing = "administrator" if claims.is_administrator else "staff" if claims.roles else "guest"
    return Principal(
        str(claims.account_id), role, claims.account_id, claims.is_administrator, claims.roles, claims.session_id
    )
