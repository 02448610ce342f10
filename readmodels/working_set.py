"""The rows of one hotel that a batch of events is about: as they were read, and as the folds have made them since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from readmodels.rows import TABLES, Key, Table


class UndeclaredRow(Exception):
    """A fold asked for a row that its event's `Reach` doesn't name, so nobody has looked for it in the database."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch did to one table."""

    inserted: list[tuple[Any, ...]]
    updated: list[tuple[Any, ...]]
    deleted: list[Key]

    def __bool__(self) -> bool:
        return bool(self.inserted or self.updated or self.deleted)


class WorkingSet:
    """Rows by table and key, with what has changed. Folds read and write here and nowhere else.

    A set that was made `from_nothing` knows that what it doesn't hold doesn't exist. Any other knows only what was
    `load`ed into it, and refuses to answer for the rest.
    """

    def __init__(self, *, from_nothing: bool = False) -> None:
        self._from_nothing = from_nothing
        self._before: dict[str, dict[Key, Any]] = {table.name: {} for table in TABLES}
        self._now: dict[str, dict[Key, Any]] = {table.name: {} for table in TABLES}
        self._touched: dict[str, set[Key]] = {table.name: set() for table in TABLES}
        self._appended: dict[str, list[Any]] = {table.name: [] for table in TABLES if table.appended}

    def load[R: tuple[Any, ...]](self, table: Table[R], rows: Iterable[R]) -> None:
        """Take in rows as they are in the database."""
        before, now, width = self._before[table.name], self._now[table.name], table.key
        for row in rows:
            before[row[:width]] = now[row[:width]] = row

    def load_absent[R: tuple[Any, ...]](self, table: Table[R], keys: Iterable[Key]) -> None:
        """Take in that those of these keys that weren't loaded have no row in the database."""
        now = self._now[table.name]
        for key in keys:
            now.setdefault(key, None)

    def get[R: tuple[Any, ...]](self, table: Table[R], key: Key) -> R | None:
        """The row of this key as it is now, None where there is none. Raises UndeclaredRow for one not looked for.

        Of a `summed` table, the row is what was added since nothing, or since the batch began.
        """
        try:
            row: R | None = self._now[table.name][key]
        except KeyError:
            if self._from_nothing or table.summed:
                return None
            raise UndeclaredRow(table.name) from None
        return row

    def put[R: tuple[Any, ...]](self, table: Table[R], row: R) -> None:
        """Make this the row of its key."""
        key = row[: table.key]
        self._now[table.name][key] = row
        self._touched[table.name].add(key)

    def append[R: tuple[Any, ...]](self, table: Table[R], row: R) -> None:
        """Add a row to an `appended` table."""
        self._appended[table.name].append(row)

    def delete[R: tuple[Any, ...]](self, table: Table[R], key: Key) -> None:
        """Let there be no row of this key."""
        self._now[table.name][key] = None
        self._touched[table.name].add(key)

    def rows[R: tuple[Any, ...]](self, table: Table[R]) -> Iterator[R]:
        """All rows of a table that this set holds."""
        if table.appended:
            return iter(self._appended[table.name])
        return (row for row in self._now[table.name].values() if row is not None)

    def count[R: tuple[Any, ...]](self, table: Table[R]) -> int:
        """How many rows of a table this set holds."""
        return sum(1 for _ in self.rows(table))

    def changes[R: tuple[Any, ...]](self, table: Table[R]) -> Changes:
        """What to write so that the database says what this set says. A row that came back to what it was isn't in it.

        In a `blind` or an `appended` table every row written counts as inserted.
        """
        if table.appended:
            return Changes(self._appended[table.name], [], [])
        before, now = self._before[table.name], self._now[table.name]
        changes = Changes([], [], [])
        for key in self._touched[table.name]:
            old, new = before.get(key), now[key]
            if new is None:
                if old is not None:
                    changes.deleted.append(key)
            elif old is None:
                changes.inserted.append(new)
            elif old != new:
                changes.updated.append(new)
        return changes

    def settle(self) -> None:
        """Forget what has changed, in a long fold from nothing that is never written."""
        if not self._from_nothing:
            raise AssertionError("what differs from the database must be written first")
        for touched in self._touched.values():
            touched.clear()
