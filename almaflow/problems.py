"""Problems: what is wrong in a document, where, and what to write instead.

Problems are collected and shown together; `cli/` turns them into text, JSON, SARIF or
GitHub annotations.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a document with this problem may run."""

    ERROR = "error"
    WARNING = "warning"


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
    is the source line the place lies in, empty when there is none.
    """

    location: Location
    code: str
    message: str
    severity: Severity = Severity.ERROR
    line_text: str = ""

    def __str__(self) -> str:
        return f"{self.location}: {self.severity}[{self.code}]: {self.message}"


# Comparing takes 10 µs a name, and a file may be wrong in a thousand places.
_COMPARED = 1000


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean `x`?` for the nearest of *known*, or an empty text.

    Of very many names none is suggested.
    """
    names = sorted(set(known))
    if len(names) > _COMPARED:
        return ""
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wrong.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean `{folded[near[0]]}`?" if near else ""


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of *problems* is more than a warning."""
    return any(problem.severity is Severity.ERROR for problem in problems)
