"""The hotel and its mails, as the tests of mail have them."""

from tests.mail.conftest import mails, office, side

__all__ = ["mails", "office", "side"]
