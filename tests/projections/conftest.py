"""A write side and a projector over the test's own database."""

from collections.abc import AsyncIterator

import pytest

from command.side import CommandSide
from projections.drain import Projector, projector_pool
from staysync.settings import Settings
from staysync.writing import write_side


@pytest.fixture
async def side(settings: Settings) -> AsyncIterator[CommandSide]:
    """What writes the events."""
    async with write_side(settings) as side:
        yield side


@pytest.fixture
async def projector(settings: Settings, side: CommandSide) -> AsyncIterator[Projector]:
    """What projects them."""
    async with projector_pool(settings.role_url("projector"), side.master_key, size=4) as pool:
        yield Projector(pool, side.master_key)
