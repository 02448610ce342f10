"""Knows how accounts of staff come to be: the first administrator, and the members of hotels."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg
import uuid_utils.compat as uuids
from pydantic import TypeAdapter

from identity import accounts
from identity.errors import WeakPassword
from identity.fields import Email, FullName, NewPassword
from identity.passwords import Passwords
from identity.tokens import Role
from identity.weak import refuse_weak
from staysync.processes import CannotStartError
from staysync.settings import Settings

_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_PASSWORD: TypeAdapter[str] = TypeAdapter(NewPassword)
_FULL_NAME: TypeAdapter[str] = TypeAdapter(FullName)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Credentials that the demo shows to everyone. `hotel` is a hotel's name, absent for an administrator."""

    email: str
    password: str
    role: str
    hotel: str | None


async def ensure_administrator(settings: Settings) -> bool:
    """Make the administrator of the settings where the e-mail has no account yet; True if it was made.

    An account that is there keeps its password: the settings may be older than a change of it. Raises pydantic's
    ValidationError for an e-mail or a password that no account may have, CannotStartError for one that is easily
    guessed.
    """
    if settings.admin_email is None or settings.admin_password is None:
        return False
    password, full_name = settings.admin_password.get_secret_value(), "Administrator"
    try:
        refuse_weak(password, email=settings.admin_email, full_name=full_name, field="password")
    except WeakPassword as error:
        raise CannotStartError(f"STAYSYNC_ADMIN_PASSWORD: {error}") from error
    return await _add(
        settings, email=settings.admin_email, password=password, full_name=full_name, is_administrator=True
    )


async def add_administrator(settings: Settings, *, email: str, password: str, full_name: str) -> bool:
    """Make an administrator; False, and nothing changed, where the e-mail has an account. Raises ValidationError."""
    return await _add(settings, email=email, password=password, full_name=full_name, is_administrator=True)


async def add_staff(
    settings: Settings, *, email: str, password: str, full_name: str, hotel_id: UUID, role: Role
) -> bool:
    """Give someone a role at a hotel, with an account if the e-mail has none yet; True if the account was made.

    An account that is there keeps its password and name. Raises pydantic's ValidationError.
    """
    added = await _add(settings, email=email, password=password, full_name=full_name)
    connection = await asyncpg.connect(settings.role_url("identity"))
    try:
        await accounts.set_role(connection, email, hotel_id, role)
    finally:
        await connection.close()
    return added


async def _add(
    settings: Settings, *, email: str, password: str, full_name: str, is_administrator: bool = False
) -> bool:
    email = _EMAIL.validate_python(email)
    password, full_name = _PASSWORD.validate_python(password), _FULL_NAME.validate_python(full_name)
    passwords = Passwords()
    connection = await asyncpg.connect(settings.role_url("identity"))
    try:
        if await accounts.existing(connection, [accounts.normalised(email)]):
            return False  # before the password is hashed, which takes long
        return await accounts.add(
            connection,
            account_id=uuids.uuid7(),
            email=email,
            password_hash=await passwords.hash(password),
            full_name=full_name,
            is_administrator=is_administrator,
        )
    finally:
        await connection.close()
        passwords.close()
