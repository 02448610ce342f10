"""The trade's rules as pure functions: values, events, decide and evolve. No IO, no clock, no ids made inside."""
