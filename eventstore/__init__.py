"""The ledger: the appender and its guard, reading, idempotency, the hash chain, the event codec, the guests' keys."""
