"""Evidence that the ledger wasn't touched: signed heads, files that carry it outside, and checks of both."""
