"""Protections switched off, one at a time, in a build that only tests have: the state machines' negative controls.

StaySync protects each promise more than once, and what one layer lets through the next one refuses, loudly. So there
are two kinds of controls. Those of one layer hold that the machine hears the next layer's refusal: it comes as an error
that isn't a rule's. Those of a promise switch every layer of it off and hold that the machine sees the harm itself.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from staysync.settings import Settings
from tests.eventstore.house import superuser
from tests.machine.commands import Bursts, bursts, bursts_about_rooms


@dataclass(frozen=True, slots=True)
class Control:
    """What is switched off, and what the machine must say. `schema` is done to the database by a superuser."""

    name: str
    found: str
    statements: tuple[tuple[str, str, str], ...] = ()
    """Name of a statement, text in it, text instead."""
    rules: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()
    bursts: Bursts = bursts
    """What is sent: all kinds of commands, unless the harm is so rare among them that it would take minutes."""


_LOCK = (
    ("lock_heads", "for update skip locked", ""),
    ("lock_head_waiting", "for update", ""),
)
_NO_SQL_CHECK = (("append", "and n.sold + c.sold + n.held + c.held <= n.in_service + n.allowance", ""),)
_NO_NIGHT_WALL = ("alter table ledger.night drop constraint night_not_oversold",)
_NO_ROOM_WALL = (
    "alter table ledger.room_stay drop constraint room_stay_no_overlap",
    "create index on ledger.room_stay (hotel_id, room)",
)

CONTROLS = (
    Control("the head lock", found="the guard counted|duplicate key", statements=_LOCK),
    Control("the decision's look at the stock", found="the guard counted|oversold|the allowance", rules=("stock",)),
    Control(
        "every look at the stock",
        found="night_not_oversold|oversold|the allowance",
        rules=("stock",),
        statements=_NO_SQL_CHECK,
    ),
    Control(
        "the constraint of nights too",
        found="oversold|the allowance",
        rules=("stock",),
        statements=_NO_SQL_CHECK,
        schema=_NO_NIGHT_WALL,
    ),
    Control(
        "the decision's look at the rooms",
        found="room_stay_no_overlap|has two stays",
        rules=("rooms",),
        bursts=bursts_about_rooms,
    ),
    Control(
        "the constraint of rooms too",
        found="has two stays",
        rules=("rooms",),
        schema=_NO_ROOM_WALL,
        bursts=bursts_about_rooms,
    ),
    Control("the look at answers given before", found="idempotency_pkey|another answer", rules=("answers",)),
    Control(
        "the key of answers too",
        found="another answer",
        rules=("answers",),
        schema=("alter table ledger.idempotency drop constraint idempotency_pkey",),
    ),
)


def _take_anything(wanted: object, stock: object) -> tuple[()]:
    del wanted, stock
    return ()


def _never_taken(*_: object) -> None:
    return None


async def _no_answers(*_: object) -> None:
    return None


_RULES: dict[str, tuple[tuple[str, Callable[..., Any]], ...]] = {
    "stock": (("domain.selling.take", _take_anything),),
    "rooms": (("domain.rooming.refuse_if_taken", _never_taken),),
    "answers": (("eventstore.gathering._read_answers", _no_answers),),
}


def switch_off(control: Control, patch: pytest.MonkeyPatch) -> None:
    """Take the control's rules and texts of statements out of this process."""
    for rule in control.rules:
        for name, instead in _RULES[rule]:
            patch.setattr(name, instead)
    if control.statements:
        from eventstore.sql import statement

        def weakened(name: str) -> str:
            text = statement(name)
            for weak, part, instead in control.statements:
                if weak == name:
                    assert part in text, f"{name} has no {part}"
                    text = text.replace(part, instead)
            return text

        for module in ("eventstore.appender", "eventstore.gathering"):
            patch.setattr(f"{module}.statement", weakened)


async def weaken(control: Control, settings: Settings) -> None:
    """Take the control's walls out of the database of a test."""
    async with superuser(settings) as connection:
        for change in control.schema:
            await connection.execute(change)


def main() -> None:
    """`python -m tests.machine.sabotage NAME ARGUMENTS…`: the command line with a protection switched off."""
    name, *arguments = sys.argv[1:]
    control = next(control for control in CONTROLS if control.name == name)
    with pytest.MonkeyPatch.context() as patch:
        switch_off(control, patch)
        from staysync.cli import app

        app(arguments)


if __name__ == "__main__":
    main()
