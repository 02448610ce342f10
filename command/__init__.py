"""The write side over HTTP, one module per resource, and the scheduled commands."""
