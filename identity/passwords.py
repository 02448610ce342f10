"""Passwords as Argon2id hashes, computed in threads of their own so that no request waits behind one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from identity.errors import TooBusy

_THREADS = 2
_MOST_WAITING = 40


class Passwords:
    """Hashes and verifies passwords. Each costs about 50 ms of a core and 64 MiB, so few go at once, and few wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()  # argon2-cffi's defaults follow RFC 9106's second recommendation
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._under_way = 0
        self._of_nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises TooBusy."""
        return await self._in_thread(self._hasher.hash, password)

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one that was kept; without one, the same work for nothing. Raises TooBusy."""
        if kept is None:
            if self._of_nobody is None:
                self._of_nobody = await self.hash("the password of nobody")
            await self._in_thread(self._matches, self._of_nobody, password)
            return False
        return await self._in_thread(self._matches, kept, password)

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    async def prepare(self) -> None:
        """Make the hash that stands for missing accounts, so that the first sign-in takes as long as any other."""
        self._of_nobody = await self.hash("the password of nobody")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread[*Args, Result](self, work: Callable[[*Args], Result], *args: *Args) -> Result:
        if self._under_way >= _MOST_WAITING:
            raise TooBusy
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._under_way -= 1
