"""Signed heads of the ledgers, and the public keys that they were signed with: both append-only."""

from alembic import op

revision = "audit_0001"
down_revision = "operate_0001"
branch_labels = None
depends_on = None

UP = (
    "create schema audit",
    """
    create table audit.head_key (
        key_id text primary key check (key_id ~ '^[0-9a-f]{16}$'),
        public_key bytea not null check (length(public_key) = 32),
        noted_at timestamptz not null default clock_timestamp()
    )
    """,
    "comment on table audit.head_key is 'The public keys that have signed heads, kept for ever.'",
    """
    create table audit.signed_head (
        hotel_id uuid not null,
        seq bigint not null check (seq > 0),
        hash bytea not null check (length(hash) = 32),
        signed_at timestamptz not null,
        key_id text not null references audit.head_key,
        signature bytea not null check (length(signature) = 64),
        primary key (hotel_id, seq, key_id)
    )
    """,
    "comment on table audit.signed_head is"
    " 'That a ledger ended with this event and this hash at this instant, signed by a key kept elsewhere.'",
    """
    create function audit.refuse_change() returns trigger language plpgsql set search_path = '' as $$
    begin
        raise exception '% on audit.% is refused: it is append-only', tg_op, tg_table_name using errcode = 'SS002';
    end
    $$
    """,
    "revoke all on function audit.refuse_change from public",
    *(
        statement
        for table in ("head_key", "signed_head")
        for statement in (
            f"""
            create trigger {table}_is_append_only before update or delete or truncate on audit.{table}
            for each statement execute function audit.refuse_change()
            """,
            f"alter table audit.{table} enable always trigger {table}_is_append_only",
        )
    ),
    "grant usage on schema ledger, audit to staysync_audit",
    "grant select on ledger.event, ledger.head to staysync_audit",
    "grant select, insert on audit.head_key, audit.signed_head to staysync_audit",
)


def upgrade() -> None:
    """Make them."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take them away; what was signed is lost, but for the files that carry it outside."""
    op.execute("drop schema audit cascade")
    op.execute("revoke all on ledger.event, ledger.head from staysync_audit")
    op.execute("revoke all on schema ledger from staysync_audit")
