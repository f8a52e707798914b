"""Errors of task groups, as their callers want them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def raise_one_error() -> Iterator[None]:
    """Raise the first error that a group of groups holds instead of the group.

    A task group wraps whatever ends one of its tasks; what others met when they were cancelled for
    it contains no more information.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from error.__cause__
