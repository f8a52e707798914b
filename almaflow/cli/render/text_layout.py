"""Layout of text for terminals: width in columns, cutting, and removal of control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from almaflow.redaction import REDACTION
from almaflow.visible import one_line, visible


def printable(text: str) -> str:
    """Return *text* with secrets redacted and every character visible."""
    return visible(REDACTION.text(text))


def on_one_line(text: str) -> str:
    """Return *text* as `printable` does, each run of spaces and line breaks as one space.

    Use it before a text is cut or wrapped, because a part of a secret would not be recognised.
    """
    return one_line(REDACTION.text(text))


def width(text: str) -> int:
    """Return the width of *text* in terminal columns; a tab counts as one."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def cut(text: str, columns: int) -> str:
    """Return *text*, cut with an ellipsis when it is wider than *columns*."""
    if width(text) <= columns:
        return text
    if columns < 1:
        return ""
    kept, used = [], 0
    for character in text:
        used += width(character)
        if used > columns - 1:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def padded(text: str, columns: int) -> str:
    """Return *text* padded with spaces to *columns*."""
    return text + " " * max(0, columns - width(text))


def many(number: int, noun: str, nouns: str = "", *, zero: str = "0") -> str:
    """Return a number with its noun: `1 tick`, `1,204 ticks`; *nouns* is an irregular plural."""
    return f"{f'{number:,}' if number else zero} {noun if number == 1 else nouns or f'{noun}s'}"


# Between two columns of a table.
_GAP = "  "
# The smallest width of a column that may be cut.
_NARROWEST = 8


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    columns: int | None,
    flexible: Sequence[int] = (),
) -> list[str]:
    """Return the lines of a table, the headers first.

    It fits into *columns* as long as cutting the *flexible* columns, the widest first, is enough;
    others, such as ids, are never cut. None: no limit.
    """
    cells = [[on_one_line(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(width(row[place]) for row in cells) for place in range(len(headers))]
    if columns is not None:
        over = sum(widths) + len(_GAP) * (len(widths) - 1) - columns
        while over > 0:
            widest = max(flexible, key=lambda place: widths[place], default=None)
            if widest is None or widths[widest] <= _NARROWEST:
                break
            widths[widest] -= 1
            over -= 1
    return [
        _GAP.join(
            padded(cut(cell, wide), wide) for cell, wide in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]
