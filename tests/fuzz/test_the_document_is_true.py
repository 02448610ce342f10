"""schemathesis, with all its checks, against the running service as anonymous, front desk and administrator.

It makes requests out of the OpenAPI document, well formed ones and others, and looks at each answer: no 500, and no
status, header, content type or body that the document doesn't allow; what isn't well formed is refused, and so are
methods and missing credentials. Its seed is fixed, so a failure comes again. `make fuzz` does it at length.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from staysync.admin import add_administrator, add_staff
from staysync.settings import Settings
from tests.clients import PASSWORD, open_hotel, project, stay
from tests.service import serving

THOROUGHNESS = int(os.environ.get("STAYSYNC_TEST_THOROUGHNESS", "1"))

_EXAMPLES = 3 * THOROUGHNESS
# Which requests are made doesn't depend on who makes them. So the many boundary values of the phase "coverage", which
# has no bound of its own, are sent once where time is short: by who gets furthest with them.
_SHORT = "examples,fuzzing,stateful"
_WHOLE = "examples,coverage,fuzzing,stateful"
_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
_ADMINISTRATOR, _DESK = "admin@example.org", "desk@example.org"
# They end the very session that all else is asked by. tests/permissions calls them, as everybody.
_ENDS_THE_SESSION = ("/v1/auth/logout", "/v1/auth/logout-everywhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotel:
    """The running service, and the ids of what is there to be asked about."""

    url: str
    ids: Mapping[str, str]

    def token(self, email: str) -> str:
        """An access token of a new session."""
        signed_in = httpx.post(f"{self.url}/v1/auth/login", json={"email": email, "password": PASSWORD})
        token: str = signed_in.raise_for_status().json()["access_token"]
        return token


@pytest.fixture
async def hotel(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hotel]:
    """A running service with a hotel, a booking there, and people."""
    monkeypatch.setenv("STAYSYNC_POSITION_WAIT_S", "0.1")  # most positions that are made up are never reached
    await add_administrator(settings, email=_ADMINISTRATOR, password=PASSWORD, full_name="The Administrator")
    with serving(settings) as url:
        token = Hotel(url=url, ids={}).token(_ADMINISTRATOR)
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as administrator:
            hotel_id = await open_hotel(administrator, rooms=50)
            booked = await administrator.post(f"/v1/hotels/{hotel_id}/bookings", json=stay())
        await add_staff(
            settings, email=_DESK, password=PASSWORD, full_name="Desk", hotel_id=hotel_id, role="front_desk"
        )
        await project(settings)
        ids = {"hotel_id": str(hotel_id), "booking_id": booked.json()["booking_id"], "code": "DBL", "room": "101"}
        yield Hotel(url=url, ids=ids)


def _configured(hotel: Hotel, folder: Path) -> Path:
    """The configuration, with ids that exist: of others almost every answer would be 404."""
    made = folder / "schemathesis.toml"
    parameters = "".join(f'"path.{name}" = "{value}"\n' for name, value in hotel.ids.items())
    made.write_text(f"{_CONFIGURATION.read_text(encoding='utf-8')}\n[parameters]\n{parameters}", encoding="utf-8")
    return made


def _run(hotel: Hotel, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    excluded = [word for path in _ENDS_THE_SESSION for word in ("--exclude-path", path)]
    return subprocess.run(  # noqa: S603 - the tests' own program
        [
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={_configured(hotel, folder)}",
            "run",
            f"{hotel.url}/openapi.json",
            "--checks=all",
            "--seed=4",
            f"--max-examples={_EXAMPLES}",
            "--no-shrink",
            "--continue-on-failure",
            "--suppress-health-check=all",
            "--warnings=off",
            "--no-color",
            *excluded,
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("email", [None, _DESK, _ADMINISTRATOR], ids=["anonymous", "front_desk", "administrator"])
async def test_nothing_is_answered_that_the_document_does_not_allow(
    hotel: Hotel, tmp_path: Path, email: str | None
) -> None:
    credentials = [] if email is None else ["--header", f"Authorization: Bearer {hotel.token(email)}"]
    phases = _WHOLE if email == _ADMINISTRATOR or THOROUGHNESS > 1 else _SHORT
    done = _run(hotel, tmp_path, f"--phases={phases}", *credentials)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert " generated, " in done.stdout, done.stdout
