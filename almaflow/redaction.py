"""Secrets: names inside almaflow, values only at the last moment, stars outside.

While requests are rendered, recorded and compared, a *placeholder* replaces a secret. `reveal`
puts the value in right before sending; `Mask` stars whatever value comes back in an answer.

A secret is starred twice: where a text from outside enters (`Mask.foreign`, `Mask.stored`), so
that the store never has it, and where a text leaves for people or programs (`REDACTION`).
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby, takewhile
from typing import Any
from urllib.parse import quote, quote_plus

from almaflow.alma_keys import SHORTEST_KEY, find_keys
from almaflow.alma_keys import STARS as STARS
from almaflow.errors import AlmaflowError
from almaflow.late_patterns import late_pattern

# Characters of Unicode's private use area: no file, name or answer of Alma's has them, and a
# filter that changes the text around them (`upper`, `truncate`) makes the checksum false.
_OPEN, _CLOSE = "\uf5a1", "\uf5a2"
_PLACEHOLDER = late_pattern(f"{_OPEN}([^{_OPEN}{_CLOSE}]*):([0-9a-f]{{8}}){_CLOSE}")
# What is left of a placeholder that was cut, percent-encoded or escaped.
_DAMAGED = late_pattern(
    f"{_OPEN}|{_CLOSE}|%EF%96%A[12]|\\\\uf5a[12]|&#(?:62881|62882|xf5a1|xf5a2);", re.IGNORECASE
)
# The characters of which each of these has one, if it is ASCII.
_SIGNS_OF_DAMAGE = "%\\&"


class SecretDamaged(AlmaflowError):
    """A template changed the text of a secret, which it has not got; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(
            "A template changes the text of a secret (with a filter such as `upper`, "
            "`truncate` or `urlencode`). Insert a secret unchanged: `{{ secrets.name }}`."
        )


def _checksum(name: str) -> str:
    return f"{zlib.crc32(name.encode('utf-8', 'surrogatepass')):08x}"


def placeholder(name: str) -> str:
    """Return the text that replaces `secrets.<name>` everywhere inside almaflow."""
    return f"{_OPEN}{name}:{_checksum(name)}{_CLOSE}"


def reveal(value: Any, lookup: Callable[[str], str]) -> Any:
    """Return JSON-able *value* with the secrets themselves, wherever in it they are.

    *lookup* gives a secret's value by name. Only for what is sent immediately and stored nowhere.

    Raises:
        SecretDamaged: only a part of a placeholder is left.
    """

    def one(match: re.Match[str]) -> str:
        name, checksum = match.groups()
        if checksum != _checksum(name):
            raise SecretDamaged
        return lookup(name)

    def text(whole: str) -> str:
        if whole.isascii() and not any(sign in whole for sign in _SIGNS_OF_DAMAGE):
            return whole
        # Checked before the values are put in: they may contain anything.
        if _DAMAGED.search(_PLACEHOLDER.sub("", whole)):
            raise SecretDamaged
        return _PLACEHOLDER.sub(one, whole)

    return _texts(value, text)


def show_placeholders(value: Any) -> Any:
    """Return JSON-able *value* as people may see it: `***secrets.ftp***` for a placeholder."""
    # Few values have one, and a run with many items records much.
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if _OPEN not in whole and _CLOSE not in whole:
        return value

    def text(whole: str) -> str:
        starred = _PLACEHOLDER.sub(lambda match: f"{STARS}secrets.{match.group(1)}{STARS}", whole)
        return re.sub(f"[{_OPEN}{_CLOSE}]", STARS, starred)

    return _texts(value, text)


_WITHOUT_TEXT = frozenset({int, float, bool, type(None)})


def _texts(value: Any, change: Callable[[str], str], *, keys: bool = True) -> Any:
    """Return *value* with *change* done to every text in it, with *keys* also to the keys."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        changed: dict[Any, Any] = {}
        for key, item in value.items():
            name = _texts(key, change) if keys else key
            if name in changed:
                # Two keys that differ only in a secret remain two keys.
                name = f"{name}-{len(changed)}"
            # Most items are texts: a call for each would take as long as the change.
            kind = type(item)
            if kind is str:
                changed[name] = change(item)
            elif kind in _WITHOUT_TEXT:
                changed[name] = item
            else:
                changed[name] = _texts(item, change, keys=keys)
        return changed
    if isinstance(value, (list, tuple)):
        items = []
        # Not a comprehension, which would take a second frame for each level.
        for item in value:
            items.append(_texts(item, change, keys=keys))  # noqa: PERF401
        return items
    return value


Span = tuple[int, int]
"""Begin and end of a piece of a text."""


# A service makes several masks of the same secrets: for its log, and for each of its engines.
@lru_cache(maxsize=2)
def _forms_of(values: frozenset[str]) -> _KnownForms:
    return _KnownForms(values)


# As many forms (about those of four secrets) are searched for one by one.
_FEW_FORMS = 50


class _KnownForms:
    """All forms of *values*, and how they are found."""

    def __init__(self, values: Iterable[str]) -> None:
        self._forms = sorted({_folded(form) for one in values for form in _forms(one) if form})
        self.shortest = min(map(len, self._forms), default=SHORTEST_KEY)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_tree(self._forms))

    def spans(self, text: str) -> list[Span]:
        """Return where *text* has one of the forms."""
        if not self._forms or len(text) < self.shortest:
            return []
        folded = _folded(text)
        if len(self._forms) <= _FEW_FORMS and not any(form in folded for form in self._forms):
            # Short commands show no secret: compiling the pattern would take a hundredth of them.
            return []
        return [match.span() for match in self._pattern.finditer(folded)]


class Mask:
    """Stars known secrets, and what looks like a key of Alma's, wherever they appear in a text.

    Finds each of *values* as it is, in capital and small letters, and in its JSON, URL, HTML,
    base64 and hexadecimal forms; of a value of several lines (a private key) also each longer
    line. Empty values are ignored. The time grows with the length of the text, and hardly with
    the number of secrets: their forms are one tree, which is walked once from each character.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(values)
        self._forms = _forms_of(frozenset(self._values))

    def also(self, value: str) -> Mask:
        """Return a mask that stars *value* too."""
        return self if value in self._values else Mask([*self._values, value])

    def text(self, text: str) -> str:
        """Return a text for people or programs, also without the passwords in its addresses."""
        return _replaced(text, [*self._known(text), *_credentials(text)], lambda length: STARS)

    def covered(self, text: str) -> str:
        """Return *text* as `text` does, with as many stars as characters: each keeps its place."""
        spans = [*self._known(text), *_credentials(text)]
        return _replaced(text, spans, lambda length: "*" * length)

    def data(self, value: Any) -> Any:
        """Return JSON-able *value* with `text` done to every text in it."""
        return _texts(value, self.text)

    def known(self, text: str) -> str:
        """Return *text* with every known secret starred, and nothing else changed."""
        if len(text) < self._forms.shortest and len(text) < SHORTEST_KEY:
            # Most texts of an answer: a run that polls often spends its time here.
            return text
        return _replaced(text, self._known(text), lambda length: STARS)

    def _known(self, text: str) -> list[Span]:
        return [*find_keys(text), *self._forms.spans(text)]

    def foreign(self, value: Any) -> Any:
        """Return JSON-able *value* from outside, every known secret starred, in keys as well."""
        return _texts(value, self.known)

    def stored(self, value: Any) -> Any:
        """Return JSON-able *value* of a record, every known secret starred; its keys are ours."""
        return _texts(value, self.known, keys=False)


NO_SECRETS = Mask(())
"""Stars what looks like a key or a password, because no secret is known."""


def _replaced(text: str, spans: list[Span], stars: Callable[[int], str]) -> str:
    """Return *text* with *stars* (of a length) over *spans*."""
    if not spans:
        return text
    pieces: list[str] = []
    end = 0
    for start, stop in _joined(spans):
        pieces += (text[end:start], stars(stop - start))
        end = stop
    return "".join([*pieces, text[end:]])


def _joined(spans: list[Span]) -> list[Span]:
    """Return *spans* in order, those that touch as one."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    return joined


def _folded(text: str) -> str:
    """Return *text* in small letters, each character where it was.

    Of all characters only U+0130 becomes two in small letters.
    """
    return text.replace("\u0130", "i").lower()


def _tree(forms: Sequence[str]) -> str:
    """Return a pattern of the longest of *forms* (sorted) that begins at a place in a text.

    What several forms begin with appears once in it, so that a place in a text is compared with
    few of them.
    """
    pairs = zip(forms[0], forms[-1], strict=False)
    start = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    rests = [form[len(start) :] for form in forms]
    longer = [rest for rest in rests if rest]
    branches = [_tree(list(group)) for _, group in groupby(longer, key=lambda rest: rest[0])]
    if not branches:
        return re.escape(start)
    return f"{re.escape(start)}(?:{'|'.join(branches)}){'?' * (len(longer) < len(rests))}"


# Shorter pieces of a secret (characters) also appear in harmless text.
_SHORTEST_PIECE = 8


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which *value* may appear in a text, except for upper and lower case."""
    lines = [line.strip() for line in value.splitlines()]
    whole = [value, value.strip()]
    for plain in (*whole, *(line for line in lines if len(line) >= _SHORTEST_PIECE)):
        yield plain
        for ascii_only in (True, False):
            escaped = json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
            yield escaped
            yield escaped.replace("/", "\\/")
        coded = plain.encode("utf-8", "surrogatepass")
        yield from (quote(coded, safe=""), quote(coded), quote_plus(coded))
        yield from _html_forms(plain)
    content = value.encode("utf-8", "surrogatepass")
    yield content.hex()
    yield "".join(f"%{byte:02x}" for byte in content)
    # What passed two programs that encode, and what was read in the wrong encoding (UTF-16).
    yield quote(quote(content, safe=""), safe="")
    yield "\0".join(value)
    for form in ("\\u{:04x}", "&#{};", "&#x{:x};"):
        yield "".join(form.format(ord(character)) for character in value)
    yield from _base64_forms(content)


def _html_forms(plain: str) -> Iterator[str]:
    if frozenset(plain) & frozenset("&<>\"'"):
        import html  # late: it is large, and few secrets have such a character

        yield html.escape(plain)
        yield html.escape(plain, quote=False)


def _base64_forms(content: bytes) -> Iterator[str]:
    """Yield what base64 makes of *content*, also as a part of something longer.

    What is before it (`user:` in an `Authorization` header) shifts the groups of three
    bytes; the characters at both ends, which neighbours take part in, are left out.
    """
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * shift + content).decode("ascii").rstrip("=")
            first = (shift * 8 + 5) // 6
            last = (shift + len(content)) * 8 // 6
            piece = whole[first:last]
            if len(piece) >= _SHORTEST_PIECE:
                yield piece
    yield base64.b64encode(content).decode("ascii")


# --- secrets that nobody named --------------------------------------------------------------------

# A password in an address (`postgresql://user:…@host`), and what addresses and headers call a
# secret. A library quotes the address that it could not reach, so the text is not ours to choose.
# Each is bounded and begins with its own characters, so the time is linear.
_PASSWORD = late_pattern(r"(://[^\s/?#@:\"'<>]{0,256}:)([^\s/?#@\"'<>]{1,512})(?=@)")
_QUERY = late_pattern(
    r"((?<!\w)(?:api[_-]?key|(?:access_?|auth_?)?token|password|passwd|pwd|secret|signature)=)"
    r"([^\s&;#\"'<>]+)",
    re.IGNORECASE,
)
_HEADER = late_pattern(
    r"(\bauthorization[\"']?\s?[:=]\s?[\"']?(?:apikey|basic|bearer)\s)([^\s\"',;]+)", re.IGNORECASE
)


def _credentials(text: str) -> Iterator[Span]:
    """Yield where *text* has passwords and tokens of addresses and headers."""
    patterns = [
        *([_PASSWORD] if "://" in text else []),
        *([_QUERY] if "=" in text else []),
        *([_HEADER] if " " in text else []),
    ]
    for pattern in patterns:
        for match in pattern.finditer(text):
            # The name of a secret is shown: `***secrets.ftp***`, also in a URL.
            if not match[2].replace("%2A", "*").startswith(STARS):
                yield match.span(2)


# --- the one redaction of a process ---------------------------------------------------------------


class Redaction:
    """What a process takes out of everything that leaves it: each secret that it has read.

    Whatever reads a secret reports it with `know`; every output asks `text` or `data`.
    """

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._mask: Mask | None = None

    def know(self, values: Iterable[str]) -> None:
        """Take note of secrets."""
        fresh = set(values) - self._values
        if fresh:
            self._values |= fresh
            self._mask = None

    def forget(self) -> None:
        """Forget everything, as a new process does."""
        self._values.clear()
        self._mask = None

    def text(self, text: str) -> str:
        """Return *text* as it may leave."""
        return self._made().text(text)

    def covered(self, text: str) -> str:
        """Return *text* as `text` does, each character at its place."""
        return self._made().covered(text)

    def data(self, value: Any) -> Any:
        """Return JSON-able *value* as it may leave."""
        return self._made().data(value)

    def _made(self) -> Mask:
        mask = self._mask
        if mask is None:
            # A copy: another thread may read a secret meanwhile.
            mask = self._mask = Mask(tuple(self._values))
        return mask


REDACTION = Redaction()
