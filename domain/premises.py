"""What a decision on a booking rests on besides the booking itself, as it was read under the hotel's lock."""

from dataclasses import dataclass, field

from domain.hotels import Hotel
from domain.rooms import Occupancy
from domain.stock import Stock


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """The hotel, the stock of the nights concerned, and who else has the rooms concerned.

    `occupied` doesn't hold what the booking itself has.
    """

    hotel: Hotel
    stock: Stock
    occupied: Occupancy = field(default_factory=dict)
