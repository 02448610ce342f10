"""Passwords that are tried first are refused; long phrases of one's own aren't."""

import pytest

from identity.errors import WeakPassword
from identity.weak import refuse_weak

ADA = {"email": "ada.lovelace@example.org", "full_name": "Ada Lovelace", "field": "password"}


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "qwertyuiop",
        "QwertyUiop",
        "Password2026!",
        "!!password!!1",
        "aaaaaaaaaaaa",
        "abababababab",
        "ada.lovelace@example.org",
        "ada.lovelace",
        "AdaLovelace1815",
        "lovelaceada!!",
        "ada lovelace",
        "ecalevolada",
        "example.org2026",
        "StaySync2026!",
        "staysyncstaysync",
    ],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        refuse_weak(password, **ADA)
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    [
        "a long pass phrase",
        "correct horse battery",
        "kV7#pq9!zzTr",
        "пароль из четырёх слов",
        "193847562019",
        "𓀀𓀁𓀂𓀃𓀄𓀅𓀆𓀇𓀈𓀉",
    ],
)
def test_what_nobody_tries_first_is_not(password: str) -> None:
    refuse_weak(password, **ADA)


def test_a_short_name_rules_nothing_out() -> None:
    refuse_weak("al and bo went out", email="al@b.example", full_name="Al Bo", field="password")
