"""How accounts come to be and are recovered: registration, verified e-mail, forgotten and changed passwords.

Whoever asks about an address learns nothing from here: the same statements run, the same hashes are computed and the
same answer is given whether it has an account or not; what is the case stands in the mail. Where there is nothing to
mail, a row that nobody can use is written all the same, since a commit takes its time.
"""

from datetime import timedelta
from uuid import UUID

import uuid_utils.compat as uuids

from identity import accounts, outbox, sessions
from identity.accounts import Account
from identity.errors import InvalidToken, WrongPassword
from identity.sessions import hashed, random_token
from identity.side import IdentitySide

VERIFICATION_LIFETIME = timedelta(hours=24)
RESET_LIFETIME = timedelta(minutes=30)

# One mail of a kind a minute for an account, however often it is asked for. $1 to $3 are token hash, mail, sealed part.
_REGISTER = """
    with added as (
        insert into identity.account (account_id, email, password_hash, full_name, language)
        values ($4, $5, $6, $7, $8)
        on conflict (email) do nothing
        returning account_id, language, 'verify_email' as template
    ), owner as (
        select * from added
         union all
        select account_id, language, 'already_registered' from identity.account where email = $5
    ), token as (
        insert into identity.one_time_token (token_hash, account_id, purpose, expires_at)
        values ($1, (select account_id from added), 'verify_email', clock_timestamp() + $9::interval)
    )
    insert into identity.outbox (mail_id, account_id, template, language, sealed)
    select $2, account_id, template, language, $3 from owner
     where not exists (
               select from identity.outbox o
                where o.account_id = owner.account_id and o.template = owner.template
                  and o.created_at > clock_timestamp() - interval '1 minute'
           )
"""
_OFFER = """
    with owner as (
        select account_id, language from identity.account a
         where email = $4 and ($5::text = 'reset_password' or email_verified_at is null)
           and not exists (
                   select from identity.outbox o
                    where o.account_id = a.account_id and o.template = $5::text
                      and o.created_at > clock_timestamp() - interval '1 minute'
               )
    ), token as (
        insert into identity.one_time_token (token_hash, account_id, purpose, expires_at)
        values ($1, (select account_id from owner), $5::text, clock_timestamp() + $6::interval)
    )
    insert into identity.outbox (mail_id, account_id, template, language, sealed)
    select $2, account_id, $5::text, language, $3 from owner
"""
_HOLDER = """
    select a.account_id, a.email, a.full_name
      from identity.one_time_token t
      join identity.account a on a.account_id = t.account_id
     where t.token_hash = $1 and t.purpose = 'reset_password' and t.expires_at > clock_timestamp()
"""
# Deleting it is using it: of two uses at once the second finds nothing.
_USE = """
    delete from identity.one_time_token
     where token_hash = $1 and account_id = $2 and purpose = $3 and expires_at > clock_timestamp()
    returning account_id
"""
_FORGET_RESETS = "delete from identity.one_time_token where account_id = $1 and purpose = 'reset_password'"
# What lies in the mailbox has just proved that its owner reads it.
_RESET = """
    update identity.account
       set password_hash = $2, email_verified_at = coalesce(email_verified_at, clock_timestamp())
     where account_id = $1
"""
_VERIFIED = """
    update identity.account set email_verified_at = coalesce(email_verified_at, clock_timestamp()) where account_id = $1
"""


async def register(side: IdentitySide, *, email: str, password: str, full_name: str, language: str) -> None:
    """Make an account and mail it a link to verify its e-mail; an account that is there gets a mail that says so.

    Raises WeakPassword, TooBusy.
    """
    await side.passwords.refuse_weak(password, email=email, full_name=full_name, field="password")
    password_hash = await side.passwords.hash(password)
    token, mail_id = random_token(), uuids.uuid7()
    async with side.connection() as connection:
        await connection.execute(
            _REGISTER,
            hashed(token),
            mail_id,
            side.mail_seal.seal(mail_id, {"token": token}),
            uuids.uuid7(),
            email,
            password_hash,
            full_name,
            language,
            VERIFICATION_LIFETIME,
        )


async def offer_verification(side: IdentitySide, email: str) -> None:
    """Mail a link to verify an e-mail that has an account and isn't verified."""
    await _offer(side, email, "verify_email", VERIFICATION_LIFETIME)


async def offer_reset(side: IdentitySide, email: str) -> None:
    """Mail a link to choose another password to an e-mail that has an account."""
    await _offer(side, email, "reset_password", RESET_LIFETIME)


async def verify_email(side: IdentitySide, account_id: UUID, token: str) -> None:
    """Note that an account's e-mail is its own. Raises InvalidToken, also for a token of another account.

    The account must be signed in: somebody may have registered with an address that isn't theirs, and its owner, who
    follows the link without having asked for it, must not lend them his name.
    """
    async with side.connection() as connection, connection.transaction():
        if await connection.fetchval(_USE, hashed(token), account_id, "verify_email") is None:
            raise InvalidToken
        await connection.execute(_VERIFIED, account_id)


async def reset_password(side: IdentitySide, token: str, password: str) -> UUID:
    """Choose another password by a token out of a mail; ends all sessions. Whose it was.

    Raises InvalidToken, WeakPassword, TooBusy. A password that is refused doesn't use the token up.
    """
    async with side.connection() as connection:
        holder = await connection.fetchrow(_HOLDER, hashed(token))
    if holder is None:  # before anything is hashed: who guesses tokens gets no work out of us
        raise InvalidToken
    account_id: UUID = holder["account_id"]
    await side.passwords.refuse_weak(password, email=holder["email"], full_name=holder["full_name"], field="password")
    password_hash = await side.passwords.hash(password)
    async with side.connection() as connection, connection.transaction():
        if await connection.fetchval(_USE, hashed(token), account_id, "reset_password") is None:
            raise InvalidToken
        await connection.execute(_FORGET_RESETS, account_id)
        await connection.execute(_RESET, account_id, password_hash)
        ended = await sessions.end_all(connection, account_id, "password_reset")
        await outbox.write(
            connection, side.mail_seal, mail_id=uuids.uuid7(), account_id=account_id, template="password_changed"
        )
    side.revocations.sessions_ended(ended)
    return account_id


async def change_password(side: IdentitySide, account: Account, session_id: UUID, current: str, new: str) -> None:
    """Choose another password by the present one; ends the account's other sessions.

    Raises WrongPassword, WeakPassword, TooBusy.
    """
    if not await side.passwords.verify(current, account.password_hash):
        raise WrongPassword
    await side.passwords.refuse_weak(new, email=account.email, full_name=account.full_name, field="new_password")
    password_hash = await side.passwords.hash(new)
    async with side.connection() as connection, connection.transaction():
        if not await accounts.replace_password_hash(
            connection, account.account_id, account.password_hash, password_hash
        ):
            raise WrongPassword  # it was changed since it was checked
        await connection.execute(_FORGET_RESETS, account.account_id)
        ended = await sessions.end_all(connection, account.account_id, "password_changed", but=session_id)
        await outbox.write(
            connection,
            side.mail_seal,
            mail_id=uuids.uuid7(),
            account_id=account.account_id,
            template="password_changed",
        )
    side.revocations.sessions_ended(ended)


async def _offer(side: IdentitySide, email: str, purpose: str, lifetime: timedelta) -> None:
    token, mail_id = random_token(), uuids.uuid7()
    sealed = side.mail_seal.seal(mail_id, {"token": token})
    async with side.connection() as connection:
        await connection.execute(_OFFER, hashed(token), mail_id, sealed, email, purpose, lifetime)
