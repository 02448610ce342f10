"""The read side over HTTP, one function per question."""
