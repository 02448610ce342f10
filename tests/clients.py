"""Clients of the whole service within the test's process: no port, and the lifespan runs around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from identity.tokens import Role
from staysync.admin import add_administrator, add_staff
from staysync.app import create_app
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


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The service with its lifespan."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Running(app, settings)
