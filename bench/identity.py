"""`python -m bench.identity`: what it costs to know who asks. A token's check, a member's write, a program's key."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import uvloop
from uuid_utils.compat import uuid7

from bench.installation import administrator, settle
from bench.place import open_place
from identity import programs, sessions
from identity.passwords import Passwords
from identity.side import IdentitySide, open_identity
from identity.tokens import utc_now
from staysync.admin import add_staff
from staysync.secrets import load_secrets

_EMAIL, _PASSWORD = "desk@example.org", "a long pass phrase"
_ROUNDS, _ONE_BY_ONE, _AT_ONCE = 5, 2_000, 32
_ENDED, _SESSIONS, _ACCOUNTS = 10_000, 100_000, 20_000

_MAKE_ACCOUNTS = """
    insert into identity.account (account_id, email, password_hash, full_name)
    select uuidv7(), 'guest' || n || '@example.org', 'x', 'Guest' from generate_series(1, $1) n
"""
_MAKE_SESSIONS = """
    insert into identity.session (session_id, account_id, csrf_hash, expires_at, ended_at, ended_by)
    select uuidv7(), account_id, sha256('x'), clock_timestamp() + interval '30 days',
           case when n <= $3 then clock_timestamp() end, case when n <= $3 then 'signed_out' end
      from generate_series(1, $1) n
      join (select account_id, row_number() over () - 1 as i from identity.account where password_hash = 'x') a
        on a.i = n % $2
"""


async def measure() -> None:
    """Measure in turn, several rounds; print the median of the rounds and the range."""
    async with open_place() as place:
        settings = await place.make_database("identity")
        hotel_id = uuid4()
        await add_staff(settings, email=_EMAIL, password=_PASSWORD, full_name="Desk", hotel_id=hotel_id, role="manager")
        async with administrator(settings) as admin:
            await admin.execute(_MAKE_ACCOUNTS, _ACCOUNTS)
            await admin.execute(_MAKE_SESSIONS, _SESSIONS, _ACCOUNTS, _ENDED)
            await settle(admin)
        secrets = load_secrets(settings.secrets_dir)
        async with open_identity(
            settings.role_url("identity"),
            read_signing_keys=secrets.signing_keys,
            mail_key=secrets.mail_key(),
            public_origin=None,
            secure_cookies=False,
        ) as side:
            await _measured(side, hotel_id)


async def _measured(side: IdentitySide, hotel_id: UUID) -> None:
    signed_in = await sessions.sign_in(side, _EMAIL, _PASSWORD)
    token = signed_in.access_token
    session_id = side.tokens.check(token).session_id
    async with side.connection() as connection:
        key, _ = await programs.make(
            connection,
            key_id=uuid7(),
            account_id=signed_in.account.account_id,
            name="Channel",
            scopes=["read"],
            hotel_ids=[hotel_id],
            role="manager",
            expires_at=utc_now() + timedelta(days=1),
        )
        await side.programs.look_up(connection, key)

    async def check() -> None:
        side.revocations.refuse(side.tokens.check(token))

    async def as_of_now() -> None:
        async with side.connection() as connection:
            assert await sessions.standing(connection, session_id) is not None

    async def known_key() -> None:
        assert side.programs.known(key)[1] is not None

    async def key_as_of_now() -> None:
        async with side.connection() as connection:
            assert await side.programs.look_up(connection, key) is not None

    async def news() -> None:
        side.revocations._known_at = None  # all of the last eleven minutes, as a process that starts asks
        assert await side.revocations.refresh()

    passwords = Passwords()

    async def password() -> None:
        await passwords.verify(_PASSWORD, signed_in.account.password_hash)

    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for name, work, times in (
            (f"a token checked, {_ENDED:,} sessions ended of late", check, _ONE_BY_ONE),
            ("a member's write: session and roles of this moment", as_of_now, _ONE_BY_ONE),
            ("a program's key that is known", known_key, _ONE_BY_ONE),
            ("a program's key looked up", key_as_of_now, _ONE_BY_ONE),
            (f"asking for {_ENDED:,} ended sessions, all at once", news, 5),
            ("a password checked", password, 5),
        ):
            found.setdefault(name, []).append(await _each(work, times) * 1e6)
        found.setdefault(f"a member's write, {_AT_ONCE} at once, each", []).append(await _together(as_of_now) * 1e6)
    passwords.close()
    for name, figures in found.items():
        print(f"{name:60} {statistics.median(figures):12,.1f} µs  ({min(figures):,.1f} to {max(figures):,.1f})")
    print(f"one process, {_SESSIONS:,} sessions, {_ACCOUNTS:,} accounts")


async def _each(work: Callable[[], Awaitable[None]], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - begun) / times


async def _together(work: Callable[[], Awaitable[None]]) -> float:
    async def some() -> None:
        for _ in range(_ONE_BY_ONE // _AT_ONCE):
            await work()

    begun = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))
    return (time.perf_counter() - begun) / (_ONE_BY_ONE // _AT_ONCE * _AT_ONCE)


if __name__ == "__main__":
    uvloop.run(measure())
