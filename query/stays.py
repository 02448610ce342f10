"""Which stays a search is about: exact dates, dates a few days earlier or later, or any nights within a range."""

from dataclasses import dataclass
from datetime import date, timedelta

from domain.booking_commands import MAX_STAY_NIGHTS
from domain.offers import Party
from domain.rejections import ArrivalInPast, BeyondHorizon, StayNegative, StayTooLong
from query.errors import BadParameter

LONGEST_RANGE_DAYS = 92
MOST_FLEX_DAYS = 14


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays of `length` nights that arrive from `first` to `last`, both included; `wanted` is preferred."""

    first: date
    last: date
    length: int
    wanted: date

    @property
    def end(self) -> date:
        """The last date that matters: the latest departure."""
        return self.last + timedelta(days=self.length)

    def arrivals(self, today: date) -> range:
        """The arrivals from a business date on, as numbers of days after `first`."""
        return range(max((today - self.first).days, 0), (self.last - self.first).days + 1)

    def arrival(self, number: int) -> date:
        """The date of an arrival's number."""
        return self.first + timedelta(days=number)

    def distance(self, number: int) -> int:
        """How many days an arrival is from the one that is wanted."""
        return abs((self.arrival(number) - self.wanted).days)

    def check_past(self, today: date) -> None:
        """Raises ArrivalInPast if all arrivals are over."""
        if self.last < today:
            raise ArrivalInPast(arrival=self.last, business_date=today)

    def check_horizon(self, bookable_until: date) -> None:
        """Raises BeyondHorizon if no stay ends before the hotel's nights do."""
        departure = self.first + timedelta(days=self.length)
        if departure > bookable_until:
            raise BeyondHorizon(departure=departure, bookable_until=bookable_until)


def stays_between(arrival: date, departure: date, flex_days: int) -> Stays:
    """The stay [arrival, departure), and those that are up to `flex_days` earlier or later.

    Raises StayNegative, StayTooLong, BadParameter.
    """
    length = (departure - arrival).days
    if length < 0:
        raise StayNegative(arrival=arrival, departure=departure)
    if length == 0:
        raise BadParameter("departure", "a stay to look for has at least one night")
    _check_length(length)
    flex = timedelta(days=flex_days)
    return Stays(arrival - flex, arrival + flex, length, arrival)


def stays_within(first: date, until: date, length: int) -> Stays:
    """All stays of `length` nights within [first, until). Raises BadParameter, StayTooLong."""
    if not 0 < (until - first).days <= LONGEST_RANGE_DAYS:
        raise BadParameter("to", f"the range has 1 to {LONGEST_RANGE_DAYS} nights")
    _check_length(length)
    if length > (until - first).days:
        raise BadParameter("nights", "the range from `from` to `to` has fewer nights")
    return Stays(first, until - timedelta(days=length), length, first)


def _check_length(length: int) -> None:
    if length > MAX_STAY_NIGHTS:
        raise StayTooLong(nights=length, maximum=MAX_STAY_NIGHTS)


# ---------------------------------------------------------------- parties


def parties_of(
    words: list[str], adults: int | None, children: int | None, rooms: int | None, *, most: int
) -> tuple[Party, ...]:
    """Who stays in each room: one word a room, or the same number of adults and children in each of `rooms`.

    Raises BadParameter.
    """
    if not words:
        return (Party(2 if adults is None else adults, children or 0),) * (rooms or 1)
    for name, value in (("adults", adults), ("children", children), ("rooms", rooms)):
        if value is not None:
            raise BadParameter(name, "`party` says it all, room by room")
    if len(words) > most:
        raise BadParameter("party", f"at most {most} rooms are possible")
    return tuple(map(_party, words))


def _party(word: str) -> Party:
    """A room's party: `2` adults, `2,1` with a child, `2:7,11` with two children of these ages."""
    head, aged, ages = word.partition(":")
    adults, _, children = head.partition(",")
    try:
        child_ages = tuple(_number(age, 17) for age in ages.split(",")) if aged else None
        if child_ages is not None and children:
            raise ValueError(word)
        number = len(child_ages) if child_ages is not None else _number(children, 100) if "," in head else 0
        return Party(_at_least_one(_number(adults, 100)), number, child_ages)
    except ValueError:
        reason = "a room's party looks like 2 (adults), 2,1 (and children) or 2:7,11 (and children of these ages)"
        raise BadParameter("party", reason) from None


def _at_least_one(adults: int) -> int:
    if not adults:
        raise ValueError("nobody")
    return adults


def _number(word: str, most: int) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 4) or int(word) > most:
        raise ValueError(word)
    return int(word)
