"""Identity: accounts, their roles per hotel, sessions and their refresh tokens."""

from alembic import op

revision = "identity_0001"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None

TABLES = (
    "create schema identity",
    """
    create table identity.account (
        account_id uuid primary key,
        email text not null unique check (email = lower(email) and length(email) between 3 and 254),
        password_hash text not null,
        full_name text not null check (length(full_name) between 1 and 200),
        is_administrator boolean not null default false,
        created_at timestamptz not null default clock_timestamp()
    )
    """,
    "comment on table identity.account is 'Who can sign in. Administrators may do everything in every hotel.'",
    """
    create table identity.membership (
        account_id uuid not null references identity.account on delete cascade,
        hotel_id uuid not null,
        role text not null check (role in ('front_desk', 'revenue_manager', 'manager', 'auditor')),
        primary key (account_id, hotel_id)
    )
    """,
    "comment on table identity.membership is 'The role of an account at a hotel; no row, no access.'",
    "create index membership_hotel on identity.membership (hotel_id)",
    """
    create table identity.session (
        session_id uuid primary key,
        account_id uuid not null references identity.account on delete cascade,
        csrf_hash bytea not null check (length(csrf_hash) = 32),
        created_at timestamptz not null default clock_timestamp(),
        expires_at timestamptz not null,
        ended_at timestamptz,
        ended_by text check (ended_by in ('signed_out', 'token_reused')),
        check ((ended_at is null) = (ended_by is null))
    )
    """,
    "comment on table identity.session is 'One sign-in: the family of all refresh tokens that came out of it.'",
    "create index session_account on identity.session (account_id)",
    """
    create table identity.refresh_token (
        token_hash bytea primary key check (length(token_hash) = 32),
        session_id uuid not null references identity.session on delete cascade,
        created_at timestamptz not null default clock_timestamp(),
        used_at timestamptz
    )
    """,
    "comment on table identity.refresh_token is 'Hashes of refresh tokens. A used one that comes back was stolen.'",
    "create index refresh_token_session on identity.refresh_token (session_id)",
)

GRANTS = (
    "grant usage on schema identity to staysync_identity",
    "grant select, insert, update, delete on all tables in schema identity to staysync_identity",
    # Each side says in its health whether the schema is the one that it was built for.
    "grant select on public.alembic_version to staysync_identity, staysync_query, staysync_command, staysync_projector",
)


def upgrade() -> None:
    """Make the schema of accounts and sessions."""
    for statement in (*TABLES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Take accounts and sessions away."""
    op.execute(
        "revoke select on public.alembic_version"
        " from staysync_identity, staysync_query, staysync_command, staysync_projector"
    )
    op.execute("drop schema identity cascade")
