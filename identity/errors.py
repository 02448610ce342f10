"""Why someone isn't let in; what HTTP makes of these is decided elsewhere."""

from collections.abc import Sequence
from uuid import UUID


class NotSignedIn(Exception):
    """No credentials where some are needed, or credentials that aren't valid. `headers` drop a cookie that isn't."""

    def __init__(self, reason: str = "Sign in first.", headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(reason)
        self.headers = tuple(headers)


class WrongCredentials(Exception):
    """The e-mail or the password is wrong; it isn't said which. The account, if there is one, is for the log."""

    def __init__(self, account_id: UUID | None = None) -> None:
        super().__init__("E-mail or password is wrong.")
        self.account_id = account_id


class TokenReused(NotSignedIn):
    """A refresh token that was swapped before: two hold it, and one of them stole it."""

    def __init__(self, account_id: UUID) -> None:
        super().__init__("This refresh token was used before, so its session has been ended. Sign in again.")
        self.account_id = account_id


class NotPermitted(Exception):
    """Signed in, but without a role that permits this."""

    def __init__(self, reason: str = "Your account has no role that permits this.") -> None:
        super().__init__(reason)


class ForgedRequest(Exception):
    """A write signed in by cookie that another site may have made the browser send."""


class UnknownAccount(Exception):
    """No account has this e-mail."""

    def __init__(self) -> None:
        super().__init__("No account has this e-mail.")


class NotVerified(Exception):
    """An account's e-mail isn't verified, and what is asked for goes by whose it is."""


class TooBusy(Exception):
    """More passwords are waiting to be checked than can be checked soon."""

    def __init__(self) -> None:
        super().__init__("Too many sign-ins are waiting.")


class AccountsUnavailable(Exception):
    """The database with the accounts can't be reached right now."""

    def __init__(self) -> None:
        super().__init__("The accounts can't be reached right now.")


class WrongPassword(Exception):
    """The present password, which a change of it needs, is another one."""

    def __init__(self) -> None:
        super().__init__("The current password is another one.")


class WeakPassword(Exception):
    """A password that is tried first by who guesses. `field` is where the request has it."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.field = field


class InvalidToken(Exception):
    """A token from a mail that was never made, was used, has ended, or belongs to another account."""

    def __init__(self) -> None:
        super().__init__("This token isn't valid: it was used, it has ended, or it was made for another account.")


class UnknownSession(Exception):
    """The account has no open session with this id."""

    def __init__(self) -> None:
        super().__init__("Your account has no open session with this id.")


class UnknownKey(Exception):
    """No key with this id is one that the account may see."""

    def __init__(self) -> None:
        super().__init__("There is no key with this id that you may revoke.")


class TooManyClaims(Exception):
    """An account has claimed as many bookings as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"You have claimed {most} bookings, which is as many as there may be.")


class TooManyKeys(Exception):
    """An account has as many keys in force as it may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"You have {most} keys in force, which is as many as there may be. Revoke one first.")
