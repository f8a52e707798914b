"""Conflicts: transactions that the database took back so that others can proceed.

The order of `locks` leaves no two transactions waiting for each other. Should it happen all the
same, as with a tool that locks rows on its own, nothing of the transaction is kept, so that it can
be made once more as if it had never begun.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from almaflow.store.errors import StoreConflict

T = TypeVar("T")

# How often a transaction is made at most.
_TIMES: Final = 4


def again_after_conflict(transaction: Callable[[], T]) -> T:
    """Make a whole transaction, once more for each conflict, and return its result."""
    for _ in range(_TIMES - 1):
        try:
            return transaction()
        except StoreConflict:
            continue
    return transaction()
