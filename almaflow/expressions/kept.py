"""What was read is kept to be read only once, but never more of it than memory has room for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import TypeVar

T = TypeVar("T")

# A parsed expression takes about 300 bytes for each character: 80 MiB in all.
CHARACTERS = 256 * 1024
# What a short text takes whatever its length, in characters.
_EACH = 64


def kept(read: Callable[[str], T]) -> Callable[[str], T]:
    """Let *read* return again what it returned for the same text lately; for any thread."""
    results: OrderedDict[str, T] = OrderedDict()
    lock = Lock()
    size = 0

    @wraps(read)
    def read_once(text: str) -> T:
        nonlocal size
        with lock:
            if text in results:
                results.move_to_end(text)
                return results[text]
        value = read(text)
        with lock:
            if text not in results:
                size += len(text) + _EACH
            results[text] = value
            while size > CHARACTERS:
                size -= len(results.popitem(last=False)[0]) + _EACH
        return value

    return read_once
