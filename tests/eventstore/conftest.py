"""A write side for the tests of the store."""

from collections.abc import AsyncIterator

import pytest

from command.side import CommandSide
from staysync.settings import Settings
from staysync.writing import write_side


@pytest.fixture
async def side(settings: Settings) -> AsyncIterator[CommandSide]:
    """A write side over the test's own database."""
    async with write_side(settings) as side:
        yield side
