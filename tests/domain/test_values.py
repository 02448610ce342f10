"""Money is counted in whole minor units of currencies that are in use."""

from decimal import Decimal

import pytest

from domain.values import CURRENCIES, quantum


@pytest.mark.parametrize(("currency", "unit"), [("EUR", "0.01"), ("JPY", "1"), ("XOF", "1"), ("KWD", "0.001")])
def test_a_currency_has_its_smallest_unit(currency: str, unit: str) -> None:
    assert currency in CURRENCIES
    assert quantum(currency) == Decimal(unit)


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "XDR", "DEM", "HRK", "BGN", "ZZZ"])
def test_what_nobody_pays_in_is_no_currency(code: str) -> None:
    assert code not in CURRENCIES


def test_the_list_has_codes_of_three_letters() -> None:
    assert len(CURRENCIES) > 150
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in CURRENCIES)
