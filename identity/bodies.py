"""What clients send about accounts and keys, and what they get: the bodies of the endpoints."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from identity.fields import AnyPassword, Email, FullName, Language, MailedToken, NewPassword, one_line
from identity.permissions import Scope
from identity.tokens import Role

_PASSWORD = "a long pass phrase"  # noqa: S105 - an example


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Registration(_Body):
    """Someone who wants an account."""

    email: Email = Field(examples=["guest@example.org"])
    password: NewPassword = Field(examples=[_PASSWORD])
    full_name: FullName = Field(examples=["Ada Lovelace"])
    language: Language = Field(default="en", description="The language of mails.")


class SignIn(_Body):
    """Credentials."""

    email: Email = Field(examples=["guest@example.org"])
    password: AnyPassword = Field(examples=[_PASSWORD])


class Address(_Body):
    """An e-mail address that something is to be mailed to, if it has an account."""

    email: Email = Field(examples=["guest@example.org"])


class Verification(_Body):
    """The token out of the mail that came after registering."""

    token: MailedToken


class Reset(_Body):
    """The token out of a mail, and the password to have from now on."""

    token: MailedToken
    password: NewPassword = Field(examples=[_PASSWORD])


class PasswordChange(_Body):
    """The present password, and the one to have from now on."""

    current_password: AnyPassword
    new_password: NewPassword = Field(examples=[_PASSWORD])


class NewRole(_Body):
    """What an account shall be at a hotel."""

    role: Role


class NewKey(_Body):
    """A key for a program."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(one_line)
    ] = Field(examples=["Channel manager"])
    scopes: list[Scope] = Field(min_length=1, max_length=3, description="What it may do: read, book, manage.")
    hotel_ids: list[UUID] = Field(min_length=1, max_length=50, description="Where it may do it.")
    role: Role = Field(description="The role that it acts in, within its scopes.")
    expires_in_days: int = Field(default=90, ge=1, le=730)


class Registered(BaseModel):
    """The same answer whether the e-mail had an account before or not."""

    email: str
    next: str = Field(description="Where to sign in.")


class Mailed(BaseModel):
    """The same answer whether the e-mail has an account or not."""

    email: str


class Membership(BaseModel):
    """A role at a hotel."""

    hotel_id: UUID
    role: Role


class AccountAnswer(BaseModel):
    """An account."""

    account_id: UUID
    email: str
    email_verified: bool
    full_name: str
    language: str
    is_administrator: bool
    roles: list[Membership]


class SignedInAnswer(BaseModel):
    """An open session. The same tokens are set as cookies."""

    account: AccountAnswer
    access_token: str
    expires_in: int = Field(description="Seconds until the access token ends.")


class SessionAnswer(BaseModel):
    """An open session of the account."""

    session_id: UUID
    current: bool = Field(description="Whether this request belongs to it.")
    created_at: datetime
    last_used_at: datetime = Field(description="When its access token was last renewed.")
    expires_at: datetime


class Sessions(BaseModel):
    """The open sessions, the last used first."""

    items: list[SessionAnswer]
    next: None = None


class MemberAnswer(BaseModel):
    """What an account is at a hotel."""

    hotel_id: UUID
    email: str
    role: Role


class Members(BaseModel):
    """Who has which role at a hotel."""

    items: list[MemberAnswer]


class KeyAnswer(BaseModel):
    """A program's key, without the key itself."""

    key_id: UUID
    name: str
    prefix: str = Field(description="How the key begins.")
    scopes: list[Scope]
    hotel_ids: list[UUID]
    role: Role
    made_by: UUID = Field(description="The account that made it.")
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class MadeKey(BaseModel):
    """A new key."""

    key: str = Field(description="The key itself. It is shown now and never again.")
    api_key: KeyAnswer


class Keys(BaseModel):
    """Keys, the newest first."""

    items: list[KeyAnswer]
    next: str | None


class PublicKey(BaseModel):
    """A JSON Web Key (RFC 7517, RFC 8037)."""

    kty: str
    crv: str
    use: str
    alg: str
    kid: str
    x: str


class PublicKeys(BaseModel):
    """The keys by which access tokens can be checked."""

    keys: list[PublicKey]
