"""Savepoints: what makes a part of a transaction able to fail alone.

Setting and releasing one each takes a request to the server, and most parts of a transaction only
read or are never taken back. So a savepoint is set before the first write of a part, and is
released together with the setting of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Savepoints:
    """The parts of one transaction, from the outermost to the one under way."""

    def __init__(self, tell: Callable[[Sequence[str]], None]) -> None:
        self._tell = tell
        self._are_set: list[bool] = []
        self._left = 0
        """The savepoints of parts that have ended, all inside those of the open ones."""

    def begin(self) -> None:
        """Begin a part."""
        self._are_set.append(False)

    def before_write(self) -> None:
        """Set the savepoints of the open parts that have none yet."""
        missing = self._are_set.count(False)
        if missing:
            self._tell([*self._releases(), *["SAVEPOINT part"] * missing])
            self._are_set = [True] * len(self._are_set)

    def end(self) -> None:
        """End the innermost part; what it wrote is kept with the part around it."""
        self._left += self._are_set.pop()

    def take_back(self) -> None:
        """End the innermost part, and take back what it wrote."""
        if self._are_set.pop():
            self._tell([*self._releases(), "ROLLBACK TO part", "RELEASE part"])

    def _releases(self) -> list[str]:
        releases, self._left = ["RELEASE part"] * self._left, 0
        return releases
