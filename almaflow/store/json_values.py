"""Values and texts on their way into the store and back: bounded, and always readable again."""

from __future__ import annotations

import json
from typing import Any

from almaflow.store.errors import ValueUnfit

# Bytes of one value's JSON text in UTF-8. Larger ones are data that belongs in a file.
LARGEST = 16 * 1024 * 1024

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
# Of text that is ours and has nothing around the value: the shortest way there is.
_decode = json.JSONDecoder().raw_decode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def to_json(value: Any, what: str) -> str:
    """Return *value* as JSON text; *what* names it in the error.

    Raises:
        ValueUnfit: it is larger than 16 MiB, or holds something JSON has no word for.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueUnfit(
            f"{what} cannot be recorded, because it cannot be written as JSON: {error}."
        ) from error
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            # Half a character (a lone surrogate), which no database takes, but JSON can spell.
            text = _encode_ascii(value)
            size = len(text)
    else:
        size = len(text)
    if size > LARGEST:
        raise ValueUnfit(
            f"{what} is {size / 1024 / 1024:.1f} MiB; a recorded value has at most"
            f" {LARGEST // 1024 // 1024} MiB. Keep such data in a file, or select less of it."
        )
    return text


def from_json(text: str) -> Any:
    """Return the value that `to_json` made *text* of."""
    return _decode(text)[0]


def clean(text: str) -> str:
    """Return *text* without what a database does not take in a text: NUL and half characters."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
