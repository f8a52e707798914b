"""Files → workflows, or every problem that is in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from almaflow.check import Checked, Shelf, Surroundings, as_entry, check_document
from almaflow.document import Document, parse_document, read_document
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import Problem, Severity, did_you_mean
from almaflow.settings import FILE_NAME, Project, Settings, load_project
from almaflow.workflow import Workflow

SCENARIO = ".scenario.yaml"
"""How the names of the simulator's scenario files end, which lie beside the workflows."""

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class LoadedWorkflow:
    """A valid workflow and the document it was read from.

    *path* is None for the recorded definition of a run. *warnings* are its problems that do not
    keep it from running, and those of the workflows it calls. *calls* are these, by the names that
    it gives them; a recorded definition has them recorded beside it.
    """

    workflow: Workflow
    document: Document
    name: str
    path: Path | None
    warnings: tuple[Problem, ...]
    calls: Mapping[str, LoadedWorkflow] = field(default_factory=dict)


def load_workflow(
    path: Path, project: Project, shown_as: str | None = None, *, simulated: bool = False
) -> LoadedWorkflow:
    """Read and check the workflow file at *path*, which problems call *shown_as*.

    For a run that is *simulated* nothing is said about names of almaflow.yaml: there every
    institution, channel and secret exists.

    Raises:
        DocumentsInvalid: there is an error in it; carries all its problems, warnings too.
    """
    around = Surroundings(project, None, project.document is not None and not simulated)
    return _load_file(Shelf(check_document), path, shown_as or shown(path), around)


def load_text(text: str, file: str) -> LoadedWorkflow:
    """Read the recorded definition of a run: no files and no entries of almaflow.yaml count.

    What was read stays in memory: many runs have one definition.

    Raises:
        DocumentsInvalid: there is an error in it, for this version of almaflow.
    """
    return _load_text(text, file)


@lru_cache(maxsize=64)
def _load_text(text: str, file: str) -> LoadedWorkflow:
    around = Surroundings(Project(Path(), Settings(), None), None, False)
    return _loaded(check_document(parse_document(text, file), around))


def _load_file(shelf: Shelf, path: Path, shown_as: str, around: Surroundings) -> LoadedWorkflow:
    return _loaded(as_entry(shelf.read(path, shown_as, around), around))


def _loaded(checked: Checked) -> LoadedWorkflow:
    """Return what runs of a workflow that was read; Raises: DocumentsInvalid."""
    problems = checked.everything()
    if checked.document is None or checked.workflow is None or not checked.is_valid:
        raise DocumentsInvalid(problems)
    document = checked.document
    name = checked.workflow.name or name_of_file(Path(document.file))
    calls = {written: _loaded(one) for written, one in checked.calls.items()}
    return LoadedWorkflow(checked.workflow, document, name, checked.path, tuple(problems), calls)


def load_paths(
    paths: Sequence[Path], project: Project
) -> tuple[list[LoadedWorkflow], list[Problem]]:
    """Check files, and all workflow files in folders; return the valid ones and every problem.

    An `almaflow.yaml` among them is checked as what it is. Two workflows of one name are an error.

    Raises:
        RequestWrong: a path does not exist, or a folder has no workflow file.
    """
    loaded: list[LoadedWorkflow] = []
    problems: list[Problem] = []
    shelf = Shelf(check_document)
    around = Surroundings(project, None, project.document is not None)
    for file in _files(paths):
        try:
            if file.name == FILE_NAME:
                document = load_project(file).document
                problems.extend(document.findings if document else ())
                continue
            one = _load_file(shelf, file, shown(file), around)
        except DocumentsInvalid as error:
            problems.extend(error.problems)
        else:
            loaded.append(one)
            problems.extend(one.warnings)
    problems.extend(_same_names(loaded))
    return loaded, sorted(set(problems))


def find_workflow(name_or_path: str, project: Project) -> Path:
    """Return the file that `run FILE|NAME` means: a path, else a workflow of the project.

    Raises:
        RequestWrong: there is no such file or name, or several files have the name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    folder = project.workflows
    files = list(workflow_files(folder)) if folder.is_dir() else []
    named = {file: _names(file) for file in files}
    found = [file for file, names in named.items() if name_or_path in names]
    if len(found) == 1:
        return found[0]
    if found:
        listed = " and ".join(shown(file) for file in found)
        raise RequestWrong(f"`{name_or_path}` may be {listed}; give the path of the one you mean.")
    if path.is_dir():
        raise RequestWrong(f"`{name_or_path}` is a folder; name one of the workflow files in it.")
    known = {name for names in named.values() for name in names}
    if _looks_like_path(name_or_path):
        there = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, there)
        raise RequestWrong(f"There is no file `{name_or_path}`{hint or '.'}")
    hint = did_you_mean(name_or_path, known) or "."
    where = f"in {shown(folder)}" if folder.is_dir() else f"and no folder {shown(folder)}"
    raise RequestWrong(
        f"There is no workflow `{name_or_path}` {where}{hint} Give the path of a file, or the "
        "name of a workflow."
    )


def name_of_file(file: Path) -> str:
    """Return the name of a workflow that does not say one."""
    return file.stem


def shown(path: Path) -> str:
    """Return *path* as messages show it: from here, when it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _looks_like_path(text: str) -> bool:
    return "/" in text or os.sep in text or text.endswith(_ENDINGS)


def _names(file: Path) -> set[str]:
    """Return what a workflow is called by: its name, its file's with and without ending."""
    names = {file.name, name_of_file(file)}
    try:
        data = read_document(file).data
    except DocumentsInvalid:
        return names
    name = data.get("name") if isinstance(data, dict) else None
    return {*names, name} if isinstance(name, str) else names


def _files(paths: Iterable[Path]) -> list[Path]:
    """Return the files that *paths* mean, each once, in order."""
    files: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            found = list(workflow_files(path, project_file=True))
            if not found:
                raise RequestWrong(
                    f"The folder {shown(path)} has no workflow file (`*.yaml`, `*.yml`)."
                )
        elif path.exists():
            found = [path]
        else:
            there = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
            hint = did_you_mean(path.name, there)
            raise RequestWrong(f"There is no file or folder `{path}`{hint or '.'}")
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


def workflow_files(folder: Path, *, project_file: bool = False) -> Iterator[Path]:
    """Yield the workflow files below *folder* by name; what is hidden is left out."""
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if hidden or file.suffix not in _ENDINGS or not file.is_file():
            continue
        if file.name.endswith(SCENARIO) or (file.name == FILE_NAME and not project_file):
            continue
        yield file


def _same_names(loaded: Iterable[LoadedWorkflow]) -> Iterator[Problem]:
    first: dict[str, LoadedWorkflow] = {}
    for one in loaded:
        other = first.setdefault(one.name, one)
        if other is not one:
            document = one.document
            place = document.place(("name",) if document.has(("name",)) else ())
            yield document.problem(
                place,
                "duplicate-name",
                f"Two workflows are called `{one.name}`, the other one in {other.document.file}; "
                "give each a `name` of its own.",
                Severity.ERROR,
            )
