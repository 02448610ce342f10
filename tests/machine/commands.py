"""What the state machines send, drawn at random over few rooms and few nights, so that much of it collides."""

import os
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

DAYS = 6
"""Arrivals lie within so many days."""
LONGEST = 3
TYPES = ("DBL", "STE")
ROOMS = ("100", "101", "102", "200")
ROOM_TYPE_OF = {"100": "DBL", "101": "DBL", "102": "DBL", "200": "STE"}


@dataclass(frozen=True, slots=True)
class Booked:
    """A new booking: days counted from today, one line for each type, held where `hold_minutes` isn't None."""

    first: int
    nights: int
    types: tuple[str, ...]
    hold_minutes: int | None


@dataclass(frozen=True, slots=True)
class Again:
    """An earlier booking request, sent once more with its key."""

    which: int


@dataclass(frozen=True, slots=True)
class Lived:
    """A command without more words on some booking."""

    kind: Literal[
        "confirm",
        "cancel",
        "check-in",
        "check-out",
        "no-show",
        "assign-room",
        "release-room",
        "walk",
        "guest",
        "erase-guests",
    ]
    which: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Other dates for all lines; or for the first line another type; or another line more."""

    which: int
    first: int | None
    nights: int
    type_of_first: str | None
    one_more: str | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """A room by hand, for a line counted from 0."""

    which: int
    line: int
    room: str


@dataclass(frozen=True, slots=True)
class Swapped:
    """The rooms of the first lines of two bookings, or of the first two of one, change places."""

    which: int
    other: int


@dataclass(frozen=True, slots=True)
class Ranged:
    """Something about a room type's nights, about a room, or about the hotel."""

    kind: Literal[
        "price", "restrict", "open", "allowance", "out-of-order", "in-service", "features", "more rooms", "details"
    ]
    first: int
    nights: int
    room: str
    number: int


type Sent = Booked | Again | Lived | Changed | Assigned | Swapped | Ranged

which = st.integers(0, 30)
firsts = st.integers(0, DAYS - 1)
lengths = st.sampled_from((0, 1, 2, 2, LONGEST, LONGEST))
types = st.sampled_from(TYPES)

booked = st.builds(
    Booked,
    firsts,
    lengths,
    st.lists(st.sampled_from(("DBL", "DBL", "STE")), min_size=1, max_size=2).map(tuple),
    st.sampled_from((None, None, 0, 60)),  # a hold of no minutes is past its deadline at once
)
by_hand = st.builds(Assigned, which, st.sampled_from((0, 0, 0, 1)), st.sampled_from(ROOMS))
sent: st.SearchStrategy[Sent] = st.one_of(
    booked,
    booked,
    booked,
    st.builds(Again, which),
    st.builds(
        Lived,
        st.sampled_from(
            (
                "confirm",
                "cancel",
                "check-in",
                "check-out",
                "no-show",
                "assign-room",
                "release-room",
                "walk",
                "guest",
                "erase-guests",
            )
        ),
        which,
    ),
    st.builds(Lived, st.sampled_from(("assign-room", "check-in")), which),
    st.builds(Changed, which, st.none() | firsts, lengths, st.none() | types, st.none() | types),
    by_hand,
    by_hand,
    st.builds(Swapped, which, which),
    st.builds(
        Ranged,
        st.sampled_from(
            (
                "price",
                "restrict",
                "open",
                "allowance",
                "out-of-order",
                "in-service",
                "features",
                "more rooms",
                "details",
            )
        ),
        firsts,
        st.integers(1, LONGEST),
        st.sampled_from(ROOMS),
        st.integers(0, 3),
    ),
)
type Bursts = st.SearchStrategy[list[Sent]]

bursts: Bursts = st.lists(sent, min_size=1, max_size=8)
bursts_about_rooms: Bursts = st.lists(
    st.one_of(
        st.builds(Booked, st.just(0), st.integers(1, 2), st.just(("DBL",)), st.none()),
        st.builds(Assigned, which, st.just(0), st.sampled_from(("100", "101"))),
    ),
    min_size=2,
    max_size=8,
)
"""Bookings of the same nights, and rooms for them by hand, that two soon share if nobody looks."""


def thoroughness() -> int:
    """How many times more than usual the machines try: STAYSYNC_TEST_THOROUGHNESS, which `make prove` sets."""
    return int(os.environ.get("STAYSYNC_TEST_THOROUGHNESS", "1"))
