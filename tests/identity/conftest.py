"""The service for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from staysync.settings import Settings
from tests.clients import Running, running


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    """The whole service on a database of the test's own."""
    async with running(settings) as service:
        yield service
