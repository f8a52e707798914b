r"""Texts of which every character can be seen: nothing in them acts on a terminal or a CI.

    ESC ] 0 ; x BEL      \x1b]0;x\x07        C0, DEL and C1: a title, a colour, a cleared screen
    U+202E U+2066        \u202e\u2066        bidirectional controls: text that reads as another
    U+200B U+FEFF        \u200b\ufeff        zero-width and other invisible characters
    U+2028 U+0085 CR     \u2028\x85\r        line breaks that only some programs see
    a lone surrogate     \udcfc              a byte of a file name that is not UTF-8
    ::error::x           \x3a:error::x       a line that GitHub Actions would run
    ##[error]  ##vso[x   \x23#[error]        the same for Azure Pipelines and TeamCity

What is stored stays as it came; these functions are for where a text leaves.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from almaflow.late_patterns import late_pattern

# Everything but printable ASCII, tab and line feed is checked; the others are known to be safe.
_UNUSUAL = late_pattern(r"[^\n\t -~]")

# Spaces of typography, which people write. Python does not count them as printable.
_SPACES = frozenset(
    "\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u202f\u205f\u3000"
)

# Letters and marks that Python counts as printable but that are invisible: fillers and joiners.
# Source: Unicode, DerivedCoreProperties.txt, Default_Ignorable_Code_Point. The two variation
# selectors that make a sign an emoji (U+FE0E, U+FE0F) are left: they hide nothing.
_UNSEEN = late_pattern(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0"
    "\U000e0000-\U000e0fff]"
)

_NAMES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


@lru_cache(maxsize=4096)
def _as_seen(character: str) -> str:
    """Return *character*, or the escape that is shown instead of it."""
    if character in _SPACES or (character.isprintable() and not _UNSEEN.match(character)):
        return character
    return escaped(character)


def escaped(character: str) -> str:
    """Return the escape of one character: its name, or two, four or eight hexadecimal digits."""
    code = ord(character)
    if character in _NAMES:
        return _NAMES[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return *text* with escapes for what cannot be seen; its line feeds and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _UNUSUAL.sub(lambda match: _as_seen(match[0]), text.replace("\r\n", "\n"))


def invisible_characters(text: str) -> list[str]:
    """Return the code points of *text* that cannot be seen, such as `U+202E`; spaces can."""
    return [f"U+{ord(one):04X}" for one in _UNUSUAL.findall(text) if _as_seen(one) != one]


def unbroken(text: str) -> str:
    """Return *text* as `visible` does, with escapes for line feeds too; tabs stay."""
    return visible(text).replace("\n", r"\n")


def one_line(text: str) -> str:
    """Return *text* as `visible` does, each run of spaces and line feeds as one space."""
    return " ".join(visible(text).split())


# --- lines that a CI would run --------------------------------------------------------------------

# GitHub Actions trims a line before it looks for `::`, and Azure looks for `##[` and `##vso[`
# anywhere in it.
_COMMAND_LINE = late_pattern(r"^(\s*):(?=:)")
_COMMAND_ANYWHERE = late_pattern(r"#(?=#\w*\[)")


def without_commands(line: str) -> str:
    """Return one line such that no CI takes it, or a part of it, for a command."""
    if "::" not in line and "##" not in line:
        return line
    return _COMMAND_ANYWHERE.sub(r"\\x23", _COMMAND_LINE.sub(r"\1\\x3a", line))


# --- JSON -----------------------------------------------------------------------------------------


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Return *data* as JSON in which every character can be seen, and no CI finds a command.

    What cannot be seen is escaped as JSON escapes it, so a reader gets the value as it is.
    """
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    # Both are inside strings only: the rest of a document is punctuation, digits and words.
    escaped = _UNUSUAL.sub(lambda match: _json_escape(match[0]), text)
    return _COMMAND_ANYWHERE.sub(r"\\u0023", escaped)


@lru_cache(maxsize=4096)
def _json_escape(character: str) -> str:
    return character if _as_seen(character) == character else json.dumps(character)[1:-1]
