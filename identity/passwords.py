"""Passwords as Argon2id hashes, computed in threads of their own so that no request waits behind one."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from identity.errors import TooBusy
from identity.weak import refuse_weak

_THREADS = 2
_MOST_WAITING = 40


class Passwords:
    """Hashes and verifies passwords. Each costs about 50 ms of a core and 64 MiB, so few go at once, and few wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()  # argon2-cffi's defaults follow RFC 9106's second recommendation
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._under_way = 0
        self._of_nobody = _of_nobody(self._hasher)

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises TooBusy."""
        return await self._in_thread(self._hasher.hash, password)

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one that was kept; without one, the same work for nothing. Raises TooBusy."""
        matches = await self._in_thread(self._matches, kept or self._of_nobody, password)
        return matches and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    async def refuse_weak(self, password: str, *, email: str, full_name: str, field: str) -> None:
        """Raise WeakPassword for a password that is easily guessed; TooBusy."""
        await self._in_thread(partial(refuse_weak, password, email=email, full_name=full_name, field=field))

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


def _of_nobody(hasher: PasswordHasher) -> str:
    """A hash that no password has, which takes as long to refuse as any: it stands for accounts that aren't there."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"
