"""The read tables of availability and bookings, and the projections' checkpoints."""

from alembic import op

revision = "read_0001"
down_revision = "identity_0001"
branch_labels = None
depends_on = None

TABLES = (
    "create schema read",
    """
    create table read.checkpoint (
        hotel_id uuid primary key,
        seq bigint not null default 0 check (seq >= 0),
        events_applied bigint not null default 0 check (events_applied >= 0),
        recorded_at timestamptz,
        updated_at timestamptz not null default now(),
        parked_seq bigint check (parked_seq > seq),
        parked_error text,
        parked_at timestamptz,
        constraint checkpoint_parked_whole
            check ((parked_seq is null) = (parked_error is null) and (parked_seq is null) = (parked_at is null))
    ) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table read.checkpoint is 'How far each hotel is projected, and where and why a projection is parked.'",
    """
    create table read.hotel (
        hotel_id uuid primary key,
        name text not null,
        city text not null,
        country text not null,
        timezone text not null,
        currency text not null,
        reference_prefix text not null,
        business_day_rolls_at time not null,
        bookable_horizon_days integer not null,
        bookable_until date not null,
        version integer not null,
        opened_at timestamptz not null,
        changed_at timestamptz not null
    )
    """,
    "create index hotel_city on read.hotel (lower(city))",
    """
    create table read.room_type (
        hotel_id uuid not null,
        code text not null,
        room_type_id uuid not null,
        name text not null,
        max_adults integer not null,
        max_children integer not null,
        base_price numeric not null,
        room_count integer not null,
        inventory_version integer not null,
        primary key (hotel_id, code),
        constraint room_type_id_unique unique (hotel_id, room_type_id)
    )
    """,
    """
    create table read.room (
        hotel_id uuid not null,
        room text not null,
        room_type text not null,
        in_service_from date not null,
        primary key (hotel_id, room)
    )
    """,
    """
    create table read.night (
        hotel_id uuid not null,
        night date not null,
        room_type text not null,
        in_service integer not null,
        allowance integer not null,
        sold integer not null,
        held integer not null,
        price numeric not null,
        stop_sell boolean not null,
        minimum_stay smallint not null,
        closed_to_arrival boolean not null,
        closed_to_departure boolean not null,
        primary key (hotel_id, night, room_type)
    ) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02)
    """,
    "comment on table read.night is 'Stock, price and restrictions; date before room type, as calendars ask.'",
    """
    create table read.booking (
        hotel_id uuid not null,
        booking_id uuid not null,
        reference text not null,
        state text not null,
        version integer not null,
        seq bigint not null,
        currency text not null,
        rate_plan text not null,
        guest_id uuid not null,
        booker_id uuid,
        arrival date not null,
        departure date not null,
        total numeric not null,
        channel text,
        market_segment text,
        distribution_channel text,
        agent text,
        company text,
        customer_type text,
        meal text,
        country text,
        flags text[] not null,
        hold_until timestamptz,
        booked_at timestamptz not null,
        changed_at timestamptz not null,
        primary key (hotel_id, booking_id),
        constraint booking_reference unique (reference)
    ) with (fillfactor = 80)
    """,
    "create index booking_arrival on read.booking (hotel_id, arrival, booking_id)",
    "create index booking_state on read.booking (hotel_id, state, arrival, booking_id)",
    "create index booking_channel on read.booking (hotel_id, channel, arrival, booking_id)",
    "create index booking_booked_at on read.booking (hotel_id, booked_at, booking_id)",
    "create index booking_guest on read.booking (hotel_id, guest_id)",
    "create index booking_booker on read.booking (hotel_id, booker_id) where booker_id is not null",
    "create index booking_hold on read.booking (hotel_id, hold_until) where hold_until is not null",
    """
    create table read.booking_line (
        hotel_id uuid not null,
        booking_id uuid not null,
        line integer not null,
        room_type text not null,
        adults integer not null,
        child_ages integer[] not null,
        guest_id uuid,
        arrival date not null,
        departure date not null,
        state text not null,
        total numeric not null,
        room text,
        primary key (hotel_id, booking_id, line)
    ) with (fillfactor = 80)
    """,
    """
    create table read.booking_night (
        hotel_id uuid not null,
        booking_id uuid not null,
        line integer not null,
        night date not null,
        room_type text not null,
        price numeric not null,
        claim text check (claim in ('sold', 'held')),
        primary key (hotel_id, booking_id, line, night)
    )
    """,
    "comment on column read.booking_night.claim is 'sold or held; null where the night is free again.'",
    """
    create table read.guest (
        hotel_id uuid not null,
        guest_id uuid not null,
        full_name text,
        email text,
        phone text,
        language text,
        erased boolean not null,
        primary key (hotel_id, guest_id)
    )
    """,
    "create index guest_email on read.guest (lower(email))",
    "create index guest_name on read.guest (hotel_id, lower(full_name) text_pattern_ops)",
    """
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
    """,
)

# Per schema, so that a rebuild into a second schema is granted in the same way and then takes this one's name.
GRANTS = (
    "grant usage on schema read to staysync_projector, staysync_query",
    "grant select, insert, update, delete on all tables in schema read to staysync_projector",
    "grant select on all tables in schema read to staysync_query",
)


def upgrade() -> None:
    """Make the read tables."""
    for statement in (*TABLES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Take the read tables away; the ledger can make them again."""
    op.execute("drop schema read cascade")
