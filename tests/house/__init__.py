"""Tests of the house itself: settings, secrets, embedded servers, supervisor, packaging."""
