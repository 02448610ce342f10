"""Identity: accounts, their roles per hotel, sessions."""

from alembic import op

revision = "identity_0001"
down_revision = "ledger_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the schema of accounts and sessions."""
    op.execute("create schema identity")


def downgrade() -> None:
    """Take accounts and sessions away."""
    op.execute("drop schema identity cascade")
