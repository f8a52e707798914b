"""A value as YAML has it in braces, for messages that repeat what is in a file."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from almaflow.alma_keys import hide_keys
from almaflow.document.scalars import resolve
from almaflow.field_types import Plain

# Characters of a value that a message repeats.
_LONGEST = 80
# Texts that begin so, or hold this, mean something else in YAML without quotes.
_NEEDS_QUOTES = ("{", "[", "*", "&", "!", "%", "@", "`", "'", '"', "|", ">", "#", "- ", "? ")


def shown_of(model: type[BaseModel], value: Any) -> str:
    """Return *value* as `in_line` does, unless what is in the file may be secret."""
    return in_line(value) if getattr(model, "shows_values", False) else "…"


def in_line(value: Any) -> str:
    """Return *value* in the form that YAML has for it in braces; what is long is cut with `…`."""
    match value:
        case Plain():
            return hide_keys(value.text)
        case str():
            return _quoted(value)
        case dict():
            inner = ", ".join(f"{key}: {in_line(one)}" for key, one in value.items())
            return f"{{{inner}}}" if len(inner) <= _LONGEST else "{…}"
        case list():
            inner = ", ".join(map(in_line, value))
            return f"[{inner}]" if len(inner) <= _LONGEST else "[…]"
    return str(value)


def _quoted(text: str) -> str:
    text = hide_keys(text)
    if len(text) > _LONGEST or "\n" in text:
        return "…"
    needs_quotes = (
        not text.strip()
        or text != text.strip()
        or text.startswith(_NEEDS_QUOTES)
        or any(one in text for one in (": ", " #", "{", "}", "[", "]", ","))
        or isinstance(resolve(text), Plain)
    )
    if not needs_quotes:
        return text
    return f'"{text}"' if '"' not in text and "\\" not in text else f"'{text}'"
