"""Access tokens: short-lived JWTs that say who someone is, so that checking one needs no database."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, get_args
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.utils import base64url_encode

from identity.errors import NotSignedIn

type Role = Literal["front_desk", "revenue_manager", "manager", "auditor"]
"""What someone is at a hotel."""

ROLES: tuple[Role, ...] = get_args(Role.__value__)

ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
KEPT_AFTER_ROTATION = ACCESS_TOKEN_LIFETIME + timedelta(minutes=1)
"""How long a key verifies after the next one began to sign: until the last token that it signed is over."""

_ISSUER = "staysync"
_AUDIENCE = "staysync-api"
_ALGORITHM = "EdDSA"
_REQUIRED = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub", "sid"]

_REREAD_EVERY_S = 15.0
_REREAD_AT_MOST_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs access tokens from an instant on, with the id that tokens carry to name it."""

    kid: str
    private_key: Ed25519PrivateKey
    signs_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token says. `csrf` is the hash of the value that writes by cookie must echo, in hexadecimal."""

    account_id: UUID
    session_id: UUID
    is_administrator: bool
    roles: Mapping[UUID, Role]
    roles_version: int
    csrf: str
    issued_at: datetime | None = field(default=None, compare=False)


class AccessTokens:
    """Makes and checks access tokens. The newest key whose time has come signs; all that are known verify.

    `read_keys` gives the keys there are. They are read again now and then, and when a token names one that isn't known,
    so a new key needs no restart. An unknown key is looked for at most every five seconds, whatever is sent: a new key
    begins to sign only a minute after it is made, when every process knows it.
    """

    def __init__(self, read_keys: Callable[[], Sequence[SigningKey]]) -> None:
        self._read_keys = read_keys
        self._keys: tuple[SigningKey, ...] = ()
        self._known: dict[str, Ed25519PublicKey] = {}
        self._read_at = 0.0
        self._reread()

    def issue(self, claims: Claims, token_id: UUID, now: datetime) -> str:
        """A token for ten minutes."""
        payload = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + ACCESS_TOKEN_LIFETIME).timestamp()),
            "jti": str(token_id),
            "sub": str(claims.account_id),
            "sid": str(claims.session_id),
            "adm": claims.is_administrator,
            "roles": {str(hotel_id): role for hotel_id, role in claims.roles.items()},
            "rv": claims.roles_version,
            "csrf": claims.csrf,
        }
        self._reread_if_older_than(_REREAD_EVERY_S)
        key = self._signing(now)
        return jwt.encode(payload, key.private_key, algorithm=_ALGORITHM, headers={"kid": key.kid})

    def check(self, token: str) -> Claims:
        """What a token says. Raises NotSignedIn for any that this service didn't issue or that has ended."""
        self._reread_if_older_than(_REREAD_EVERY_S)
        try:
            # The key is chosen among our own and the algorithm is ours: the token's header decides neither.
            key = self._verifying(jwt.get_unverified_header(token)["kid"])
            payload = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                options={"require": _REQUIRED},
            )
            return _claims(payload)
        except jwt.ExpiredSignatureError:
            raise NotSignedIn("The access token has ended.") from None
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
            raise NotSignedIn("The access token isn't valid.") from None

    def public_keys(self) -> list[dict[str, str]]:
        """The keys that verify tokens, and those that are about to, as JSON Web Keys (RFC 8037)."""
        self._reread_if_older_than(_REREAD_EVERY_S)
        return [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": _ALGORITHM,
                "kid": kid,
                "x": base64url_encode(key.public_bytes_raw()).decode(),
            }
            for kid, key in self._known.items()
        ]

    def _signing(self, now: datetime) -> SigningKey:
        begun = [key for key in self._keys if key.signs_from <= now]
        return max(begun or self._keys, key=lambda key: key.signs_from)

    def _verifying(self, kid: str) -> Ed25519PublicKey:
        if kid not in self._known:
            self._reread_if_older_than(_REREAD_AT_MOST_EVERY_S)
        return self._known[kid]

    def _reread_if_older_than(self, seconds: float) -> None:
        if time.monotonic() - self._read_at >= seconds:
            self._reread()

    def _reread(self) -> None:
        self._read_at = time.monotonic()
        try:
            keys = tuple(self._read_keys())
        except (OSError, ValueError):
            if not self._keys:
                raise
            return  # what is known goes on; a directory that can't be read for a moment signs nobody out
        if keys:
            self._keys = still_needed(keys, utc_now())
            self._known = {key.kid: key.private_key.public_key() for key in self._keys}


def still_needed(keys: Sequence[SigningKey], now: datetime) -> tuple[SigningKey, ...]:
    """The keys without those whose last token is over."""
    ordered = sorted(keys, key=lambda key: key.signs_from)
    followers = [*(key.signs_from for key in ordered[1:]), None]
    return tuple(
        key
        for key, followed in zip(ordered, followers, strict=True)
        if followed is None or now < followed + KEPT_AFTER_ROTATION
    )


def _claims(payload: dict[str, Any]) -> Claims:
    roles: dict[UUID, Role] = {UUID(hotel_id): role for hotel_id, role in payload["roles"].items() if role in ROLES}
    return Claims(
        account_id=UUID(payload["sub"]),
        session_id=UUID(payload["sid"]),
        is_administrator=payload["adm"] is True,
        roles=MappingProxyType(roles),
        roles_version=int(payload["rv"]),
        csrf=str(payload["csrf"]),
        issued_at=datetime.fromtimestamp(payload["iat"], UTC),
    )


def utc_now() -> datetime:
    """The time that tokens and sessions go by."""
    return datetime.now(UTC)
