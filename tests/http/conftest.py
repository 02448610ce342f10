"""The service for the tests of this folder, and what its read tables hold."""

from collections.abc import AsyncIterator

import pytest

from staysync.settings import Settings
from tests.clients import Running, running
from tests.http.read_tables import World


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Running]:
    """The whole service on a database of the test's own."""
    async with running(settings) as service:
        yield service


@pytest.fixture
def world(settings: Settings) -> World:
    """The read tables of the test's database, to be written."""
    return World(settings)
