"""The projectors against real servers."""
