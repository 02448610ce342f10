"""Open redirect, and whether the table of attacks in the documentation is true."""

import re
from pathlib import Path

import pytest

from tests.clients import Running
from tests.identity.conftest import service as service  # the fixture

_ROOT = Path(__file__).parents[2]

_PATHS = (
    "//evil.example",
    "//evil.example/%2f..",
    "/%5cevil.example",
    "/%2f%2fevil.example",
    "/v1/hotels/",
    "/docs/",
    "/docs//evil.example",
    "/static//evil.example/..",
    "/problems//evil.example",
    "/?next=https://evil.example",
    "/docs?url=https://evil.example/openapi.json",
    "/v1/auth/me?redirect_uri=https://evil.example",
)


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("host", ["testserver", "evil.example"])
async def test_no_path_and_no_host_leads_elsewhere(service: Running, path: str, host: str) -> None:
    async with service.client() as browser:
        headers = {"Host": host, "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
        for method in ("GET", "HEAD", "POST"):
            answer = await browser.request(method, f"http://testserver{path}", headers=headers)
            assert not answer.has_redirect_location, answer.headers
            assert "refresh" not in answer.headers
            assert "evil.example/openapi.json" not in answer.text


def test_every_test_that_the_documentation_names_is_there() -> None:
    page = (_ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 40
    for file, name in named:
        assert f"def {name}(" in (_ROOT / file).read_text(encoding="utf-8") or not name, (file, name)
