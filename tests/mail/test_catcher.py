"""The mail catcher: takes every mail, sends none on, shows all, and trusts none."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from projections.mail.relay import Letter, Relay, Server
from staysync.catcher.box import Box
from staysync.catcher.pages import pages_of
from staysync.catcher.running import run_catcher
from staysync.settings import Settings
from tests.mail.conftest import MailHouse


@pytest.fixture
async def caught() -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A catcher: where mails are handed in, and its pages."""
    box = Box()
    listening = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="catcher", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    server = Server(host="127.0.0.1", port=listening.sockets[0].getsockname()[1], tls="none", timeout_s=5)
    async with (
        listening,
        httpx.AsyncClient(transport=httpx.ASGITransport(pages_of(box)), base_url="http://127.0.0.1:8025") as pages,
    ):
        yield server, pages


async def test_a_mail_is_shown_as_text_as_html_and_as_it_came(
    mails: MailHouse, caught: tuple[Server, httpx.AsyncClient]
) -> None:
    server, pages = caught
    assert "None yet" in (await pages.get("/")).text
    await mails.book(full_name="<i>Анна</i>", language="ru")
    await mails.through(server).deliver()
    index = (await pages.get("/")).text
    assert "ada@example.org" in index
    assert "подтверждено" in index
    page = (await pages.get("/1")).text
    assert "&lt;i&gt;Анна&lt;/i&gt;" in page
    assert "<i>" not in page
    assert "Message-ID" in (await pages.get("/1/source")).text
    entry = await pages.get("/1/attachments/0")
    assert entry.text.startswith("BEGIN:VCALENDAR")
    for missing in ("/2", "/1/attachments/1", "/nothing"):
        assert (await pages.get(missing)).status_code == 404


async def test_a_mail_as_html_may_do_nothing(mails: MailHouse, caught: tuple[Server, httpx.AsyncClient]) -> None:
    server, pages = caught
    await mails.book()
    await mails.through(server).deliver()
    policy = (await pages.get("/1/html")).headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy


async def test_other_names_than_this_machines_get_nothing(caught: tuple[Server, httpx.AsyncClient]) -> None:
    answer = await caught[1].get("/", headers={"Host": "rebound.example:8025"})
    assert answer.status_code == 400


async def test_it_keeps_the_last_ones(caught: tuple[Server, httpx.AsyncClient]) -> None:
    server, pages = caught
    relay = Relay(server)
    for number in range(502):
        content = f"Subject: number {number}\r\n\r\nhello\r\n".encode()
        await relay.send(Letter("from@group.example", "ada@example.org", content, needs_utf8=False))
    await relay.close()
    index = (await pages.get("/")).text
    assert "number 501<" in index
    assert "number 1<" not in index
    assert (await pages.get("/2")).status_code == 404


def test_there_is_none_in_production_mode(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(catcher_port=8025, catcher_smtp_port=1025, production=True)
    run_catcher(settings)  # ends at once, and in order: a container isn't started again
    assert "no mail catcher in production mode" in capsys.readouterr().out
    assert settings.catcher_address is None
