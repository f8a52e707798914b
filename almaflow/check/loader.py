"""The workflow files that are read while one is checked: itself, and those it calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path

from almaflow.document import Document, parse_document, read_document
from almaflow.errors import DocumentsInvalid
from almaflow.expressions import TEXT, RecordType, Type
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem, has_errors
from almaflow.settings import PathRefused, Project, check_link
from almaflow.text_files import path_problem
from almaflow.workflow import Workflow


@dataclass(frozen=True)
class CheckedFile:
    """A workflow file, and what is wrong in it.

    *document* is None when it is not YAML. *workflow* is what fits the models: all of it when
    *fits*, None when too little does. *problems* are the file's own, sorted. *outputs* are what
    callers see, each with its type, which is `MaybeMissing` when the workflow may end without it.
    *calls* are the files it calls, by the names that it gives them; *path* is where it was read.
    *ignored* are problems that a comment in the file leaves out.
    """

    document: Document | None
    workflow: Workflow | None
    fits: bool
    problems: tuple[Problem, ...]
    outputs: Mapping[str, Type] = field(default_factory=dict)
    calls: Mapping[str, CheckedFile] = field(default_factory=dict)
    path: Path | None = None
    ignored: tuple[Problem, ...] = ()

    @cached_property
    def is_valid(self) -> bool:
        """Whether it can run: neither it nor what it calls has an error."""
        calls_fit = all(one.is_valid for one in self.calls.values())
        return self.fits and calls_fit and not has_errors(self.problems)

    @cached_property
    def depth(self) -> int:
        """How many files the longest chain of calls has that begins here; 1 without calls."""
        return 1 + max((one.depth for one in self.calls.values()), default=0)

    @cached_property
    def files(self) -> int:
        """How many files a run records: itself and what it calls, each as often as it is called."""
        return 1 + sum(one.files for one in self.calls.values())

    def everything(self) -> list[Problem]:
        """Return its problems and those of the files it calls, each once, sorted."""
        return sorted({problem for one in self._with_calls() for problem in one.problems})

    def _with_calls(self) -> Iterator[CheckedFile]:
        """Yield it and all that it calls, each once."""
        seen: dict[int, CheckedFile] = {}
        waiting = [self]
        while waiting:
            current = waiting.pop()
            if id(current) not in seen:
                seen[id(current)] = current
                waiting.extend(current.calls.values())
        yield from seen.values()


@dataclass(frozen=True)
class CheckContext:
    """What is known about the surroundings of a workflow.

    *folder* is that of the workflow file; None when no files are to be checked. Without
    *settings_count* names of almaflow.yaml are not checked: there is none, or what is
    checked is a simulation or the definition of a run that was recorded. Files that are called
    are read from the *shelf*; *chain* are those on the way to this one, itself the last, with
    what messages call them, and *top* is the folder that must contain the first one's files.
    """

    project: Project
    folder: Path | None
    settings_count: bool
    shelf: WorkflowLoader | None = None
    chain: Mapping[Path, str] = field(default_factory=dict)
    top: Path | None = None

    @cached_property
    def root(self) -> Path:
        """The folder that must contain all files: the project's, else the workflow's own."""
        if self.top is not None:
            return self.top
        assert self.folder is not None
        inside = Path(os.path.realpath(self.folder)).is_relative_to(
            os.path.realpath(self.project.folder)
        )
        return self.project.folder if inside or self.project.document else self.folder

    @property
    def secrets(self) -> RecordType:
        """What `secrets` is."""
        names = dict.fromkeys(self.project.settings.secrets, TEXT)
        return RecordType(names, "secret", open=not self.settings_count)

    @property
    def file(self) -> str:
        """What almaflow.yaml is called in messages."""
        document = self.project.document
        return document.file if document else "almaflow.yaml"


Check = Callable[[Document, CheckContext], CheckedFile]


class WorkflowLoader:
    """Reads workflow files, each once however many call it."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._checked: dict[Path, CheckedFile] = {}

    def read(self, path: Path, file: str, around: CheckContext) -> CheckedFile:
        """Return the file at *path*, which problems call *file*, with what is wrong in it.

        *around* is that of the file that calls it, or of none.
        """
        target = Path(os.path.realpath(path))
        if target not in self._checked:
            self._checked[target] = self._read(path, file, around, read_document)
        return self._checked[target]

    def read_as(self, path: Path, file: str, content: bytes, around: CheckContext) -> CheckedFile:
        """Return what `read` would if the file at *path* had this *content*."""
        return self._read(path, file, around, lambda _, file: parse_document(content, file))

    def _read(
        self, path: Path, file: str, around: CheckContext, parse: Callable[[Path, str], Document]
    ) -> CheckedFile:
        here = replace(
            around,
            folder=path.absolute().parent,
            shelf=self,
            chain={**around.chain, Path(os.path.realpath(path)): file},
            top=around.root if around.chain else None,
        )
        try:
            _check_path(path, file)
            refuse_link(around.project, path, file)
            document = parse(path, file)
        except DocumentsInvalid as error:
            return CheckedFile(None, None, False, tuple(error.problems))
        return replace(self._check(document, here), path=path)


def _check_path(path: Path, file: str) -> None:
    """Raise `DocumentsInvalid` when no record, log or screen could name the file at *path*."""
    why = path_problem(path.absolute())
    if why:
        message = f"This file {why}. Rename it: use letters, digits, `-`, `_` and `.` only."
        raise DocumentsInvalid([Problem(Location(file), "file-name", message)])


def refuse_link(project: Project, path: Path, file: str) -> None:
    """Raise `DocumentsInvalid` when the file at *path* is a link that leads out of *project*."""
    if project.document is None:
        return
    try:
        check_link(project.folder, path)
    except PathRefused as error:
        raise DocumentsInvalid([Problem(Location(file), error.code, str(error))]) from None
