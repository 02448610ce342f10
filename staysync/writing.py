"""Opens the write side as an installation's settings say: for the API, the workers, the demo, imports and commands."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from command.side import CommandSide, open_command_side
from eventstore.errors import WrongMasterKey
from eventstore.watching import AppendWatch
from staysync.secrets import load_secrets
from staysync.settings import Settings


def write_side(
    settings: Settings,
    *,
    announce: Callable[[Iterable[UUID]], None] | None = None,
    watch: AppendWatch | None = None,
    without_database: bool = False,
    unfit: Callable[[WrongMasterKey], None] | None = None,
) -> AbstractAsyncContextManager[CommandSide]:
    """The write side on the settings' database, with the keys of their secrets. The rest is `open_command_side`'s."""
    secrets = load_secrets(settings.secrets_dir)
    return open_command_side(
        database_url=settings.role_url("command"),
        pool_size=settings.command_pool_size,
        master_key=secrets.master_key(),
        fingerprint_key=secrets.fingerprint_key(),
        bookable_horizon_days=settings.bookable_horizon_days,
        business_day_rolls_at=settings.business_day_rolls_at,
        announce=announce,
        watch=watch,
        without_database=without_database,
        unfit=unfit,
    )
