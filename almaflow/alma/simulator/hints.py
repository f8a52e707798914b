"""Lines of a scenario file that would furnish what a refusal misses.

A hint is a whole top-level key of a scenario, in YAML's flow style and in ASCII:
`sets: [{name: "Weeding list", content: ITEM}]`, `library: {jobs: [{id: M5, name: "Job M5"}]}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPECIAL = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def hint(section: str, **fields: Any) -> str:
    """Return a scenario line that would furnish what is missing; `a.b` nests."""
    outer, _, key = section.rpartition(".")
    entry: Any = {key: [fields]}
    return _inside({outer: entry} if outer else entry)


def flow(value: Any) -> str:
    """Return a value in YAML's flow style, in ASCII."""
    if isinstance(value, Mapping):
        return f"{{{_inside(value)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _inside(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{_text(str(key))}: {flow(item)}" for key, item in value.items())


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    # YAML writes characters beyond U+FFFF with one escape, JSON with two.
    escaped = (char if char < "\U00010000" else f"\\U{ord(char):08X}" for char in text)
    return "".join(
        part if part.startswith("\\U") else json.dumps(part)[1:-1] for part in escaped
    ).join('""')
