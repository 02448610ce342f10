"""A ledger with a life behind it, signed, and whoever may read it for the audit."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from command.side import CommandSide
from eventstore.audit.heads import HeadKey
from eventstore.audit.signing import sign_heads
from eventstore.audit.store import audit_pool
from eventstore.reading import Pool
from staysync.secrets import Secrets, ensure_secrets
from staysync.settings import Settings
from staysync.writing import write_side
from tests.eventstore.house import House, open_house
from tests.projections.words import live_a_little


@pytest.fixture
async def side(settings: Settings) -> AsyncIterator[CommandSide]:
    """What writes the events."""
    async with write_side(settings) as side:
        yield side


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """Connections of the audit role."""
    async with audit_pool(settings.role_url("audit")) as pool:
        yield pool


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """Secrets of this test alone, so that it may rotate keys."""
    return ensure_secrets(tmp_path / "secrets")


@pytest.fixture
def key(secrets: Secrets) -> HeadKey:
    """The key that signs heads."""
    return secrets.head_key()


@pytest.fixture
async def house(side: CommandSide) -> House:
    """A hotel with a life behind it."""
    house = await open_house(side, rooms=8)
    await live_a_little(house)
    return house


async def sign(pool: Pool, secrets: Secrets) -> None:
    """Sign all heads, which none is refused."""
    done = await sign_heads(pool, secrets.head_key(), secrets.head_public_keys(), lambda: datetime.now(UTC))
    assert done.refused == []
