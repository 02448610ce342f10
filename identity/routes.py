"""Accounts and sign-in over HTTP."""

from typing import Annotated, Any
from uuid import UUID

import orjson
import uuid_utils.compat as uuids
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from identity import accounts, sessions
from identity.accounts import Account
from identity.errors import NotSignedIn, UnknownAccount
from identity.fields import AnyPassword, Email, FullName, NewPassword
from identity.http import (
    current_principal,
    identity_of,
    require_administrator,
    require_csrf_echo,
    require_same_origin,
    require_signed_in,
)
from identity.side import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE, IdentitySide
from identity.tokens import ACCESS_TOKEN_LIFETIME, Role

router = APIRouter(prefix="/v1", tags=["accounts"])

_ACCESS_S = int(ACCESS_TOKEN_LIFETIME.total_seconds())
_SESSION_S = int(sessions.SESSION_LIFETIME.total_seconds())


class Registration(BaseModel):
    """Someone who wants an account."""

    model_config = ConfigDict(extra="forbid")

    email: Email = Field(examples=["guest@example.org"])
    password: NewPassword = Field(examples=["a long pass phrase"])
    full_name: FullName = Field(examples=["Ada Lovelace"])


class SignIn(BaseModel):
    """Credentials."""

    model_config = ConfigDict(extra="forbid")

    email: Email = Field(examples=["guest@example.org"])
    password: AnyPassword = Field(examples=["a long pass phrase"])


class Registered(BaseModel):
    """The same answer whether the e-mail had an account before or not."""

    email: str
    next: str = Field(description="Where to sign in.")


class Membership(BaseModel):
    """A role at a hotel."""

    hotel_id: UUID
    role: Role


class AccountAnswer(BaseModel):
    """An account."""

    account_id: UUID
    email: str
    full_name: str
    is_administrator: bool
    roles: list[Membership]


class SignedInAnswer(BaseModel):
    """An open session. The same tokens are set as cookies."""

    account: AccountAnswer
    access_token: str
    expires_in: int = Field(description="Seconds until the access token ends.")


class NewRole(BaseModel):
    """What an account shall be at a hotel."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class MemberAnswer(BaseModel):
    """What an account is at a hotel."""

    hotel_id: UUID
    email: str
    role: Role


@router.post(
    "/auth/register", status_code=202, response_model=Registered, summary="Register; then sign in with the same words"
)
async def register(request: Request, body: Registration) -> Response:
    """Make an account for a guest. Where the e-mail has one already nothing changes, and nobody can tell from here."""
    require_same_origin(request)
    side = identity_of(request)
    await side.passwords.refuse_weak(body.password, email=body.email, full_name=body.full_name, field="password")
    password_hash = await side.passwords.hash(body.password)
    async with side.connection() as connection:
        await accounts.add(
            connection,
            account_id=uuids.uuid7(),
            email=body.email,
            password_hash=password_hash,
            full_name=body.full_name,
        )
    return _json({"email": body.email, "next": "/v1/auth/login"}, 202)


@router.post("/auth/login", response_model=SignedInAnswer, summary="Sign in")
async def login(request: Request, body: SignIn) -> Response:
    """Open a session: sets its cookies and answers the access token."""
    require_same_origin(request)
    side = identity_of(request)
    return _signed_in(side, await sessions.sign_in(side, body.email, body.password))


@router.post("/auth/refresh", response_model=SignedInAnswer, summary="Get a new access token")
async def refresh(request: Request) -> Response:
    """Swap the refresh cookie for a new one, and get a new access token with the roles of now."""
    side = identity_of(request)
    token = request.cookies.get(REFRESH_COOKIE)
    if token is None:
        raise NotSignedIn("There is no refresh cookie. Sign in first.")
    require_same_origin(request)
    csrf_token = require_csrf_echo(request)
    try:
        return _signed_in(side, await sessions.refresh(side, token, csrf_token))
    except NotSignedIn as error:
        raise NotSignedIn(str(error), [("Set-Cookie", value) for value in _no_cookies(side)]) from None


@router.post("/auth/logout", status_code=204, summary="Sign out")
async def logout(request: Request) -> Response:
    """End the session. Without one, or with one that has ended, it does no harm."""
    side = identity_of(request)
    refresh_token = request.cookies.get(REFRESH_COOKIE)
    if refresh_token is not None:
        require_same_origin(request)
        require_csrf_echo(request)
    try:
        session_id = current_principal(request).session_id
    except NotSignedIn:  # the access token has ended: the refresh token alone names the session
        session_id = None
    async with side.connection() as connection:
        await sessions.sign_out(connection, session_id, refresh_token)
    return _with_cookies(Response(status_code=204), _no_cookies(side))


@router.get("/auth/me", response_model=AccountAnswer, summary="Who am I?")
async def me(request: Request) -> Response:
    """The account that is signed in."""
    principal = require_signed_in(request)
    side = identity_of(request)
    account = None
    if principal.account_id is not None:
        async with side.connection() as connection:
            account = await accounts.find_by_id(connection, principal.account_id)
    if account is None:
        raise NotSignedIn("This account is no more.")
    return _json(_shown(account))


@router.put(
    "/hotels/{hotel_id}/members/{email}",
    response_model=MemberAnswer,
    summary="Give an account a role at a hotel (administrators)",
)
async def set_member(request: Request, hotel_id: UUID, email: Annotated[Email, Path()], body: NewRole) -> Response:
    """The account acts in its new role from its next access token on, ten minutes later at most."""
    require_administrator(request)
    async with identity_of(request).connection() as connection:
        if not await accounts.set_role(connection, email, hotel_id, body.role):
            raise UnknownAccount
    return _json({"hotel_id": str(hotel_id), "email": email, "role": body.role})


def _signed_in(side: IdentitySide, signed_in: sessions.SignedIn) -> Response:
    answer = _json(
        {"account": _shown(signed_in.account), "access_token": signed_in.access_token, "expires_in": _ACCESS_S}
    )
    return _with_cookies(
        answer,
        [
            side.cookie(ACCESS_COOKIE, signed_in.access_token, _ACCESS_S),
            side.cookie(REFRESH_COOKIE, signed_in.refresh_token, _SESSION_S),
            side.cookie(CSRF_COOKIE, signed_in.csrf_token, _SESSION_S),
        ],
    )


def _no_cookies(side: IdentitySide) -> list[str]:
    return [side.without_cookie(name) for name in (ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE)]


def _with_cookies(response: Response, cookies: list[str]) -> Response:
    for cookie in cookies:
        response.headers.append("Set-Cookie", cookie)
    return response


def _shown(account: Account) -> dict[str, Any]:
    return {
        "account_id": str(account.account_id),
        "email": account.email,
        "full_name": account.full_name,
        "is_administrator": account.is_administrator,
        "roles": [{"hotel_id": str(hotel_id), "role": role} for hotel_id, role in account.roles.items()],
    }


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
