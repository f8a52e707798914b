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
from almaflow.authoring.revisions.request_changes import (
    PlannedRun,
    planned_run,
    request_changes,
)
from almaflow.authoring.revisions.sides import Side
from almaflow.authoring.revisions.step_changes import paired_paths, step_changes
from almaflow.authoring.revisions.step_facts import StepFacts, steps_of
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
        changed = {new_path for _, new_path in pairs if new_path} - set(self._same(old, new, pairs))
        compared = [self._workflow(old, new, *pair, changed) for pair in pairs]
        return ProjectDiff(
            old.label,
            new.label,
            tuple(one for one in compared if one is not None and not one.is_empty),
            grouped(settings, _PROJECT_HEADINGS, _OTHER),
            tuple(sorted(_same_meaning(old, new, pairs, compared))),
            tuple(_problems(old, new)),
            tuple(_uncompared(old, new)),
            (*old.remarks, *new.remarks),
        )

    def _same(
        self, old: Side, new: Side, pairs: list[tuple[str | None, str | None]]
    ) -> Iterator[str]:
        """Yield the workflows of the newer side that are the same as before, with their files."""
        for old_path, new_path in pairs:
            if old_path and new_path:
                before, after = old.workflows[old_path], new.workflows[new_path]
                if _everything(before, old) == _everything(after, new):
                    yield new_path

    def _workflow(
        self,
        old: Side,
        new: Side,
        old_path: str | None,
        new_path: str | None,
        changed: set[str],
    ) -> WorkflowChange | None:
        """Return how a workflow differs; None when it is the same to the letter."""
        before = old.workflows[old_path] if old_path else None
        after = new.workflows[new_path] if new_path else None
        if before is not None and after is not None:
            return self._both(old, new, before, after, str(old_path), str(new_path), changed)
        side, loaded = (new, after) if after is not None else (old, before)
        assert loaded is not None
        return WorkflowChange(
            Action.ADDED if after is not None else Action.REMOVED,
            loaded.name,
            str(new_path or old_path),
            ticks=tick_changes(
                None if before is None else (old, before),
                None if after is None else (new, after),
                self.now,
            ),
            remarks=tuple(_summary(loaded, side)) if after is not None else (),
        )

    def _both(
        self,
        old: Side,
        new: Side,
        before: LoadedWorkflow,
        after: LoadedWorkflow,
        old_path: str,
        new_path: str,
        changed: set[str],
    ) -> WorkflowChange | None:
        ticks = tick_changes((old, before), (new, after), self.now)
        renamed = before.name != after.name or old_path != new_path
        if new_path not in changed and not renamed and ticks is None:
            return None
        settings = field_changes(_workflow_facts(before), _workflow_facts(after))
        old_steps = steps_of(before, old.project.folder)
        new_steps = steps_of(after, new.project.folder)
        requests, outcomes, remarks = self._requests(
            old, new, before, after, paired_paths(old_steps, new_steps)
        )
        return WorkflowChange(
            Action.RENAMED if renamed else Action.CHANGED,
            after.name,
            new_path,
            before.name if renamed else "",
            old_path if renamed else "",
            grouped(settings, _WORKFLOW_HEADINGS, _OTHER),
            step_changes(old_steps, new_steps),
            requests,
            ticks,
            outcomes,
            remarks,
        )

    def _requests(
        self,
        old: Side,
        new: Side,
        before: LoadedWorkflow,
        after: LoadedWorkflow,
        paths: Mapping[str, str],
    ) -> tuple[tuple[RequestChange, ...], FieldChange | None, tuple[str, ...]]:
        """Return how requests and the simulated outcome differ, or why they are not compared."""
        scenario = _scenario(new, after) or _scenario(old, before) or Scenario()
        scenario = scenario.model_copy(update={"everything_exists": True})
        runs: list[PlannedRun] = []
        for side, loaded in ((old, before), (new, after)):
            start = scenario.starts_at or self.now
            inputs = _inputs(loaded, self.inputs)
            situation = Situation(
                loaded, scenario.model_copy(update={"starts_at": start}), start, inputs
            )
            try:
                runs.append(planned_run(situation, self.player(side.project)))
            except AlmaflowError as error:
                return (), None, (f"Requests are not compared. {side.label}: {error}",)
        first, second = runs
        outcomes = None
        if (first.outcome, first.error) != (second.outcome, second.error):
            outcomes = FieldChange("simulated run", _ending(first), _ending(second))
        return request_changes(first, second, paths), outcomes, ()


def _summary(loaded: LoadedWorkflow, side: Side) -> Iterator[str]:
    """Yield what a new workflow is, as lines."""
    steps = steps_of(loaded, side.project.folder)
    kinds = ", ".join(dict.fromkeys(one.kind for one in steps))
    yield f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}: {kinds}"
    with suppress(RequestWrong):
        entries = entries_of(loaded.name, loaded.workflow, side.project)
        yield from (f"runs {entry.words()}" for entry in entries)
    for rule in loaded.workflow.notify:
        yield f"notifies {rule.to} of {', '.join(rule.on)}"


def _ending(run: PlannedRun) -> str:
    return f"{run.outcome}: {run.error}" if run.error else run.outcome


def _inputs(loaded: LoadedWorkflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a simulated run: those of the first schedule entry, and *given*."""
    entries = loaded.workflow.schedule
    scheduled = dict(entries[0].inputs) if entries else {}
    declared = loaded.workflow.inputs
    return scheduled | {name: value for name, value in given.items() if name in declared}


def _scenario(side: Side, loaded: LoadedWorkflow) -> Scenario | None:
    """Return the scenario next to a workflow; None when there is none, or it has mistakes."""
    try:
        return scenario_beside(side.project, loaded)
    except DocumentsInvalid:
        return None


# --- which workflow is which ----------------------------------------------------------------------


def _paired(old: Side, new: Side) -> Iterator[tuple[str | None, str | None]]:
    """Yield the paths of each workflow in both revisions, in the order of the newer one's paths.

    The same path comes first, then the same name, then most facts in common. What is invalid on
    one side is in neither: its problems are shown.
    """
    invalid = {*old.invalid, *new.invalid}
    gone = [path for path in old.workflows if path not in new.workflows and path not in invalid]
    made = [path for path in new.workflows if path not in old.workflows and path not in invalid]
    found = dict(_renamed(old, new, gone, made))
    for path in sorted({*old.workflows, *new.workflows} - invalid):
        if path in old.workflows and path in new.workflows:
            yield path, path
        elif path in found:
            yield found[path], path
        elif path in made:
            yield None, path
        elif path not in found.values():
            yield path, None


def _renamed(old: Side, new: Side, gone: list[str], made: list[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of a new path and the path that the workflow had before."""
    scored = []
    for path in made:
        for before in gone:
            one, other = old.workflows[before], new.workflows[path]
            likeness = 2.0 if one.name == other.name else _likeness(one, other, old, new)
            scored.append((-likeness, path, before))
    taken: set[str] = set()
    for score, path, before in sorted(scored):
        if -score >= _ALIKE and path not in taken and before not in taken:
            taken |= {path, before}
            yield path, before


def _likeness(one: LoadedWorkflow, other: LoadedWorkflow, old: Side, new: Side) -> float:
    first = _flat(one, steps_of(one, old.project.folder))
    second = _flat(other, steps_of(other, new.project.folder))
    return len(first & second) / max(1, len(first | second))


def _flat(loaded: LoadedWorkflow, steps: tuple[StepFacts, ...] | Any) -> set[tuple[str, str, str]]:
    facts = {("", key, text) for key, text in _workflow_facts(loaded).items()}
    return facts | {(one.path, key, text) for one in steps for key, text in one.facts.items()}


def _everything(loaded: LoadedWorkflow, side: Side) -> tuple[Any, ...]:
    """Return all that a run of a workflow follows from, but the timetable."""
    steps = steps_of(loaded, side.project.folder)
    inside = tuple(_everything(one, side) for one in loaded.calls.values())
    own = tuple((one.path, one.block, one.kind, tuple(one.facts.items())) for one in steps)
    return (loaded.name, tuple(_workflow_facts(loaded).items()), own, inside)


def _workflow_facts(loaded: LoadedWorkflow) -> Facts:
    return facts_of(loaded.workflow, leave_out=("steps", "finally", "name"))


def _project_facts(side: Side) -> Facts:
    return {} if side.problems else facts_of(side.project.settings)


def _same_meaning(
    old: Side,
    new: Side,
    pairs: list[tuple[str | None, str | None]],
    compared: list[WorkflowChange | None],
) -> Iterator[str]:
    """Yield the files whose text differs and whose meaning does not."""
    for (old_path, new_path), change in zip(pairs, compared, strict=True):
        if old_path and new_path and (change is None or change.is_empty):
            before, after = old.workflows[old_path], new.workflows[new_path]
            if before.document.text != after.document.text:
                yield new_path


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
