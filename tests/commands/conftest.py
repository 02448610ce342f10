"""A service with one hotel, open for bookings, and its front desk."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from staysync.settings import Settings
from tests.clients import Running, running


@dataclass(frozen=True, slots=True)
class Hotel:
    """A hotel as its clients see it."""

    service: Running
    hotel_id: UUID
    guest: httpx.AsyncClient
    desk: httpx.AsyncClient
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
        async with service.staff(hotel_id) as desk:
            yield Hotel(service, hotel_id, guest, desk, administrator)
