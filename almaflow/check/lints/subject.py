"""What lints look at: one workflow that is valid, and what they note about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from almaflow.check.collector import ProblemCollector
from almaflow.document import Document, PathTo
from almaflow.field_types import Plain
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem
from almaflow.settings import Project
from almaflow.steps.tree import StepNode
from almaflow.workflow import Workflow


@dataclass(frozen=True)
class LintedFile:
    """A valid workflow called *name*, read from *path*.

    *ignored* are problems of other checks that a comment in it leaves out.
    """

    document: Document
    workflow: Workflow
    name: str
    path: Path | None = None
    ignored: Sequence[Problem] = ()


class Subject:
    """A workflow that is looked at, with what lints note about it."""

    def __init__(self, file: LintedFile, project: Project) -> None:
        self.file = file
        self.project = project
        self.document = file.document
        self.workflow = file.workflow
        self.notes = ProblemCollector(file.document)

    @cached_property
    def nodes(self) -> Sequence[StepNode]:
        """Every step, in the order of the file."""
        return tuple(self.workflow.all_steps())

    @cached_property
    def texts(self) -> Sequence[tuple[PathTo, str]]:
        """Every text of the file that is not a key, with its path."""
        return tuple(_texts(self.document.data, ()))

    @property
    def institution(self) -> str | None:
        """The name of its institution; None when only a run knows it, or there is none."""
        given = self.workflow.institution
        name = given.text if given is not None else self.project.default_institution
        return None if name is None or "{{" in name else name

    def mentions(self, pattern: str, *, outside: PathTo = ()) -> bool:
        """Whether a text, but for those below *outside*, has what *pattern* describes."""
        compiled = re.compile(pattern)
        return any(
            compiled.search(text)
            for path, text in self.texts
            if not outside or path[: len(outside)] != outside
        )


def _texts(data: Any, path: PathTo) -> Iterator[tuple[PathTo, str]]:
    match data:
        case str():
            yield path, data
        case Plain():
            yield path, data.text
        case dict():
            for key, value in data.items():
                yield from _texts(value, (*path, key))
        case list():
            for index, value in enumerate(data):
                yield from _texts(value, (*path, index))
