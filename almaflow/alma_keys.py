"""What an Alma API key looks like, so that one in a file or a message is found and hidden.

`redaction` hides the secrets that a project names. This module finds keys that nobody named: pasted
into a workflow, a payload, an address or a command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from almaflow.late_patterns import late_pattern

STARS = "***"
"""What is shown in the place of a secret."""

KEY_ADVICE = (
    "Revoke the key in the Developer Network, create a new one, and store it outside of the files: "
    "`api_key: env:NAME` in almaflow.yaml names the environment variable that holds it."
)
"""What to do about a key that was found, in whole sentences."""

# Letters of a key may be percent-encoded, also twice (`%256c`). What separates them here and there
# (a line break of a folded text, spaces, hyphens, invisible characters) does not make it harmless.
_PERCENT = "%(?:25)*"
_INVISIBLE = r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_SEPARATOR = rf"(?:[\s\-_.:,+'\"\\{_INVISIBLE}]|{_PERCENT}2[0d]){{0,99}}"
_LETTER_X = f"(?:x|{_PERCENT}[57]8)"
_HEXADECIMAL = f"(?:[0-9a-f]|{_PERCENT}(?:3[0-9]|[46][1-6]))"
_BEGINNING = (
    f"(?:l|{_PERCENT}[46]c){_SEPARATOR}(?:[78]|{_PERCENT}3[78])"
    f"{_SEPARATOR}{_LETTER_X}{_SEPARATOR}{_LETTER_X}"
)
KEY_PATTERN = late_pattern(
    f"{_BEGINNING}(?:{_SEPARATOR}{_HEXADECIMAL}){{30}}{_HEXADECIMAL}*[0-9a-z]*", re.IGNORECASE
)
"""`l7xx` or `l8xx` and at least 30 hexadecimal digits, in either case.

Separators count within the first 30 digits only, so that the word after a key is left alone.
Matching takes time proportional to the text, because no two ways of reading a character compete.

Source: Ex Libris Developer Network, "Alma REST APIs", section "API key".
"""

SHORTEST_KEY = 34
"""How many characters the shortest text has that `KEY_PATTERN` finds."""

# A message that quotes a long value cuts it, perhaps in the middle of a key.
_CUT_KEY = f"{_BEGINNING}(?:{_SEPARATOR}{_HEXADECIMAL}){{1,29}}(?=…)"


def find_keys(text: str) -> list[tuple[int, int]]:
    """Return begin and end of every piece of *text* that looks like an Alma key, in order."""
    if not _may_hold_key(text):
        return []
    return [match.span() for match in KEY_PATTERN.finditer(text)]


def _may_hold_key(text: str) -> bool:
    """Whether *text* has the characters of a key's beginning, as they are or percent-encoded.

    Answered in a hundredth of the time that the pattern takes.
    """
    if len(text) < SHORTEST_KEY or ("7" not in text and "8" not in text):
        return False
    has_beginning = ("l" in text or "L" in text) and text.count("x") + text.count("X") > 1
    return "%" in text or has_beginning


def hide_keys(text: str) -> str:
    """Return *text* with `***` in the place of what looks like an Alma key, or is cut from one."""
    text = KEY_PATTERN.sub(STARS, text)
    return re.sub(_CUT_KEY, STARS, text, flags=re.IGNORECASE) if "…" in text else text


def cover_keys(text: str) -> str:
    """Return *text* of the same length, with stars over what looks like an Alma key."""
    return KEY_PATTERN.sub(lambda match: "*" * len(match.group()), text)


def holds_key(value: object) -> bool:
    """Whether a text in *value*, which may be a list or a mapping, holds an API key."""
    if isinstance(value, Mapping):
        return any(map(holds_key, value.values()))
    if isinstance(value, list):
        return any(map(holds_key, value))
    text = getattr(value, "text", value)
    return isinstance(text, str) and hide_keys(text) != text
