"""The name that is meant by one with a slip, among names of several parts.

`c.jobs.export.skipped` and `c.jobs.export.failed` have most letters in common and are different
names: only the parts in which they differ are compared.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

# From this likeness of their different parts on, two names are one with a slip.
_LIKENESS = 0.8
_DIGITS = re.compile(r"\d+")


def near_part(wrong: str, known: Iterable[str], separator: str) -> str:
    """Return the one of *known* that *wrong* was meant as; empty when there is none."""
    best, best_likeness = "", _LIKENESS
    for name in known:
        likeness = _likeness(wrong.split(separator), name.split(separator))
        if likeness >= best_likeness:
            best, best_likeness = name, likeness
    return best


def _likeness(one: Sequence[str], other: Sequence[str]) -> float:
    one, other = _without_common(one, other)
    left, right = "".join(one).casefold(), "".join(other).casefold()
    if left != right and _DIGITS.sub("", left) == _DIGITS.sub("", right):
        # `column1` and `column2`
        return 0.0
    return difflib.SequenceMatcher(None, left, right).ratio()


def _without_common(
    one: Sequence[str], other: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return both without the parts that they have in common at the beginning and the end."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return one, other
