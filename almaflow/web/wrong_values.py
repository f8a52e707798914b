"""Sentences about the values of a request that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError

# By the library's kind of error: what is wrong, with the bounds that it names.
_SENTENCES: Mapping[str, str] = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "string_pattern_mismatch": "has a character that a name cannot have",
    "greater_than_equal": "is smaller than {ge}",
    "less_than_equal": "is larger than {le}",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of this size",
    "bool_parsing": "is not true or false",
    "enum": "is not one of {expected}",
    "literal_error": "is not one of {expected}",
    "too_long": "has more than {max_length} values",
}


def sentence_about(error: RequestValidationError) -> str:
    """Return a sentence for each value that is wrong."""
    return " ".join(map(_sentence, error.errors()))


def _sentence(one: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in one["loc"][1:]) or "the body"
    text = _SENTENCES.get(one["type"])
    if text is None:
        return f"`{name}` is not valid: {one['msg']}."
    return f"`{name}` {text.format_map(one.get('ctx', {}))}."
