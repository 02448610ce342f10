"""What can be wrong with an installation as the ledger sees it."""


class WrongMasterKey(Exception):
    """The master key isn't the one that the ledger's guests are sealed with: nothing may be read or sealed by it."""

    def __init__(self, key_id: str, wanted: str | None) -> None:
        named = f" (its id is {key_id}{'' if wanted is None else f', theirs {wanted}'})"
        super().__init__(
            f"master.key in the secrets directory isn't the key that this database's guests are sealed with{named};"
            " restore that one from its backup"
        )
