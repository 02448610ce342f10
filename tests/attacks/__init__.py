"""One test per attack that is known: how it would be done, and that it comes to nothing."""
