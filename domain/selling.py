"""What can be sold: stays, parties, restrictions, stock and prices of nights, and the booking made of them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from domain.booking_commands import MAX_STAY_NIGHTS, Book, RequestedLine
from domain.bookings import PUBLIC_RATE_PLAN, AllowanceUse, BookedLine, BookingHeld, BookingMade
from domain.calendar import nights
from domain.hotels import Hotel
from domain.rejections import (
    ArrivalInPast,
    BeyondHorizon,
    ClosedToArrival,
    ClosedToDeparture,
    MinimumStay,
    PartyTooLarge,
    PriceChanged,
    ShortNight,
    SoldOut,
    StayNegative,
    StayTooLong,
    StopSell,
    UnknownRatePlan,
    UnknownRoomType,
    WrongCurrency,
)
from domain.stock import Claims, NightKey, Stock
from domain.values import rounded


def book(command: Book, hotel: Hotel, stock: Stock, now: datetime) -> BookingHeld | BookingMade:
    """Decide a new booking against the stock of the nights that it wants. Raises Rejected."""
    if command.rate_plan != PUBLIC_RATE_PLAN:
        raise UnknownRatePlan(rate_plan=command.rate_plan)
    stay = bookable_stay(command.arrival, command.departure, hotel, now)
    wanted: dict[NightKey, int] = {}
    for index, line in enumerate(command.lines):
        check_party(index, line.room_type, line.adults, len(line.child_ages), hotel)
        for night in stay:
            key = (line.room_type, night)
            wanted[key] = wanted.get(key, 0) + 1
    for room_type in {line.room_type for line in command.lines}:
        check_restrictions(stock, room_type, command.arrival, command.departure)
    allowance_used = take(wanted, stock)
    lines = tuple(
        BookedLine(
            line=number,
            room_type=line.room_type,
            adults=line.adults,
            child_ages=line.child_ages,
            guest=line.guest,
            arrival=command.arrival,
            departure=command.departure,
            prices=_prices(command, line, stay, hotel, stock),
        )
        for number, line in enumerate(command.lines, start=1)
    )
    if command.expected_total is not None:
        total = sum((price for line in lines for price in line.prices), Decimal(0))
        check_total(command.expected_total, command.expected_currency, total, hotel)
    made = BookingMade(
        reference=f"{hotel.reference_prefix}-{command.reference_suffix}",
        currency=hotel.currency,
        rate_plan=command.rate_plan,
        guest=command.guest,
        booker=command.booker,
        lines=lines,
        statistics=command.statistics,
        flags=command.flags,
        allowance_used=allowance_used,
    )
    if command.hold_for is None:
        return made
    return BookingHeld(
        reference=made.reference,
        currency=made.currency,
        rate_plan=made.rate_plan,
        guest=made.guest,
        booker=made.booker,
        lines=made.lines,
        statistics=made.statistics,
        flags=made.flags,
        hold_until=now + command.hold_for,
        allowance_used=made.allowance_used,
    )


def _prices(
    command: Book, line: RequestedLine, stay: tuple[date, ...], hotel: Hotel, stock: Stock
) -> tuple[Decimal, ...]:
    if command.price_override is not None:
        return (hotel.payable(command.price_override),) * len(stay)
    return tuple(stock[line.room_type, night].price for night in stay)


def bookable_stay(arrival: date, departure: date, hotel: Hotel, now: datetime) -> tuple[date, ...]:
    """The nights of a stay that is still to come. Raises StayNegative, StayTooLong, ArrivalInPast, BeyondHorizon."""
    check_length(arrival, departure)
    today = hotel.business_date(now)
    if arrival < today:
        raise ArrivalInPast(arrival=arrival, business_date=today)
    check_horizon(departure, hotel)
    return nights(arrival, departure)


def check_length(arrival: date, departure: date) -> None:
    """Raises StayNegative, StayTooLong."""
    length = (departure - arrival).days
    if length < 0:
        raise StayNegative(arrival=arrival, departure=departure)
    if length > MAX_STAY_NIGHTS:
        raise StayTooLong(nights=length, maximum=MAX_STAY_NIGHTS)


def check_horizon(departure: date, hotel: Hotel) -> None:
    """Raises BeyondHorizon."""
    if departure > hotel.bookable_until:
        raise BeyondHorizon(departure=departure, bookable_until=hotel.bookable_until)


def check_party(index: int | None, code: str, adults: int, children: int, hotel: Hotel) -> None:
    """Whether a room type takes a party. `index` is the line's place in the request, where it stands in one.

    Raises UnknownRoomType, PartyTooLarge.
    """
    room_type = hotel.room_types.get(code)
    if room_type is None:
        raise UnknownRoomType(room_type=code, index=index)
    if adults > room_type.max_adults or children > room_type.max_children:
        raise PartyTooLarge(
            index=index, room_type=code, max_adults=room_type.max_adults, max_children=room_type.max_children
        )


# ---------------------------------------------------------------- restrictions


def check_restrictions(stock: Stock, room_type: str, arrival: date, departure: date) -> None:
    """Whether a new stay may be sold. Day use has no night that could restrict it.

    Raises StopSell, ClosedToArrival, MinimumStay, ClosedToDeparture.
    """
    if arrival == departure:
        return
    check_stop_sell(stock, room_type, nights(arrival, departure))
    check_arrival(stock, room_type, arrival, departure)
    check_departure(stock, room_type, departure)


def check_stop_sell(stock: Stock, room_type: str, wanted: Iterable[date]) -> None:
    """Raises StopSell if one of these nights isn't for sale."""
    closed = tuple(
        night for night in wanted if (found := stock.get((room_type, night))) is not None and found.stop_sell
    )
    if closed:
        raise StopSell(room_type=room_type, nights=closed)


def check_arrival(stock: Stock, room_type: str, arrival: date, departure: date) -> None:
    """What the night of arrival demands of a stay. Raises ClosedToArrival, MinimumStay."""
    first = stock.get((room_type, arrival))
    if first is None:
        return
    if first.closed_to_arrival:
        raise ClosedToArrival(room_type=room_type, arrival=arrival)
    length = (departure - arrival).days
    if length < first.minimum_stay:
        raise MinimumStay(room_type=room_type, arrival=arrival, minimum=first.minimum_stay, nights=length)


def check_departure(stock: Stock, room_type: str, departure: date) -> None:
    """Raises ClosedToDeparture. The day of departure counts, whose night isn't part of the stay."""
    last = stock.get((room_type, departure))
    if last is not None and last.closed_to_departure:
        raise ClosedToDeparture(room_type=room_type, departure=departure)


# ---------------------------------------------------------------- stock


def take(wanted: Mapping[NightKey, int], stock: Stock) -> tuple[AllowanceUse, ...]:
    """What of these rooms, so many for each night, the allowance gives. Raises SoldOut, naming every short night."""
    short: list[ShortNight] = []
    used: list[AllowanceUse] = []
    for key, count in wanted.items():
        night = stock.get(key)
        free = 0 if night is None else night.free  # a night from before the type was on sale
        if free < count:
            short.append(ShortNight(room_type=key[0], date=key[1], free=max(free, 0), wanted=count))
        elif night is not None and free - count < night.allowance:
            used.append(AllowanceUse(room_type=key[0], date=key[1]))
    if short:
        raise SoldOut(nights=tuple(short))
    return tuple(used)


def take_more(changes: Claims, stock: Stock) -> tuple[AllowanceUse, ...]:
    """The same for the nights of which a decision claims more than before; what it frees needs nobody's leave."""
    more = {key: claim.sold + claim.held for key, claim in changes.items() if claim.sold + claim.held > 0}
    return take(dict(sorted(more.items())), stock)


# ---------------------------------------------------------------- prices


def check_total(expected: Decimal, currency: str | None, total: Decimal, hotel: Hotel) -> None:
    """Raises WrongCurrency, PriceChanged."""
    if currency not in (None, hotel.currency):
        raise WrongCurrency(currency=currency, hotel_currency=hotel.currency)
    if total != expected:
        raise PriceChanged(expected=expected, total=rounded(total, hotel.currency), currency=hotel.currency)
