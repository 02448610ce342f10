"""The command line of accounts: a new signing key, and the account mails that wait, for who has the secrets anyway."""

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
