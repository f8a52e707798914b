"""Lines of a scenario file that would furnish what a refusal misses.

A hint is a whole top-level key of a scenario, in YAML's flow style and in ASCII:
`sets: [{name: "Weeding list", content: ITEM}]`, `library: {jobs: [{id: M5, name: "Job M5"}]}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPECIAL = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def hint(section: str, *values: str, **fields: Any) -> str:
    """Return a scenario line that would furnish what is missing; `a.b` nests.

    The list has *values*, else one mapping with *fields*.
    """
    outer, _, key = section.rpartition(".")
    entry: Any = {key: list(values) or [fields]}
    return inside({outer: entry} if outer else entry)


def flow(value: Any, quoted: Callable[[str], str] | None = None) -> str:
    """Return a value in YAML's flow style; *quoted* quotes a text that must be, else in ASCII."""
    if isinstance(value, Mapping):
        return f"{{{inside(value, quoted)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(flow(item, quoted) for item in value)}]"
    return _text(value, quoted) if isinstance(value, str) else json.dumps(value)


def inside(value: Mapping[str, Any], quoted: Callable[[str], str] | None = None) -> str:
    """Return a mapping in YAML's flow style, without its braces."""
    pairs = ((_text(str(key), quoted), flow(item, quoted)) for key, item in value.items())
    return ", ".join(f"{key}: {item}" for key, item in pairs)


def _text(text: str, quoted: Callable[[str], str] | None) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    return (quoted or in_ascii)(text)


def in_ascii(text: str) -> str:
    """Return *text* in double quotes, with escapes for all that is not ASCII."""
    # YAML writes characters beyond U+FFFF with one escape, JSON with two.
    escaped = (char if char < "\U00010000" else f"\\U{ord(char):08X}" for char in text)
    return "".join(
        part if part.startswith("\\U") else json.dumps(part)[1:-1] for part in escaped
    ).join('""')
