"""Bookings as the write side hands them to the appender: three nights, a sealed guest, a key of its own."""

import os
import random
from datetime import timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from bench.hotels import METADATA, NIGHTS, Market
from command import answers
from command.routes.bookings import reference_suffix
from domain.booking_commands import Book, RequestedLine
from domain.values import Sealed, Statistics
from eventstore.guest_keys import MasterKey, WrappedKey
from eventstore.submission import IdempotencyKey, Submission

GUEST = {"full_name": "Maria Antunes Ferreira", "email": "maria.ferreira@example.org", "phone": "+351 21 555 0143"}
STATISTICS = Statistics(channel="web", market_segment="leisure", country="PRT")


class Bookings:
    """Makes one submission after the other, at random over a market.

    Sealing belongs to the HTTP side and is measured there: here ciphertexts and wrapped keys are made once and handed
    out under fresh ids, so that the appender gets as many bytes as it does in production.
    """

    def __init__(self, market: Market, chance: random.Random, *, samples: int = 256) -> None:
        self._market = market
        self._chance = chance
        self._room_types = market.room_types
        master, hotel_id = MasterKey(os.urandom(32)), UUID(int=1)
        made = [master.new_guest_key(hotel_id, uuid7()) for _ in range(samples)]
        self._sealed = [key.seal({**GUEST, "language": None}).ciphertext for key, _ in made]
        self._wrapped = [wrapped.wrapped for _, wrapped in made]
        self._fingerprints = [os.urandom(32) for _ in range(samples)]

    def next(self) -> Submission:
        """A booking that nobody has made yet."""
        hotel_id, room_type = self._chance.choice(self._room_types)
        number = int(self._chance.random() * len(self._sealed))
        guest_id, booking_id = uuid7(), uuid7()
        arrival = self._market.arrival(self._chance)
        return Submission(
            hotel_id=hotel_id,
            stream_id=booking_id,
            command=Book(
                reference_suffix=reference_suffix(),
                arrival=arrival,
                departure=arrival + timedelta(days=NIGHTS),
                lines=(RequestedLine(room_type=room_type, adults=2, child_ages=()),),
                guest=Sealed(guest_id=guest_id, ciphertext=self._sealed[number]),
                booker=None,
                statistics=STATISTICS,
                hold_for=None,
            ),
            metadata=METADATA,
            render=answers.booked,
            idempotency=IdempotencyKey("anonymous", str(booking_id), self._fingerprints[number]),
            guest_keys=(WrappedKey(guest_id, "1", self._wrapped[number]),),
        )
