"""What an operator sees of StaySync from outside: log lines, metrics, traces. No booking needs any of it."""
