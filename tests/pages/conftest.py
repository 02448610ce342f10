"""A real server, a real browser, and everything that the browser asked for or complained about."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from staysync.admin import SignIn
from staysync.app import create_app
from staysync.pages.routes import pages_of
from staysync.settings import Settings
from tests.clients import PASSWORD, Running, open_hotel, project, running

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The system's Chromium. Skips, and says so, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("NO CHROMIUM: the pages are not looked at. Install the package chromium to run this test.")
    return found


@dataclass
class Site:
    """A served installation with a hotel, and what browsers did there."""

    origin: str
    service: Running
    hotel_id: UUID
    sign_in: SignIn
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Note each request to another address, each message of an error, each violation of the content policy."""

        def asked(request: Request) -> None:
            if not request.url.startswith((self.origin + "/", "data:")):
                self.outside.append(request.url)

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(message.text)

        page.on("request", asked)
        page.on("console", said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """The service on a free port, with the read tables brought up to date as by a worker."""
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings.model_copy(update={"demo": True})
    async with running(settings) as service, service.administrator("demo@example.org") as administrator:
        hotel_id = await open_hotel(administrator, "Seaside Hotel", rooms=3)
        await project(settings)
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    sign_in = SignIn(email="demo@example.org", password=PASSWORD, role="administrator", hotel=None)
    app.state.pages = pages_of(settings, [sign_in])
    worker = asyncio.create_task(_keep_projecting(settings))
    site = Site(origin, Running(app, settings), hotel_id, sign_in)
    try:
        yield site
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
        server.should_exit = True
        await serving
        listener.close()


async def _keep_projecting(settings: Settings) -> None:
    while True:
        await project(settings)
        await asyncio.sleep(0.2)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=ARGUMENTS, env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
        )
        yield browser
        await browser.close()
