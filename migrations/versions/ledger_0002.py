"""A held line can change its dates: its row in ledger.hold is then written anew."""

from alembic import op

revision = "ledger_0002"
down_revision = "read_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the command role change holds."""
    op.execute("grant update on ledger.hold to staysync_command")


def downgrade() -> None:
    """Take that right away."""
    op.execute("revoke update on ledger.hold from staysync_command")
