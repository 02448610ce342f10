"""Indexes by which the histories of a room and an account are found."""

from alembic import op

revision = "history_0001"
down_revision = "audit_0001"
branch_labels = None
depends_on = None

UP = (
    # Rooms have the same names in many hotels, so the hotel belongs into the index: that takes btree_gin's classes.
    "create extension if not exists btree_gin with schema ledger",
    """
    create index timeline_room on read.timeline using gin (hotel_id, facts jsonb_path_ops)
     where type = 'RoomsAssigned'
    """,
    "create index timeline_actor on read.timeline (hotel_id, actor, seq)",
)


def upgrade() -> None:
    """Make them."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    for name in ("timeline_room", "timeline_actor"):
        op.execute(f"drop index read.{name}")
    op.execute("drop extension if exists btree_gin")
