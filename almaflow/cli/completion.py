"""What shells complete: workflows, runs, steps, jobs and institutions of the project.

Nothing here writes, asks the network or prints: a shell that completes shows no error, so one is
the same as no suggestion. Only what a suggestion needs is imported.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass

if TYPE_CHECKING:
    from almaflow.settings import Project
    from almaflow.store import Store

MOST = 100
"""Suggestions of one kind that are offered."""

_NAME = re.compile(r"^name:[ \t]*[\"']?([^\"'#\n]+?)[\"']?[ \t]*(?:#.*)?$", re.MULTILINE)
_HEAD = 4096
_BUSY_SECONDS = 0.2


@dataclass(frozen=True)
class Suggestion:
    """One suggestion, as the library of the command line reads it."""

    value: str
    help: str = ""
    type: str = "plain"


Completer = Callable[[Any], Iterator[Suggestion]]
"""Yields all suggestions, whatever was typed; receives the context of the command line."""


def completer_of(command: str, param: str) -> Completer | None:
    """Return what completes a parameter of a command; None: the shell's own files."""
    if param == "institution" and command not in ("init", "simulator"):
        return _institutions
    return _COMPLETERS.get((command, param)) or _OF_ANY.get(param)


def complete(completer: Completer, context: Any, incomplete: str) -> list[Suggestion]:
    """Return the suggestions that begin with what was typed; none after an error."""
    found: list[Suggestion] = []
    # Whatever is wrong with the project, the command itself will report it.
    with contextlib.suppress(AlmaflowError, OSError, ValueError):
        for one in completer(context):
            if one.value.startswith(incomplete) and one.value.isprintable():
                found.append(one)
            if len(found) >= MOST:
                break
    return found


def _project() -> Project:
    # Not by way of the commands' own search, which prints where the settings are.
    from almaflow.settings import find_project

    return find_project(Path.cwd())


def _institutions(context: Any) -> Iterator[Suggestion]:
    for name in _project().institutions:
        yield Suggestion(name)


def _workflows(context: Any) -> Iterator[Suggestion]:
    from almaflow.workflow_folder import list_workflows

    project = _project()
    if os.path.isdir(project.workflows):
        for file in list_workflows(project.workflows).files:
            yield Suggestion(_name_in(file) or file.stem)


def _name_in(file: Path) -> str:
    """Return the name that a workflow file declares near its top; reading it as YAML is slow."""
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        found = _NAME.search(stream.read(_HEAD).decode("utf-8", "replace"))
    return found[1].strip() if found else ""


@contextlib.contextmanager
def _store() -> Iterator[Store | None]:
    """Open the project's store if it is a file that exists; another one is behind a network."""
    from datetime import timedelta

    from almaflow.clock import SystemClock
    from almaflow.store import Store, read_url

    url = _project().store_url
    file = read_url(url).file
    if file is None or not os.path.isfile(file):
        yield None
        return
    store = Store.open(url, clock=SystemClock(), busy_timeout=timedelta(seconds=_BUSY_SECONDS))
    try:
        yield store
    finally:
        store.close()


def _runs(context: Any) -> Iterator[Suggestion]:
    with _store() as store:
        if store is None:
            return
        runs = store.runs(limit=MOST)
        if runs:
            yield Suggestion("last", "the newest run")
        for run in runs:
            yield Suggestion(run.id, f"{run.workflow}: {run.outcome or run.status}")


def _runs_and_workflows(context: Any) -> Iterator[Suggestion]:
    yield from _workflows(context)
    yield from _runs(context)


def _steps(context: Any) -> Iterator[Suggestion]:
    """Yield the steps that a run has begun."""
    # After an option without its value, what is in front of it is not assigned yet.
    named = context.params.get("run") or next(iter(context.args), None)
    with _store() as store:
        if store is None or not named:
            return
        run = store.find_run(named)
        for path in dict.fromkeys(entry.path for entry in store.journal(run.id) if entry.path):
            yield Suggestion(path)


def _jobs(context: Any) -> Iterator[Suggestion]:
    from almaflow.snapshot.files import snapshot_in

    snapshot = snapshot_in(_project().folder)
    sections = snapshot.sections.values() if snapshot is not None else ()
    known = {job.id: job.name for section in sections for job in section.jobs}
    if not known:
        from almaflow.alma.simulator.library import MANUAL_JOBS

        known = {job.id: job.name for job in MANUAL_JOBS}
    yield from (Suggestion(id, name) for id, name in known.items())


_OF_ANY: dict[str, Completer] = {"run": _runs}
_COMPLETERS: dict[tuple[str, str], Completer] = {
    **{(name, "file"): _workflows for name in ("run", "plan", "graph")},
    **{(name, "paths"): _workflows for name in ("test", "validate")},
    **{(name, "name"): _workflows for name in ("next", "pause", "unpause", "skip-next", "ticks")},
    **{(name, "workflow"): _workflows for name in ("next", "ticks", "runs")},
    ("why", "run"): _runs_and_workflows,
    ("approve", "step"): _steps,
    ("resolve", "step"): _steps,
    ("retry", "start"): _steps,
    ("jobs", "job"): _jobs,
    ("new", "job"): _jobs,
    ("import-payload", "job"): _jobs,
}
