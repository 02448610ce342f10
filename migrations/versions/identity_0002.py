"""Accounts with verified e-mail and recovery, sessions that can be listed, programs' keys, and the outbox of mails."""

from alembic import op

revision = "identity_0002"
down_revision = "read_0002"
branch_labels = None
depends_on = None

UP = (
    """
    alter table identity.account
        add column email_verified_at timestamptz,
        add column language text not null default 'en' check (language ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
        add column roles_version integer not null default 1,
        add column roles_changed_at timestamptz
    """,
    "comment on column identity.account.roles_version is"
    " 'Raised with every change of roles; access tokens carry it, and older ones are refused.'",
    "create index account_roles_changed on identity.account (roles_changed_at) where roles_changed_at is not null",
    """
    alter table identity.session
        add column last_used_at timestamptz not null default clock_timestamp(),
        add column previous_hash bytea check (length(previous_hash) = 32),
        add column rotation_nonce bytea check (length(rotation_nonce) = 32),
        add column rotated_at timestamptz,
        add check (num_nonnulls(previous_hash, rotation_nonce, rotated_at) in (0, 3)),
        drop constraint session_ended_by_check,
        add constraint session_ended_by_check check (
            ended_by in ('signed_out', 'token_reused', 'revoked', 'password_changed', 'password_reset')
        )
    """,
    "comment on column identity.session.rotation_nonce is"
    " 'With the token before, which is not kept, gives the present one: for two tabs that refresh at once.'",
    "create index session_ended on identity.session (ended_at) where ended_at is not null",
    "create index session_expires on identity.session (expires_at)",
    """
    create table identity.one_time_token (
        token_hash bytea primary key check (length(token_hash) = 32),
        account_id uuid references identity.account on delete cascade,
        purpose text not null check (purpose in ('verify_email', 'reset_password')),
        created_at timestamptz not null default clock_timestamp(),
        expires_at timestamptz not null
    )
    """,
    "comment on table identity.one_time_token is"
    " 'Hashes of tokens that were mailed; using one deletes it. Without an account: a request for an address that"
    " has none, which costs the same.'",
    "create index one_time_token_account on identity.one_time_token (account_id)",
    "create index one_time_token_expires on identity.one_time_token (expires_at)",
    """
    create table identity.outbox (
        mail_id uuid primary key,
        account_id uuid not null references identity.account on delete cascade,
        template text not null check (
            template in ('verify_email', 'already_registered', 'reset_password', 'password_changed', 'session_stolen')
        ),
        language text not null,
        sealed bytea,
        created_at timestamptz not null default clock_timestamp(),
        sent_at timestamptz,
        attempts integer not null default 0 check (attempts >= 0),
        next_attempt_at timestamptz default clock_timestamp(),
        last_error text check (length(last_error) <= 500),
        check (sent_at is null or (sealed is null and next_attempt_at is null))
    )
    """,
    "comment on table identity.outbox is"
    " 'Mails of accounts. What a mail carries is sealed with a key that is not in the database, and goes once it is"
    " sent.'",
    "create index outbox_account on identity.outbox (account_id, template, created_at)",
    "create index outbox_due on identity.outbox (next_attempt_at) where next_attempt_at is not null",
    """
    create table identity.api_key (
        key_id uuid primary key,
        account_id uuid not null references identity.account on delete cascade,
        name text not null check (length(name) between 1 and 100),
        prefix text not null check (length(prefix) = 12),
        key_hash bytea not null unique check (length(key_hash) = 32),
        scopes text[] not null check (
            cardinality(scopes) > 0 and scopes <@ array['read', 'book', 'manage']
        ),
        hotel_ids uuid[] not null check (cardinality(hotel_ids) between 1 and 50),
        role text not null check (role in ('front_desk', 'revenue_manager', 'manager', 'auditor')),
        created_at timestamptz not null default clock_timestamp(),
        expires_at timestamptz not null,
        last_used_at timestamptz,
        revoked_at timestamptz
    )
    """,
    "comment on table identity.api_key is"
    " 'Keys of programs, as hashes. One works at those of its hotels whose manager its maker is now.'",
    "create index api_key_account on identity.api_key (account_id)",
    "create index api_key_hotels on identity.api_key using gin (hotel_ids)",
    "grant select, insert, delete on identity.one_time_token to staysync_identity",
    "grant select, insert, update on identity.outbox, identity.api_key to staysync_identity",
)

DOWN = (
    "drop table identity.api_key, identity.outbox, identity.one_time_token",
    "drop index identity.session_ended, identity.session_expires",
    # The reasons that the version before doesn't know.
    "update identity.session set ended_by = 'signed_out'"
    " where ended_by in ('revoked', 'password_changed', 'password_reset')",
    """
    alter table identity.session
        drop column last_used_at,
        drop column previous_hash,
        drop column rotation_nonce,
        drop column rotated_at,
        drop constraint session_ended_by_check,
        add constraint session_ended_by_check check (ended_by in ('signed_out', 'token_reused'))
    """,
    """
    alter table identity.account
        drop column email_verified_at,
        drop column language,
        drop column roles_version,
        drop column roles_changed_at
    """,
)


def upgrade() -> None:
    """Make the tables of recovery, mails and programs; widen those of accounts and sessions."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take them away; tokens, mails and keys are lost."""
    for statement in DOWN:
        op.execute(statement)
