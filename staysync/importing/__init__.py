"""Imports: the history of hotels from elsewhere, replayed as the same commands that clients send."""
