"""What can be wrong with a command before it reaches the ledger; what HTTP makes of it is decided elsewhere."""


class BadHeader(Exception):
    """A header whose value can't be used."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} can't be used: {reason}")
        self.name = name
        self.reason = reason


class BadField(Exception):
    """A field of the body that is well formed and yet can't be. `pointer` is a JSON pointer."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer
        self.reason = reason


class UnknownParameter(Exception):
    """A query parameter: commands take none, and one that is ignored would be taken for heeded."""

    def __init__(self, name: str) -> None:
        super().__init__("Commands take no query parameters.")
        self.name = name
