"""Reading one's own writes: how far the read model is, and waiting until it is far enough."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Header
from sqlalchemy import select

from eventstore.reading import Position
from query.errors import BadParameter, Lag, PositionNotReached
from query.side import QuerySide
from readmodels.tables import Checkpoint

MIN_POSITION = "StaySync-Min-Position"
MOST_POSITIONS = 20

# As the document says it; what is read is a little laxer about spaces and the form of the id.
_POSITION = " *[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}:[0-9]{1,18} *"

MinPosition = Annotated[
    str | None,
    Header(
        alias=MIN_POSITION,
        description="Positions {hotel_id}:{seq}, separated by commas, that the answer must include: what a command "
        "answered as StaySync-Position. Waits for them a short while, then answers 503.",
        json_schema_extra={"pattern": f"^{_POSITION}(,{_POSITION}){{0,{MOST_POSITIONS - 1}}}$"},
    ),
]


def parse_positions(header: str) -> dict[UUID, int]:
    """The positions of a header, the greatest for each hotel. Raises BadParameter."""
    texts = header.split(",")
    if len(texts) > MOST_POSITIONS:
        raise BadParameter(MIN_POSITION, f"at most {MOST_POSITIONS} positions are possible", place="header")
    wanted: dict[UUID, int] = {}
    for text in texts:
        try:
            position = Position.parse(text)
        except ValueError:
            reason = "a position looks like {hotel_id}:{seq}; several are separated by commas"
            raise BadParameter(MIN_POSITION, reason, place="header") from None
        wanted[position.hotel_id] = max(position.seq, wanted.get(position.hotel_id, 0))
    return wanted


async def wait_for(side: QuerySide, header: str | None) -> None:
    """Wait until the read model has reached the positions of the header. Raises PositionNotReached, BadParameter.

    It is woken when a projector has committed. Each look is a short transaction of its own; no connection is held in
    between.
    """
    if header is None:
        return
    wanted = parse_positions(header)
    deadline = asyncio.get_running_loop().time() + side.position_wait_s
    with side.reached.ear(wanted) as ear:
        while behind := await _behind(side, wanted):
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0 or all(lag.parked for lag in behind):
                raise PositionNotReached(behind)
            await ear.wait(left_s)


async def _behind(side: QuerySide, wanted: dict[UUID, int]) -> Sequence[Lag]:
    statement = select(Checkpoint.hotel_id, Checkpoint.seq, Checkpoint.parked_seq).where(
        Checkpoint.hotel_id.in_(wanted)
    )
    async with side.session() as session:
        found = {hotel_id: (seq, parked) for hotel_id, seq, parked in await session.execute(statement)}
    lags = []
    for hotel_id, seq in wanted.items():
        reached, parked_seq = found.get(hotel_id, (0, None))
        if reached < seq:
            parked = parked_seq is not None and parked_seq <= seq
            lags.append(Lag(hotel_id=hotel_id, wanted=seq, reached=reached, parked=parked))
    return lags
