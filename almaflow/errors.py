"""The root of every error that almaflow raises; each floor adds its own branches.

A *problem* (`problems.py`) is something wrong in a document and is collected; an *error*
is something that went wrong while acting and is raised. The text of an error is whole
sentences for people: the thing, the place, the next move.

    AlmaflowError                 exit code 1
    ├── RequestWrong              exit code 2: usage, files, inputs, configuration; nothing was sent
    │   ├── DocumentsInvalid      carries the problems of one or more documents
    │   └── LinesWanted           its text has several lines
    ├── StoreError                the store or the disk refused (store/)
    └── AlmaError                 a call to Alma did not succeed (alma/errors.py)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from almaflow.problems import Problem


class AlmaflowError(Exception):
    """Something went wrong while acting; `str()` of it is what the user reads."""

    exit_code: ClassVar[int] = 1


class RequestWrong(AlmaflowError):
    """What was asked for cannot be done as asked: usage, files, inputs or configuration."""

    exit_code: ClassVar[int] = 2


class LinesWanted(RequestWrong):
    """Lines of a file are missing, or a question cannot be asked: its text has its own lines.

    Whoever raises it keeps values from outside on one line; of other errors the whole text is
    shown on one.
    """


class DocumentsInvalid(RequestWrong):
    """One or more YAML documents have problems; *problems* lists all of them, sorted."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StoreError(AlmaflowError):
    """The store could not be opened, read or written; nothing is half-written."""
