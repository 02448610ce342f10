"""Gives each process a number of its own, by which its metrics are filed, and gives it to another once it has ended.

So counters go on where the process before left them, and there are never more files than processes at one time. The
kernel lets go of a number however its process ends: it is a lock on a file. A forked child takes one of its own.
"""

import fcntl
import os
from pathlib import Path


class Slots:
    """The numbers of one directory, as one process and those that it forks see them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pid = 0
        self._number = -1
        self._locks: list[int] = []  # kept open for as long as the process lives
        directory.mkdir(parents=True, exist_ok=True)

    def mine(self) -> int:
        """This process's number; the lowest that nobody has, when it asks for the first time."""
        if self._pid != os.getpid():
            self._number = self._take()
            self._pid = os.getpid()
        return self._number

    def close(self) -> None:
        """Give back what was taken, as the end of the process does."""
        while self._locks:
            os.close(self._locks.pop())
        self._pid = 0

    def ended(self) -> list[int]:
        """The numbers that were given and that no process has now."""
        found = []
        for file in self._directory.glob("*.slot"):
            lock = _locked(file)
            if lock is not None:
                os.close(lock)
                found.append(int(file.stem))
        return found

    def _take(self) -> int:
        number = 0
        while True:
            lock = _locked(self._directory / f"{number}.slot")
            if lock is not None:
                self._locks.append(lock)
                return number
            number += 1


def _locked(file: Path) -> int | None:
    """The file, opened and locked; None if somebody has it."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
