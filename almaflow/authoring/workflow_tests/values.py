"""What a test expects of values against what a run gave, and how both are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from almaflow.alma.simulator.scenario_fields import fits
from almaflow.field_types import Plain, plain_value

# Longer values (characters) are cut where they are shown.
_LONGEST = 200


def agrees(expected: Any, actual: Any) -> bool:
    """Whether *actual*, a value of JSON, is what the file *expected* of it.

    `*` in a text matches any characters. Of a mapping only the keys that the file names count; a
    list of counters may be expected as a mapping from keys or labels to values.
    """
    match expected:
        case Plain():
            return _agrees_plain(expected, actual)
        case str():
            return isinstance(actual, str | int | float) and fits(expected, as_words(actual))
        case dict():
            given = counters_of(actual) if isinstance(actual, list) else actual
            return isinstance(given, Mapping) and all(
                key in given and agrees(value, given[key]) for key, value in expected.items()
            )
        case list():
            return (
                isinstance(actual, list)
                and len(expected) == len(actual)
                and all(agrees(one, other) for one, other in zip(expected, actual, strict=True))
            )
    return bool(expected == actual)


def _agrees_plain(expected: Plain, actual: Any) -> bool:
    if isinstance(actual, str):
        return expected.text == actual
    if expected.value is None:
        return actual is None
    if isinstance(actual, bool) or isinstance(expected.value, bool):
        return actual is expected.value
    return bool(expected.value == actual)


def counters_of(values: list[Any]) -> dict[str, str]:
    """Return the counters of a job by their keys and labels; of a repeated one, the first."""
    counters: dict[str, str] = {}
    for one in values:
        if isinstance(one, dict) and {"key", "label", "value"} <= one.keys():
            counters.setdefault(one["key"], one["value"])
            counters.setdefault(one["label"], one["value"])
    return counters


def as_words(value: Any) -> str:
    """Return a value of JSON as expressions would write it in a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def has_part(part: str, text: str) -> bool:
    """Whether *part*, in which `*` matches any characters, is somewhere in *text*."""
    return fits(f"*{part}*", text)


def shown(value: Any) -> str:
    """Return a value on one line; a long one is cut."""
    plain = plain_value(value)
    if isinstance(plain, list) and plain and counters_of(plain):
        plain = {one["key"]: one["value"] for one in plain if isinstance(one, dict)}
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)
    if plain == "":
        return "empty"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
