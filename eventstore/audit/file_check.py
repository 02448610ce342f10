"""Says whether an audit file is whole. It needs the file and nothing else: no database, no key but public ones."""

import zlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from struct import error as StructError
from typing import Any
from uuid import UUID

import orjson

from eventstore.audit import lines
from eventstore.audit.chain_check import ChainCheck
from eventstore.audit.findings import Checked, Finding
from eventstore.audit.heads import PUBLIC_KEY_BYTES, SignedHead
from eventstore.audit.trust import Trust, grouped
from eventstore.chain import chained

_UNFIT = (KeyError, TypeError, ValueError, AttributeError, OverflowError, StructError)
"""What reading a line raises that isn't what it should be; orjson's error is a ValueError."""
_BROKEN = (EOFError, zlib.error)

type Progress = Callable[[int], None]
"""Told now and then how many events are checked."""
_TOLD_EVERY = 20_000


class NotAnAuditFile(Exception):
    """The file doesn't begin as an audit file does, or is of a later format."""


class KeptHeads:
    """What an earlier audit file says, kept where nobody changed it: its keys are trusted, its heads are evidence."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.heads: list[SignedHead] = []


def read_heads(file: Path) -> KeptHeads:
    """The keys and signed heads of an audit file; its events aren't looked at.

    Raises NotAnAuditFile, also for a line that can't be read, and OSError.
    """
    kept = KeptHeads()
    try:
        with lines.opened(file, "rb") as stream:
            _check_beginning(stream.readline())
            for line in stream:
                if line.startswith(b'{"key"'):
                    kept.keys.append(bytes.fromhex(orjson.loads(line)["public_key"]))
                elif line.startswith(b'{"signed_head"'):
                    kept.heads.append(lines.signed_head_of(orjson.loads(line)))
    except (*_UNFIT, *_BROKEN) as error:
        raise NotAnAuditFile(f"{file} can't be read to its end: {error}") from error
    return kept


def check_file(
    file: Path,
    *,
    trusted_keys: Collection[bytes] = (),
    kept: Iterable[KeptHeads] = (),
    progress: Progress | None = None,
) -> Checked:
    """Check an audit file, also against heads that were kept from earlier.

    Keys given, and those of the kept files, are trusted; without any, all keys in the file itself are, and a note says
    that this proves little. Raises NotAnAuditFile and OSError.
    """
    kept = list(kept)
    trusted = [*trusted_keys, *(key for each in kept for key in each.keys)]
    check = _FileCheck(Trust(trusted or None), [head for each in kept for head in each.heads], progress)
    with lines.opened(file, "rb") as stream:
        try:
            check.begin(stream.readline())
            check.read(stream)
        except _BROKEN as error:
            check.checked.note(Finding("file", f"it breaks off: {error}"))
    return check.close()


class _FileCheck:
    """The check of one file, line by line."""

    def __init__(self, trust: Trust, kept: Iterable[SignedHead], progress: Progress | None) -> None:
        self.checked = Checked()
        self._trust = trust
        self._kept = grouped(trust.genuine(kept, self.checked.note), lambda head: head.hotel_id)
        self._progress = progress
        self._scope: lines.Scope = "all"
        self._hotel: UUID | None = None
        self._hotel_bytes = b""
        self._head: tuple[int, bytes] | None = None
        self._heads: list[SignedHead] = []
        self._chain: ChainCheck | None = None
        self._hotels = 0
        self._counted = 0
        self._number = 1
        self._ended = False

    def begin(self, line: bytes) -> None:
        """The first line. Raises NotAnAuditFile."""
        self._scope = _check_beginning(line)

    def read(self, stream: Iterable[bytes]) -> None:
        """All other lines."""
        loads, from_hex = orjson.loads, bytes.fromhex
        for line in stream:
            self._number += 1
            try:
                given = loads(line)
                if "event" not in given:
                    self._other(given)
                    continue
                chain, seq, stored = self._chain or self._begin_chain(), given["event"], from_hex(given["hash"])
                computed = chained(
                    chain.previous,
                    self._hotel_bytes,
                    seq,
                    from_hex(given["stream_id"].replace("-", "")),
                    given["version"],
                    given["schema_version"],
                    given["occurred_us"],
                    given["recorded_us"],
                    given["type"].encode(),
                    given["data"].encode(),
                    given["metadata"].encode(),
                )
            except _UNFIT as error:
                self._unreadable(error)
                continue
            chain.take(seq, stored, computed)
            self._counted += 1
            if self._progress is not None and self._counted % _TOLD_EVERY == 0:
                self._progress(self._counted)

    def close(self) -> Checked:
        """The outcome, after the last line."""
        self._end_hotel()
        checked = self.checked
        if not self._ended:
            checked.note(Finding("file", "its last line isn't there: it was cut off, or never finished"))
        if self._scope == "all":
            for hotel_id in self._kept:
                checked.note(Finding("missing", "heads of it were signed, but the file hasn't got it", hotel_id))
        elif self._kept:
            checked.notes.append("Earlier heads of hotels that aren't in this file were not held against anything.")
        if not self._trust.is_anchored:
            checked.notes.append(
                "No key was given as trusted: signatures were checked against the file's own keys, which whoever made"
                " the file may have made as well."
            )
        checked.notes += [
            f"Heads signed by {key_id} vouch for nothing here: that key isn't among the trusted ones."
            for key_id in sorted(self._trust.passed_over)
        ]
        return checked

    def _other(self, given: dict[str, Any]) -> None:
        if "signed_head" in given:
            if self._chain is not None:
                raise ValueError("a signed head after its hotel's events")
            self._heads.append(lines.signed_head_of(given))
        elif "hotel" in given:
            self._end_hotel()
            self._hotel = UUID(given["hotel"])
            self._hotel_bytes = self._hotel.bytes
            self._hotels += 1
            self._head = None if given["seq"] is None else (given["seq"], bytes.fromhex(given["hash"]))
        elif "key" in given:
            if not self._trust.add(given["key"], bytes.fromhex(given["public_key"])):
                self.checked.note(Finding("signature", f"key {given['key']} isn't the one that its id was made from"))
        elif "end" in given:
            self._end(given)
        else:
            raise ValueError("nobody knows what it is")

    def _begin_chain(self) -> ChainCheck:
        if self._hotel is None:
            raise ValueError("an event before any hotel")
        heads = self._trust.genuine(self._heads, self.checked.note)
        for head in heads:
            if head.hotel_id != self._hotel:
                self.checked.note(Finding("file", "it stands among another hotel's", head.hotel_id, head.seq))
        heads = [head for head in heads if head.hotel_id == self._hotel] + self._kept.pop(self._hotel, [])
        self._chain = ChainCheck(self._hotel, heads, self._trust, self.checked.note)
        self._heads = []
        return self._chain

    def _end_hotel(self) -> None:
        if self._hotel is None:
            return
        chain = self._chain or self._begin_chain()
        if self._scope == "heads":
            self._kept.pop(self._hotel, None)
        else:
            self.checked.coverage.append(chain.end(self._head))
        self._hotel = self._chain = None

    def _end(self, given: dict[str, Any]) -> None:
        self._end_hotel()
        self._ended = True
        counted = {"hotels": self._hotels, "events": self._counted}
        for name, count in counted.items():
            if given[name] != count:
                self.checked.note(Finding("file", f"it should have {given[name]} {name} and has {count}"))

    def _unreadable(self, error: Exception) -> None:
        facts = f"line {self._number} can't be read: {type(error).__name__}: {error}"
        self.checked.note(Finding("file", facts, self._hotel))


def _check_beginning(line: bytes) -> lines.Scope:
    try:
        beginning = orjson.loads(line)
        version, scope = beginning["staysync_audit"], beginning["scope"]
    except _UNFIT:
        raise NotAnAuditFile("the file doesn't begin as an audit file does") from None
    if version != lines.FORMAT or scope not in ("all", "hotel", "heads"):
        raise NotAnAuditFile(f"the file is of format {version}, scope {scope}; this build knows format {lines.FORMAT}")
    known: lines.Scope = scope
    return known


def trusted_key(text: str) -> bytes:
    """A public key as its 64 hexadecimal digits. Raises ValueError."""
    key = bytes.fromhex(text.strip())
    if len(key) != PUBLIC_KEY_BYTES:
        raise ValueError(f"a public key has {2 * PUBLIC_KEY_BYTES} hexadecimal digits, not {len(text.strip())}")
    return key
