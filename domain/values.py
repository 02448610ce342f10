"""The small values that bookings and hotels are made of."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

_IN_USE = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
    CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
    IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG
    SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
_WHOLE_UNITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

CURRENCIES = frozenset(_IN_USE.split())
"""The currencies that people pay in (ISO 4217, as of 2026): without metals, funds, test codes and those withdrawn."""

# Minor units by currency where they aren't two.
_EXPONENTS = dict.fromkeys(_WHOLE_UNITS.split(), 0) | dict.fromkeys(_THREE_DECIMALS.split(), 3)
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
