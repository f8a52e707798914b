"""Problems: what is wrong in a document, where, and what to write instead.

Problems are collected and shown together; `cli/` turns them into text, JSON, SARIF or
GitHub annotations.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from enum import StrEnum

from almaflow.alma_keys import cover_keys, hide_keys
from almaflow.late_dataclasses import dataclass
from almaflow.lookalikes import look_alike_advice


class Severity(StrEnum):
    """Whether a document with this problem may run."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    """Advice that may not apply; not even `--strict` counts it."""


@dataclass(frozen=True, order=True)
class Location:
    """A place in a file; the first line and column are 1.

    *file* is the path as it should be shown. *length* is how many characters the caret
    underlines, all on *line*, at least 1.
    """

    file: str
    line: int = 1
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def moved(self, columns: int, length: int = 1) -> Location:
        """Return the place *columns* to the right on the same line."""
        return Location(self.file, self.line, self.column + columns, max(1, length))


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong in a document.

    *code* is a short stable name in kebab-case (`unknown-key`); *message* is whole
    sentences without the place, the suggestion ("did you mean …?") included; *line_text*
    is the source line of the place, empty when there is none. *more* is 0, but for the
    problem that counts those left out. *fix* is what certainly belongs in the place of the
    underlined characters; empty: nothing is certain.
    """

    location: Location
    code: str
    message: str
    severity: Severity = Severity.ERROR
    line_text: str = ""
    more: int = 0
    fix: str = ""

    def __post_init__(self) -> None:
        # A key in a file would otherwise reach the public log of the system that checks it.
        for name, text in (
            ("message", hide_keys(_cut(self.message))),
            ("line_text", cover_keys(self.line_text) if len(self.line_text) <= _WIDEST else ""),
        ):
            if text != getattr(self, name):
                object.__setattr__(self, name, text)
        if self.fix and hide_keys(self.fix) != self.fix:
            object.__setattr__(self, "fix", "")

    def __str__(self) -> str:
        return f"{self.location}: {self.severity}[{self.code}]: {self.message}"


# A message longer than this (characters) quotes more than a person reads.
_LONGEST_MESSAGE = 2000
# Of a longer line (characters) a picture is not drawn: two hundred problems would repeat it.
_WIDEST = 10_000

MOST_PROBLEMS = 200
"""The problems of one file that are shown; a file with more is usually not what it should be."""
MORE_PROBLEMS = "more-problems"
"""The code of the last problem of a file that has more."""


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def at_most(problems: Iterable[Problem], left_out: int = 0) -> list[Problem]:
    """Return the *problems* of one file, sorted; of too many the first errors, then warnings.

    The last one then gives the number of the others, *left_out* included, which were not made.
    """
    unique = set(problems)
    left_out += sum(problem.more for problem in unique)
    ordered = sorted(problem for problem in unique if not problem.more)
    ordered.sort(key=lambda problem: problem.severity is not Severity.ERROR)
    kept, rest = ordered[:MOST_PROBLEMS], len(ordered[MOST_PROBLEMS:]) + left_out
    if not rest:
        return sorted(kept)
    severity = kept[-1].severity
    kept.sort()
    message = f"The file has {rest:,} more problems. Fix the ones above first."
    last = kept[-1].location
    behind = last.moved(last.length)  # so that it stays the last one when they are sorted again
    return [*kept, Problem(behind, MORE_PROBLEMS, message, severity, more=rest)]


# Comparing takes 10 µs a name, and a file may be wrong in a thousand places.
_COMPARED = 1000


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean `x`?` for the nearest of *known*, or an empty text.

    For a name with letters that only look like Latin ones, which letter that is. Of very many
    names none is suggested.
    """
    names = sorted(set(known))
    if len(names) > _COMPARED:
        return ""
    if advice := look_alike_advice(wrong, names):
        return f"; {advice}"
    near = nearest(wrong, names)
    return f"; did you mean `{near}`?" if near else ""


def nearest(wrong: str, known: Collection[str]) -> str:
    """Return the one of *known* that is most like *wrong*; empty: none is, or they are too many."""
    folded = {name.casefold(): name for name in sorted(known)}
    if len(folded) > _COMPARED:
        return ""
    near = difflib.get_close_matches(wrong.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near and folded[near[0]] != wrong else ""


# Names that are less alike than this (0 to 1) are suggested, and not written by `--fix`.
_SURE = 0.75


def certainly_meant(wrong: str, known: Iterable[str]) -> str:
    """Return the one of *known* that *wrong* is a slip of; empty: it may be none or several."""
    folded = {name.casefold(): name for name in known}
    if len(folded) > _COMPARED:
        return ""
    near = difflib.get_close_matches(wrong.casefold(), folded, n=2, cutoff=_SURE)
    return folded[near[0]] if len(near) == 1 else ""


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of *problems* is more than a warning."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def is_clean(problems: Iterable[Problem]) -> bool:
    """Whether *problems* are notes only, or none."""
    return all(problem.severity is Severity.NOTE for problem in problems)


def counted(problems: Iterable[Problem], severity: Severity) -> int:
    """Return how many of *problems* have the *severity*."""
    return sum(problem.severity is severity for problem in problems)
