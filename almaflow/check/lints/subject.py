"""What lints look at: one workflow, and what they note about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from almaflow.check.collector import ProblemCollector
from almaflow.check.lints.broken_parts import BrokenParts
from almaflow.check.traversal import texts_in
from almaflow.document import Document, PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import Problem
from almaflow.settings import Project
from almaflow.steps.tree import StepNode
from almaflow.workflow import Workflow


@dataclass(frozen=True)
class LintedFile:
    """A workflow called *name*, read from *path*.

    *ignored* are problems of other checks that a comment in it leaves out. With *errors*, which
    are all that are known, *workflow* is what fits the models.
    """

    document: Document
    workflow: Workflow
    name: str
    path: Path | None = None
    ignored: Sequence[Problem] = ()
    errors: Sequence[Problem] = ()


class Subject:
    """A workflow that is looked at, with what lints note about it."""

    def __init__(self, file: LintedFile, project: Project) -> None:
        self.file = file
        self.project = project
        self.document = file.document
        self.workflow = file.workflow
        self.notes = ProblemCollector(file.document)
        self.broken = BrokenParts(file.document, file.errors)

    @cached_property
    def nodes(self) -> Sequence[StepNode]:
        """Every step, in the order of the file."""
        return tuple(self.workflow.all_steps())

    @cached_property
    def texts(self) -> Sequence[tuple[PathTo, str]]:
        """Every text of the file that is not a key, with its path."""
        return tuple(texts_in(self.document.data))

    @property
    def institution(self) -> str | None:
        """The name of its institution; None when only a run knows it, or there is none."""
        given = self.workflow.institution
        name = given.text if given is not None else self.project.default_institution
        return None if name is None or "{{" in name else name

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Every two names with a dot between them: of `steps.x.set_id`, the first and last two."""
        return frozenset(pair for _, text in self.texts for pair in pairs_in(text))

    def reads(self, id: str, outputs: Iterable[str]) -> bool:
        """Whether an expression reads one of *outputs* of the step *id*; a broken one may."""
        if any((id, output) in self.pairs for output in outputs):
            return True
        return self.broken.mention(id, *outputs)

    @cached_property
    def handed_on(self) -> frozenset[str]:
        """The ids of the steps whose outputs leave the workflow, or enter a called one."""
        return frozenset(
            name
            for path, text in self.texts
            if path[0] == "outputs" or "call" in path
            for owner, name in pairs_in(text)
            if owner == "steps"
        )


# `x['y']` is `x.y`.
_KEY = late_pattern(r"\[\s*['\"](\w+)['\"]\s*\]")
_CHAIN = late_pattern(r"(?<!\w)\w+(?:\s*\.\s*\w+)+")


def pairs_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield every two names in *text* with a dot between them."""
    if "." not in text and "[" not in text:
        return
    for chain in _CHAIN.finditer(_KEY.sub(r".\1", text)):
        names = [name.strip() for name in chain.group().split(".")]
        yield from pairwise(names)
