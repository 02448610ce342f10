"""The endpoints of searches: across hotels, the cheapest prices of a month, and why a stay isn't sold."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from domain.booking_commands import MAX_LINES, MAX_STAY_NIGHTS
from domain.offers import Party
from identity.http import current_principal
from identity.permissions import may, needs
from query import answers
from query.answers import answer
from query.cheapest import cheapest_in_city, cheapest_in_hotel, stays_of_month
from query.conditional import NOT_MODIFIED
from query.errors import BadParameter
from query.explain import Asked, explain
from query.fields import EARLIEST, LATEST, After, Date, Limit, Parameters, Words
from query.marks import Scope, answer_kept, of_city, of_hotel
from query.positions import MinPosition, wait_for
from query.question_route import QuestionRoute
from query.search import Search, search
from query.side import query_of
from query.stays import (
    LONGEST_RANGE_DAYS,
    MOST_FLEX_DAYS,
    Stays,
    parties_of,
    stays_between,
    stays_within,
)

router = APIRouter(prefix="/v1", tags=["availability"], route_class=QuestionRoute)

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


def _amount(value: object) -> object:
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError("an amount looks like 120.00")
    return Decimal(value)


def _month(value: object) -> object:
    found = _MONTH.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 1 <= int(found[2]) <= 12 or not EARLIEST.year <= int(found[1]) < LATEST.year:
        raise ValueError("a month looks like 2027-05")
    return date(int(found[1]), int(found[2]), 1)


_Parties = Annotated[
    list[str],
    Field(
        default_factory=list,
        max_length=2 * MAX_LINES,
        description="Who stays in one room, once for each room: `2` adults, `2,1` with a child, `2:7,11` with "
        "children of these ages. In the place of `adults`, `children` and `rooms`.",
        examples=[["2", "2,1"]],
    ),
]
_ADULTS = Field(default=None, ge=1, le=100, description="Adults in each room; 2 unless said.")
_CHILDREN = Field(default=None, ge=0, le=100, description="Children in each room; none unless said.")
_ROOMS = Field(default=None, ge=1, le=MAX_LINES, description="Rooms; one unless said.")


class PartyParameters(Parameters):
    """A party, the same in each room or room by room."""

    adults: int | None = _ADULTS
    children: int | None = _CHILDREN
    rooms: int | None = _ROOMS
    party: _Parties

    def parties(self) -> tuple[Party, ...]:
        """Who stays in each room. Raises BadParameter."""
        return parties_of(self.party, self.adults, self.children, self.rooms, most=MAX_LINES)


class AvailabilityParameters(PartyParameters):
    """A stay [arrival, departure), perhaps some days earlier or later; or any `nights` within [`from`, `to`)."""

    arrival: Date | None = None
    departure: Date | None = None
    flex_days: int = Field(
        default=0, ge=0, le=MOST_FLEX_DAYS, description="How many days earlier or later the stay may be as well."
    )
    first: Date | None = Field(default=None, alias="from")
    until: Date | None = Field(default=None, alias="to", description=f"At most {LONGEST_RANGE_DAYS} days after `from`.")
    nights: int | None = Field(default=None, ge=1, le=MAX_STAY_NIGHTS, description="With `from` and `to`.")
    city: Words | None = Field(default=None, description="Whatever its case.")
    hotel_id: UUID | None = None
    max_price: Annotated[Decimal, BeforeValidator(_amount)] | None = Field(
        default=None,
        description="What the stay may cost at most, for all rooms and nights, in the hotel's currency.",
        examples=["480.00"],
    )
    sort: Literal["name", "price"] = Field(
        default="name", description="By price, for a `city` or a hotel; of several currencies one after the other."
    )
    limit: Limit = 20
    after: After = None

    def stays(self) -> Stays:
        """Which stays are looked for. Raises StayNegative, StayTooLong, BadParameter."""
        if self.nights is None and self.first is None and self.until is None:
            if self.arrival is None or self.departure is None:
                name = "arrival" if self.arrival is None else "departure"
                raise BadParameter(name, "say `arrival` and `departure`, or `nights`, `from` and `to`")
            return stays_between(self.arrival, self.departure, self.flex_days)
        for name, value in (("arrival", self.arrival), ("departure", self.departure), ("flex_days", self.flex_days)):
            if value:
                raise BadParameter(name, "it doesn't go with `nights`, `from` and `to`")
        for name, missing in (("nights", self.nights), ("from", self.first), ("to", self.until)):
            if missing is None:
                raise BadParameter(name, "`nights`, `from` and `to` go together")
        assert self.first is not None and self.until is not None and self.nights is not None  # noqa: S101, PT018
        return stays_within(self.first, self.until, self.nights)


class MonthParameters(PartyParameters):
    """A month of arrivals, and how many nights a stay has."""

    month: Annotated[date, BeforeValidator(_month)] = Field(examples=["2027-05"], description="Such as 2027-05.")
    nights: int = Field(default=1, ge=1, le=30)


class CityMonthParameters(MonthParameters):
    """A city's month."""

    city: Words


class ExplainParameters(PartyParameters):
    """A stay [arrival, departure) in rooms of one type."""

    arrival: Date
    departure: Date
    room_type: Words = Field(examples=["DBL"])


_NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such hotel."}}


@router.get(
    "/availability",
    response_model=answers.Availability,
    responses={**_NOT_THERE, **NOT_MODIFIED},
    summary="Where is there room?",
    **needs("hotels.read"),
)
async def get_availability(
    request: Request, parameters: Annotated[AvailabilityParameters, Query()], min_position: MinPosition = None
) -> Response:
    """Hotels with the cheapest rooms that the parties can book together, and what each night costs.

    A room's party stays in a type that takes it, several types together where one hasn't enough. What is offered is
    what a booking of the same rooms is decided on: `rooms` can be sent as they are, with `total` as `expected_total`.
    """
    side = query_of(request)
    wanted = Search(
        stays=parameters.stays(),
        parties=parameters.parties(),
        city=parameters.city,
        hotel_id=parameters.hotel_id,
        max_price=parameters.max_price,
        order=parameters.sort,
    )
    await wait_for(side, min_position)
    scope: Scope | None = None
    if wanted.hotel_id is not None:
        scope = of_hotel(wanted.hotel_id)
    elif wanted.city is not None:
        scope = of_city(wanted.city)
    return await answer_kept(
        request, side, scope, lambda: search(side, wanted, limit=parameters.limit, after=parameters.after)
    )


@router.get(
    "/cheapest-prices",
    response_model=answers.CheapestPrices,
    responses=NOT_MODIFIED,
    summary="A city's cheapest prices",
    **needs("hotels.read"),
)
async def get_cheapest_in_city(
    request: Request, parameters: Annotated[CityMonthParameters, Query()], min_position: MinPosition = None
) -> Response:
    """For each day of a month, the cheapest stay in a city that arrives on it, for the whole party."""
    side, parties, city = query_of(request), parameters.parties(), parameters.city
    stays = stays_of_month(parameters.month, parameters.nights)
    await wait_for(side, min_position)
    return await answer_kept(request, side, of_city(city), lambda: cheapest_in_city(side, city, stays, parties))


@router.get(
    "/hotels/{hotel_id}/cheapest-prices",
    response_model=answers.CheapestPrices,
    responses={**_NOT_THERE, **NOT_MODIFIED},
    summary="A hotel's cheapest prices",
    **needs("hotels.read"),
)
async def get_cheapest_in_hotel(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[MonthParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """For each day of a month, what the cheapest stay that arrives on it costs, for the whole party."""
    side, parties = query_of(request), parameters.parties()
    stays = stays_of_month(parameters.month, parameters.nights)
    await wait_for(side, min_position)
    return await answer_kept(
        request, side, of_hotel(hotel_id), lambda: cheapest_in_hotel(side, hotel_id, stays, parties)
    )


@router.get(
    "/hotels/{hotel_id}/availability/explain",
    response_model=answers.Explanation,
    responses=_NOT_THERE,
    summary="Why isn't it sold?",
    **needs("hotels.read"),
)
async def get_explanation(
    request: Request,
    hotel_id: UUID,
    parameters: Annotated[ExplainParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Which rule or event closes which night to a stay: all that a booking would be refused for, one after the other.

    Members of the hotel are also told who set a rule.
    """
    principal = await current_principal(request)
    stay = stays_between(parameters.arrival, parameters.departure, 0)
    asked = Asked(
        hotel_id=hotel_id,
        room_type=parameters.room_type,
        arrival=stay.first,
        departure=stay.end,
        parties=parameters.parties(),
    )
    side = query_of(request)
    await wait_for(side, min_position)
    is_member = may(principal.acts_as(hotel_id), "bookings.read")
    async with side.session() as session:
        return answer(await explain(session, asked, with_actor=is_member))
