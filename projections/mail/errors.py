"""Why a question about mails can't be answered; what HTTP makes of these is decided elsewhere."""


class MailsUnavailable(Exception):
    """The database with the mails can't be reached right now."""

    def __init__(self) -> None:
        super().__init__("The mails can't be reached right now.")


class UnknownMail(Exception):
    """There is no mail with this id."""

    def __init__(self) -> None:
        super().__init__("There is no mail with this id.")


class MailNotFailed(Exception):
    """Only a mail that has failed can be tried again."""

    def __init__(self) -> None:
        super().__init__("This mail hasn't failed, so there is nothing to try again.")
