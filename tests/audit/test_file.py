"""An audit file proves itself, says what is wrong with it, and is held against what was kept from earlier."""

import gzip
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.rejections import UnknownHotel
from eventstore.audit.export import export, export_heads
from eventstore.audit.file_check import NotAnAuditFile, check_file, read_heads
from eventstore.audit.findings import Checked
from eventstore.audit.heads import HeadKey
from eventstore.audit.lines import key_line, signed_head_line, signed_head_of
from eventstore.reading import Pool
from staysync.secrets import Secrets
from staysync.settings import Settings
from tests.audit import tampering
from tests.audit.conftest import sign
from tests.eventstore.house import House, open_house


def kinds(checked: Checked) -> list[str]:
    return [finding.kind for finding in checked.findings]


@pytest.fixture
async def whole(house: House, pool: Pool, secrets: Secrets, tmp_path: Path) -> Path:
    """A file of all hotels: two, signed up to their last events."""
    await open_house(house.side)
    await sign(pool, secrets)
    await export(pool, tmp_path / "whole.jsonl", 0)
    return tmp_path / "whole.jsonl"


def _lines(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def _written(file: Path, lines: list[Any]) -> Path:
    changed = file.with_name("changed.jsonl")
    changed.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return changed


async def test_a_whole_file_is_found_whole_by_whoever_has_the_public_key(whole: Path, key: HeadKey) -> None:
    checked = check_file(whole, trusted_keys=[key.public_key])
    assert (checked.found, checked.notes) == (0, [])
    assert [hotel.signed_seq for hotel in checked.coverage] == [hotel.events for hotel in checked.coverage]
    assert checked.events == sum("event" in line for line in _lines(whole)) > 10


async def test_without_a_key_from_outside_it_says_that_it_proves_little(whole: Path) -> None:
    checked = check_file(whole)
    assert checked.found == 0
    [note] = checked.notes
    assert "may have made as well" in note


async def test_heads_signed_by_somebody_elses_key_vouch_for_nothing(whole: Path, key: HeadKey) -> None:
    forger = HeadKey(Ed25519PrivateKey.generate())
    lines = [orjson.loads(_signed_anew(line, forger)) if "signed_head" in line else line for line in _lines(whole)]
    lines[1] = orjson.loads(key_line(forger.key_id, forger.public_key))
    forged = _written(whole, lines)
    assert check_file(forged).found == 0
    assert kinds(check_file(forged, trusted_keys=[key.public_key])) == ["unsigned", "unsigned"]


def _signed_anew(line: dict[str, Any], forger: HeadKey) -> bytes:
    head = signed_head_of(line)
    return signed_head_line(forger.sign(head.hotel_id, head.seq, head.hash, head.signed_us))


async def test_a_file_without_its_signed_heads_is_vouched_for_by_nobody(whole: Path, key: HeadKey) -> None:
    lines = [line for line in _lines(whole) if "signed_head" not in line]
    assert kinds(check_file(_written(whole, lines), trusted_keys=[key.public_key])) == ["unsigned", "unsigned"]


async def test_every_field_of_every_event_and_head_counts(whole: Path, key: HeadKey) -> None:
    lines = _lines(whole)
    tried = 0
    for number, line in enumerate(lines):
        for name, value in line.items():
            if name in ("made_us", "staysync_audit", "scope", "end"):
                continue
            other = value + 1 if isinstance(value, int) else f"{'1' if value[0] == '0' else '0'}{value[1:]}"
            changed = [*lines[:number], line | {name: other}, *lines[number + 1 :]]
            assert check_file(_written(whole, changed), trusted_keys=[key.public_key]).found, (number, name)
            tried += 1
    assert tried > 150


async def test_events_left_out_doubled_or_exchanged_are_found(whole: Path, key: HeadKey) -> None:
    lines = _lines(whole)
    for number, line in enumerate(lines):
        if "event" not in line:
            continue
        left_out = [*lines[:number], *lines[number + 1 :]]
        doubled = [*lines[: number + 1], *lines[number:]]
        exchanged = [*lines[:number], lines[number + 1], line, *lines[number + 2 :]]
        for changed in (left_out, doubled, exchanged):
            assert check_file(_written(whole, changed), trusted_keys=[key.public_key]).found, number


@pytest.mark.parametrize("line", [b"", b" ", b"null", b"[1]", b'"x"', b"{}", b'{"event":1}', b"{", b"\xff", b"9" * 99])
def test_a_line_that_is_none_is_named_by_its_number(whole: Path, key: HeadKey, line: bytes) -> None:
    first, rest = whole.read_bytes().split(b"\n", 1)
    changed = whole.with_name("changed.jsonl")
    changed.write_bytes(first + b"\n" + line + b"\n" + rest)
    checked = check_file(changed, trusted_keys=[key.public_key])
    assert kinds(checked) == ["file"]
    assert checked.findings[0].facts.startswith("line 2 can't be read")


async def test_odd_values_in_an_events_line_are_findings_and_no_crash(whole: Path, key: HeadKey) -> None:
    lines = _lines(whole)
    number = next(number for number, line in enumerate(lines) if "event" in line)
    for name in lines[number]:
        odds: tuple[Any, ...] = (None, "", "é", -1, 2**63, 1.5, [], {}, True, "00" * 40)
        for odd in odds:
            changed = [*lines[:number], lines[number] | {name: odd}, *lines[number + 1 :]]
            if lines[number][name] == odd and isinstance(odd, bool):
                continue  # JSON's true and 1 are packed alike, and mean the same number
            assert check_file(_written(whole, changed), trusted_keys=[key.public_key]).found, (name, odd)


async def test_a_file_that_breaks_off_is_not_whole_packed_or_plain(
    pool: Pool, whole: Path, key: HeadKey, tmp_path: Path
) -> None:
    packed = tmp_path / "packed.jsonl.gz"
    await export(pool, packed, 0)
    with gzip.open(packed) as packed_stream, whole.open("rb") as stream:
        assert packed_stream.read() == stream.read()
    assert check_file(packed, trusted_keys=[key.public_key]).found == 0
    for file in (packed, whole):
        for share in (0.999, 0.9, 0.5):
            os.truncate(file, int(file.stat().st_size * share))
            assert "file" in kinds(check_file(file, trusted_keys=[key.public_key]))


@pytest.mark.parametrize("content", [b"", b"hello\n", b"{}\n", b'{"staysync_audit":2,"scope":"all"}\n', b"\x00" * 99])
def test_another_file_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NotAnAuditFile):
        check_file(tmp_path / "file")
    with pytest.raises(NotAnAuditFile):
        read_heads(tmp_path / "file")


async def test_a_heads_file_kept_outside_finds_a_chain_written_anew_and_signed_with_the_stolen_key(
    settings: Settings, house: House, pool: Pool, secrets: Secrets, tmp_path: Path
) -> None:
    """The worst case: whoever has all rights in the database also has the key, and removes every signed head."""
    await sign(pool, secrets)
    kept = tmp_path / "kept.jsonl"
    assert await export_heads(pool, kept, 0) == 1
    assert check_file(kept).found == 0
    async with tampering.superusers_pool(settings) as owner:
        change = await tampering.rewritten_chain(
            tampering.Scene(owner, await tampering.read_all(owner), tampering.seeded(3))
        )
        await owner.execute("alter table audit.signed_head disable trigger all")
        await owner.execute("delete from audit.signed_head")
    await sign(pool, secrets)
    await export(pool, tmp_path / "now.jsonl", 0)
    fooled = check_file(tmp_path / "now.jsonl", trusted_keys=[secrets.head_key().public_key])
    assert fooled.found == 0
    checked = check_file(tmp_path / "now.jsonl", kept=[read_heads(kept)])
    [finding] = checked.findings
    assert (finding.kind, finding.hotel_id) == ("rewritten", change.hotel_id)
    assert house.hotel_id == change.hotel_id


async def test_a_hotel_that_a_kept_file_knows_must_be_in_a_file_of_all(
    house: House, pool: Pool, whole: Path, tmp_path: Path
) -> None:
    lines = _lines(whole)
    begins = [number for number, line in enumerate(lines) if "hotel" in line]
    without = [*lines[: begins[0]], *lines[begins[1] : -1], lines[-1] | {"hotels": 1}]
    without[-1] = without[-1] | {"events": sum("event" in line for line in without)}
    assert check_file(_written(whole, without)).found == 0
    checked = check_file(_written(whole, without), kept=[read_heads(whole)])
    assert kinds(checked) == ["missing"]
    await export(pool, tmp_path / "one.jsonl", 0, house.hotel_id)
    alone = check_file(tmp_path / "one.jsonl", kept=[read_heads(whole)])
    assert alone.found == 0
    assert "not held against anything" in alone.notes[0]


async def test_what_was_booked_since_is_checked_against_an_earlier_file_too(
    house: House, pool: Pool, whole: Path, tmp_path: Path
) -> None:
    await house.book(3, 5)
    await export(pool, tmp_path / "later.jsonl", 0)
    checked = check_file(tmp_path / "later.jsonl", kept=[read_heads(whole)])
    assert checked.found == 0
    [hotel] = [each for each in checked.coverage if each.hotel_id == house.hotel_id]
    assert hotel.signed_seq == hotel.events - 1


async def test_an_unknown_hotel_is_refused_and_leaves_no_file(house: House, pool: Pool, tmp_path: Path) -> None:
    del house
    with pytest.raises(UnknownHotel):
        await export(pool, tmp_path / "file.jsonl", 0, uuid4())
    assert not [name for name in os.listdir(tmp_path) if "file" in name]
