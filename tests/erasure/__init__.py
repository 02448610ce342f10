"""Tests of erasure: what is gone, and what stays true without it."""
