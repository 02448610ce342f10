"""An installation with a data directory of its own, since what its processes count lies there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from staysync.celery_app import make_celery
from staysync.operations.desk import Desk, open_desk
from staysync.settings import Settings


@pytest.fixture
def house(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of that installation."""
    return settings.model_copy(update={"data_dir": tmp_path / "data", "secrets_dir": settings.secrets_dir})


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """The operator's desk, with a way to queue tasks."""
    async with open_desk(settings, make_celery(settings), size=4) as desk:
        yield desk
