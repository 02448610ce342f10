"""The world that attackers meet: two hotels, everybody signed in, no limits in the way."""

from tests.permissions.conftest import world as world  # the fixture
