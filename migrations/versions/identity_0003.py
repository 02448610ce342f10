"""Bookings that accounts have claimed, and an index by which those that they made are found."""

from alembic import op

revision = "identity_0003"
down_revision = "access_0001"
branch_labels = None
depends_on = None

UP = (
    """
    create table identity.claimed_booking (
        account_id uuid not null references identity.account on delete cascade,
        hotel_id uuid not null,
        booking_id uuid not null,
        claimed_at timestamptz not null default clock_timestamp(),
        primary key (account_id, hotel_id, booking_id)
    )
    """,
    "comment on table identity.claimed_booking is"
    " 'Bookings whose guest or booker had the verified e-mail of the account when it claimed them.'",
    "grant select, insert on identity.claimed_booking to staysync_identity",
    """
    create index timeline_made_by_guest on read.timeline (actor)
     where role = 'guest' and type in ('BookingHeld', 'BookingMade')
    """,
)


def upgrade() -> None:
    """Make them."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take them away; who claimed what is lost."""
    op.execute("drop index read.timeline_made_by_guest")
    op.execute("drop table identity.claimed_booking")
