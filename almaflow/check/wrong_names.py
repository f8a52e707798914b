"""Names that expressions cannot use, and those that other tools would give to a result.

The mistake is where the name is given, so what uses it is read as if the name were a good one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from almaflow.foreign_words import normal
from almaflow.steps.base import IDENTIFIER


def usable(name: str) -> str:
    """Return *name* in the same length, with `_` for each character that no name has there."""
    return re.sub(r"[^A-Za-z0-9_]|^\d", "_", name)


class WrongNames:
    """Names that cannot be used in expressions, such as `steps.find-titles`."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._wrong: list[str] = []

    def add(self, owner: str, names: Iterable[str]) -> list[str]:
        """Read *names* of *owner* that no expression can use as others, which are returned."""
        wrong = [one for one in names if one and not re.fullmatch(IDENTIFIER, one)]
        self._wrong += [re.escape(f"{owner}.{one}" if owner else one) for one in wrong]
        if wrong:
            longest_first = "|".join(sorted(self._wrong, key=len, reverse=True))
            self._pattern = re.compile(rf"(?<![\w.])(?:{longest_first})(?![\w-])")
        return [usable(one) for one in wrong]

    def corrected(self, text: str) -> str:
        """Return *text* in the same length, with names that an expression can use."""
        return self._pattern.sub(_usable_match, text) if self._pattern else text


def _usable_match(match: re.Match[str]) -> str:
    owner, dot, name = match[0].partition(".")
    if not dot:
        return usable(owner)
    return f"{owner}{dot}{usable(name)}"


def names_of_other_tools(steps: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the names that other tools give to results and items in keys of *steps*.

    Also those of items that no expression can use.
    """
    from almaflow.steps.foreign_keys import STEP

    for step in steps:
        for key, value in step.items():
            named = value.get("as") if isinstance(value, dict) else None
            if isinstance(named, str) and not re.fullmatch(IDENTIFIER, named):
                yield named
            word = STEP.get(normal(key))
            if word is not None and word.meant == "id" and isinstance(value, str):
                yield value
            elif word is not None and word.meant == "for_each":
                yield "item"
