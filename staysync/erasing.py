"""The command line of erasure: forgetting a person, and everybody whose last stay was long ago."""

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from staysync.upkeep import EXIT_CANNOT_CHECK, EXIT_DIFFERS, EXIT_HOLDS, run

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from collections.abc import AsyncIterator

    from rich.console import Console

    from command.side import CommandSide
    from eventstore.reading import Connection
    from staysync.settings import Settings


def erase_person(
    email: Annotated[str, typer.Argument(help="the person's e-mail, in any case")],
    account: Annotated[bool, typer.Option("--account", help="delete their account too, with its sessions")] = False,
) -> None:
    """Destroy the keys of everybody in the bookings, at all hotels, that this person is part of. It can't be undone.

    Exit code 0: all are forgotten; 1: some have a stay before them, and their bookings are named; 2: it can't be done.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.forgetting import forget_person

        async with _sides(settings) as (connection, side):
            forgotten = await forget_person(connection, side, email)
        if account:
            await _delete_account(settings, email)
        console.print(f"The guests of {len(forgotten.erased)} bookings are forgotten.")
        for booking_id in forgotten.expected:
            console.print(f"Booking {booking_id} has a stay before it: cancel it first.", style="red")
        return EXIT_DIFFERS if forgotten.expected else EXIT_HOLDS

    run(work)


def forget_guests() -> None:
    """Destroy the keys of guests whose last stay ended more than STAYSYNC_GUESTS_KEPT_YEARS ago, as the schedule does.

    Exit code 0: done; 2: it can't be done, or the setting is 0.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        from staysync.forgetting import forget_past_guests, last_day_kept

        before = last_day_kept(settings)
        if before is None:
            console.print("STAYSYNC_GUESTS_KEPT_YEARS is 0: guests are kept.", style="red")
            return EXIT_CANNOT_CHECK
        async with _sides(settings) as (connection, side):
            count = await forget_past_guests(connection, side, before)
        console.print(f"The guests of {count} bookings are forgotten, whose last stay ended before {before}.")
        return EXIT_HOLDS

    run(work)


@asynccontextmanager
async def _sides(settings: "Settings") -> "AsyncIterator[tuple[Connection, CommandSide]]":
    """A connection of the query role, which finds whom to forget, and the write side, which does it."""
    import asyncpg

    from staysync.writing import write_side

    async with write_side(settings) as side:
        connection = await asyncpg.connect(settings.role_url("query"))
        try:
            yield connection, side
        finally:
            await connection.close()


async def _delete_account(settings: "Settings", email: str) -> None:
    import asyncpg

    from identity.accounts import normalised

    connection = await asyncpg.connect(settings.role_url("owner"))  # no role of the service deletes accounts
    try:
        await connection.execute("delete from identity.account where email = $1", normalised(email))
    finally:
        await connection.close()
