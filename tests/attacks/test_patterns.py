"""Catastrophic patterns: no text makes a regular expression work for longer than its length allows.

Patterns of fields run in pydantic's engine, whose work grows with the length of the text whatever the pattern is. Those
that Python's own engine runs repeat nothing that repeats, so that they can't backtrack without end.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from command.bodies import WalkBody
from tests.attacks.document import operations
from tests.permissions.conftest import World
from tests.permissions.requests import asked

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("domain", "eventstore", "readmodels", "command", "projections", "query", "identity", "staysync")
_LONGEST_INNER = 1
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")


def _patterns() -> Iterator[tuple[str, str | bytes]]:
    """Every pattern that our sources give to Python's engine, with its place."""
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if isinstance(node, ast.Call) and called.startswith("re.") and called != "re.escape":
                    yield f"{file.relative_to(_ROOT)}:{node.lineno}", ast.literal_eval(node.args[0])


def _repeats_a_repeat(parsed: Any, *, inside: bool = False) -> bool:
    """Whether something that repeats without a small bound holds something that does."""
    for operator, argument in parsed:
        match str(operator), argument:
            case kind, (_, most, inner) if kind in _REPEATS:
                many = int(most) > _LONGEST_INNER
                if (many and inside) or _repeats_a_repeat(inner, inside=inside or many):
                    return True
            case "SUBPATTERN", (*_, inner):
                if _repeats_a_repeat(inner, inside=inside):
                    return True
            case "BRANCH", (_, branches):
                if any(_repeats_a_repeat(branch, inside=inside) for branch in branches):
                    return True
            case _:
                continue
    return False


def _parsed(pattern: str | bytes) -> Any:
    return re._parser.parse(pattern)  # type: ignore[attr-defined] # its tree is what is looked at


@pytest.mark.parametrize("evil", ["(a+)+$", "(a|a*)*b", "([a-z]+x?)*", "^(([a-z])+.)+$", "(a{1,50}){1,50}"])
def test_a_pattern_that_could_would_be_found(evil: str) -> None:
    assert _repeats_a_repeat(_parsed(evil))


def test_no_pattern_of_ours_repeats_a_repeat() -> None:
    found = dict(_patterns())
    assert len(found) > 8
    assert {place: pattern for place, pattern in found.items() if _repeats_a_repeat(_parsed(pattern))} == {}


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _nodes(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _nodes(part)


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        if model.__module__.partition(".")[0] in _PACKAGES:
            yield model
        yield from _models(model)


def test_patterns_of_fields_run_in_the_engine_whose_work_is_bounded() -> None:
    models, seen = list(_models(BaseModel)), 0
    for model in models:
        for node in _nodes(model.__pydantic_core_schema__):
            assert node.get("regex_engine", "rust-regex") == "rust-regex", model
            if "pattern" in node:
                seen += 1
                assert isinstance(node["pattern"], str), (model, node)  # a compiled one would be Python's
    assert len(models) > 40
    assert seen > 20


def test_a_line_end_behind_an_amount_is_no_part_of_it() -> None:
    """Python's `$` would let it pass."""
    with pytest.raises(ValidationError):
        WalkBody.model_validate({"cost": "90.00\n"})


_LONG = (
    "a" * 60_000 + "!",
    "a1 " * 30_000 + "\x00",
    "@" * 60_000,
    "a@" * 30_000 + "a.",
    "1." * 40_000,
    "\\" * 60_000 + '"',
    "[" * 90_000,
    "İ" * 60_000,
)


async def test_long_texts_in_every_field_are_refused(world: World) -> None:
    client = world.people["administrator"]
    for operation in operations(world.service.app):
        path = asked(world, operation.name, operation.action, world.own).path
        for field in operation.strings():
            for text in _LONG:
                answer = await client.request(operation.method, path, json=operation.with_value(field.path, text))
                client.cookies.clear()
                assert answer.status_code == 422, (operation.name, field.pointer, text[:5], answer.status_code)
