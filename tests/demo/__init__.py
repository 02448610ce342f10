"""Tests of the demo and of the generator behind it."""
