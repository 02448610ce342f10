"""What the fields of events mean, in words and units. A word of the trade means the same wherever it is a field.

Where one doesn't, its class stands before it. A test holds that every field has a meaning here, and that none is left
over; docs/events.md is made of it.
"""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    # the hotel
    "name": "What the hotel calls itself or its room type, for people.",
    "city": "The city, as people write it.",
    "country": "The country, two letters (ISO 3166-1).",
    "timezone": "The time zone, a name of the IANA database; the hotel's dates and business day go by it.",
    "currency": "The currency of all amounts, three letters (ISO 4217).",
    "reference_prefix": "What the references of the hotel's bookings begin with.",
    "business_day_rolls_at": "The local time at which the business date moves on.",
    "bookable_horizon_days": "How far ahead nights can be booked, in days.",
    "bookable_from": "The first night that can be booked now and couldn't before.",
    "bookable_until": "The first night that can't be booked any more.",
    # room types and rooms
    "room_type_id": "The id of the room type, which is also the stream of its prices and restrictions.",
    "code": "The short name of the room type, by which all else names it.",
    "max_adults": "How many adults fit into a room, in people.",
    "max_children": "How many children fit in besides, in people.",
    "base_price": "The price of a night unless another is set, in the hotel's currency.",
    "rooms": "The names of the rooms, as on their doors.",
    "on_sale_from": "The first night that is sold.",
    "in_service_from": "The first night for which the rooms can be used.",
    "room_type": "The code of the room type.",
    "room": "The name of the room.",
    "features": "What the room offers, in the hotel's own words.",
    "first": "The first night, a date of the hotel's.",
    "until": "The night after the last one: a range is half open.",
    "nights": "The nights for which the room is back, dates on which they begin.",
    "reason": "Why, in words: sealed, under a key of its own.",
    "allowance_raised_on": "The nights on which the allowance was raised by one room to make up for this one.",
    "allowance_lowered_on": "The nights on which that was taken back, by one room each.",
    # nights
    "weekdays": "The weekdays on which the nights begin, Monday is 1 (ISO 8601); others of the range are left out.",
    "price": "What a night costs, for one room, in the hotel's currency.",
    "stop_sell": "Whether the night is closed to sale. Null: as before.",
    "minimum_stay": "The least number of nights of a stay that arrives then. Null: as before.",
    "closed_to_arrival": "Whether no stay may begin on that date. Null: as before.",
    "closed_to_departure": "Whether no stay may end on that date. Null: as before.",
    "allowance": "How many rooms may be sold beyond those in service.",
    # bookings
    "reference": "The name of the booking that a guest can read out over the phone.",
    "rate_plan": "The rate that the prices are of; BAR is the public one.",
    "guest": "The booking's or the line's guest: sealed details. Null: none of its own.",
    "booker": "Who booked, if that isn't the guest: sealed details.",
    "statistics": "What the hotel counts its bookings by.",
    "flags": "What is unusual about the booking, one word each.",
    "hold_until": "The instant from which on the hold has run out.",
    "allowance_used": "The nights that this very decision sold beyond the rooms in service.",
    "lines": "The numbers of the lines that it is about.",
    "BookingHeld.lines": "The rooms booked, one line each.",
    "BookingMade.lines": "The rooms booked, one line each.",
    "BookingChanged.lines": "The lines that are new or changed, as they are now.",
    "GuestsDescribed.lines": "The lines whose guests are described.",
    "LinesCancelled.reason": "Why, as a short code such as plans, never anybody's own words.",
    "note": "A note in words: sealed.",
    "departed_on": "The hotel's date of the departure.",
    "cancelled": "The numbers of the lines that the change ended.",
    "assignments": "Which line has which room when.",
    "automatic": "Whether the rooms were chosen by the rule rather than by a person.",
    "guests": "The ids of the guests of whom nothing is known any more: their keys are destroyed.",
    "swapped_with": "The id of the other booking where rooms were exchanged between two.",
    "releases": "Which line has no room any more, and from when on.",
    "cost": "What the other house costs the hotel, in its currency.",
    "sent_to": "Where the guests were sent, in words: sealed.",
    # parts
    "line": "The number of the line in its booking, from 1 on; none is ever used again.",
    "adults": "How many adults, in people.",
    "child_ages": "The age of each child in years; null where it isn't known.",
    "arrival": "The first night of the stay, a date of the hotel's.",
    "departure": "The date of leaving: the night that begins on it isn't stayed. Equal to the arrival for day use.",
    "prices": "The price of each night in turn, in the hotel's currency.",
    "stock": "For each night in turn the code of the room type whose stock it claims.",
    "ChangedLine.rooms": "The line's times in rooms, in order.",
    "date": "The night, the date on which it begins.",
    "details": "The details as they are now: sealed.",
    "changed": "The names of the details that differ from before.",
    "guest_id": "Whose key seals it: a guest, or a reason in words.",
    "ciphertext": "What is sealed, AES-256-GCM, in base64.",
    "channel": "Through which channel the booking came.",
    "market_segment": "The market segment.",
    "distribution_channel": "Through which kind of distribution.",
    "agent": "The number or name of the travel agent.",
    "company": "The number or name of the company that pays.",
    "customer_type": "What kind of customer.",
    "meal": "Which meals go with the stay.",
    "Statistics.country": "The country that the guest comes from, as the channel named it.",
}


def meaning(owner: str, field: str) -> str:
    """What a field of this class means. Raises KeyError."""
    return MEANINGS.get(f"{owner}.{field}") or MEANINGS[field]
