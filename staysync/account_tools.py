"""The command line of secrets: new keys, and the account mails that wait, for who has the secrets anyway."""

from typing import TYPE_CHECKING, Annotated

import typer

from staysync.upkeep import EXIT_CANNOT_CHECK, EXIT_HOLDS, run

if TYPE_CHECKING:  # what works is loaded when a command runs, not for every --help
    from rich.console import Console

    from staysync.settings import Settings

_MOST_SHOWN = 50
_WAITING = """
    select o.mail_id, o.template, o.sealed, o.created_at, a.email
      from identity.outbox o
      join identity.account a on a.account_id = o.account_id
     where o.sealed is not null and ($1::text is null or a.email = $1)
     order by o.created_at desc
     limit $2
"""
_USED_AT = {"verify_email": "/v1/auth/verify-email", "reset_password": "/v1/auth/reset-password"}


def rotate_signing_key(
    leaked: Annotated[
        bool, typer.Option("--leaked", help="drop the keys of before: access tokens end, browsers refresh theirs")
    ] = False,
) -> None:
    """Make a new key for access tokens. Nobody is signed out, and no process needs a restart."""
    from datetime import UTC, datetime

    from staysync.cli import one_line_errors
    from staysync.secrets import rotate_signing_key as rotate
    from staysync.settings import Settings

    with one_line_errors():
        settings = Settings()
        signs_from = rotate(settings.secrets_dir, datetime.now(UTC), leaked=leaked)
    typer.echo(f"A new key signs access tokens from {signs_from:%Y-%m-%d %H:%M:%S} UTC on.")


def rotate_master_key(
    finish: Annotated[
        bool, typer.Option("--finish", help="go on with a change that was interrupted, with the key that is there")
    ] = False,
) -> None:
    """Make a new master key and wrap every guest's key by it, while everything runs.

    The former key is kept beside it until you destroy it: backups of before need it. Exit code 0: done; 2: it can't be.
    """

    async def work(settings: "Settings", console: "Console") -> int:
        import asyncpg
        from rich.progress import BarColumn, MofNCompleteColumn, Progress

        from staysync.rewrapping import change_master_key, rewrap_guest_keys
        from staysync.secrets import load_secrets

        with Progress(BarColumn(), MofNCompleteColumn(), console=console) as bar:
            task = bar.add_task("")

            def progress(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            if not finish:
                former = await change_master_key(settings, progress)
            else:
                connection = await asyncpg.connect(settings.role_url("owner"))
                try:
                    key = load_secrets(settings.secrets_dir).master_key()
                    await rewrap_guest_keys(connection, key, progress)
                finally:
                    await connection.close()
        console.print("Every guest's key is wrapped by the master key in the secrets directory.")
        if not finish:
            console.print(f"The former one is {former}: backups of before need it.", soft_wrap=True)
        return EXIT_HOLDS

    run(work)


def account_mails(
    email: Annotated[str | None, typer.Argument(help="only those to this address")] = None,
) -> None:
    """Show the account mails that wait to be sent, with the tokens in them. For development; not in production."""

    async def work(settings: "Settings", console: "Console") -> int:
        import asyncpg
        from cryptography.exceptions import InvalidTag

        from identity.accounts import normalised
        from identity.outbox import MailSeal
        from staysync.secrets import load_secrets

        if settings.production:
            console.print("In production nobody reads the mails of others.", style="red")
            return EXIT_CANNOT_CHECK
        seal = MailSeal(load_secrets(settings.secrets_dir).mail_key())
        connection = await asyncpg.connect(settings.role_url("identity"))
        try:
            rows = await connection.fetch(_WAITING, None if email is None else normalised(email), _MOST_SHOWN)
        finally:
            await connection.close()
        for row in reversed(rows):
            typer.echo(f"{row['created_at']:%Y-%m-%d %H:%M:%S} UTC  {row['template']}  to {row['email']}")
            try:
                token = seal.open(row["mail_id"], row["sealed"]).get("token")
            except InvalidTag:
                typer.echo("    sealed with another mail.key")
                continue
            if row["template"] in _USED_AT and token is not None:
                typer.echo(f"    token for POST {_USED_AT[row['template']]}: {token}")
        return EXIT_HOLDS

    run(work)
