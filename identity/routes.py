"""Accounts, sign-in and sessions over HTTP."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from identity import accounts, enrolment, sessions
from identity.access_log import note
from identity.accounts import Account
from identity.bodies import (
    AccountAnswer,
    Address,
    Mailed,
    PasswordChange,
    PublicKeys,
    Registered,
    Registration,
    Reset,
    SessionAnswer,
    Sessions,
    SignedInAnswer,
    SignIn,
    Verification,
)
from identity.errors import NotSignedIn, TokenReused, WrongCredentials
from identity.http import (
    Principal,
    current_principal,
    identity_of,
    permitted,
    require_csrf_echo,
    require_same_origin,
)
from identity.limits import forgive, limit
from identity.permissions import needs
from identity.side import ACCESS, CSRF, REFRESH, IdentitySide
from identity.tokens import ACCESS_TOKEN_LIFETIME

router = APIRouter(prefix="/v1", tags=["accounts"])
public = APIRouter(tags=["accounts"])

_ACCESS_S = int(ACCESS_TOKEN_LIFETIME.total_seconds())
_SESSION_S = int(sessions.SESSION_LIFETIME.total_seconds())


@router.post(
    "/auth/register",
    status_code=202,
    response_model=Registered,
    summary="Register; then sign in with the same words",
    **needs("account.enter"),
)
async def register(request: Request, body: Registration) -> Response:
    """Make an account for a guest, and mail a token to verify the e-mail.

    Where the e-mail has an account already nothing changes but that its owner gets a mail; nobody can tell from here.
    """
    require_same_origin(request)
    await limit(request, "registrations", body.email)
    await enrolment.register(
        identity_of(request),
        email=body.email,
        password=body.password,
        full_name=body.full_name,
        language=body.language,
    )
    return _json({"email": body.email, "next": "/v1/auth/login"}, 202)


@router.post(
    "/auth/resend-verification",
    status_code=202,
    response_model=Mailed,
    summary="Mail the verification again",
    **needs("account.enter"),
)
async def resend_verification(request: Request, body: Address) -> Response:
    """Mail a new token where the e-mail has an account and isn't verified. One a minute at most."""
    require_same_origin(request)
    await limit(request, "resets", body.email)
    await enrolment.offer_verification(identity_of(request), body.email)
    return _json({"email": body.email}, 202)


@router.post("/auth/verify-email", response_model=AccountAnswer, summary="Verify the e-mail", **needs("account.own"))
async def verify_email(request: Request, body: Verification) -> Response:
    """Prove that the e-mail is one's own, signed in to the account that the token was made for. It works for a day."""
    _, account = await _own_account(request)
    await enrolment.verify_email(identity_of(request), account.account_id, body.token)
    note(request, "email_verified")
    return await me(request)


@router.post("/auth/login", response_model=SignedInAnswer, summary="Sign in", **needs("account.enter"))
async def login(request: Request, body: SignIn) -> Response:
    """Open a session: sets its cookies and answers the access token. A session that this browser had ends."""
    require_same_origin(request)
    await limit(request, "sign_ins", body.email)
    side = identity_of(request)
    replaced = request.cookies.get(side.name_of(REFRESH))
    try:
        signed_in = await sessions.sign_in(side, body.email, body.password, replaced)
    except WrongCredentials as error:
        note(request, "sign_in_failed", account_id=error.account_id)
        raise
    note(request, "sign_in", account_id=signed_in.account.account_id)
    await forgive(request, "sign_ins", body.email)
    return _signed_in(side, signed_in)


@router.post("/auth/refresh", response_model=SignedInAnswer, summary="Get a new access token", **needs("account.enter"))
async def refresh(request: Request) -> Response:
    """Swap the refresh cookie for a new one, and get a new access token with the roles of now."""
    side = identity_of(request)
    token = request.cookies.get(side.name_of(REFRESH))
    if token is None:
        raise NotSignedIn("There is no refresh cookie. Sign in first.")
    require_same_origin(request)
    csrf_token = require_csrf_echo(request)
    try:
        return _signed_in(side, await sessions.refresh(side, token, csrf_token))
    except NotSignedIn as error:
        if isinstance(error, TokenReused):
            note(request, "token_reused", account_id=error.account_id)
        raise NotSignedIn(str(error), [("Set-Cookie", value) for value in _no_cookies(side)]) from None


@router.post("/auth/logout", status_code=204, summary="Sign out", **needs("account.enter"))
async def logout(request: Request) -> Response:
    """End the session. Without one, or with one that has ended, it does no harm."""
    side = identity_of(request)
    refresh_token = request.cookies.get(side.name_of(REFRESH))
    if refresh_token is not None:
        require_same_origin(request)
        require_csrf_echo(request)
    try:
        session_id = (await current_principal(request)).session_id
    except NotSignedIn:  # the access token has ended: the refresh token alone names the session
        session_id = None
    note(request, "sign_out")
    await sessions.sign_out(side, session_id, refresh_token)
    return _with_cookies(Response(status_code=204), _no_cookies(side))


@router.post("/auth/logout-everywhere", status_code=204, summary="Sign out everywhere", **needs("account.own"))
async def logout_everywhere(request: Request) -> Response:
    """End all sessions of the account, this one too."""
    side, account_id = identity_of(request), _account_of(await permitted(request))
    note(request, "sign_out")
    async with side.connection() as connection:
        ended = await sessions.end_all(connection, account_id, "signed_out")
    side.revocations.sessions_ended(ended)
    return _with_cookies(Response(status_code=204), _no_cookies(side))


@router.get("/auth/me", response_model=AccountAnswer, summary="Who am I?", **needs("account.own"))
async def me(request: Request) -> Response:
    """The account that is signed in."""
    _, account = await _own_account(request)
    return _json(_shown(account))


@router.get("/auth/sessions", response_model=Sessions, summary="Where am I signed in?", **needs("account.own"))
async def own_sessions(request: Request) -> Response:
    """The account's open sessions."""
    principal = await permitted(request)
    async with identity_of(request).connection() as connection:
        found = await sessions.listed(connection, _account_of(principal))
    items = [
        SessionAnswer(
            session_id=session.session_id,
            current=session.session_id == principal.session_id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
        )
        for session in found
    ]
    return _json(Sessions(items=items).model_dump(mode="json"))


@router.delete("/auth/sessions/{session_id}", status_code=204, summary="End one of my sessions", **needs("account.own"))
async def end_session(request: Request, session_id: UUID) -> Response:
    """Its tokens stop working: here at once, in other processes within a minute at most."""
    principal = await permitted(request)
    await sessions.end_own(identity_of(request), _account_of(principal), session_id)
    note(request, "session_ended")
    return Response(status_code=204)


@router.post("/auth/change-password", status_code=204, summary="Change the password", **needs("account.own"))
async def change_password(request: Request, body: PasswordChange) -> Response:
    """Needs the present one. The account's other sessions end."""
    principal, account = await _own_account(request)
    if principal.session_id is None:
        raise NotSignedIn
    await limit(request, "sign_ins", account.email)  # who holds a stolen session guesses no more often than others
    await enrolment.change_password(
        identity_of(request), account, principal.session_id, body.current_password, body.new_password
    )
    note(request, "password_changed")
    await forgive(request, "sign_ins", account.email)
    return Response(status_code=204)


@router.post(
    "/auth/forgot-password",
    status_code=202,
    response_model=Mailed,
    summary="I forgot my password",
    **needs("account.enter"),
)
async def forgot_password(request: Request, body: Address) -> Response:
    """Mail a token where the e-mail has an account. One a minute at most; it works once, for half an hour."""
    require_same_origin(request)
    await limit(request, "resets", body.email)
    await enrolment.offer_reset(identity_of(request), body.email)
    return _json({"email": body.email}, 202)


@router.post(
    "/auth/reset-password",
    status_code=204,
    summary="Choose another password by a token out of a mail",
    **needs("account.enter"),
)
async def reset_password(request: Request, body: Reset) -> Response:
    """All sessions of the account end; sign in with the new password."""
    require_same_origin(request)
    side = identity_of(request)
    account_id = await enrolment.reset_password(side, body.token, body.password)
    note(request, "password_reset", account_id=account_id)
    return _with_cookies(Response(status_code=204), _no_cookies(side))


@public.get(
    "/.well-known/jwks.json",
    response_model=PublicKeys,
    summary="The keys that access tokens are signed with",
    **needs("service.read"),
)
async def jwks(request: Request) -> Response:
    """Open to all. A new key is here a minute before it signs; an old one until the last token of it is over."""
    response = _json({"keys": identity_of(request).tokens.public_keys()})
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


def _account_of(principal: Principal) -> UUID:
    if principal.account_id is None:
        raise NotSignedIn
    return principal.account_id


async def _own_account(request: Request) -> tuple[Principal, Account]:
    principal = await permitted(request)
    async with identity_of(request).connection() as connection:
        account = await accounts.find_by_id(connection, _account_of(principal))
    if account is None:
        raise NotSignedIn("This account is no more.")
    return principal, account


def _signed_in(side: IdentitySide, signed_in: sessions.SignedIn) -> Response:
    answer = _json(
        {"account": _shown(signed_in.account), "access_token": signed_in.access_token, "expires_in": _ACCESS_S}
    )
    return _with_cookies(
        answer,
        [
            side.cookie(ACCESS, signed_in.access_token, _ACCESS_S),
            side.cookie(REFRESH, signed_in.refresh_token, _SESSION_S),
            side.cookie(CSRF, signed_in.csrf_token, _SESSION_S),
        ],
    )


def _no_cookies(side: IdentitySide) -> list[str]:
    return [side.without_cookie(cookie) for cookie in (ACCESS, REFRESH, CSRF)]


def _with_cookies(response: Response, cookies: Sequence[str]) -> Response:
    for cookie in cookies:
        response.headers.append("Set-Cookie", cookie)
    return response


def _shown(account: Account) -> dict[str, Any]:
    return {
        "account_id": str(account.account_id),
        "email": account.email,
        "email_verified": account.email_verified_at is not None,
        "full_name": account.full_name,
        "language": account.language,
        "is_administrator": account.is_administrator,
        "roles": [{"hotel_id": str(hotel_id), "role": role} for hotel_id, role in account.roles.items()],
    }


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
