"""Text that people type and that is kept in records."""

from __future__ import annotations

from typing import Any

from almaflow.alma_keys import KEY_ADVICE, find_keys
from almaflow.errors import RequestWrong
from almaflow.redaction import REDACTION

LONGEST = 128 * 1024
"""The largest number of characters of one value, as on the command line."""


def as_recorded(typed: str) -> str:
    """Return typed text with secrets redacted, for records."""
    return REDACTION.text(typed.strip())


def check_typed(name: str, text: str) -> None:
    """Refuse a value that no file, store or Alma can accept; *name* is what it is called.

    Raises:
        RequestWrong: it is too long, has a NUL character or half of a character, or looks like an
            API key of Alma.
    """
    if len(text) > LONGEST:
        raise RequestWrong(f"`{name}` is longer than {LONGEST:,} characters. Shorten it.")
    if "\0" in text:
        raise RequestWrong(f"`{name}` contains a NUL character. Remove it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RequestWrong(f"`{name}` contains half of a character. Write the character itself.")
    if find_keys(text):
        raise RequestWrong(f"`{name}` contains what looks like an Alma API key. {KEY_ADVICE}")


def check_values(name: str, value: Any) -> None:
    """Refuse the texts in a JSON value that `check_typed` refuses; Raises: RequestWrong."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                check_typed(name, text)
            case list() as items:
                waiting += items
            case dict() as items:
                waiting += [*items, *items.values()]
