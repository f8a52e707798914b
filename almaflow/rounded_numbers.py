"""Ids that a spreadsheet has spoiled: it shows long numbers rounded, and keeps fifteen digits."""

from __future__ import annotations

from almaflow.late_patterns import late_pattern

# `3.9E+13`, in some countries `3,9E+13`; what a program added to whole numbers: `39031000200018.0`.
_ROUNDED = late_pattern(r"[-+]?\d+(?:[.,]\d+)?[eE]\+?\d{2}")
# What a spreadsheet shows in place of a value: `#N/A`, `#NV`, `#REF!`, `########`.
_NO_VALUE = late_pattern(r"#{3,}|#(?:N/[AD]|NV)|#[^\W\d_/]+[!?]|#DIV/0!")
_WITH_FRACTION = late_pattern(r"\d{9,}[.,]0+")


# Digits that a spreadsheet keeps, zeros that no id ends with, and the length of the shortest id.
_KEPT = 15
_MANY_ZEROS = 6
_SHORTEST_ID = 13


def ends_in_zeros(text: str) -> bool:
    """Whether the digits of *text* end as a spreadsheet leaves them: it keeps fifteen.

    An id may end so, too: those of an institution have the same last four digits.
    """
    text = text.strip()
    if len(text) < _SHORTEST_ID or not (text.isascii() and text.isdecimal()):
        return False
    zeros = len(text) - len(text.rstrip("0"))
    lost = len(text) - _KEPT
    return zeros >= _MANY_ZEROS or 0 < lost <= zeros > 1


_TEXT_COLUMN = "Format the column as text there, enter the ids again, and save the file."


def rounded_number(text: str, advice: str = "") -> str:
    """Return why *text* is an id that a spreadsheet has spoiled, as sentences; empty: it is not.

    *advice* is what to do; default: what to do in the spreadsheet.

    A spreadsheet shows a number of more than eleven digits as `3.9031E+13` and keeps fifteen.
    """
    text = text.strip()
    if _ROUNDED.fullmatch(text):
        return (
            f"`{text}` is a number that a spreadsheet such as Excel has rounded, not an id. "
            f"{advice or _TEXT_COLUMN}"
        )
    if _NO_VALUE.fullmatch(text):
        return (
            f"`{text}` is what a spreadsheet such as Excel shows when it has no value for a cell, "
            "not an id. Correct the cell there, and save the file."
        )
    if _WITH_FRACTION.fullmatch(text):
        return f"`{text}` is a number with a fraction, not an id. " + (
            advice
            or "Format the column as text in the program that made the file, and save "
            "the file again."
        )
    return ""
