"""The access log: who asked for what, from where, and what came of it; kept for a while and then deleted."""

from alembic import op

revision = "access_0001"
down_revision = "identity_0002"
branch_labels = None
depends_on = None

UP = (
    """
    create table identity.access_log (
        at timestamptz not null,
        entry_id bigint generated always as identity,
        event text not null check (event ~ '^[a-z_]{3,40}$'),
        request_id text not null,
        address text,
        agent text check (length(agent) <= 120),
        actor text not null,
        account_id uuid,
        subject_id uuid,
        hotel_id uuid,
        booking_id uuid,
        method text not null,
        route text,
        status smallint,
        code text,
        primary key (at, entry_id)
    )
    """,
    "comment on table identity.access_log is"
    " 'Sign-ins, refusals, changes of roles, writes, and reads of personal data. Nothing refers to an account by a key,"
    " so that an entry outlives the account.'",
    "comment on column identity.access_log.subject_id is 'The account that was changed, where that is another one.'",
    "comment on column identity.access_log.status is 'Null where the client went before it was answered.'",
    "create index access_log_hotel on identity.access_log (hotel_id, at, entry_id) where hotel_id is not null",
    "create index access_log_account on identity.access_log (account_id, at, entry_id) where account_id is not null",
    # Who writes the log can't take anything out of it that is younger than a week, whatever it is told.
    """
    create function identity.forget_access(before timestamptz, most integer) returns integer
        language sql security definer set search_path = ''
    begin atomic
        with old as (
            select at, entry_id from identity.access_log
             where at < least(before, clock_timestamp() - interval '7 days')
             order by at, entry_id limit most
        ), forgotten as (
            delete from identity.access_log l using old where l.at = old.at and l.entry_id = old.entry_id returning 1
        )
        select count(*)::integer from forgotten;
    end
    """,
    "comment on function identity.forget_access is 'Deletes the oldest entries before an instant, so many at most.'",
    "revoke all on function identity.forget_access from public",
    "grant execute on function identity.forget_access to staysync_identity",
    "grant select, insert on identity.access_log to staysync_identity",
)


def upgrade() -> None:
    """Make the log. Its role adds and reads entries, and changes none."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take the log away, with all that is in it."""
    op.execute("drop function identity.forget_access")
    op.execute("drop table identity.access_log")
