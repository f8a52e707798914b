"""The workflow files that `serve` runs: read when they change, the last good version kept.

What is read is kept in the store as well, so that a file that is invalid when `serve` starts runs
as it did when it was last valid.
"""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from almaflow.errors import AlmaflowError, DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.plan import make_definition, payload_names
from almaflow.problems import Severity
from almaflow.settings import FILE_NAME, Project
from almaflow.store import Schedule, Store, WorkflowSource
from almaflow.text_files import printable
from almaflow.timetable import Calendar
from almaflow.timetable_entries import TimetableEntry, calendars_of_json, entries_of
from almaflow.workflow_folder import Listing, list_workflows, same_name
from almaflow.workflow_loader import LoadedWorkflow, how_they_differ, load_text, load_workflow

Signature = tuple[tuple[str, int, int, int], ...]
"""What tells that files have changed: path, time of the last change (ns), size and inode."""


@dataclass(frozen=True)
class ActiveWorkflow:
    """An active workflow: what its ticks follow from and what their runs execute."""

    path: str
    """Its file, relative to the project's folder."""
    loaded: LoadedWorkflow
    definition: Mapping[str, Any]
    entries: tuple[TimetableEntry, ...]
    problem: str = ""
    """What is wrong with the file now; this is then how it was when it was last valid."""

    @property
    def name(self) -> str:
        return self.loaded.name


@dataclass(frozen=True)
class WorkflowSnapshot:
    """All workflow files of a project, as they were read together."""

    active: Mapping[str, ActiveWorkflow] = field(default_factory=dict)
    """By the workflow's name."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by file, whether its last valid version is active or it was never valid."""
    files: frozenset[str] = frozenset()
    """Every workflow file that is there."""

    def news(self, before: WorkflowSnapshot | None) -> Iterator[tuple[str, str, bool]]:
        """Yield the files that have another problem than *before*, or none any more.

        Each has its path, its problem, and whether its last valid version is active.
        """
        known = before.problems if before is not None else {}
        active = {one.path for one in self.active.values()}
        for path, problem in self.problems.items():
            if known.get(path) != problem:
                yield path, problem, path in active
        for path in known:
            if path not in self.problems and path in self.files:
                yield path, "", True


class WorkflowWatcher:
    """Reads the workflow files of one project; what has not changed is not read again."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._read: dict[str, tuple[Signature, ActiveWorkflow]] = {}

    def signature(self) -> Signature:
        """Return what tells whether anything has changed since."""
        listing = list_workflows(self._project.workflows)
        watched = {str(path) for path in listing.files}
        watched |= {path for seen, _ in self._read.values() for path, *_ in seen}
        if self._project.document is not None:
            watched.add(str(self._project.folder / FILE_NAME))
        # Files in a folder that is not listed any more may be there all the same.
        return (*_signature(watched), *((str(one), -1, 0, 0) for one in listing.unreadable))

    def read(
        self,
        sources: Iterable[WorkflowSource],
        kept: Callable[[WorkflowSource], ActiveWorkflow | None],
    ) -> WorkflowSnapshot:
        """Read all files; *kept* brings back how a file was when it was last valid."""
        with _no_collection():
            return self._read_all({source.path: source for source in sources}, kept)

    def _read_all(
        self,
        known: Mapping[str, WorkflowSource],
        kept: Callable[[WorkflowSource], ActiveWorkflow | None],
    ) -> WorkflowSnapshot:
        valid: dict[str, ActiveWorkflow] = {}
        listing = list_workflows(self._project.workflows)
        problems = self._problems_of_folders(listing, known)
        files = {self._name(path): path for path in listing.files}
        for name, path in files.items():
            read = self._read_one(name, path)
            if isinstance(read, ActiveWorkflow):
                valid[name] = read
            else:
                problems[name] = read
        active = _each_name_once(valid, known, problems)
        for name in problems:
            source = known.get(name)
            old = kept(source) if source is not None else None
            if old is not None and old.name not in active:
                active[old.name] = replace(old, problem=problems[name])
        return WorkflowSnapshot(active, problems, frozenset(files))

    def _read_one(self, name: str, path: Path) -> ActiveWorkflow | str:
        """Return a valid file, or what is wrong with it."""
        try:
            return self._read_valid(name, path)
        except DocumentsInvalid as error:
            return _describe(error)
        except AlmaflowError as error:
            return str(error)
        except Exception as error:
            # A defect of ours that one file brings out must not stop the others' timetables. The
            # text names where, for a report; it is logged, notified and shown as the file's.
            place = traceback.extract_tb(error.__traceback__)[-1]
            return (
                f"{name}: almaflow failed on this file with {type(error).__name__} in "
                f"{Path(place.filename).name}:{place.lineno}. This is a defect of almaflow; please "
                "report it. `almaflow validate` writes a report."
            )

    def _problems_of_folders(
        self, listing: Listing, known: Mapping[str, WorkflowSource]
    ) -> dict[str, str]:
        """Return what is wrong with folders; what was in them before is not gone, but unread."""
        problems: dict[str, str] = {}
        for folder, message in listing.unreadable.items():
            name = self._name(folder)
            inside = [path for path in known if name == "." or path.startswith(f"{name}/")]
            problems |= dict.fromkeys([name, *inside], f"{name}: {message}")
        return problems

    def _read_valid(self, name: str, path: Path) -> ActiveWorkflow:
        """Return a valid file; Raises: DocumentsInvalid, RequestWrong."""
        seen = self._read.get(name)
        if seen is not None and _signature(path for path, *_ in seen[0]) == seen[0]:
            return seen[1]
        before = _signature([str(path)])
        loaded = load_workflow(path, self._project, name)
        # The commit is asked for when a run is made: it may be another one by then.
        definition = make_definition(loaded, self._project, lambda folder: None)
        entries = tuple(entries_of(loaded.name, loaded.workflow, self._project))
        watched = {*_files_of(loaded), *self._calendar_files(entries)}
        signature = _signature({str(path), *watched})
        active = ActiveWorkflow(name, loaded, definition, entries)
        if before == _signature([str(path)]):
            self._read[name] = (signature, active)
        return active

    def _calendar_files(self, entries: Iterable[TimetableEntry]) -> Iterator[str]:
        known = self._project.settings.calendars
        for calendar in (one for entry in entries for one in entry.calendars):
            ics = known[calendar.name].ics if calendar.name in known else None
            if ics is not None:
                yield str(self._project.folder / ics)

    def _name(self, path: Path) -> str:
        return printable(Path(os.path.relpath(path, self._project.folder)).as_posix())


def _each_name_once(
    valid: Mapping[str, ActiveWorkflow],
    known: Mapping[str, WorkflowSource],
    problems: dict[str, str],
) -> dict[str, ActiveWorkflow]:
    """Return the files by their workflows' names; a file that had a name before keeps it.

    What is refused is noted among *problems*, which has the files that are invalid.
    """
    by_name: dict[str, list[ActiveWorkflow]] = {}
    for one in valid.values():
        by_name.setdefault(same_name(one.name), []).append(one)
    active: dict[str, ActiveWorkflow] = {}
    for name, claiming in by_name.items():
        holders = [path for path, one in known.items() if same_name(one.workflow) == name]
        holder = next((path for path in holders if path in valid or path in problems), None)
        paths = {one.path for one in claiming}
        for one in claiming:
            if one.path == holder or (len(paths) == 1 and holder is None):
                active[one.name] = one
            elif holder is not None and holder in valid and same_name(valid[holder].name) != name:
                # The file that had the name has another one now.
                active.setdefault(one.name, one)
            else:
                others = sorted({*paths, *([holder] if holder else [])} - {one.path})
                problems[one.path] = (
                    f"{one.path}: two workflows are named `{one.name}`, the other one in "
                    f"{' and '.join(others)}{_difference(one, claiming)}. Give each a "
                    "different `name`."
                )
    return active


def _difference(active: ActiveWorkflow, claiming: Iterable[ActiveWorkflow]) -> str:
    return next(filter(None, (how_they_differ(active.name, other.name) for other in claiming)), "")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause garbage collection: a hundred files make many objects, and nearly all stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _signature(paths: Iterable[str]) -> Signature:
    return tuple(sorted(_stamp(path) for path in set(paths)))


def _stamp(path: str) -> tuple[str, int, int, int]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (path, 0, 0, 0)
    return (path, status.st_mtime_ns, status.st_size, status.st_ino)


def _files_of(loaded: LoadedWorkflow) -> Iterator[str]:
    """Yield every file that a run of *loaded* executes: itself, what it calls, payloads."""
    if loaded.path is not None:
        yield str(loaded.path.absolute())
        for name in payload_names(loaded.workflow):
            yield str((loaded.path.parent / name).absolute())
    for called in loaded.calls.values():
        yield from _files_of(called)


def _describe(error: DocumentsInvalid) -> str:
    """Return the first error of a file, and how many more there are."""
    errors = [one for one in error.problems if one.severity is Severity.ERROR]
    more = f" ({len(errors) - 1} more: `almaflow validate`)" if len(errors) > 1 else ""
    return f"{errors[0]}{more}"


def last_good(
    store: Store, project: Project, schedules: Iterable[Schedule]
) -> Callable[[WorkflowSource], ActiveWorkflow | None]:
    """Return what brings back, from the store, how a file was when it was last valid.

    Calendars that almaflow.yaml does not have any more are those of the active *schedules*.
    """
    calendars: dict[str, dict[str, Calendar]] = {}
    for schedule in schedules:
        calendars.setdefault(schedule.workflow, {}).update(calendars_of_json(schedule.timing))

    def bring_back(source: WorkflowSource) -> ActiveWorkflow | None:
        definition = store.definition(source.definition)
        try:
            loaded = load_text(definition["text"], definition["file"])
            named = LoadedWorkflow(
                loaded.workflow, loaded.document, source.workflow, None, (), loaded.calls
            )
            entries = entries_of(
                source.workflow, loaded.workflow, project, calendars.get(source.workflow, {})
            )
        except (DocumentsInvalid, RequestWrong):
            # This almaflow, or these settings, cannot run it any more; the file's problem is
            # reported.
            return None
        return ActiveWorkflow(source.path, named, definition, tuple(entries))

    return bring_back


def changed_sources(
    reading: WorkflowSnapshot, sources: Iterable[WorkflowSource], now: datetime
) -> tuple[list[tuple[WorkflowSource, Mapping[str, Any] | None]], list[str]]:
    """Return what is to be kept in the store, each with its definition, and what to drop.

    A definition of None is that of the row as it is.
    """
    known = {source.path: source for source in sources}
    keep: list[tuple[WorkflowSource, Mapping[str, Any] | None]] = []
    for name, one in reading.active.items():
        old = known.get(one.path)
        if one.problem:
            if old is not None and old.problem != one.problem:
                keep.append((replace(old, problem=one.problem), None))
            continue
        source = WorkflowSource(path=one.path, workflow=name, definition="", read_at=now)
        keep.append((source, one.definition))
    active = {one.path for one in reading.active.values()}
    return keep, [path for path in known if path not in active]
