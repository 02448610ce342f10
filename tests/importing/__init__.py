"""Tests of the import of real booking history."""
