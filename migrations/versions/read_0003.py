"""How things were: what changed of stock, claims and lines, by event; statistics of the day; indexes for the desk.

The read tables are emptied, since what was folded before can't say how things were. The projectors fold them anew from
the ledger: a minute for some 200,000 events.
"""

from alembic import op

revision = "read_0003"
down_revision = "walls_0001"
branch_labels = None
depends_on = None

TIMELINE_NOW = """
    create table read.timeline (
        hotel_id uuid not null,
        booking_id uuid not null,
        seq bigint not null,
        type text not null,
        occurred_at timestamptz not null,
        recorded_at timestamptz not null,
        actor text,
        role text,
        version integer not null,
        state text not null,
        guest_id uuid not null,
        booker_id uuid,
        arrival date not null,
        departure date not null,
        total numeric not null,
        hold_until timestamptz,
        facts jsonb not null,
        primary key (hotel_id, booking_id, seq)
    )
"""
TIMELINE_BEFORE = """
    create table read.timeline (
        hotel_id uuid not null,
        booking_id uuid not null,
        seq bigint not null,
        type text not null,
        occurred_at timestamptz not null,
        recorded_at timestamptz not null,
        actor text,
        role text,
        facts jsonb not null,
        primary key (hotel_id, booking_id, seq)
    )
"""
TIMELINE_MADE_BY_GUEST = """
    create index timeline_made_by_guest on read.timeline (actor)
     where role = 'guest' and type in ('BookingHeld', 'BookingMade')
"""
EMPTY = (
    "truncate read.checkpoint, read.hotel, read.room_type, read.room, read.room_outage, read.night, read.booking,"
    " read.booking_line, read.booking_night, read.room_stay, read.guest"
)

TABLES = (
    "drop table read.timeline",
    TIMELINE_NOW,
    "comment on table read.timeline is 'What happened to a booking, and the booking as that left it. Rows are added.'",
    TIMELINE_MADE_BY_GUEST,
    "create index timeline_arrival on read.timeline (hotel_id, arrival, booking_id, seq)",
    """
    create table read.line_change (
        hotel_id uuid not null,
        booking_id uuid not null,
        line integer not null,
        seq bigint not null,
        occurred_at timestamptz not null,
        state text not null,
        room_type text not null,
        stock_type text not null,
        adults integer not null,
        children integer not null,
        arrival date not null,
        departure date not null,
        nights integer not null,
        total numeric not null,
        room text,
        primary key (hotel_id, booking_id, line, seq)
    )
    """,
    "comment on table read.line_change is 'A line as an event left it. Rows are added, never changed.'",
    "comment on column read.line_change.stock_type is 'The type whose stock the last night takes.'",
    "create index line_change_arrival on read.line_change (hotel_id, arrival, booking_id)",
    """
    create table read.stock_change (
        hotel_id uuid not null,
        night date not null,
        room_type text not null,
        seq bigint not null,
        occurred_at timestamptz not null,
        in_service integer not null,
        allowance integer not null,
        price numeric not null,
        stop_sell boolean not null,
        minimum_stay smallint not null,
        closed_to_arrival boolean not null,
        closed_to_departure boolean not null,
        primary key (hotel_id, night, room_type, seq)
    )
    """,
    "comment on table read.stock_change is 'A night as an event left it, save claims. Rows are added, never changed.'",
    """
    create table read.claim_change (
        hotel_id uuid not null,
        night date not null,
        seq bigint not null,
        line integer not null,
        room_type text not null,
        booked_type text not null,
        booking_id uuid not null,
        occurred_at timestamptz not null,
        channel text,
        sold integer not null,
        held integer not null,
        revenue numeric not null,
        hold_until timestamptz,
        primary key (hotel_id, night, seq, line, room_type, booked_type)
    )
    """,
    "comment on table read.claim_change is"
    " 'By how much an event raised or lowered what a line sells, holds and brings in a night. Rows are added.'",
    "comment on column read.claim_change.room_type is 'The type whose stock the night claims.'",
    """
    create table read.day_statistics (
        hotel_id uuid not null,
        day date not null,
        room_type text not null,
        channel text not null,
        rooms_sold integer not null,
        revenue numeric not null,
        primary key (hotel_id, day, room_type, channel)
    ) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table read.day_statistics is 'Rooms sold for a night and what they bring, as of now.'",
    "comment on column read.day_statistics.channel is 'Empty where none was said.'",
    "drop index read.guest_name",
    """
    create index guest_name on read.guest
        (hotel_id, (lower(coalesce(full_name, '\U0010ffff')) collate "C"), guest_id)
    """,
    "alter table read.room_type add column added_seq bigint not null",
    "create index booking_line_arrival on read.booking_line (hotel_id, arrival)",
    "create index booking_line_departure on read.booking_line (hotel_id, departure)",
    "create index booking_line_guest on read.booking_line (hotel_id, guest_id) where guest_id is not null",
)

GRANTS = (
    # What is said once stays said: a projector adds rows, and deletes a hotel's to fold them anew.
    "grant select, insert, delete on read.timeline, read.line_change, read.stock_change, read.claim_change"
    " to staysync_projector",
    "grant select, insert, update, delete on read.day_statistics to staysync_projector",
    "grant select on read.timeline, read.line_change, read.stock_change, read.claim_change, read.day_statistics"
    " to staysync_query",
)


def upgrade() -> None:
    """Make the tables of changes and the day's statistics; everything is folded anew."""
    for statement in (EMPTY, *TABLES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; everything is folded anew."""
    op.execute(EMPTY)
    op.execute("drop table read.line_change, read.stock_change, read.claim_change, read.day_statistics, read.timeline")
    op.execute(TIMELINE_BEFORE)
    op.execute(TIMELINE_MADE_BY_GUEST)
    op.execute("grant select, insert, update, delete on read.timeline to staysync_projector")
    op.execute("grant select on read.timeline to staysync_query")
    op.execute("drop index read.guest_name")
    op.execute("create index guest_name on read.guest (hotel_id, lower(full_name) text_pattern_ops)")
    op.execute("alter table read.room_type drop column added_seq")
    for name in ("arrival", "departure", "guest"):
        op.execute(f"drop index read.booking_line_{name}")
