"""Taking somebody's booking by a claim."""

import asyncio
from uuid import UUID

import pytest

from identity import claims
from tests.clients import Running, project
from tests.identity.people import sql
from tests.permissions.test_own_bookings import ADA, BOB, book, guest, own
from tests.permissions.test_own_bookings import hotel as hotel  # the fixtures
from tests.permissions.test_own_bookings import service as service


async def test_by_an_email_that_is_not_the_bookings_any_more(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada, guest(service, BOB) as bob, service.client() as anybody:
        booked = await book(anybody, hotel, ADA)
        async with service.staff(hotel) as desk:
            changed = await desk.post(
                f"/v1/hotels/{hotel}/bookings/{booked['booking_id']}/guest",
                json={"guest": {"full_name": "Bob Bolt", "email": BOB}},
            )
            assert changed.status_code == 200, changed.text
        await project(service.settings)
        body = {"reference": booked["reference"]}
        refused = await ada.post("/v1/me/bookings/claim", json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        assert (await bob.post("/v1/me/bookings/claim", json=body)).status_code == 200
        assert (await own(ada), await own(bob)) == ([], [booked["booking_id"]])
        cancel = f"/v1/hotels/{hotel}/bookings/{booked['booking_id']}/cancel"
        assert (await ada.post(cancel, json={})).status_code == 403


async def test_many_claims_of_one_booking_at_once_are_one(service: Running, hotel: UUID) -> None:
    async with guest(service) as ada, service.client() as anybody:
        booked = await book(anybody, hotel, ADA)
        await project(service.settings)
        body = {"reference": booked["reference"]}
        answers = await asyncio.gather(*(ada.post("/v1/me/bookings/claim", json=body) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {200}
    (row,) = await sql(service, "select count(*) from identity.claimed_booking")
    assert row["count"] == 1


async def test_more_claims_than_there_may_be_by_sending_them_at_once(
    service: Running, hotel: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "MOST_CLAIMS", 2)
    async with guest(service) as ada, service.client() as anybody:
        booked = [await book(anybody, hotel, ADA) for _ in range(6)]
        await project(service.settings)
        answers = await asyncio.gather(
            *(ada.post("/v1/me/bookings/claim", json={"reference": one["reference"]}) for one in booked)
        )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
