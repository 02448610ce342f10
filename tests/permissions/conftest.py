"""Two hotels with a booking each, and everybody who might ask about them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from identity.permissions import SCOPES, Who
from identity.tokens import ROLES
from staysync.settings import Settings
from tests.clients import PASSWORD, Running, open_hotel, project, running, stay, verify_email

GUEST = "guest@example.org"
MEMBER = "member@example.org"
"""Who is given roles and loses them."""
NAMES = {
    "own": {"full_name": "Wilhelmina Quist", "email": "quist@example.org", "phone": "+46 70 555 1234"},
    "foreign": {"full_name": "Zephyrine Foreign", "email": "zephyrine@example.org", "phone": "+46 70 555 9876"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A hotel, and the ids of what is there."""

    hotel_id: UUID
    booking_id: str
    guest_id: str
    reference: str
    key_id: str
    personal: tuple[str, ...]
    """What only who may read its bookings may see."""


@dataclass(slots=True, kw_only=True)
class World:
    """Two hotels. Everybody's role, if they have one, is at the first; a program's key is a manager's."""

    service: Running
    own: Place
    foreign: Place
    people: dict[Who, httpx.AsyncClient] = field(default_factory=dict)
    programs: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    session_id: str = ""
    """A session of somebody else's."""


async def _place(administrator: httpx.AsyncClient, name: str, guest: dict[str, str]) -> Place:
    hotel_id = await open_hotel(administrator, name, rooms=40)
    booked = await administrator.post(f"/v1/hotels/{hotel_id}/bookings", json=stay(guest=guest))
    assert booked.status_code == 201, booked.text
    made = await administrator.post(
        "/v1/api-keys",
        json={"name": f"Key of {name}", "scopes": ["read"], "hotel_ids": [str(hotel_id)], "role": "manager"},
    )
    assert made.status_code == 201, made.text
    return Place(
        hotel_id=hotel_id,
        booking_id=booked.json()["booking_id"],
        guest_id="",  # the read tables know it
        reference=booked.json()["reference"],
        key_id=made.json()["api_key"]["key_id"],
        personal=(*guest.values(), booked.json()["reference"], f"Key of {name}"),
    )


async def _with_guest(administrator: httpx.AsyncClient, place: Place) -> Place:
    booking = await administrator.get(f"/v1/hotels/{place.hotel_id}/bookings/{place.booking_id}")
    return replace(place, guest_id=booking.json()["guest"]["guest_id"])


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """Everything there, and everybody signed in."""
    off = {name: "0" for name in Settings.model_fields if name.startswith("limit_")}
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running(settings.model_copy(update=off)))
        administrator = await stack.enter_async_context(service.administrator())
        own = await _place(administrator, "Grand", NAMES["own"])
        foreign = await _place(administrator, "Elsewhere", NAMES["foreign"])
        world = World(service=service, own=own, foreign=foreign)
        world.people["anonymous"] = await stack.enter_async_context(service.client())
        for email in (GUEST, MEMBER):
            person = {"email": email, "password": PASSWORD, "full_name": "A Guest"}
            await world.people["anonymous"].post("/v1/auth/register", json=person)
            await verify_email(service, email)
        world.people["guest"] = await stack.enter_async_context(service.signed_in(GUEST))
        for role in ROLES:
            world.people[role] = await stack.enter_async_context(service.staff(own.hotel_id, role))
        world.people["administrator"] = administrator
        for scope in SCOPES:
            body: dict[str, Any] = {"name": scope, "scopes": [scope], "hotel_ids": [str(own.hotel_id)]}
            made = await world.people["manager"].post("/v1/api-keys", json=body | {"role": "manager"})
            bearer = {"Authorization": f"Bearer {made.json()['key']}"}
            world.programs[scope] = await stack.enter_async_context(service.client(headers=bearer))
        async with service.staff(foreign.hotel_id, "manager") as somebody:
            world.session_id = (await somebody.get("/v1/auth/sessions")).json()["items"][0]["session_id"]
        await project(settings)
        world.own, world.foreign = [await _with_guest(administrator, place) for place in (own, foreign)]
        yield world
