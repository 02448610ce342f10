"""The bodies of commands. Unknown fields, control characters and loose types are refused; amounts are strings."""

import re
import unicodedata
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from domain.booking_commands import MAX_LINES, MAX_STAY_NIGHTS
from domain.inventory import EVERY_DAY
from domain.values import CURRENCIES

MAX_ROOMS = 2000
MAX_FEATURES = 20
MAX_ALLOWANCE = 100_000
"""Far above what any hotel may have: what it may, the domain says."""
LONGEST_HOLD_MINUTES = 1440
LONGEST_OPEN_HOLD_MINUTES = 60
"""What someone without a role at the hotel may hold at most."""

_NO_CONTROL = r"^[^\x00-\x1f\x7f\u2028\u2029]*$"
# Overrides, embeddings and isolates of direction: they make a name look like another one.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Letters and a pattern that are drawn as nothing: fillers of Hangul, and braille without a dot.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# "localtime" is another zone on each machine, or none; "Factory" says that nobody has chosen one.
_TIMEZONES = frozenset(available_timezones()) - {"localtime", "Factory"}


def _known_timezone(name: str) -> str:
    if name not in _TIMEZONES:
        raise ValueError("not the name of a time zone, such as Europe/Lisbon")
    return name


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("not the code of a currency in use, such as EUR (ISO 4217)")
    return code


def _to_be_seen(text: str) -> str:
    """A text that shows something, and shows it in the order in which it is written."""
    if text.isascii():
        return text
    if _REORDERING.search(text):
        raise ValueError("characters that change the direction of the text can't be used here")
    if all(unicodedata.category(character)[0] in "CZM" or character in _BLANKS for character in text):
        raise ValueError("there is nothing to see in this text")
    return text


def _text(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest, pattern=_NO_CONTROL)


type Name = Annotated[str, _text(200), AfterValidator(_to_be_seen)]
type Label = Annotated[str, _text(64), AfterValidator(_to_be_seen)]
type Words = Name
type Note = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
type Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,19}$")]
# Rooms that differ in spaces only would be told apart by nobody.
type RoomName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=20, pattern=r"^[A-Za-z0-9]( ?[A-Za-z0-9._/-])*$"),
]
type Feature = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
type Features = Annotated[tuple[Feature, ...], Field(max_length=MAX_FEATURES, examples=[["sea_view", "accessible"]])]
type Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
type Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
type Timezone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_timezone)]
type Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=r'^[^@\s\x00-\x1f\x7f<>()\[\]",;:\\]+@[^@\s\x00-\x1f\x7f<>",;:\\]+$',
    ),
]
type Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()./-]{3,40}$")]
type Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
_AMOUNT = re.compile(r"^[0-9]{1,9}(\.[0-9]{1,3})?$")
type Amount = Annotated[str, StringConstraints(pattern=_AMOUNT.pattern), Field(examples=["120.00"])]
# JSON Schema's own format for times wants an offset, and this is a local time.
_LOCAL_TIME = WithJsonSchema(
    {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$", "examples": ["04:00"]}
)
type LineNumber = Annotated[int, Field(ge=1, le=MAX_LINES)]
type LineNumbers = Annotated[tuple[LineNumber, ...], Field(min_length=1, max_length=MAX_LINES)]


class Body(BaseModel):
    """What all bodies have in common: exact types and no fields that nobody reads."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _require_any(body: Body, *fields: str) -> None:
    if all(getattr(body, field) is None for field in fields):
        raise ValueError(f"at least one of {', '.join(fields)} must be given")


class NoBody(Body):
    """A command that needs no words: an empty object, or nothing at all."""


class OpenHotelBody(Body):
    """A hotel to open."""

    name: Name
    city: Name
    country: Country = Field(examples=["PT"])
    timezone: Timezone = Field(examples=["Europe/Lisbon"])
    currency: Currency = Field(examples=["EUR"])
    reference_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,5}$")] | None = None
    business_day_rolls_at: Annotated[time, _LOCAL_TIME] | None = None
    bookable_horizon_days: Annotated[int, Field(ge=1, le=3660)] | None = None

    @model_validator(mode="after")
    def _local_time(self) -> Self:
        rolls_at = self.business_day_rolls_at
        if rolls_at is None:
            return self
        if rolls_at.tzinfo is not None:
            raise ValueError("business_day_rolls_at is a local time, without an offset")
        if rolls_at.second or rolls_at.microsecond:
            raise ValueError("business_day_rolls_at is a whole minute")
        return self


class ChangeHotelBody(Body):
    """What is to change of a hotel's details."""

    name: Name | None = None
    city: Name | None = None
    country: Country | None = None
    timezone: Timezone | None = None


class AddRoomTypeBody(Body):
    """A room type to put on sale, with its rooms."""

    code: Code = Field(examples=["DBL"])
    name: Name
    max_adults: Annotated[int, Field(ge=1, le=100)]
    max_children: Annotated[int, Field(ge=0, le=100)]
    base_price: Amount
    rooms: Annotated[tuple[RoomName, ...], Field(min_length=1, max_length=MAX_ROOMS, examples=[["101", "102"]])]


class AddRoomsBody(Body):
    """Further rooms of a room type."""

    rooms: Annotated[tuple[RoomName, ...], Field(min_length=1, max_length=MAX_ROOMS, examples=[["103"]])]


class RangeBody(Body):
    """The nights of a half-open range, on some ISO weekdays (Monday is 1) or on all."""

    first: date = Field(alias="from")
    until: date = Field(alias="to")
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)] | None = None

    @property
    def days(self) -> tuple[int, ...]:
        """The weekdays in order, each once."""
        return tuple(sorted(set(self.weekdays))) if self.weekdays else EVERY_DAY


class SetPricesBody(RangeBody):
    """A price for nights."""

    price: Amount


class SetRestrictionsBody(RangeBody):
    """Restrictions of nights; what isn't given stays as it is."""

    stop_sell: bool | None = None
    minimum_stay: Annotated[int, Field(ge=1, le=MAX_STAY_NIGHTS)] | None = None
    closed_to_arrival: bool | None = None
    closed_to_departure: bool | None = None

    @model_validator(mode="after")
    def _something_given(self) -> Self:
        _require_any(self, "stop_sell", "minimum_stay", "closed_to_arrival", "closed_to_departure")
        return self


class SetAllowanceBody(RangeBody):
    """How far nights may be sold beyond the rooms in service, and why."""

    allowance: Annotated[int, Field(ge=0, le=MAX_ALLOWANCE)]
    reason: Words


class OutOfOrderBody(Body):
    """The nights [from, to) in which a room can't be used, and why. Without `from` it begins today."""

    first: date | None = Field(default=None, alias="from")
    until: date = Field(alias="to")
    reason: Words
    raise_allowance: bool = False


class InServiceBody(Body):
    """From which date on a room can be used again; today unless said."""

    first: date | None = Field(default=None, alias="from")


class RoomFeaturesBody(Body):
    """All that a room offers; what isn't named is gone."""

    features: Features


class GuestBody(Body):
    """Someone who stays or books."""

    full_name: Name
    email: Email
    phone: Phone | None = None
    language: Language | None = None


class PartyBody(Body):
    """Who is to stay in one room. Children are given by number or by their ages."""

    room_type: Code | None = None
    adults: Annotated[int, Field(ge=1, le=100)] | None = None
    children: Annotated[int, Field(ge=0, le=100)] | None = None
    child_ages: Annotated[tuple[Annotated[int, Field(ge=0, le=17)], ...], Field(max_length=100)] | None = None
    guest: GuestBody | None = None

    @model_validator(mode="after")
    def _children_agree(self) -> Self:
        if self.children is not None and self.child_ages is not None and self.children != len(self.child_ages):
            raise ValueError("children and child_ages disagree")
        return self

    @property
    def ages(self) -> tuple[int | None, ...] | None:
        """One age for each child, null where it isn't known; None if nothing is said of children."""
        if self.child_ages is not None:
            return self.child_ages
        return None if self.children is None else (None,) * self.children


class RoomBody(PartyBody):
    """One room that is wanted. Children are given by number or by their ages."""

    room_type: Code
    adults: Annotated[int, Field(ge=1, le=100)]


class ChangedRoomBody(PartyBody):
    """A line that is kept, named by `line`, or a new one, which needs a room type and adults.

    Of a kept line, what isn't given stays as it is; its guest changes by the command `guest` only.
    """

    line: LineNumber | None = None
    arrival: date | None = None
    departure: date | None = None


class ExpectedTotal(Body):
    """An amount, with its currency or without: `{"amount": "240.00", "currency": "EUR"}` or `"240.00"`."""

    model_config = ConfigDict(
        json_schema_extra=lambda schema: schema.update(
            anyOf=[
                {"type": "string", "pattern": _AMOUNT.pattern, "examples": ["240.00"]},
                {key: schema.pop(key) for key in ("type", "properties", "required", "additionalProperties")},
            ]
        )
    )

    amount: Amount
    currency: Currency | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_amount(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not _AMOUNT.fullmatch(value):
            raise ValueError("an amount looks like 240.00")
        return {"amount": value}


class PricedBody(Body):
    """What a booking is to cost."""

    expected_total: ExpectedTotal | None = None
    price_override: Amount | None = None

    @property
    def expected(self) -> tuple[Decimal | None, str | None]:
        """The total that the client expects, and its currency if it said one."""
        if self.expected_total is None:
            return None, None
        return Decimal(self.expected_total.amount), self.expected_total.currency

    @property
    def override(self) -> Decimal | None:
        """The price of each night that isn't to cost what the hotel asks."""
        return None if self.price_override is None else Decimal(self.price_override)


class BookBody(PricedBody):
    """Rooms to book for one stay [arrival, departure)."""

    arrival: date
    departure: date
    rooms: Annotated[tuple[RoomBody, ...], Field(min_length=1, max_length=MAX_LINES)]
    guest: GuestBody
    booker: GuestBody | None = None
    channel: Label | None = None
    market_segment: Label | None = None
    distribution_channel: Label | None = None
    agent: Label | None = None
    company: Label | None = None
    customer_type: Label | None = None
    meal: Label | None = None
    country: Label | None = None
    state: Literal["hold", "confirmed"] = "confirmed"
    hold_minutes: Annotated[int, Field(ge=1, le=LONGEST_HOLD_MINUTES)] | None = None
    rate_plan: Label = "BAR"

    @model_validator(mode="after")
    def _hold_is_held(self) -> Self:
        if self.hold_minutes is not None and self.state != "hold":
            raise ValueError("hold_minutes goes with the state hold only")
        return self


class ChangeBody(PricedBody):
    """Other dates for all open lines, or the full new set of rooms, whose own dates go before those."""

    arrival: date | None = None
    departure: date | None = None
    rooms: Annotated[tuple[ChangedRoomBody, ...], Field(min_length=1, max_length=MAX_LINES)] | None = None

    @model_validator(mode="after")
    def _something_given(self) -> Self:
        _require_any(self, "arrival", "departure", "rooms")
        return self


class LineGuestBody(Body):
    """The guest of one line."""

    line: LineNumber
    guest: GuestBody


class DescribeGuestsBody(Body):
    """The booking's guest, its booker, or guests of lines as they are now to be described, each in full."""

    guest: GuestBody | None = None
    booker: GuestBody | None = None
    lines: Annotated[tuple[LineGuestBody, ...], Field(min_length=1, max_length=MAX_LINES)] | None = None

    @model_validator(mode="after")
    def _something_given(self) -> Self:
        _require_any(self, "guest", "booker", "lines")
        return self


class AssignRoomBody(Body):
    """Either `line` and `room`, by hand, for all nights left or those [from, to); or by the rule, for the lines given
    or all that have no room, rooms of the type booked, or of `room_type`, that have all `features`.
    """

    line: LineNumber | None = None
    room: RoomName | None = None
    first: date | None = Field(default=None, alias="from")
    until: date | None = Field(default=None, alias="to")
    lines: LineNumbers | None = None
    room_type: Code | None = None
    features: Features | None = None


class SwapRoomsBody(Body):
    """Two lines that are to have each other's rooms, the other one of this booking or of another."""

    line: LineNumber
    other_line: LineNumber
    other_booking_id: UUID | None = None


class LinesBody(Body):
    """The lines that a command is about; absent: all that it can apply to."""

    lines: LineNumbers | None = None


class CancelBody(Body):
    """Lines to cancel, and why: a reason as a short code, a note in words."""

    lines: LineNumbers | None = None
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")] | None = Field(
        default=None, examples=["guest_request"]
    )
    note: Note | None = None


class WalkBody(Body):
    """Lines whose guests are sent elsewhere, what that costs the hotel, and where they went, in words."""

    lines: LineNumbers | None = None
    cost: Amount
    sent_to: Words | None = None
