"""Clients of the whole service within the test's process: no port, and the lifespan runs around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI

from identity.tokens import Role
from projections.drain import Projector, projector_pool, sweep
from staysync.admin import add_administrator, add_staff
from staysync.app import create_app
from staysync.secrets import load_secrets
from staysync.settings import Settings

ORIGIN = "http://testserver"
PASSWORD = "a long pass phrase"  # noqa: S105 - of accounts that live as long as one test


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs for one test."""

    app: FastAPI
    settings: Settings

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client with cookies of its own, as one browser has."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ORIGIN, **options)

    @asynccontextmanager
    async def administrator(self, email: str = "admin@example.org") -> AsyncIterator[httpx.AsyncClient]:
        """A program signed in as an administrator by its bearer token."""
        await add_administrator(self.settings, email=email, password=PASSWORD, full_name="The Administrator")
        async with self.signed_in(email) as program:
            yield program

    @asynccontextmanager
    async def staff(self, hotel_id: UUID, role: Role = "front_desk") -> AsyncIterator[httpx.AsyncClient]:
        """A program signed in with a role at a hotel."""
        email = f"{role}.{hotel_id}@example.org"
        await add_staff(
            self.settings, email=email, password=PASSWORD, full_name="At the Desk", hotel_id=hotel_id, role=role
        )
        async with self.signed_in(email) as program:
            yield program

    @asynccontextmanager
    async def signed_in(self, email: str) -> AsyncIterator[httpx.AsyncClient]:
        """A program signed in by its bearer token, without any cookie."""
        async with self.client() as browser:
            answer = await browser.post("/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        async with self.client(headers={"Authorization": f"Bearer {answer.json()['access_token']}"}) as program:
            yield program


async def verify_email(service: Running, email: str) -> None:
    """Make an account's e-mail a verified one, as if its owner had followed the link of the mail."""
    connection = await asyncpg.connect(service.settings.role_url("owner"))
    try:
        await connection.execute("update identity.account set email_verified_at = now() where email = $1", email)
    finally:
        await connection.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The service with its lifespan."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Running(app, settings)


async def project(settings: Settings) -> None:
    """Bring the read tables up to the ledger, as a projection worker would."""
    master_key = load_secrets(settings.secrets_dir).master_key()
    async with projector_pool(settings.role_url("projector"), master_key) as pool:
        while not await sweep(Projector(pool, master_key)):
            continue


async def open_hotel(administrator: httpx.AsyncClient, name: str = "Grand", rooms: int = 2) -> UUID:
    """A hotel in Lisbon with double rooms, opened by commands."""
    opened = await administrator.post(
        "/v1/hotels",
        json={"name": name, "city": "Lisbon", "country": "PT", "timezone": "Europe/Lisbon", "currency": "EUR"},
    )
    assert opened.status_code == 201, opened.text
    hotel_id = UUID(opened.json()["hotel_id"])
    added = await administrator.post(
        f"/v1/hotels/{hotel_id}/room-types",
        json={
            "code": "DBL",
            "name": "Double",
            "max_adults": 2,
            "max_children": 1,
            "base_price": "100.00",
            "rooms": [f"{100 + number}" for number in range(1, rooms + 1)],
        },
    )
    assert added.status_code == 201, added.text
    return hotel_id


def stay(nights: int = 2, begins_in: int = 30, **changes: Any) -> dict[str, Any]:
    """The body of a booking of one double room."""
    arrival = datetime.now(UTC).date() + timedelta(days=begins_in)
    return {
        "arrival": f"{arrival}",
        "departure": f"{arrival + timedelta(days=nights)}",
        "rooms": [{"room_type": "DBL", "adults": 2}],
        "guest": {"full_name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 20 1234"},
        "channel": "direct",
        "state": "confirmed",
        **changes,
    }
