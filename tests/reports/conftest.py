"""The read side alone, and a way to ask it for reports."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import pytest

from query.as_of import AsOf, Moment, seqs_at
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
        when = AsOf(as_of=asked.pop("as_of", None), known_at=asked.pop("known_at", None))
        async with reading.session() as session:
            then = None
            if instant := when.as_of or when.known_at:  # histories of tests may lie in the future
                (seq,) = await seqs_at(session, hotel_id, [(when.as_of, when.known_at)])
                then = Moment(seq=seq, instant=instant)
            return await answered(session, hotel_id, REPORTS[name], Asked(**asked, when=when, then=then), now)

    return asking
