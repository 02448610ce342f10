"""`python -m staysync` is the command line."""

from staysync.cli import app

app()
