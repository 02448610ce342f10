"""The read tables of availability and bookings, and the projections' checkpoints."""

from alembic import op

revision = "read_0001"
down_revision = "identity_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the read tables."""
    op.execute("create schema read")


def downgrade() -> None:
    """Take the read tables away; the ledger can make them again."""
    op.execute("drop schema read cascade")
