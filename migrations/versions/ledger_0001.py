"""The ledger: heads, events, idempotency, the guards of nights and rooms, holds, references, guests' keys."""

from alembic import op

revision = "ledger_0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "create schema ledger",
    "create extension if not exists btree_gist with schema ledger",
    """
    create table ledger.head (
        hotel_id uuid primary key,
        seq bigint not null check (seq >= 0),
        hash bytea not null check (length(hash) = 32),
        occurred_at timestamptz not null,
        recorded_at timestamptz not null,
        settings_version integer not null check (settings_version >= 0)
    ) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table ledger.head is 'One row per hotel: its last event. Locking it makes an append exclusive.'",
    """
    create table ledger.event (
        hotel_id uuid not null,
        seq bigint not null check (seq > 0),
        stream_id uuid not null,
        version integer not null check (version > 0),
        schema_version smallint not null check (schema_version > 0),
        type text not null,
        occurred_at timestamptz not null,
        recorded_at timestamptz not null,
        hash bytea not null check (length(hash) = 32),
        data json not null,
        metadata json not null,
        primary key (hotel_id, seq),
        unique (hotel_id, stream_id, version)
    )
    """,
    "comment on table ledger.event is 'What happened, per hotel without gaps, never changed, chained by hash.'",
    """
    create table ledger.idempotency (
        hotel_id uuid not null,
        principal text not null,
        key text not null,
        fingerprint bytea not null check (length(fingerprint) = 32),
        status smallint not null,
        answer bytea not null,
        recorded_at timestamptz not null,
        primary key (hotel_id, principal, key)
    )
    """,
    "create index idempotency_recorded_at on ledger.idempotency using brin (recorded_at)",
    """
    create table ledger.night (
        hotel_id uuid not null,
        room_type text not null,
        night date not null,
        in_service integer not null check (in_service >= 0),
        allowance integer not null default 0 check (allowance >= 0),
        sold integer not null default 0 check (sold >= 0),
        held integer not null default 0 check (held >= 0),
        price numeric not null,
        stop_sell boolean not null default false,
        minimum_stay smallint not null default 1 check (minimum_stay > 0),
        closed_to_arrival boolean not null default false,
        closed_to_departure boolean not null default false,
        primary key (hotel_id, room_type, night),
        constraint night_not_oversold check (sold + held <= in_service + allowance)
    ) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table ledger.night is 'The guard of stock: one row per room type and night.'",
    """
    create table ledger.hold (
        hotel_id uuid not null,
        booking_id uuid not null,
        line integer not null,
        room_type text not null,
        stay daterange not null,
        hold_until timestamptz not null,
        primary key (hotel_id, booking_id, line)
    )
    """,
    "create index hold_until on ledger.hold (hold_until)",
    """
    create table ledger.room_stay (
        hotel_id uuid not null,
        room text not null,
        stay daterange not null check (not isempty(stay)),
        booking_id uuid not null,
        line integer not null,
        constraint room_stay_no_overlap primary key (hotel_id, room, stay without overlaps)
    )
    """,
    "comment on table ledger.room_stay is 'The guard of physical rooms: no two stays of a room share a night.'",
    "create index room_stay_booking on ledger.room_stay (hotel_id, booking_id, line)",
    """
    create table ledger.reference (
        reference text primary key,
        hotel_id uuid not null,
        booking_id uuid not null
    )
    """,
    """
    create table ledger.guest_key (
        hotel_id uuid not null,
        guest_id uuid not null,
        master_key text not null,
        wrapped_key bytea not null,
        primary key (hotel_id, guest_id)
    )
    """,
    "comment on table ledger.guest_key is 'One data key per guest, wrapped by the master key. No key, no guest.'",
    """
    insert into ledger.head (hotel_id, seq, hash, occurred_at, recorded_at, settings_version)
    values ('00000000-0000-0000-0000-000000000000', 0, decode(repeat('00', 32), 'hex'), '0001-01-01 00:00+00',
            '0001-01-01 00:00+00', 0)
    """,
)

WALLS = (
    """
    create function ledger.refuse_change() returns trigger language plpgsql set search_path = '' as $$
    begin
        raise exception '% on ledger.% is refused: the ledger is append-only', tg_op, tg_table_name
            using errcode = 'SS002';
    end
    $$
    """,
    """
    create trigger event_is_append_only before update or delete or truncate on ledger.event
    for each statement execute function ledger.refuse_change()
    """,
    "alter table ledger.event enable always trigger event_is_append_only",
    """
    create trigger head_is_kept before delete or truncate on ledger.head
    for each statement execute function ledger.refuse_change()
    """,
    "alter table ledger.head enable always trigger head_is_kept",
    """
    create function ledger.expect_count(what text, actual bigint, expected bigint) returns void
    language plpgsql set search_path = '' as $$
    begin
        if actual is distinct from expected then
            raise exception 'the guard counted % of % %', actual, expected, what using errcode = 'SS001';
        end if;
    end
    $$
    """,
    "comment on function ledger.expect_count is 'Ends an append whose guarded rows are not exactly those expected.'",
    "revoke all on function ledger.expect_count, ledger.refuse_change from public",
    "grant execute on function ledger.expect_count to staysync_command",
)

GRANTS = (
    "grant usage on schema ledger to staysync_command, staysync_query, staysync_projector",
    "grant select, insert on ledger.event, ledger.reference to staysync_command",
    "grant select, insert, update on ledger.head, ledger.night to staysync_command",
    "grant select, insert, delete on ledger.idempotency, ledger.hold, ledger.room_stay, ledger.guest_key"
    " to staysync_command",
    "grant select on ledger.event, ledger.head to staysync_query, staysync_projector",
    "grant select on ledger.guest_key to staysync_projector",
)


def upgrade() -> None:
    """Make the ledger."""
    for statement in (*TABLES, *WALLS, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Take the ledger away, with all that it holds."""
    op.execute("drop schema ledger cascade")
