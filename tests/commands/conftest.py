"""A service with one hotel, open for bookings, and its front desk."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from domain.values import Sealed
from staysync.secrets import load_secrets
from staysync.settings import Settings
from tests.clients import Running, running
from tests.eventstore.house import superuser

_OF_EVERY_PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def told(answer: httpx.Response) -> tuple[int, str, dict[str, Any]]:
    """What a problem says: status, code, and the facts that go with the code."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["detail"]
    return answer.status_code, problem["code"], {k: v for k, v in problem.items() if k not in _OF_EVERY_PROBLEM}


def pointed(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """What a problem with fields says: status, code, and the fields."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    problem = answer.json()
    return answer.status_code, problem["code"], [error["pointer"] for error in problem.get("errors", [])]


@dataclass(frozen=True, slots=True)
class Hotel:
    """A hotel as its clients see it."""

    service: Running
    hotel_id: UUID
    guest: httpx.AsyncClient
    desk: httpx.AsyncClient
    manager: httpx.AsyncClient
    administrator: httpx.AsyncClient

    @property
    def path(self) -> str:
        """Where the hotel's resources are."""
        return f"/v1/hotels/{self.hotel_id}"

    def day(self, number: int) -> date:
        """A date, counted from the hotel's business date."""
        return datetime.now(UTC).date() + timedelta(days=number)

    def stay(self, first: int = 1, until: int = 3, *types: str, **fields: Any) -> dict[str, Any]:
        """The body of a booking, days counted from today."""
        return {
            "arrival": self.day(first).isoformat(),
            "departure": self.day(until).isoformat(),
            "rooms": [{"room_type": code, "adults": 2} for code in types or ("DBL",)],
            "guest": {"full_name": "Ana Guest", "email": "ana@example.org"},
            "channel": "web",
            **fields,
        }

    async def book(self, first: int = 1, until: int = 3, *types: str, **fields: Any) -> httpx.Response:
        """Book as anyone can."""
        return await self.guest.post(f"{self.path}/bookings", json=self.stay(first, until, *types, **fields))

    def span(self, first: int, until: int, **fields: Any) -> dict[str, Any]:
        """A range of nights as bodies say it, days counted from today."""
        return {"from": self.day(first).isoformat(), "to": self.day(until).isoformat(), **fields}

    async def set(self, what: str, first: int, until: int, code: str = "DBL", **fields: Any) -> httpx.Response:
        """A manager's command on nights of a room type."""
        return await self.manager.put(f"{self.path}/room-types/{code}/{what}", json=self.span(first, until, **fields))

    async def room(self, room: str, action: str, **body: Any) -> httpx.Response:
        """A command on a room: of the front desk, or of a manager where it is about what the room offers."""
        method, client = ("PUT", self.manager) if action == "features" else ("POST", self.desk)
        return await client.request(method, f"{self.path}/rooms/{room}/{action}", json=body)

    async def then(self, booking: httpx.Response, action: str, **body: Any) -> httpx.Response:
        """A command of the front desk on a booking."""
        booking_id = booking.json()["booking_id"]
        return await self.desk.post(f"{self.path}/bookings/{booking_id}/{action}", json=body)


@pytest.fixture
async def hotel(settings: Settings) -> AsyncIterator[Hotel]:
    """A hotel with two double rooms and a suite; its day rolls at midnight UTC."""
    async with running(settings) as service, service.administrator() as administrator, service.client() as guest:
        opened = await administrator.post(
            "/v1/hotels",
            json={
                "name": "Aurora",
                "city": "Lisbon",
                "country": "PT",
                "timezone": "UTC",
                "currency": "EUR",
                "business_day_rolls_at": "00:00",
            },
        )
        assert opened.status_code == 201, opened.text
        hotel_id = UUID(opened.json()["hotel_id"])
        for code, rooms, price in (("DBL", ["101", "102"], "100.00"), ("STE", ["201"], "250.50")):
            added = await administrator.post(
                f"/v1/hotels/{hotel_id}/room-types",
                json={
                    "code": code,
                    "name": code,
                    "max_adults": 2,
                    "max_children": 1,
                    "base_price": price,
                    "rooms": rooms,
                },
            )
            assert added.status_code == 201, added.text
        async with service.staff(hotel_id) as desk, service.staff(hotel_id, "manager") as manager:
            yield Hotel(service, hotel_id, guest, desk, manager, administrator)


async def written(hotel: Hotel) -> int:
    """How many rows that a refused command must not add to are there."""
    async with superuser(hotel.service.settings) as connection:
        count: int = await connection.fetchval(
            "select (select count(*) from ledger.event) + (select count(*) from ledger.idempotency)"
            " + (select count(*) from ledger.guest_key) + (select count(*) from ledger.room_stay)"
        )
        return count


async def kept(hotel: Hotel) -> str:
    """All that the ledger keeps in the clear of events and answers."""
    async with superuser(hotel.service.settings) as connection:
        rows = await connection.fetch(
            "select data::text || metadata::text as text from ledger.event"
            " union all select convert_from(answer, 'utf8') || principal || key from ledger.idempotency"
        )
        return "\n".join(row["text"] for row in rows)


async def last_event(hotel: Hotel) -> tuple[str, dict[str, Any]]:
    """The hotel's last event: its type and its facts."""
    async with superuser(hotel.service.settings) as connection:
        (row,) = await connection.fetch(
            "select type, data::text from ledger.event where hotel_id = $1 order by seq desc limit 1", hotel.hotel_id
        )
    return row["type"], orjson.loads(row["data"])


async def opened(hotel: Hotel, sealed: dict[str, str]) -> dict[str, Any]:
    """What was sealed, opened with its guest's key as the ledger keeps it. Fails where the key isn't there."""
    guest_id = UUID(sealed["guest_id"])
    async with superuser(hotel.service.settings) as connection:
        wrapped = await connection.fetchval(
            "select wrapped_key from ledger.guest_key where hotel_id = $1 and guest_id = $2", hotel.hotel_id, guest_id
        )
    master_key = load_secrets(hotel.service.settings.secrets_dir).master_key()
    key = master_key.unwrap(hotel.hotel_id, guest_id, wrapped)
    return key.open(Sealed(guest_id=guest_id, ciphertext=sealed["ciphertext"]))
