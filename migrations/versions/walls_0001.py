"""Take from the database roles the rights that their work doesn't need."""

from alembic import op

revision = "walls_0001"
down_revision = "identity_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The identity role ends sessions, and refresh tokens go with them; it deletes no account."""
    op.execute("revoke delete on identity.account, identity.refresh_token from staysync_identity")


def downgrade() -> None:
    """Give them back."""
    op.execute("grant delete on identity.account, identity.refresh_token to staysync_identity")
