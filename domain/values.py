"""The small values that bookings and hotels are made of."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

# Minor units by currency where they aren't two (ISO 4217).
_EXPONENTS = {
    "JPY": 0,
    "KRW": 0,
    "ISK": 0,
    "CLP": 0,
    "VND": 0,
    "XPF": 0,
    "BHD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
    "JOD": 3,
}
_QUANTA = {exponent: Decimal(1).scaleb(-exponent) for exponent in (0, 2, 3)}


def quantum(currency: str) -> Decimal:
    """The smallest amount of a currency, for instance 0.01 for EUR (ISO 4217's minor unit)."""
    return _QUANTA[_EXPONENTS.get(currency, 2)]


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount in whole minor units of its currency, half to even."""
    return amount.quantize(quantum(currency), ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Personal data of one guest, encrypted with that guest's key: opaque here, so that erasing the key erases it."""

    guest_id: UUID
    ciphertext: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a hotel counts its bookings by. None of it is personal."""

    channel: str | None = None
    market_segment: str | None = None
    distribution_channel: str | None = None
    agent: str | None = None
    company: str | None = None
    customer_type: str | None = None
    meal: str | None = None
    country: str | None = None
