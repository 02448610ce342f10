"""The stock of nights: what a room type has on one night, and what claims of it do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

type NightKey = tuple[str, date]
"""A room type's code and the date on which a night begins."""


@dataclass(slots=True)
class NightStock:
    """One night of one room type. `sold` and `held` together never pass `in_service` plus `allowance`."""

    in_service: int
    allowance: int
    sold: int
    held: int
    price: Decimal
    stop_sell: bool = False
    minimum_stay: int = 1
    closed_to_arrival: bool = False
    closed_to_departure: bool = False

    @property
    def free(self) -> int:
        """Rooms that can still be claimed; below zero where more is claimed than is left in service."""
        return self.in_service + self.allowance - self.sold - self.held


type Stock = Mapping[NightKey, NightStock]


class Claim(NamedTuple):
    """How many rooms of a night a booking has sold and holds; as a difference, what a decision changes."""

    sold: int
    held: int


type Claims = dict[NightKey, Claim]

NOTHING = Claim(0, 0)


def difference(before: Claims, after: Claims) -> Claims:
    """What turns the claims before into those after, without the nights that stay as they are."""
    if not before:
        return after
    changed: Claims = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key, NOTHING), after.get(key, NOTHING)
        if old != new:
            changed[key] = Claim(new.sold - old.sold, new.held - old.held)
    return changed


def merged(all_claims: Iterable[Claims]) -> Claims:
    """The sum of several claims, night by night."""
    total: Claims = {}
    for claims in all_claims:
        for key, claim in claims.items():
            old = total.get(key, NOTHING)
            total[key] = Claim(old.sold + claim.sold, old.held + claim.held)
    return total
