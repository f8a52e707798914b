"""A value of a file in a message: as YAML has it in braces, or what sort of thing it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from almaflow.alma_keys import hide_keys
from almaflow.document.scalars import resolve
from almaflow.document.slips import in_quotes
from almaflow.field_types import Plain

# Characters of a value that a message repeats.
_LONGEST = 80
# Texts that begin so, or hold this, mean something else in YAML without quotes.
_NEEDS_QUOTES = ("{", "[", "*", "&", "!", "%", "@", "`", "'", '"', "|", ">", "#", "- ", "?")
# A longer piece of the file (characters) in the middle of a sentence cannot be read.
_SHOWN = 60


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
        or text == "-"
        or text.endswith(":")
        or any(one in text for one in (": ", " #", "{", "}", "[", "]", ","))
        or isinstance(resolve(text), Plain)
    )
    if not needs_quotes:
        return text
    return in_quotes(text)


def value_text(value: Any) -> str:
    """Return *value* as a piece of a sentence."""
    text = value.text if isinstance(value, Plain) else value
    if not isinstance(text, (str, int, float)):
        return sort_of(value)
    text = hide_keys(str(text))
    return f"`{text}`" if len(text) <= _SHOWN else f"`{text[:_SHOWN]}…`"


def sort_of(value: Any) -> str:
    """Return what sort of thing *value* is, with its article."""
    match value:
        case Plain(is_empty=True) | None:
            return "nothing"
        case Plain(value=bool()) | bool():
            return "`true` or `false`"
        case Plain(value=int() | float()) | int() | float():
            return "a number"
        case Mapping():
            return "a mapping"
        case list():
            return "a list"
    return "text"
