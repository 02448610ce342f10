"""Access tokens: short-lived JWTs that say who someone is, so that checking one needs no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, get_args
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from identity.errors import NotSignedIn

type Role = Literal["front_desk", "revenue_manager", "manager", "auditor"]
"""What someone is at a hotel."""

ROLES: tuple[Role, ...] = get_args(Role.__value__)

ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)

_ISSUER = "staysync"
_AUDIENCE = "staysync-api"
_ALGORITHM = "EdDSA"
_REQUIRED = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub", "sid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token says. `csrf` is the hash of the value that writes by cookie must echo, in hexadecimal."""

    account_id: UUID
    session_id: UUID
    is_administrator: bool
    roles: Mapping[UUID, Role]
    csrf: str


class AccessTokens:
    """Makes and checks access tokens with one Ed25519 key, named by its id."""

    def __init__(self, kid: str, key: Ed25519PrivateKey) -> None:
        self._kid = kid
        self._key = key
        self._known: dict[str, Ed25519PublicKey] = {kid: key.public_key()}

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
            "csrf": claims.csrf,
        }
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM, headers={"kid": self._kid})

    def check(self, token: str) -> Claims:
        """What a token says. Raises NotSignedIn for any that this service didn't issue or that has ended."""
        try:
            # The key is chosen among our own and the algorithm is ours: the token's header decides neither.
            key = self._known[jwt.get_unverified_header(token)["kid"]]
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
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError):
            raise NotSignedIn("The access token isn't valid.") from None


def _claims(payload: dict[str, Any]) -> Claims:
    roles: dict[UUID, Role] = {UUID(hotel_id): role for hotel_id, role in payload["roles"].items() if role in ROLES}
    return Claims(
        account_id=UUID(payload["sub"]),
        session_id=UUID(payload["sid"]),
        is_administrator=payload["adm"] is True,
        roles=MappingProxyType(roles),
        csrf=str(payload["csrf"]),
    )


def utc_now() -> datetime:
    """The time that tokens and sessions go by."""
    return datetime.now(UTC)
