"""What an unquoted scalar means, and where the characters of a scalar are in the source."""

from __future__ import annotations

import re

from almaflow.field_types import Plain
from almaflow.late_patterns import late_pattern

_BREAK = r"(?:\r\n|\r|\n)"
# Spaces that are not folded are one token: from each of them on, the rest would be searched again.
_FOLD = rf"(?P<fold>[ \t]*{_BREAK}(?:[ \t]*{_BREAK})*[ \t]*)|(?P<spaces>[ \t]+)"
# One character beyond U+FFFF, spelled as JSON does.
_PAIR = r"\\u[dD][89abAB]..\\u[dD][c-fC-F].."
_TOKENS = {
    # Alternatives: an escaped line break, an escape, folded lines, spaces, one character.
    '"': late_pattern(
        rf"(?P<nothing>\\{_BREAK}[ \t]*)|(?P<one>{_PAIR}|\\(?:x..|u.{{4}}|U.{{8}}|.))"
        rf"|{_FOLD}|.",
        re.DOTALL,
    ),
    "'": late_pattern(rf"(?P<nothing>(?!))|(?P<one>'')|{_FOLD}|.", re.DOTALL),
    None: late_pattern(rf"(?P<nothing>(?!))|(?P<one>(?!))|{_FOLD}|.", re.DOTALL),
}
_BREAKS = late_pattern(_BREAK)
_HALF = late_pattern("[\ud800-\udfff]")


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = late_pattern(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = late_pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ODD_FLOATS = {
    sign + dot: float(sign + dot[1:]) for sign in ("", "-", "+") for dot in (".inf", ".Inf", ".INF")
} | {nan: float("nan") for nan in (".nan", ".NaN", ".NAN")}
_WHEN = late_pattern(
    r"\d{4}-\d{1,2}-\d{1,2}"
    r"(?:(?:[Tt]|[ \t]+)\d{1,2}:\d{2}(?::\d{2}(?:\.\d*)?)?[ \t]*(?:Z|[-+]\d{1,2}(?::?\d{2})?)?)?"
    r"|[-+]?\d+(?::\d{1,2})+(?:\.\d*)?",
    re.ASCII,
)
# Longer than any number is (characters); Python refuses to read digits without end.
_LONGEST_NUMBER = 1000
_FIRST = frozenset("-+.0123456789")


def resolve(text: str) -> str | Plain:
    """Return what an unquoted scalar means in YAML 1.2's core schema; text stays text."""
    if len(text) > _LONGEST_NUMBER:
        return text
    if text[:1] in _FIRST and text:
        return _resolve_number(text)
    if text in _NULL:
        return Plain(text, None)
    if text in _TRUE or text in _FALSE:
        return Plain(text, text in _TRUE)
    return text


def _resolve_number(text: str) -> str | Plain:
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return Plain(text, int(text, base))
    if _FLOAT.fullmatch(text):
        return Plain(text, float(text))
    if text in _ODD_FLOATS:
        return Plain(text, _ODD_FLOATS[text])
    return Plain(text, text) if _WHEN.fullmatch(text) else text


def join_halves(text: str) -> str:
    """Return *text* with each two halves of a character that belong together as that character.

    JSON spells characters beyond U+FFFF as two escapes, and JSON is YAML too.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def has_half(text: str) -> bool:
    """Whether *text* holds half of a character, a surrogate, which no file or database accepts."""
    return not text.isascii() and _HALF.search(text) is not None


def source_offsets(source: str, style: str | None, value: str) -> list[int] | None:
    """Return, for each character of *value*, its offset in *source*.

    *source* is the scalar as it is in the file, quotes or the `|` line included; *style* is
    its quote, `|`, `>` or None. `None` is returned when the two cannot be brought together.
    """
    if style in ("|", ">"):
        return _block_offsets(source, value)
    offsets: list[int] = []
    inner = (1, len(source) - 1) if style else (0, len(source))
    for match in _TOKENS[style].finditer(source, *inner):
        if match["nothing"]:
            continue
        if match["spaces"]:
            offsets.extend(range(*match.span()))
            continue
        breaks = len(_BREAKS.findall(match["fold"])) if match["fold"] else 0
        offsets.extend([match.start()] * max(1, breaks - 1))
    return offsets if len(offsets) == len(value) else None


def _block_offsets(source: str, value: str) -> list[int] | None:
    header = _BREAKS.search(source)
    if header is None:
        return None
    lines = _lines(source, header.end())
    indent = _indent(source, lines, value)
    # Only spaces and line breaks are between the lines of the value, folded or not.
    offsets = [header.end()] * len(value)
    position = 0
    for start, end in lines:
        content = source[start + indent : end]
        if not content.strip():
            continue
        index = value.find(content, position)
        if index < 0:
            return None
        offsets[index : index + len(content)] = range(start + indent, end)
        position = index + len(content)
        offsets[position:] = [end - 1] * (len(value) - position)
    return offsets


def _lines(source: str, start: int) -> list[tuple[int, int]]:
    """Return begin and end of each line of *source* from *start* on, breaks left out."""
    lines = []
    for match in _BREAKS.finditer(source, start):
        lines.append((start, match.start()))
        start = match.end()
    return [*lines, (start, len(source))]


def _indent(source: str, lines: list[tuple[int, int]], value: str) -> int:
    """Return how many spaces of the first line with text are indentation."""
    text = next((source[start:end] for start, end in lines if source[start:end].strip()), "")
    head = next((line for line in value.split("\n") if line.strip()), "")
    return max(0, (len(text) - len(text.lstrip(" "))) - (len(head) - len(head.lstrip(" "))))
