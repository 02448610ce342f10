"""Mails over HTTP: what failed and why, for administrators, and another try."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from staysync.settings import Settings
from tests.clients import Running, running
from tests.mail.conftest import MailHouse
from tests.mail.post_office import PostOffice

MAILS = "/v1/ops/mails"


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    """The whole service beside the mails."""
    async with running(settings) as service:
        yield service


@pytest.fixture
async def administrator(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Who may see them."""
    async with service.administrator() as administrator:
        yield administrator


async def listed(client: httpx.AsyncClient, **parameters: Any) -> list[dict[str, Any]]:
    answer = await client.get(MAILS, params=parameters)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_failed_mail_shows_its_code_and_is_tried_again(
    administrator: httpx.AsyncClient, mails: MailHouse, office: PostOffice
) -> None:
    office.refuses = lambda address: f"550 5.1.1 {address} is unknown"
    booking_id = await mails.book()
    await mails.deliver()
    [failed] = await listed(administrator, state="failed")
    assert (failed["kind"], failed["error"], failed["attempts"]) == ("confirmation", "550 5.1.1", 1)
    assert (failed["booking_id"], failed["hotel_id"]) == (str(booking_id), str(mails.house.hotel_id))
    assert "ada" not in str(failed)
    office.refuses = lambda _: None
    answer = await administrator.post(f"{MAILS}/{failed['mail_id']}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    await mails.deliver()
    assert len(office.received) == 1
    again = await administrator.post(f"{MAILS}/{failed['mail_id']}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "mail_not_failed")
    assert await listed(administrator, state="failed") == []


async def test_a_failed_mail_of_an_account_is_tried_again(
    service: Running, administrator: httpx.AsyncClient, mails: MailHouse, office: PostOffice
) -> None:
    office.refuses = lambda _: "550 no"
    async with service.client() as browser:
        person = {"email": "zoe@example.org", "password": "a long pass phrase", "full_name": "Zoë"}
        await browser.post("/v1/auth/register", json=person)
    await mails.deliver()
    [failed] = await listed(administrator, state="failed")
    assert (failed["kind"], failed["hotel_id"]) == ("verify_email", None)
    office.refuses = lambda _: None
    assert (await administrator.post(f"{MAILS}/{failed['mail_id']}/retry")).status_code == 202
    await mails.deliver()
    assert office.recipients == ["zoe@example.org"]


async def test_all_mails_are_listed_page_by_page_the_newest_first(
    administrator: httpx.AsyncClient, mails: MailHouse
) -> None:
    for day in range(5):
        await mails.book(day + 10, day + 11)
    await mails.deliver()
    whole = await listed(administrator, limit=200)
    assert len(whole) == 10
    assert [item["created_at"] for item in whole] == sorted((item["created_at"] for item in whole), reverse=True)
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await administrator.get(MAILS, params={"limit": 3, **({"after": after} if after else {})})).json()
        found += page["items"]
        after = page["next"]
        if after is None:
            break
    assert found == whole


@pytest.mark.parametrize(
    "parameters", [{"state": "lost"}, {"limit": 0}, {"after": "x"}, {"hotel_id": "x"}, {"colour": "red"}]
)
async def test_what_cannot_be_asked_is_said(administrator: httpx.AsyncClient, parameters: dict[str, Any]) -> None:
    answer = await administrator.get(MAILS, params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_mail_that_is_not_there_is_not_found(administrator: httpx.AsyncClient) -> None:
    answer = await administrator.post(f"{MAILS}/00000000-0000-0000-0000-000000000000/retry")
    assert answer.status_code == 404
