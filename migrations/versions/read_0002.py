"""Rooms in the read tables: what they offer, who has them when, when they are out of order."""

from alembic import op

revision = "read_0002"
down_revision = "ledger_0002"
branch_labels = None
depends_on = None

# What is there already stays equal to its fold: no room had features, and no line a room, before.
TABLES = (
    "alter table read.room add column features text[] not null default '{}'",
    "alter table read.room alter column features drop default",
    """
    create table read.room_outage (
        hotel_id uuid not null,
        room text not null,
        first date not null,
        until date not null,
        reason_id uuid not null,
        reason text,
        primary key (hotel_id, room, first)
    )
    """,
    "comment on table read.room_outage is 'The nights [first, until) in which a room is out of order.'",
    "comment on column read.room_outage.reason is 'In the clear; null once the key named by reason_id is gone.'",
    """
    create table read.room_stay (
        hotel_id uuid not null,
        booking_id uuid not null,
        line integer not null,
        first date not null,
        room text not null,
        until date not null,
        primary key (hotel_id, booking_id, line, first)
    )
    """,
    "comment on table read.room_stay is 'The nights [first, until) in which a line has a room; none for a day use.'",
    "comment on column read.booking_night.room_type is 'The type whose stock the night claims.'",
    # A rack asks from a date on: stays that ended before are many, those that end long after are few.
    "create index room_stay_until on read.room_stay (hotel_id, until, first)",
)

GRANTS = (
    "grant select, insert, update, delete on read.room_outage, read.room_stay to staysync_projector",
    "grant select on read.room_outage, read.room_stay to staysync_query",
)


def upgrade() -> None:
    """Make the tables of rooms."""
    for statement in (*TABLES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    """Take them away. Whoever comes up again with a ledger that tells of rooms rebuilds the read tables."""
    op.execute("drop table read.room_outage, read.room_stay")
    op.execute("alter table read.room drop column features")
    op.execute("comment on column read.booking_night.room_type is null")
