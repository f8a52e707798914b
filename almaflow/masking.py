"""Secrets: names inside almaflow, values only at the last moment, stars outside.

While requests are rendered, recorded and compared, a *placeholder* stands for a secret. `reveal`
puts the value in right before sending; `Mask` stars whatever value comes back in an answer.
"""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from almaflow.alma_keys import STARS as STARS
from almaflow.errors import AlmaflowError

# Characters of Unicode's private use area: no file, name or answer of Alma's has them, and a
# filter that changes the text around them (`upper`, `truncate`) makes the checksum false.
_OPEN, _CLOSE = "\uf5a1", "\uf5a2"
_PLACEHOLDER = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*):([0-9a-f]{{8}}){_CLOSE}")
# What is left of a placeholder that was cut, percent-encoded or escaped.
_DAMAGED = re.compile(
    f"{_OPEN}|{_CLOSE}|%EF%96%A[12]|\\\\uf5a[12]|&#(?:62881|62882|xf5a1|xf5a2);", re.IGNORECASE
)


class SecretDamaged(AlmaflowError):
    """A template changed the text of a secret, which it has not got; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(
            "A template changes the text of a secret (a filter such as `upper`, `truncate` or "
            "`urlencode`); a secret can only be put in as it is: `{{ secrets.name }}`."
        )


def _checksum(name: str) -> str:
    return f"{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"


def placeholder(name: str) -> str:
    """Return the text that stands for `secrets.<name>` everywhere inside almaflow."""
    return f"{_OPEN}{name}:{_checksum(name)}{_CLOSE}"


def has_placeholder(text: str) -> bool:
    """Whether *text* holds a secret's placeholder, or what is left of one."""
    return _DAMAGED.search(text) is not None


def reveal(value: Any, lookup: Callable[[str], str]) -> Any:
    """Return JSON-able *value* with the secrets themselves, wherever in it they stand.

    *lookup* gives a secret's value by name. Only for what is sent at once and kept nowhere.

    Raises:
        SecretDamaged: what is left of a placeholder cannot be told.
    """

    def one(match: re.Match[str]) -> str:
        name, checksum = match.groups()
        if checksum != _checksum(name):
            raise SecretDamaged
        return lookup(name)

    def text(whole: str) -> str:
        # Looked at before the values are put in: they may hold anything.
        if _DAMAGED.search(_PLACEHOLDER.sub("", whole)):
            raise SecretDamaged
        return _PLACEHOLDER.sub(one, whole)

    return _texts(value, text)


def show_placeholders(value: Any) -> Any:
    """Return JSON-able *value* as people may see it: `***secrets.ftp***` for a placeholder."""

    def text(whole: str) -> str:
        shown = _PLACEHOLDER.sub(lambda match: f"{STARS}secrets.{match.group(1)}{STARS}", whole)
        return re.sub(f"[{_OPEN}{_CLOSE}]", STARS, shown)

    return _texts(value, text)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return *value* with *change* done to every text in it, keys included."""
    match value:
        case str():
            return change(value)
        case dict():
            return {_texts(key, change): _texts(item, change) for key, item in value.items()}
        case list() | tuple():
            return [_texts(item, change) for item in value]
    return value


class Mask:
    """Stars known secrets in what leaves almaflow: logs, errors, records, pages.

    Finds each of *values* as it is and in its JSON, URL, HTML and base64 forms; of a value of
    several lines (a private key) also each longer line. Empty values are ignored.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if form}
        # The longest first, so that a form is not left over around a shorter one in it.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_pattern, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """Return *text* with every known secret starred."""
        return text if self._pattern is None else self._pattern.sub(STARS, text)

    def data(self, value: Any) -> Any:
        """Return JSON-able *value* with every known secret starred in every text."""
        return value if self._pattern is None else _texts(value, self.text)


def _pattern(form: str) -> str:
    """Return the pattern of *form*; the digits of a `%2F` may be small."""
    return re.sub("%[0-9A-F]{2}", lambda match: f"(?i:{match.group()})", re.escape(form))


# Shorter pieces of a secret (characters) also stand in harmless text.
_SHORTEST_PIECE = 8


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which *value* may stand in a text."""
    lines = [line.strip() for line in value.splitlines()]
    whole = [value, value.strip()]
    for plain in (*whole, *(line for line in lines if len(line) >= _SHORTEST_PIECE)):
        yield plain
        for ascii_only in (True, False):
            escaped = json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
            yield escaped
            yield escaped.replace("/", "\\/")
        yield from (quote(plain, safe=""), quote(plain), quote_plus(plain))
        yield html.escape(plain)
        yield html.escape(plain, quote=False)
    yield from _base64_forms(value)


def _base64_forms(value: str) -> Iterator[str]:
    """Yield what base64 makes of *value*, also as a part of something longer.

    What stands in front of it (`user:` in an `Authorization` header) shifts the groups of three
    bytes; the characters at both ends, which neighbours take part in, are left out.
    """
    content = value.encode("utf-8", "surrogatepass")
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * shift + content).decode("ascii").rstrip("=")
            first = (shift * 8 + 5) // 6
            last = (shift + len(content)) * 8 // 6
            piece = whole[first:last]
            if len(piece) >= _SHORTEST_PIECE:
                yield piece
    yield base64.b64encode(content).decode("ascii")
