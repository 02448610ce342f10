"""Who may read the access log, and how it is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from identity.access_log import AccessLog
from identity.tokens import Role
from tests.access.test_writing import ENTRY
from tests.clients import Running

HOTEL, OTHER = UUID(int=1), UUID(int=2)
SOMEBODY = UUID(int=7)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_LIST = f"/v1/hotels/{HOTEL}/access-log"


@pytest.fixture
async def filled(service: Running) -> Running:
    """Thirty entries, one an hour: by turns of this hotel, of another, and of none."""
    log: AccessLog = service.app.state.access_log
    for number in range(30):
        log.add(
            ENTRY._replace(
                at=BEGIN + timedelta(hours=number),
                request_id=f"request-{number:02}",
                hotel_id=(HOTEL, OTHER, None)[number % 3],
                account_id=SOMEBODY if number % 2 else None,
                status=201 if number < 20 else 403,
            )
        )
    assert await log.flush()
    return service


async def _ids(client: httpx.AsyncClient, path: str, **params: Any) -> list[str]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return [item["request_id"] for item in answer.json()["items"] if item["request_id"].startswith("request-")]


async def test_a_hotels_auditor_sees_what_concerns_the_hotel_alone(filled: Running) -> None:
    async with filled.staff(HOTEL, "auditor") as auditor:
        assert await _ids(auditor, _LIST, limit=50) == [f"request-{number:02}" for number in range(27, -1, -3)]
        assert (await auditor.get(f"/v1/hotels/{OTHER}/access-log")).status_code == 403
        assert (await auditor.get("/v1/access-log")).status_code == 403


@pytest.mark.parametrize(
    ("role", "status"), [("auditor", 200), ("manager", 200), ("front_desk", 403), ("revenue_manager", 403)]
)
async def test_it_is_for_auditors_and_managers(filled: Running, role: Role, status: int) -> None:
    async with filled.staff(HOTEL, role) as member:
        assert (await member.get(_LIST)).status_code == status


async def test_nobody_reads_it_without_signing_in(filled: Running) -> None:
    async with filled.client() as client:
        assert (await client.get(_LIST)).status_code == 401
        assert (await client.get("/v1/access-log")).status_code == 401


async def test_an_administrator_sees_all_and_asks_for_some(filled: Running) -> None:
    async with filled.administrator() as administrator:
        everything = await _ids(administrator, "/v1/access-log", limit=200)
        assert everything == [f"request-{number:02}" for number in range(29, -1, -1)]
        some = await _ids(
            administrator,
            "/v1/access-log",
            **{"from": "2026-01-01T10:00:00Z", "to": "2026-01-01T23:00:00+02:00"},
            account=SOMEBODY,
            status=201,
        )
        assert some == ["request-19", "request-17", "request-15", "request-13", "request-11"]


async def test_pages_have_each_entry_once(filled: Running) -> None:
    async with filled.administrator() as administrator:
        found: list[str] = []
        after: dict[str, str] = {}
        while True:
            params: dict[str, str | int] = {"limit": 7, "to": "2026-01-03T00:00:00Z", **after}
            page = (await administrator.get("/v1/access-log", params=params)).json()
            found += [item["request_id"] for item in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
    assert found == [f"request-{number:02}" for number in range(29, -1, -1)]


async def test_an_entry_says_all_and_not_more(filled: Running) -> None:
    async with filled.staff(HOTEL, "manager") as manager:
        item = (await manager.get(_LIST, params={"limit": 1, "to": "2026-01-02T00:00:00Z"})).json()["items"][0]
    assert item == {
        "at": "2026-01-01T21:00:00Z",
        "event": "write",
        "request_id": "request-21",
        "address": "192.0.2.1",
        "agent": "A browser",
        "actor": "anonymous",
        "account_id": str(SOMEBODY),
        "subject_id": None,
        "hotel_id": str(HOTEL),
        "booking_id": None,
        "method": "POST",
        "route": "/v1/hotels",
        "status": 403,
        "code": None,
    }


@pytest.mark.parametrize(
    "params",
    [
        {"from": "yesterday"},
        {"from": "1700000000"},
        {"from": "2026-01-01T10:00:00"},
        {"to": "0001-01-01T00:00:00+14:00"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"account": "x"},
        {"status": "999"},
        {"status": "4xx"},
        {"limit": "0"},
        {"limit": "201"},
        {"after": "nonsense"},
        {"after": "WzEsMl0="},
        {"after": "WyJ4IiwxXQ"},
        {"after": "é"},
        {"unknown": "1"},
        {"begin": "2026-01-01T10:00:00Z"},
    ],
)
async def test_what_cannot_be_asked_is_refused(filled: Running, params: dict[str, str]) -> None:
    async with filled.administrator() as administrator:
        answer = await administrator.get("/v1/access-log", params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
