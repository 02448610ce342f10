"""What an operator sees and steers: when scheduled tasks ran and will run, tasks that failed for good, and ages."""

from alembic import op

revision = "operate_0001"
down_revision = "mail_0001"
branch_labels = None
depends_on = None

UP = (
    "create schema ops",
    """
    create table ops.schedule (
        name text primary key check (name ~ '^[a-z][a-z0-9-]{1,59}$'),
        task text not null,
        pattern text not null,
        due_at timestamptz not null,
        sent_at timestamptz,
        started_at timestamptz,
        ended_at timestamptz,
        outcome text check (outcome in ('done', 'failed')),
        error text check (length(error) <= 500),
        runs bigint not null default 0 check (runs >= 0),
        failures bigint not null default 0 check (failures between 0 and runs),
        check ((ended_at is null) = (outcome is null)),
        check (error is null or outcome = 'failed')
    ) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table ops.schedule is"
    " 'When each scheduled task is due next, and how its last run went. Whoever sends one holds its row meanwhile.'",
    "comment on column ops.schedule.pattern is 'When it is due, in words; if that changes, so does due_at.'",
    """
    create table ops.dead_letter (
        dead_letter_id uuid primary key,
        task text not null,
        arguments json not null,
        error text not null check (length(error) <= 500),
        request_id text,
        correlation_id text,
        failed_at timestamptz not null,
        retried_at timestamptz
    )
    """,
    "comment on table ops.dead_letter is"
    " 'Tasks that failed for good. Their arguments are ids; nothing personal is ever given to a task.'",
    "create index dead_letter_failed_at on ops.dead_letter (failed_at, dead_letter_id)",
    # The role that calls it sees no session of others, only this number. It runs as the owner, who was let see them.
    """
    create function ops.oldest_snapshot_s() returns double precision
        language sql stable security definer set search_path = ''
    begin atomic
        select max(extract(epoch from clock_timestamp() - a.xact_start))::double precision
          from pg_catalog.pg_stat_activity a
         where a.backend_xmin is not null and a.pid <> pg_catalog.pg_backend_pid();
    end
    """,
    "comment on function ops.oldest_snapshot_s is"
    " 'Seconds since the oldest transaction began that keeps a snapshot; null without one, or without the right.'",
    "revoke all on function ops.oldest_snapshot_s from public",
    "grant execute on function ops.oldest_snapshot_s to staysync_operator",
    "grant usage on schema ops, ledger, read, identity to staysync_operator",
    "grant select, insert, update, delete on ops.schedule, ops.dead_letter to staysync_operator",
    "grant select on ledger.head, read.checkpoint to staysync_operator",
    "grant select (hotel_id, seq, recorded_at) on ledger.event to staysync_operator",
    "grant select (hotel_id, booking_id, hold_until) on ledger.hold to staysync_operator",
    "grant select (mail_id, template, created_at, sent_at, attempts, next_attempt_at) on identity.outbox"
    " to staysync_operator",
    "grant usage on schema mail to staysync_operator",
    "grant select on mail.checkpoint to staysync_operator",
    "grant select (message_id, kind, state, attempts) on mail.message to staysync_operator",
)


def upgrade() -> None:
    """Make them."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take them away; what was noted of runs and of failed tasks is lost."""
    relations = ("ledger.head", "ledger.event", "ledger.hold", "read.checkpoint", "identity.outbox")
    for relation in (*relations, "mail.checkpoint", "mail.message"):
        op.execute(f"revoke all on {relation} from staysync_operator")
    op.execute("revoke usage on schema ledger, read, identity, mail from staysync_operator")
    op.execute("drop schema ops cascade")
