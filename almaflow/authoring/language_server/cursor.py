"""Where in the YAML a cursor is, from lines and indentation alone.

The text that is being typed is rarely whole YAML, so no parser reads it: a line says with its
indentation to which key above it belongs. Inside `{…}` on one line, the braces say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from almaflow.document import PathTo
from almaflow.late_dataclasses import dataclass

_KEY = re.compile(r"""([^\s#"'{}\[\],&*!|>%@-][^:#{}\[\]]*?|"[^"]*"|'[^']*')\s*:(?=\s|$)""")
_ITEM = "-"
# More lines above the cursor than this are not looked at; a file of this length is refused anyway.
_MOST_LINES = 20_000


@dataclass(frozen=True)
class Cursor:
    """A place in a file, as far as it is typed."""

    path: PathTo
    """The keys around it from the top, the key of its value included; 0 is any entry of a list."""
    typed: str
    """What is typed of the key or value in front of the cursor."""
    is_key: bool
    """Whether a key belongs here."""
    expression: str | None = None
    """What is typed of the expression in which it is; None outside of `{{ … }}`."""


def cursor_at(text: str, line: int, column: int) -> Cursor:
    """Return where the cursor is; *line* and *column* count from 0, in characters."""
    lines = text.split("\n")[: line + 1]
    here = lines[line] if line < len(lines) else ""
    before = here[:column].rstrip("\r")
    entries = list(_entries(before))
    rest = _rest(before, entries)
    own = list(entries)
    indent = own[0][0] if own else len(before) - len(before.lstrip(" "))
    around = _above(lines[:line], indent, starts_item=bool(own) and own[0][1] == _ITEM)
    path = [*around, *(key for _, key in own)]
    braces = _in_braces(rest)
    if braces is not None:
        inner, typed, is_key = braces
        return _made([*path, *inner], typed, is_key)
    is_key = not own or own[-1][1] == _ITEM
    return _made(path, rest.strip(" "), is_key)


def _made(keys: Sequence[str], typed: str, is_key: bool) -> Cursor:
    path = tuple(0 if key == _ITEM else key for key in keys)
    opened = typed.rfind("{{")
    inside = opened >= 0 and "}}" not in typed[opened:]
    expression = typed[opened + 2 :].lstrip("-").lstrip() if inside else None
    return Cursor(path, typed.lstrip("\"'") if not inside else typed, is_key, expression)


def _entries(line: str) -> Iterator[tuple[int, str]]:
    """Yield what a line begins: `-` of entries, and a key, each with its indentation."""
    place = len(line) - len(line.lstrip(" "))
    while line.startswith("- ", place) or line[place:] == _ITEM:
        yield place, _ITEM
        place += 1
        place += len(line[place:]) - len(line[place:].lstrip(" "))
    if match := _KEY.match(line, place):
        yield place, match[1].strip("\"'")


def _rest(line: str, entries: Sequence[tuple[int, str]]) -> str:
    """Return what follows the last entry of a line."""
    if not entries:
        return line.lstrip(" ")
    place, key = entries[-1]
    if key == _ITEM:
        return line[place + 1 :].lstrip(" ")
    match = _KEY.match(line, place)
    return line[match.end() :].lstrip(" ") if match else ""


def _above(lines: Sequence[str], indent: int, *, starts_item: bool) -> list[str]:
    """Return the keys to which something at *indent* belongs, the outermost first."""
    keys: list[str] = []
    for line in reversed(lines[-_MOST_LINES:]):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        for place, key in reversed(list(_entries(line))):
            # The entries of a list may be as far to the left as the list's key.
            if place < indent or (starts_item and place == indent and key != _ITEM):
                keys.append(key)
                indent, starts_item = place, key == _ITEM
        if indent == 0 and not starts_item:
            break
    return keys[::-1]


def _in_braces(rest: str) -> tuple[list[str], str, bool] | None:
    """Return the keys inside of `{…}` before the cursor, what is typed, and whether it is a key.

    None: the cursor is not inside of braces that are a mapping.
    """
    plain = re.sub(r"\{\{.*?(\}\}|$)", lambda match: "x" * len(match[0]), rest)
    opened = [place for place, letter in _brackets(plain)]
    if not opened:
        return None
    keys: list[str] = []
    for place, following in zip(opened, [*opened[1:], len(rest)], strict=True):
        if rest[place] == "[":
            keys.append(_ITEM)
        part = rest[place + 1 : following]
        cut = _last_part(plain[place + 1 : following])
        part = part[cut:].lstrip(" ")
        match = _KEY.match(part)
        if rest[place] == "{" and match:
            keys.append(match[1].strip("\"'"))
            typed, is_key = part[match.end() :].lstrip(" "), False
        else:
            typed, is_key = part, rest[place] == "{"
    return keys, typed, is_key


def _brackets(text: str) -> list[tuple[int, str]]:
    """Return the brackets that are open at the end of *text*, with their places."""
    opened: list[tuple[int, str]] = []
    for place, letter in _unquoted(text):
        if letter in "{[":
            opened.append((place, letter))
        elif letter in "}]" and opened:
            opened.pop()
    return opened


def _last_part(text: str) -> int:
    """Return where the last of the parts begins that commas outside of brackets divide."""
    depth, begin = 0, 0
    for place, letter in _unquoted(text):
        depth += (letter in "{[") - (letter in "}]")
        if letter == "," and depth == 0:
            begin = place + 1
    return begin


def _unquoted(text: str) -> Iterator[tuple[int, str]]:
    """Yield the letters of *text* that are not inside of quotes, with their places."""
    quote = ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and (not place or text[place - 1] in " {[,:"):
            quote = letter
        else:
            yield place, letter
