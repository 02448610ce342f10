"""No output and no log file of any process holds a secret or anything personal, whatever fails, even in debug mode.

The whole service runs as `make run` runs it. People do with it what they do, and what they shouldn't; parts of it are
broken on purpose so that its processes and its database complain. Then all that was written is searched.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from staysync.embedded import free_port
from staysync.processes import wait_until

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 120.0

ADMIN = ("owner.zephyrine@example.org", "gantry-lilac-93-otter")
PERSONAL = {
    "email": "wilhelmina.quist@example.org",
    "name": "Wilhelmina Quist",
    "phone": "+46 70 555 1234 77",
    "password": "marzipan-violet-tundra-8",
    "wrong password": "marzipan-violet-tundra-9",
    "note": "arrives with a very small alpaca",
}


class Service:
    """The running service, and what it has said so far."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.said: list[str] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STAYSYNC_")} | {
            "STAYSYNC_DATA_DIR": str(data_dir),
            "STAYSYNC_PORT": str(self.port),
            "STAYSYNC_DEMO": "0",
            "STAYSYNC_LOG_LEVEL": "debug",
            "STAYSYNC_LOG_FORMAT": "json",  # says more than text does: what a line is about, member by member
            "STAYSYNC_ADMIN_EMAIL": ADMIN[0],
            "STAYSYNC_ADMIN_PASSWORD": ADMIN[1],
            "STAYSYNC_LIMIT_LOOKUPS_PER_ACCOUNT": "3/h",
            "PYTHONPATH": str(_ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "staysync", "up"],
            env=environment,
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(self.process.stdout)

    def has_said(self, words: str) -> bool:
        """Whether a line with these words has come."""
        return any(words in line for line in self.said)

    def stop(self) -> None:
        """End it, and take in the last that it says."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_PATIENCE_S)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def everything(self) -> str:
        """All that its processes have written, on the terminal and into files of logs and records."""
        files = [file for folder in ("log", "run") for file in (self.data_dir / folder).rglob("*") if file.is_file()]
        return "".join(self.said) + "".join(file.read_text(errors="replace") for file in files)

    def database_url(self) -> str:
        """The database, as its superuser."""
        port = (self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[3]
        password = (self.data_dir / "secrets" / "db-superuser.password").read_text().strip()
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/staysync"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The whole service, in debug mode."""
    service = Service(tmp_path / "data")
    try:
        assert wait_until(
            lambda: service.has_said("StaySync is running") or service.process.poll() is not None, _PATIENCE_S
        )
        assert service.process.poll() is None, "".join(service.said)
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def _break(service: Service, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(service.database_url())
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def _stay(**changes: Any) -> dict[str, Any]:
    arrival = datetime.now(UTC).date() + timedelta(days=20)
    return {
        "arrival": f"{arrival}",
        "departure": f"{arrival + timedelta(days=2)}",
        "rooms": [{"room_type": "DBL", "adults": 2}],
        "guest": {"full_name": PERSONAL["name"], "email": PERSONAL["email"], "phone": PERSONAL["phone"]},
        **changes,
    }


def _live(client: httpx.Client) -> tuple[str, dict[str, Any], list[str]]:
    """What people do, rightly and wrongly: the hotel, the last booking, and the tokens that they got."""
    password, email, name = PERSONAL["password"], PERSONAL["email"], PERSONAL["name"]
    admin = client.post("/v1/auth/login", json={"email": ADMIN[0], "password": ADMIN[1]})
    bearer = {"Authorization": f"Bearer {admin.json()['access_token']}"}
    client.cookies.clear()
    opened = client.post(
        "/v1/hotels",
        json={"name": "Grand", "city": "Lisbon", "country": "PT", "timezone": "Europe/Lisbon", "currency": "EUR"},
        headers=bearer,
    )
    hotel = f"/v1/hotels/{opened.json()['hotel_id']}"
    room_type = {"code": "DBL", "name": "Double", "max_adults": 2, "max_children": 1, "base_price": "100.00"}
    added = client.post(f"{hotel}/room-types", json={**room_type, "rooms": ["101", "102", "103"]}, headers=bearer)
    assert added.status_code == 201, added.text

    client.post("/v1/auth/register", json={"email": email, "password": password, "full_name": name})
    client.post("/v1/auth/login", json={"email": email, "password": PERSONAL["wrong password"]})
    signed_in = client.post("/v1/auth/login", json={"email": email, "password": password})
    tokens = [admin.json()["access_token"], signed_in.json()["access_token"], *client.cookies.values()]
    csrf = {"X-CSRF-Token": client.cookies["staysync_csrf"]}
    booked = client.post(f"{hotel}/bookings", json=_stay(), headers=csrf)
    assert booked.status_code == 201, booked.text
    client.post("/v1/auth/refresh", headers=csrf)
    tokens += client.cookies.values()
    client.cookies.clear()
    booking = f"{hotel}/bookings/{booked.json()['booking_id']}"
    client.post(f"{booking}/cancel", json={"note": PERSONAL["note"]}, headers=bearer)
    assert wait_until(lambda: client.get(booking, headers=bearer).status_code == 200, _PATIENCE_S)

    for _ in range(5):  # the last ones over the limit
        client.post("/v1/bookings/lookup", json={"reference": booked.json()["reference"], "email": email})
    for body in (
        {"email": [email], "password": {"word": password}, "full_name": 7},
        {"email": name, "password": password},
        {email: name, password: PERSONAL["phone"]},
    ):
        client.post("/v1/auth/register", json=body)
        client.post("/v1/auth/login", json=body)
    for changes in ({"guest": name}, {"guest": {"full_name": [name], "email": PERSONAL["phone"]}}, {"arrival": email}):
        client.post(f"{hotel}/bookings", json=_stay(**changes))
    client.post("/v1/auth/login", content=f'{{"email": "{email}", "password": "{password}'.encode())
    client.get(f"{hotel}/bookings", params={"q": email, name: PERSONAL["phone"]}, headers=bearer)
    client.get(f"/{email}/{password}", headers={"Authorization": f"Basic {password}", "User-Agent": name})
    client.get("/v1/auth/me", headers={"Authorization": f"Bearer {tokens[0]}x", "X-Request-Id": email})
    client.put(f"{hotel}/members/{email}", json={"role": email}, headers=bearer)
    headers = {"X-Correlation-Id": email, "X-Request-Id": name, "traceparent": f"00-{email}-{name}-01"}
    client.get("/v1/hotels", headers=headers)
    client.request("GET", "/metrics", params={name: email}, headers=headers)
    for path in (f"/v1/ops/schedules/{email}/run", f"/v1/ops/dead-letters/{email}/retry"):
        client.post(path, headers=bearer)
    return hotel, bearer, tokens


def _fail(client: httpx.Client, service: Service, hotel: str, bearer: dict[str, Any]) -> None:
    """Break what is used, and use it."""
    email, password = PERSONAL["email"], PERSONAL["password"]
    _break(
        service,
        "alter table identity.account add constraint odd check (email not like 'wilhelmina.broken%') not valid",
        "alter table read.booking rename to booking_gone",
        "alter table identity.session rename column csrf_hash to gone",
    )
    statuses = [
        client.post(
            "/v1/auth/register",
            json={"email": f"wilhelmina.broken.{email}", "password": password, "full_name": PERSONAL["name"]},
        ).status_code,
        client.post("/v1/auth/login", json={"email": email, "password": password}).status_code,
        client.get(f"{hotel}/bookings", params={"q": email}, headers=bearer).status_code,
    ]
    assert statuses == [500, 500, 500]
    # A projector meets a row that the database refuses, with a guest in its hands.
    _break(
        service,
        "alter table read.booking_gone rename to booking",
        "alter table read.guest add constraint odd check (full_name not like 'Wil%') not valid",
    )
    assert client.post(f"{hotel}/bookings", json=_stay(), headers=bearer).status_code == 201
    assert wait_until(lambda: service.has_said("is parked before event"), _PATIENCE_S)
    # And the ledger itself refuses a row.
    _break(service, "alter table ledger.event add constraint odd check (type <> 'BookingMade') not valid")
    assert client.post(f"{hotel}/bookings", json=_stay(), headers=bearer).status_code >= 500


def test_no_secret_and_nothing_personal_is_in_any_log(service: Service) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=60) as client:
        hotel, bearer, tokens = _live(client)
        _fail(client, service, hotel, bearer)
        client.post("/v1/auth/logout", headers=bearer)
        counted = client.get("/metrics").text
    secrets = {file.name: file.read_text() for file in (service.data_dir / "secrets").iterdir()}
    service.stop()
    written = service.everything() + counted
    assert "staysync_commands_total" in written
    for sign in ('"correlation_id"', "failed:", "UndefinedTable", 'violates check constraint "odd"'):
        assert sign in written, f"nothing complained: {sign} isn't there, so this test would prove nothing"
    sought = {**PERSONAL, "e-mail of the administrator": ADMIN[0], "password of the administrator": ADMIN[1]}
    sought |= {f"token {number}": token for number, token in enumerate(tokens)}
    for name, text in secrets.items():  # a key has lines of its own before and after it
        sought |= {f"{name}:{n}": line for n, line in enumerate(text.splitlines()) if line and "-----" not in line}
    found = {what: _context(written, value) for what, value in sought.items() if value in written}
    assert found == {}
    for word in ("wilhelmina", "quist", "alpaca"):
        assert word not in written.lower(), _context(written.lower(), word)


def _context(written: str, value: str) -> str:
    at = written.index(value)
    return written[max(0, at - 300) : at + len(value) + 100]
