"""Files → workflows, or every problem that is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache
from pathlib import Path
from weakref import WeakValueDictionary

from almaflow.check import CheckContext, CheckedFile, WorkflowLoader, as_entry, check_document
from almaflow.document import MAX_BYTES, Document, parse_document, read_document
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem, Severity, did_you_mean
from almaflow.scenario_files import is_scenario, scenario_message, tests_message
from almaflow.settings import FILE_NAME, Project, Settings, load_project
from almaflow.snapshot.place import SNAPSHOT_FILE, has_snapshot
from almaflow.text_files import FileUnreadable, display_path, names_in, printable, read_text
from almaflow.workflow import Workflow
from almaflow.workflow_folder import ENDINGS, is_tests, list_workflows, same_name


@dataclass(frozen=True)
class LoadedWorkflow:
    """A valid workflow and the document it was read from.

    *path* is None for the recorded definition of a run. *warnings* are its problems that do not
    keep it from running, and those of the workflows it calls; *ignored* are its own that a comment
    leaves out. *calls* are the called workflows, by the names that it gives them; a recorded
    definition has them recorded with it.
    """

    workflow: Workflow
    document: Document
    name: str
    path: Path | None
    warnings: tuple[Problem, ...]
    calls: Mapping[str, LoadedWorkflow] = field(default_factory=dict)
    ignored: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ReadWorkflows:
    """The workflows of some files: those that are valid, those with errors, and every problem.

    Of the files with errors, each has its path; its document is None when it is not YAML.
    """

    valid: list[LoadedWorkflow]
    broken: list[CheckedFile]
    problems: list[Problem]


def load_workflow(
    path: Path, project: Project, shown_as: str | None = None, *, simulated: bool = False
) -> LoadedWorkflow:
    """Read and check the workflow file at *path*, which problems call *shown_as*.

    For a run that is *simulated*, names of almaflow.yaml are not checked: there every
    institution, channel and secret exists.

    Raises:
        DocumentsInvalid: there is an error in it; carries all its problems, warnings too.
    """
    around = CheckContext(project, None, project.document is not None and not simulated)
    shelf = WorkflowLoader(check_document)
    return _loaded(_check_file(shelf, path, shown_as or display_path(path), around))


def load_text(text: str, file: str) -> LoadedWorkflow:
    """Read the recorded definition of a run: no files and no entries of almaflow.yaml count.

    What was read stays in memory: many runs have one definition.

    Raises:
        DocumentsInvalid: there is an error in it, for this version of almaflow.
    """
    return _load_text(text, file)


@lru_cache(maxsize=64)
def _load_text(text: str, file: str) -> LoadedWorkflow:
    # A new run is recorded with the text that was read and checked a moment ago, more strictly than
    # a recorded text is.
    loaded = _IN_USE.get((text, file))
    if loaded is not None:
        return replace(loaded, path=None, warnings=(), calls={})
    around = CheckContext(Project(Path(), Settings(), None), None, False)
    return _loaded(check_document(parse_document(text, file), around))


_IN_USE: WeakValueDictionary[tuple[str, str], LoadedWorkflow] = WeakValueDictionary()
"""The valid workflows that are in use, by text and file."""


def _check_file(
    shelf: WorkflowLoader, path: Path, shown_as: str, around: CheckContext
) -> CheckedFile:
    """Return what is wrong in a file; Raises: DocumentsInvalid when it is no workflow."""
    if is_tests(path.name):
        problem = Problem(Location(shown_as), "tests-file", tests_message(shown_as))
        raise DocumentsInvalid([problem])
    if is_scenario(path):
        problem = Problem(Location(shown_as), "scenario", scenario_message(path, shown_as))
        raise DocumentsInvalid([problem])
    return as_entry(shelf.read(path, shown_as, around), around)


def _loaded(checked: CheckedFile) -> LoadedWorkflow:
    """Return what runs of a workflow that was read; Raises: DocumentsInvalid."""
    problems = checked.everything()
    if checked.document is None or checked.workflow is None or not checked.is_valid:
        raise DocumentsInvalid(problems)
    document = checked.document
    name = checked.workflow.name or name_of_file(Path(document.file))
    calls = {written: _loaded(one) for written, one in checked.calls.items()}
    loaded = LoadedWorkflow(
        checked.workflow, document, name, checked.path, tuple(problems), calls, checked.ignored
    )
    _IN_USE[document.text, document.file] = loaded
    return loaded


def load_paths(
    paths: Sequence[Path], project: Project
) -> tuple[list[LoadedWorkflow], list[Problem]]:
    """Return the valid workflows at *paths* and every problem, as `read_paths` does."""
    read = read_paths(paths, project)
    return read.valid, read.problems


def read_paths(paths: Sequence[Path], project: Project) -> ReadWorkflows:
    """Check files, and all workflow files in folders.

    An `almaflow.yaml` among them is checked as what it is. Two workflows of one name are an error.

    Raises:
        RequestWrong: a path does not exist, or a folder has no workflow file.
    """
    files, problems = files_at(paths)
    for file in files:
        if file.name == FILE_NAME:
            try:
                document = load_project(file).document
                problems.extend(document.findings if document else ())
            except DocumentsInvalid as error:
                problems.extend(error.problems)
    # The snapshot is checked below, with the project that it belongs to.
    read = _read_files(
        [one for one in files if one.name not in (FILE_NAME, SNAPSHOT_FILE)], project
    )
    problems += [*read.problems, *_same_names(read.valid)]
    if has_snapshot(project.folder):
        from almaflow.check.against_snapshot.whole_file import snapshot_problems

        problems.extend(snapshot_problems(project))
    return replace(read, problems=sorted(set(problems)))


def _read_files(files: Iterable[Path], project: Project) -> ReadWorkflows:
    """Check workflow files, each once however many call it."""
    read = ReadWorkflows([], [], [])
    shelf = WorkflowLoader(check_document)
    around = CheckContext(project, None, project.document is not None)
    for file in files:
        try:
            checked = _check_file(shelf, file, display_path(file), around)
        except DocumentsInvalid as error:
            read.problems.extend(error.problems)
            continue
        read.problems.extend(checked.everything())
        if checked.is_valid:
            read.valid.append(_loaded(checked))
        else:
            read.broken.append(replace(checked, path=file))
    return read


def others_with(text: re.Pattern[str], files: Iterable[Path], project: Project) -> ReadWorkflows:
    """Return the workflows of *project* in whose files *text* occurs, other than *files*.

    Few files are read as YAML this way, so it costs little to ask for one file of many.
    """
    known = {os.path.realpath(file) for file in files}
    folder = project.workflows
    listed = list_workflows(folder).files if os.path.isdir(folder) and known else ()
    others = (one for one in listed if os.path.realpath(one) not in known and _has(one, text))
    return _read_files(others, project)


def _has(file: Path, text: re.Pattern[str]) -> bool:
    try:
        return text.search(read_text(file, MAX_BYTES)) is not None
    except FileUnreadable:
        return False


def find_workflow(name_or_path: str, project: Project) -> Path:
    """Return the file that `run FILE|NAME` means: a path, else a workflow of the project.

    Raises:
        RequestWrong: there is no such file or name, or several files have the name.
    """
    path = Path(name_or_path)
    if path.name == FILE_NAME:
        raise RequestWrong(
            f"{FILE_NAME} has the settings of a project and is not a workflow. Specify the path of "
            "a workflow file, or the name of a workflow."
        )
    if os.path.lexists(path) and not os.path.isdir(path):
        return path
    folder = project.workflows
    listing = list_workflows(folder) if os.path.isdir(folder) else None
    files = listing.files if listing is not None else ()
    named = {file: _names(file) for file in files if _may_be_called(file, name_or_path)}
    matches = _called(name_or_path, named)
    if not matches and len(files) <= _ALL_READ:
        named = {file: _names(file) for file in files}
        matches = _called(name_or_path, named)
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = " and ".join(display_path(file) for file in matches)
        if same_name(str(matches[0])) == same_name(str(matches[1])):
            listed += how_they_differ(matches[0].name, matches[1].name)
        raise RequestWrong(f"`{name_or_path}` may be {listed}. Specify the path of one of them.")
    if os.path.isdir(path):
        raise RequestWrong(
            f"`{name_or_path}` is a folder. Specify one of the workflow files in it."
        )
    if listing is not None and listing.unreadable:
        unread, why = next(iter(listing.unreadable.items()))
        raise RequestWrong(
            f"There is no workflow `{name_or_path}` in the folders that can be read. "
            f"{display_path(unread)}: {why}"
        )
    names = {name for names in named.values() for name in names}
    if _looks_like_path(name_or_path):
        hint = did_you_mean(path.name, names_in(path.parent) or [])
        raise RequestWrong(f"There is no file `{name_or_path}`{hint or '.'}")
    hint = did_you_mean(name_or_path, names) or "."
    where = (
        f"in {display_path(folder)}"
        if os.path.isdir(folder)
        else f"and no folder {display_path(folder)}"
    )
    raise RequestWrong(
        f"There is no workflow `{name_or_path}` {where}{hint} Specify the path of a file, or "
        f"the name of a workflow{_or_begin(project)}"
    )


def with_names(paths: Iterable[Path], project: Project) -> list[Path]:
    """Return *paths* with the file of the workflow for each that is the name of one.

    Raises:
        RequestWrong: there is no such workflow, or several files have the name.
    """
    return [path if os.path.lexists(path) else _named(path, project) for path in paths]


def _named(path: Path, project: Project) -> Path:
    name = os.fspath(path)
    if not _looks_like_path(name):
        return find_workflow(name, project)
    # The name of a file in the folder of the workflows, as it is seen there.
    inside = project.workflows / name
    return inside if path.parent == Path() and os.path.lexists(inside) else path


def _or_begin(project: Project) -> str:
    if project.document is None and not os.path.isdir(project.workflows):
        return ", or create a project with `almaflow init`."
    return "."


def name_of_file(file: Path) -> str:
    """Return the name of a workflow that does not declare one."""
    return file.stem


def _looks_like_path(text: str) -> bool:
    return "/" in text or os.sep in text or text.casefold().endswith(ENDINGS)


# Reading a file as YAML takes milliseconds; of more files than this only those are read whose text
# has the name in it. The others may be suggested, or have a name that is written with escapes.
_ALL_READ = 1000


def _may_be_called(file: Path, name: str) -> bool:
    """Whether a file's own name, or its text, has *name* in it."""
    folded = same_name(name)
    if folded in map(same_name, (file.name, name_of_file(file))):
        return True
    try:
        return folded in same_name(read_text(file, MAX_BYTES))
    except FileUnreadable:
        return False


def _called(name: str, named: Mapping[Path, set[str]]) -> list[Path]:
    folded = same_name(name)
    return [file for file, names in named.items() if folded in map(same_name, names)]


def _names(file: Path) -> set[str]:
    """Return what a workflow is called by: its name, its file's with and without ending."""
    names = {printable(file.name), printable(name_of_file(file))}
    try:
        data = read_document(file, display_path(file)).data
    except DocumentsInvalid:
        return names
    name = data.get("name") if isinstance(data, dict) else None
    return {*names, name} if isinstance(name, str) else names


def files_at(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the files that *paths* mean, each once, in order, and what is wrong with folders."""
    by_real_path: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        if os.path.isdir(path) and path.name != FILE_NAME:
            listing = list_workflows(path, project_file=True)
            if not listing.files and not listing.problems and not listing.tests:
                folder = printable(os.path.abspath(path))
                raise RequestWrong(f"The folder {folder} has no workflow file (`*.yaml`, `*.yml`).")
            files: Sequence[Path] = listing.files
            problems.extend(listing.problems)
        elif os.path.lexists(path):
            # Tests and scenarios are checked by `authoring`, which knows how runs are simulated.
            files = [] if is_tests(path.name) or is_scenario(path) else [path]
        else:
            raise RequestWrong(nothing_at(path))
        for file in files:
            by_real_path.setdefault(os.path.realpath(file), file)
    return list(by_real_path.values()), problems


def nothing_at(path: Path) -> str:
    """Return what a person reads whose *path* is not there, with the one that may be meant."""
    if any(one in path.name for one in "*?["):
        return (
            f"No file fits `{display_path(path)}`, so the shell passed it on unchanged. Specify a "
            "file, a folder of workflows, or the name of a workflow."
        )
    hint = did_you_mean(path.name, names_in(path.parent) or [])
    with_slashes = os.fspath(path).replace("\\", "/")
    if with_slashes != os.fspath(path) and os.path.lexists(with_slashes):
        hint = f"; did you mean `{with_slashes}`?"
    return f"There is no file or folder `{display_path(path)}`{hint or '.'}"


def _same_names(loaded: Iterable[LoadedWorkflow]) -> Iterator[Problem]:
    first: dict[str, LoadedWorkflow] = {}
    for workflow in loaded:
        other = first.setdefault(same_name(workflow.name), workflow)
        if other is not workflow:
            document = workflow.document
            place = document.location_of(("name",) if document.has(("name",)) else ())
            yield document.problem(
                place,
                "duplicate-name",
                f"Two workflows have the name `{workflow.name}`. The other one is in "
                f"{other.document.file}{how_they_differ(workflow.name, other.name)}. Give each a "
                "different `name`.",
                Severity.ERROR,
            )


def how_they_differ(name: str, other: str) -> str:
    """Return, as a part of a sentence, how two names differ that look alike; else nothing."""
    if name == other:
        return ""
    return f" (accents are encoded differently: {name!a} and {other!a})"
