"""Indexes for the search: hotels by name, within a city and anywhere."""

from alembic import op

revision = "read_0005"
down_revision = "history_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a page of hotels be found in the order of their names, without looking at those before it."""
    op.execute("create index hotel_city_name on read.hotel (lower(city), name, hotel_id)")
    op.execute("create index hotel_name on read.hotel (name, hotel_id)")
    op.execute("drop index read.hotel_city")


def downgrade() -> None:
    """Look hotels up by their city alone."""
    op.execute("create index hotel_city on read.hotel (lower(city))")
    op.execute("drop index read.hotel_city_name, read.hotel_name")
