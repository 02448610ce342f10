"""What an operator is refused."""


class UnknownDeadLetter(Exception):
    """There is no such dead letter, or it was retried or thrown away already."""


class UnknownSchedule(Exception):
    """There is no such schedule."""


class QueueUnavailable(Exception):
    """The broker can't be reached, so nothing can be queued; nothing has changed."""


class DeskUnavailable(Exception):
    """The database can't be reached."""
