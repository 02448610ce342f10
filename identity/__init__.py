"""Accounts, sessions and roles per hotel."""
