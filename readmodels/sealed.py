"""Opening what is sealed: the folds are given the way, and don't know any key."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.values import Sealed

type OpenSealed = Callable[[Sealed], Mapping[str, Any] | None]
"""Opens sealed personal data; None where its key is gone, because it was erased."""
