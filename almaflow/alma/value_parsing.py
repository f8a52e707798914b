"""Reads values from Alma's responses: numbers as text, dates with `Z`, nulls, coded fields.

A missing value, a `null` (common in Alma's responses until about 2022) and a value of an unknown
form become None or empty text. So does an impossible value, such as a count of 400 digits or an
instant of the year 9999. Texts are cut to a length that can be kept and shown.

Source: `alma-api.md`, section 2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from almaflow.late_patterns import late_pattern

LONGEST_TEXT = 100_000
"""The largest number of characters in any text; Alma's longest, queries and descriptions, have a
few thousand.
"""

LONGEST_NAME = 2_000
"""Characters of a name, label, link or token; Alma's names end at 255."""

LONGEST_CODE = 100
"""Characters of an id or a code; Alma's have at most 30."""

MOST_ENTRIES = 10_000
"""Entries of one list; Alma's pages have 100, of report rows 1,000, its longest list hundreds."""

MOST_COUNTERS, MOST_ALERTS = 1_000, 100
"""Lines of a run's report that are kept; Alma's reports have a few dozen."""

LARGEST_COUNT = 10**12
"""The largest absolute value of a count, number or percentage that is accepted."""

EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
"""The range of accepted instants: adding a wait or a zone never leaves the calendar."""

FURTHEST_CLOCK = timedelta(days=2)
"""The largest accepted difference between Alma's clock and ours. Zones and summer time that are set
wrong make less than one; a machine whose clock is further off cannot verify a certificate for long.
"""

_LONGEST_INSTANT = 40
_INSTANCE = late_pattern(r"/instances/([^/?#]+)/?(?:[?#].*)?$")


class UnreadableResponse(ValueError):
    """A response is not what was requested; the text states what it lacks."""


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Return *value* as text; of a coded field (`{"value": …, "desc": …}`) its code.

    What is longer than *longest* characters is cut, which a last "…" shows.
    """
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        return ""
    return value if len(value) <= longest else value[: longest - 1] + "…"


def name(value: Any) -> str:
    """Return a name, link or the like."""
    return text(value, LONGEST_NAME)


def code(value: Any) -> str:
    """Return a code, such as a status, without spaces around it."""
    return text(value, LONGEST_CODE).strip()


def identifier(value: Any) -> str:
    """Return an id; empty when there is none, or one that no id can be."""
    id = text(value).strip()
    is_one = len(id) <= LONGEST_CODE and id.isascii() and id.isprintable()
    return id if is_one else ""


def label(value: Any) -> str:
    """Return the label of a coded field for people, else its code."""
    described = name(value.get("desc")) if isinstance(value, Mapping) else ""
    return described or name(value)


def link(value: Any) -> str:
    """Return the link of a linked field, else empty text; of one that is too long, the same."""
    link = text(value.get("link")) if isinstance(value, Mapping) else ""
    return link if len(link) <= LONGEST_NAME else ""


def instance_in_link(value: Any) -> str:
    """Return the id of the job instance that a linked field leads to, else empty text.

    The text next to the link ("Job no. … triggered on …") is for people.
    """
    found = _INSTANCE.search(link(value).strip())
    return identifier(found[1]) if found else ""


def number(value: Any) -> float | None:
    """Return a number that may come as number or as text."""
    try:
        # `nan` and `inf` are words to float(); no count or percentage is either.
        found = float(text(value, LONGEST_CODE))
    except ValueError:
        return None
    return found if abs(found) <= LARGEST_COUNT else None


def whole(value: Any) -> int | None:
    """Return a count that may come as number or as text, possibly inside a linked field."""
    found = number(value)
    return None if found is None or found < 0 else int(found)


def instant(value: Any) -> datetime | None:
    """Return an instant (aware, UTC) from ISO 8601, with or without milliseconds.

    A bare date, which Alma writes as `2024-06-11Z`, is its midnight.
    """
    written = text(value, _LONGEST_INSTANT).strip()
    iso = re.sub(r"^(\d{4}-\d{2}-\d{2})(Z?)$", r"\1T00:00:00\2", written)
    try:
        return believed(datetime.fromisoformat(iso))
    except ValueError:
        return None


def believed(instant: datetime) -> datetime | None:
    """Return *instant* in UTC, which it is in without a zone; None at the edges of the calendar."""
    if not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
        return None
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def printable(text: str) -> str:
    """Return *text* on one line, without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def flag(value: Any) -> bool | None:
    """Return a yes or no that may come as JSON boolean or as text."""
    return {"true": True, "false": False}.get(text(value).strip().casefold())


def items(data: Any, key: str) -> list[Any]:
    """Return the list under *key*: absent or null when empty, a single object tolerated.

    Raises:
        UnreadableResponse: it has more than `MOST_ENTRIES`.
    """
    found = data.get(key) if isinstance(data, Mapping) else None
    if isinstance(found, list):
        if len(found) > MOST_ENTRIES:
            raise UnreadableResponse(
                f"the list `{key}` of the response has more than {MOST_ENTRIES:,} entries"
            )
        return [entry for entry in found if entry is not None]
    return [] if found is None or found == "" else [found]


def fields(data: Any, noun: str) -> Mapping[str, Any]:
    """Return *data*, a JSON object; raises `UnreadableResponse` when it is something else."""
    if not isinstance(data, Mapping):
        raise UnreadableResponse(f"the response is not {noun}")
    return data


def normal_name(name: str) -> str:
    r"""Return *name* in the form in which names are compared.

    Unicode comes composed or decomposed, and some names carry literal `\u00e9` sequences.
    """
    plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), name)
    return unicodedata.normalize("NFC", plain).strip()


def job_label(name: str) -> str:
    """Return the form in which names of jobs are compared: case and runs of spaces do not count."""
    return " ".join(normal_name(name).split()).casefold()
