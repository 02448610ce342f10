"""Which passwords are refused because they are the first that anybody would try."""

import re
from functools import cache

from identity.errors import WeakPassword

_FEWEST_CHARACTERS = 4
_SHORTEST_NAME = 4
_OURSELVES = "staysync"


def refuse_weak(password: str, *, email: str, full_name: str, field: str) -> None:
    """Raise WeakPassword for a common password, or one that follows from the account's e-mail or name.

    Digits and signs before and after don't help: `Password2026!` is `password`. Works for a while the first time: the
    list is loaded. The answer depends on what was sent and on the account alone.
    """
    folded = password.casefold()
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
    if len(set(folded)) < _FEWEST_CHARACTERS:
        raise WeakPassword("This password repeats very few characters.", field)
    if folded in _common() or core in _common():
        raise WeakPassword(
            "This password is one of the most common ones, or one with digits or signs around it.", field
        )
    if _letters(core) in _own_words(email, full_name):
        raise WeakPassword("This password follows from the e-mail address or the name.", field)


def _own_words(email: str, full_name: str) -> set[str]:
    """What somebody who knows the account tries first, each forwards, backwards and twice."""
    local, _, domain = email.casefold().partition("@")
    names = [_letters(name) for name in full_name.casefold().split()]
    words = {
        email.casefold(),
        local,
        domain,
        domain.partition(".")[0],
        *names,
        "".join(names),
        "".join(reversed(names)),
    }
    words = {_letters(word) for word in words} | {_OURSELVES}
    words = {word for word in words if len(word) >= _SHORTEST_NAME}
    return words | {word[::-1] for word in words} | {word * 2 for word in words}


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text)


@cache
def _common() -> frozenset[str]:
    # Imported late, since it builds tables: only who needs them pays. It comes without types.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    return frozenset(FREQUENCY_LISTS["passwords"])
