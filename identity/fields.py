"""The fields of accounts as clients may send them."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
_LONGEST_EMAIL = 254

# Deliberately simple: one @, a dot in the domain, nothing that breaks a mail header. Only a mail can prove an address.
_EMAIL = re.compile(r"[^\s@\"<>(),:;\\\[\]]{1,64}@[^\s@\"<>(),:;\\\[\]]{1,185}\.[^\s@\"<>(),:;\\\[\].]{2,63}")


def _email(text: str) -> str:
    # The database may know capital letters that this Python doesn't know yet, and lowering can make a text longer.
    lowered = text.lower()
    unknown = any(unicodedata.category(character) == "Cn" for character in text)
    if not _EMAIL.fullmatch(text) or ".." in text or unknown or len(lowered) > _LONGEST_EMAIL:
        raise ValueError("this isn't an e-mail address")
    return lowered


def one_line(text: str) -> str:
    """A text without control characters and unpaired surrogates. Raises ValueError for others."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters aren't possible here")
    return text


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=_LONGEST_EMAIL),
    AfterValidator(one_line),
    AfterValidator(_email),
]
NewPassword = Annotated[
    str, StringConstraints(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD), AfterValidator(one_line)
]
AnyPassword = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PASSWORD), AfterValidator(one_line)]
FullName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
"""A language tag such as en or pt-BR."""
MailedToken = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(one_line)]
"""A token out of a mail."""
