"""Who the tests of this folder are about, and what they hold: browsers, cookies, mails, the database itself."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from identity.outbox import MailSeal
from identity.side import IdentitySide
from staysync.secrets import load_secrets
from tests.clients import PASSWORD, Running
from tests.eventstore.house import superuser

ADA = {"email": "ada@example.org", "password": PASSWORD, "full_name": "Ada Lovelace"}
BOB = {"email": "bob@example.org", "password": PASSWORD, "full_name": "Bob Bolt"}
OTHER = "quite another phrase"


@asynccontextmanager
async def browser_of(service: Running, person: dict[str, str] = ADA) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which somebody is signed in, after registering if need be."""
    async with service.client() as browser:
        assert (await browser.post("/v1/auth/register", json=person)).status_code == 202
        await sign_in(browser, person["email"])
        yield browser


async def sign_in(browser: httpx.AsyncClient, email: str = ADA["email"], password: str = PASSWORD) -> dict[str, Any]:
    answer = await browser.post("/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    signed_in: dict[str, Any] = answer.json()
    return signed_in


def cookie(answer: httpx.Response, name: str) -> str:
    return next(value for value in answer.headers.get_list("set-cookie") if value.startswith(f"{name}="))


def echo(browser: httpx.AsyncClient) -> dict[str, str]:
    return {"X-CSRF-Token": browser.cookies["staysync_csrf"]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def mails(service: Running, email: str = ADA["email"]) -> list[tuple[str, str | None]]:
    """The mails that wait for an address, the oldest first: template and token."""
    seal = MailSeal(load_secrets(service.settings.secrets_dir).mail_key())
    found = await sql(
        service,
        "select o.* from identity.outbox o join identity.account a using (account_id) where a.email = $1"
        " order by o.created_at",
        email,
    )
    return [(mail["template"], seal.open(mail["mail_id"], mail["sealed"]).get("token")) for mail in found]


async def mailed_token(service: Running, template: str, email: str = ADA["email"]) -> str:
    token = [token for kind, token in await mails(service, email) if kind == template][-1]
    assert token is not None
    return token


async def sql(service: Running, statement: str, *args: object) -> list[Any]:
    """What the database says, asked past all rights."""
    async with superuser(service.settings) as connection:
        return list(await connection.fetch(statement, *args))


async def a_minute_passes(service: Running) -> None:
    await sql(service, "update identity.outbox set created_at = created_at - interval '61 seconds'")


@contextmanager
def work_of(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is done meanwhile: each statement to the accounts' database by its kind, and each hash computed."""
    done: list[str] = []
    connection_of, hash_of, verify_of = IdentitySide.connection, PasswordHasher.hash, PasswordHasher.verify

    def note(record: Any) -> None:
        # Not what the driver asks about types once on each new connection, of which the access log may need one.
        if "identity." in record.query:
            done.append(" ".join(record.query.split())[:40])

    @asynccontextmanager
    async def connection(side: IdentitySide) -> AsyncIterator[Any]:
        async with connection_of(side) as real:
            with real.query_logger(note):
                yield real

    def hashing(hasher: PasswordHasher, *args: Any, **options: Any) -> str:
        done.append("hash")
        return hash_of(hasher, *args, **options)

    def verifying(hasher: PasswordHasher, *args: Any, **options: Any) -> bool:
        done.append("verify")
        return verify_of(hasher, *args, **options)

    with patch.context() as now:
        now.setattr(IdentitySide, "connection", connection)
        now.setattr(PasswordHasher, "hash", hashing)
        now.setattr(PasswordHasher, "verify", verifying)
        yield done
