"""The read side alone, and a way to ask it for reports."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import pytest

from query.reports.answering import Answer, Asked, answered
from query.reports.registry import REPORTS
from query.side import QuerySide, open_query_side
from staysync.settings import Settings


class Ask(Protocol):
    """Asks a hotel for a report."""

    async def __call__(self, hotel_id: UUID, name: str, now: datetime, **asked: Any) -> Answer:
        """The report's answer."""
        ...


@pytest.fixture
async def reading(settings: Settings) -> AsyncIterator[QuerySide]:
    """The read side on the test's database."""
    async with open_query_side(settings.sqlalchemy_url("query"), pool_size=2, position_wait_s=1) as side:
        yield side


@pytest.fixture
def ask(reading: QuerySide) -> Ask:
    """Ask for a report with what the role that answers queries may see."""

    async def asking(hotel_id: UUID, name: str, now: datetime, **asked: Any) -> Answer:
        parameters = dict.fromkeys(("first", "until", "group_by", "as_of", "known_at")) | asked
        async with reading.session() as session:
            return await answered(session, hotel_id, REPORTS[name], Asked(**parameters), now)

    return asking
