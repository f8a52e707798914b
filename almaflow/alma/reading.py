"""How values are read from Alma's answers: numbers as text, dates with `Z`, nulls, coded fields.

A missing value, a `null` (Alma's answers until about 2022 are full of them) and a value of a
form we do not know are read as None or as empty text.

Source: `alma-api.md`, section 2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


class Unreadable(ValueError):
    """An answer is not what was asked for; the text says what it lacks."""


def text(value: Any) -> str:
    """Return *value* as text; of a coded field (`{"value": …, "desc": …}`) its code."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else ""


def label(value: Any) -> str:
    """Return the label of a coded field for people, else its code."""
    described = text(value.get("desc")) if isinstance(value, Mapping) else ""
    return described or text(value)


def link(value: Any) -> str:
    """Return the link of a linked field, else empty text."""
    return text(value.get("link")) if isinstance(value, Mapping) else ""


def instance_in_link(value: Any) -> str:
    """Return the id of the job instance that a linked field leads to, else empty text.

    The text beside the link ("Job no. … triggered on …") is for people.
    """
    found = re.search(r"/instances/([^/?#]+)/?(?:[?#].*)?$", link(value).strip())
    return found[1] if found else ""


def number(value: Any) -> float | None:
    """Return a number that may come as number or as text."""
    try:
        found = float(text(value))
    except ValueError:
        return None
    # `nan` and `inf` are words to float(); no count or percentage is either.
    return found if abs(found) < float("inf") else None


def whole(value: Any) -> int | None:
    """Return a count that may come as number or as text, possibly inside a linked field."""
    found = number(value)
    return None if found is None else int(found)


def instant(value: Any) -> datetime | None:
    """Return an instant (aware, UTC) from ISO 8601, with or without milliseconds.

    A bare date, which Alma writes as `2024-06-11Z`, is its midnight.
    """
    written = re.sub(r"^(\d{4}-\d{2}-\d{2})(Z?)$", r"\1T00:00:00\2", text(value).strip())
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def flag(value: Any) -> bool | None:
    """Return a yes or no that may come as JSON boolean or as text."""
    return {"true": True, "false": False}.get(text(value).strip().casefold())


def items(data: Any, key: str) -> list[Any]:
    """Return the list under *key*: absent or null when empty, a single object tolerated."""
    found = data.get(key) if isinstance(data, Mapping) else None
    if isinstance(found, list):
        return [entry for entry in found if entry is not None]
    return [] if found is None or found == "" else [found]


def fields(data: Any, noun: str) -> Mapping[str, Any]:
    """Return *data*, a JSON object; raises `Unreadable` when it is something else."""
    if not isinstance(data, Mapping):
        raise Unreadable(f"the answer is not {noun}")
    return data


def normal_name(name: str) -> str:
    r"""Return *name* in the form in which names are compared.

    Unicode comes composed or decomposed, and some names carry literal `\u00e9` sequences.
    """
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), name)
    return unicodedata.normalize("NFC", plain).strip()
