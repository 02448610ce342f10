"""Events live for years: what any build ever wrote is read, and no event changes its fields without saying so.

For a new event, or a new version of one: STAYSYNC_TEST_WRITE_GOLDEN=1 make test ARGS=tests/golden, then commit the new
files. What stands there already is never written over; for an event that isn't in any ledger yet, delete its lines.
"""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.events import SCHEMA_VERSIONS
from domain.vocabulary import MEANINGS, meaning
from eventstore import codec
from eventstore.shapes import parts, shape
from eventstore.upcasters import UPCASTERS
from staysync.events_page import CAUSES, page
from tests.golden import samples

_WRITES = os.environ.get("STAYSYNC_TEST_WRITE_GOLDEN") == "1"
_NAMES = [event.__name__ for event in samples.events()]
_PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def _version(name: str) -> int:
    return SCHEMA_VERSIONS.get(name, 1)


def _shape(event: type) -> dict[str, Any]:
    """The fields of an event and of all that it is made of."""
    return {"fields": shape(event), "parts": {part.__name__: shape(part) for part in parts(event)}}


def _files() -> list[Path]:
    return sorted(file for file in samples.FOLDER.glob("*.json") if file != samples.SHAPES)


def _write_missing() -> None:
    for event in samples.events():
        name, version, data = codec.encode(samples.sample(event))
        file = samples.FOLDER / f"{name}.v{version}.json"
        if not file.exists():
            samples.write(file, name, version, data)
    known = orjson.loads(samples.SHAPES.read_bytes()) if samples.SHAPES.exists() else {}
    shapes = {f"{event.__name__}.v{_version(event.__name__)}": _shape(event) for event in samples.events()} | known
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    samples.SHAPES.write_bytes(orjson.dumps(shapes, option=options))


if _WRITES:
    _write_missing()


@pytest.mark.parametrize("file", _files(), ids=lambda file: str(file.stem))
def test_what_was_written_in_any_version_is_read(file: Path) -> None:
    kept = orjson.loads(file.read_bytes())
    event = codec.decode(kept["type"], kept["schema_version"], orjson.dumps(kept["data"]).decode())
    name, version, data = codec.encode(event)
    assert (name, version) == (kept["type"], _version(name))
    assert orjson.loads(data) == kept["read_as"]
    assert file.name.startswith(f"{name}.v{kept['schema_version']}.")


@pytest.mark.parametrize("event", samples.events(), ids=lambda event: str(event.__name__))
def test_a_sample_of_today_is_read_as_the_event_that_it_was(event: type) -> None:
    kept = orjson.loads((samples.FOLDER / f"{event.__name__}.v{_version(event.__name__)}.json").read_bytes())
    assert kept["read_as"] == kept["data"]
    assert codec.decode(kept["type"], kept["schema_version"], orjson.dumps(kept["data"]).decode()) == samples.sample(
        event
    )


def test_every_version_ever_written_has_a_sample_and_a_shape() -> None:
    wanted = {f"{name}.v{version}" for name in _NAMES for version in range(1, _version(name) + 1)}
    kept = {".".join(file.name.split(".")[:2]) for file in _files()}
    assert wanted == kept
    assert set(orjson.loads(samples.SHAPES.read_bytes())) >= {f"{name}.v{_version(name)}" for name in _NAMES}


@pytest.mark.parametrize("event", samples.events(), ids=lambda event: str(event.__name__))
def test_no_events_fields_change_without_a_new_version(event: type) -> None:
    name = f"{event.__name__}.v{_version(event.__name__)}"
    assert orjson.loads(samples.SHAPES.read_bytes())[name] == _shape(event), (
        f"the fields of {event.__name__} changed: raise its version in domain/events.py, write an upcaster for what is"
        f" in the ledgers, and add the sample of the new version as this module says"
    )


def test_every_step_to_the_version_of_today_has_an_upcaster_that_says_what_it_does() -> None:
    steps = {(name, old) for name in _NAMES for old in range(1, _version(name))}
    assert steps == set(UPCASTERS)
    assert all(upcaster.__doc__ for upcaster in UPCASTERS.values())


def test_every_field_has_a_meaning_and_every_meaning_a_field() -> None:
    classes = {found for event in samples.events() for found in (event, *parts(event))}
    used = set()
    for owner in classes:
        assert owner.__doc__ is not None
        assert not owner.__doc__.startswith(f"{owner.__name__}("), f"{owner.__name__} has no docstring of its own"
        for field in shape(owner):
            assert meaning(owner.__name__, field).endswith("."), (owner, field)
            used.add(f"{owner.__name__}.{field}" if f"{owner.__name__}.{field}" in MEANINGS else field)
    assert used == set(MEANINGS)


def test_the_page_about_events_is_what_the_code_says() -> None:
    assert _PAGE.read_text(encoding="utf-8") == page(), "python -m staysync.events_page > docs/events.md"
    assert set(CAUSES) == set(_NAMES)


def test_a_field_more_is_another_shape() -> None:
    """The control: the shapes tell fields, types, defaults and parts apart."""
    before = _shape(samples.events()[0])
    assert before["fields"].pop("currency") == "text"
    assert before != _shape(samples.events()[0])
    made = next(event for event in samples.events() if event.__name__ == "BookingMade")
    assert set(_shape(made)["parts"]) == {"Sealed", "BookedLine", "Statistics", "AllowanceUse"}
