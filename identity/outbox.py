"""The mails of accounts: written in the transaction that they are about, sent later by somebody else.

What a mail carries, a token above all, is sealed with a key that isn't in the database: who has a copy of the database
alone can neither reset a password nor verify an address. Once sent, the sealed part goes.
"""

import secrets
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity.accounts import Connection

type Template = Literal["verify_email", "already_registered", "reset_password", "password_changed", "session_stolen"]

_NONCE_BYTES = 12

_WRITE = """
    insert into identity.outbox (mail_id, account_id, template, language, sealed)
    select $1, account_id, $3, language, $4 from identity.account where account_id = $2
"""


class MailSeal:
    """Seals what mails carry, each for its own mail (AES-256-GCM)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, mail_id: UUID, contents: Mapping[str, str]) -> bytes:
        """The contents, readable with the key and for this mail only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, orjson.dumps(contents), mail_id.bytes)

    def open(self, mail_id: UUID, sealed: bytes) -> dict[str, str]:
        """What was sealed. Raises cryptography's InvalidTag for another key or mail."""
        contents: dict[str, str] = orjson.loads(
            self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], mail_id.bytes)
        )
        return contents


async def write(connection: Connection, seal: MailSeal, *, mail_id: UUID, account_id: UUID, template: Template) -> None:
    """Write a mail that carries nothing secret, in the transaction of the connection."""
    await connection.execute(_WRITE, mail_id, account_id, template, seal.seal(mail_id, {}))
