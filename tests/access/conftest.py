"""A service whose access log can be read, entry by entry."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from identity.access_log import AccessLog
from staysync.settings import Settings
from tests.clients import Running, running
from tests.eventstore.house import superuser

type Entries = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    """The whole service on a database of the test's own."""
    async with running(settings) as service:
        yield service


@pytest.fixture
def entries(service: Running) -> Entries:
    """All entries in the database, the oldest first, once what waits is written."""

    async def read() -> list[dict[str, Any]]:
        access_log: AccessLog = service.app.state.access_log
        assert await access_log.flush()
        async with superuser(service.settings) as connection:
            rows = await connection.fetch("select * from identity.access_log order by at, entry_id")
        return [dict(row) for row in rows]

    return read
