"""Alembic's migrations of the schemas ledger, read and identity."""
