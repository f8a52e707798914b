"""The comparison of two revisions of a project, workflow by workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from almaflow.alma.simulator import Scenario
from almaflow.authoring.revisions.changes import (
    Action,
    FieldChange,
    ProjectDiff,
    RequestChange,
    WorkflowChange,
    field_changes,
    grouped,
)
from almaflow.authoring.revisions.facts import Facts, facts_of
from almaflow.authoring.revisions.request_changes import PlannedRun, planned_run, request_changes
from almaflow.authoring.revisions.sides import Side, Version
from almaflow.authoring.revisions.step_changes import paired_paths, step_changes
from almaflow.authoring.revisions.tick_changes import tick_changes
from almaflow.authoring.workflow_tests.running import Player, Situation, scenario_beside
from almaflow.document import MAX_BYTES
from almaflow.errors import AlmaflowError, DocumentsInvalid, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem
from almaflow.settings import FILE_NAME, Project
from almaflow.text_files import FileUnreadable, read_bytes
from almaflow.timetable_entries import entries_of
from almaflow.workflow_loader import LoadedWorkflow

_WORKFLOW_HEADINGS = {
    **dict.fromkeys(("institution", "environment"), "institution and environment"),
    **dict.fromkeys(("schedule", "timezone", "on", "overlap", "pause_after"), "timetable"),
    **dict.fromkeys(("timeout", "defaults"), "limits"),
    **dict.fromkeys(("notify", "ping"), "who is notified"),
    **dict.fromkeys(("inputs", "vars"), "inputs"),
    "outputs": "outputs",
}
_PROJECT_HEADINGS = {
    **dict.fromkeys(("institutions", "default_institution"), "institutions"),
    **dict.fromkeys(("timezone", "calendars"), "timetable"),
    **dict.fromkeys(("channels", "pings", "serve"), "who is notified"),
    **dict.fromkeys(("secrets", "connections"), "connections and secrets"),
}
_OTHER = "other"
# How much two workflows have in common (0 to 1) of which one is the other under a new name.
_ALIKE = 0.6


@dataclass(frozen=True)
class Comparison:
    """What is needed to compare: how runs are played on each side, inputs, and the time.

    *player* returns what plays runs of a project. *inputs* are given to the workflows that declare
    them. Ticks are compared after *now*, and simulated runs begin then.
    """

    player: Callable[[Project], Player]
    inputs: Mapping[str, Any]
    now: datetime
    with_settings: bool = True
    """Whether almaflow.yaml is compared too."""

    def of(self, old: Side, new: Side) -> ProjectDiff:
        """Compare two sides."""
        settings = field_changes(_project_facts(old), _project_facts(new))
        if not self.with_settings or old.problems or new.problems:
            settings = ()
        pairs = list(_paired(old, new))
        compared = [self._workflow(*pair) for pair in pairs]
        return ProjectDiff(
            old.label,
            new.label,
            tuple(one for one in compared if one is not None and not one.is_empty),
            grouped(settings, _PROJECT_HEADINGS, _OTHER),
            tuple(sorted(_same_meaning(pairs, compared))),
            tuple(_problems(old, new)),
            tuple(_uncompared(old, new)),
            (*old.remarks, *new.remarks),
        )

    def _workflow(self, old: Version | None, new: Version | None) -> WorkflowChange | None:
        """Return how a workflow differs; None when it is the same to the letter."""
        if old is not None and new is not None:
            return self._both(old, new)
        one = new or old
        assert one is not None
        return WorkflowChange(
            Action.REMOVED if new is None else Action.ADDED,
            one.loaded.name,
            one.path,
            ticks=tick_changes(old, new, self.now),
            remarks=() if new is None else tuple(_summary(new)),
        )

    def _both(self, old: Version, new: Version) -> WorkflowChange | None:
        ticks = tick_changes(old, new, self.now)
        renamed = old.loaded.name != new.loaded.name or old.path != new.path
        if not renamed and ticks is None and _everything(old) == _everything(new):
            return None
        requests, outcomes, remarks = self._requests(old, new)
        return WorkflowChange(
            Action.RENAMED if renamed else Action.CHANGED,
            new.loaded.name,
            new.path,
            old.loaded.name if renamed else "",
            old.path if renamed else "",
            grouped(field_changes(old.facts, new.facts), _WORKFLOW_HEADINGS, _OTHER),
            step_changes(old.steps, new.steps),
            requests,
            ticks,
            outcomes,
            remarks,
        )

    def _requests(
        self, old: Version, new: Version
    ) -> tuple[tuple[RequestChange, ...], FieldChange | None, tuple[str, ...]]:
        """Return how requests and the simulated outcome differ, or why they are not compared."""
        scenario = _scenario(new) or _scenario(old) or Scenario()
        start = scenario.starts_at or self.now
        scenario = scenario.model_copy(update={"everything_exists": True, "starts_at": start})
        runs: list[PlannedRun] = []
        for one in (old, new):
            situation = Situation(one.loaded, scenario, start, _inputs(one.loaded, self.inputs))
            try:
                runs.append(planned_run(situation, self.player(one.side.project)))
            except AlmaflowError as error:
                return (), None, (f"Requests are not compared. {one.side.label}: {error}",)
        first, second = runs
        outcomes = None
        if (first.outcome, first.error) != (second.outcome, second.error):
            outcomes = FieldChange("simulated run", _ending(first), _ending(second))
        paths = paired_paths(old.steps, new.steps)
        return request_changes(first, second, paths), outcomes, ()


def _summary(new: Version) -> Iterator[str]:
    """Yield what a new workflow is, as lines."""
    kinds = ", ".join(dict.fromkeys(one.kind for one in new.steps))
    yield f"{len(new.steps)} {'step' if len(new.steps) == 1 else 'steps'}: {kinds}"
    with suppress(RequestWrong):
        entries = entries_of(new.loaded.name, new.loaded.workflow, new.side.project)
        yield from (f"runs {entry.words()}" for entry in entries)
    for rule in new.loaded.workflow.notify:
        yield f"notifies {rule.to} of {', '.join(rule.on)}"


def _ending(run: PlannedRun) -> str:
    return f"{run.outcome}: {run.error}" if run.error else run.outcome


def _inputs(loaded: LoadedWorkflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a simulated run: those of the first schedule entry, and *given*."""
    entries = loaded.workflow.schedule
    scheduled = dict(entries[0].inputs) if entries else {}
    declared = loaded.workflow.inputs
    return scheduled | {name: value for name, value in given.items() if name in declared}


def _scenario(one: Version) -> Scenario | None:
    """Return the scenario next to a workflow; None when there is none, or it has mistakes."""
    try:
        return scenario_beside(one.side.project, one.loaded)
    except DocumentsInvalid:
        return None


# --- which workflow is which ----------------------------------------------------------------------


def _paired(old: Side, new: Side) -> Iterator[tuple[Version | None, Version | None]]:
    """Yield each workflow in both revisions, in the order of the newer one's paths.

    The same path comes first, then the same name, then most facts in common. What is invalid on
    one side is in neither: its problems are shown.
    """
    invalid = {*old.invalid, *new.invalid}
    gone = [path for path in old.workflows if path not in new.workflows and path not in invalid]
    made = [path for path in new.workflows if path not in old.workflows and path not in invalid]
    found = dict(_renamed(old, new, gone, made))
    for path in sorted({*old.workflows, *new.workflows} - invalid):
        if path not in found.values():
            yield old.version(found.get(path, path)), new.version(path)


def _renamed(old: Side, new: Side, gone: list[str], made: list[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of a new path and the path that the workflow had before."""
    scored = []
    for path in made:
        for before in gone:
            one, other = old.version(before), new.version(path)
            assert one is not None
            assert other is not None
            likeness = 2.0 if one.loaded.name == other.loaded.name else _likeness(one, other)
            scored.append((-likeness, path, before))
    taken: set[str] = set()
    for score, path, before in sorted(scored):
        if -score >= _ALIKE and path not in taken and before not in taken:
            taken |= {path, before}
            yield path, before


def _likeness(one: Version, other: Version) -> float:
    first, second = _flat(one), _flat(other)
    return len(first & second) / max(1, len(first | second))


def _flat(one: Version) -> set[tuple[str, str, str]]:
    facts = {("", key, text) for key, text in one.facts.items()}
    return facts | {(it.path, key, text) for it in one.steps for key, text in it.facts.items()}


def _everything(one: Version) -> tuple[Any, ...]:
    """Return all that a run of a workflow follows from, but the timetable."""
    calls = one.loaded.calls.values()
    inside = tuple(_everything(Version(one.side, one.path, called)) for called in calls)
    own = tuple((it.path, it.block, it.kind, tuple(it.facts.items())) for it in one.steps)
    return (one.loaded.name, tuple(one.facts.items()), own, inside)


def _project_facts(side: Side) -> Facts:
    return {} if side.problems else facts_of(side.project.settings)


def _same_meaning(
    pairs: list[tuple[Version | None, Version | None]], compared: list[WorkflowChange | None]
) -> Iterator[str]:
    """Yield the files whose text differs and whose meaning does not."""
    for (old, new), change in zip(pairs, compared, strict=True):
        if old is None or new is None or (change is not None and not change.is_empty):
            continue
        if old.loaded.document.text != new.loaded.document.text:
            yield new.path


def _problems(old: Side, new: Side) -> Iterator[Problem]:
    """Yield the problems of the newer side, and those of the older one that are not the same."""
    yield from new.problems
    for problems in new.invalid.values():
        yield from problems
    if _is_other(old, new, FILE_NAME):
        yield from old.problems
    for path, problems in old.invalid.items():
        if _is_other(old, new, path):
            yield from problems


def _uncompared(old: Side, new: Side) -> Iterator[str]:
    paths = {*old.invalid, *new.invalid}
    paths |= {FILE_NAME} if old.problems or new.problems else set()
    yield from (path for path in sorted(paths) if _is_other(old, new, path))


def _is_other(old: Side, new: Side, path: str) -> bool:
    """Whether a file differs between the two sides, apart from the ends of its lines."""
    return _lines(old.folder / path) != _lines(new.folder / path)


def _lines(file: Path) -> list[bytes] | None:
    try:
        return read_bytes(file, MAX_BYTES).splitlines()
    except FileUnreadable:
        return None
