"""The steps of a run as rows of the live view; `live_view.py` draws them.

A `for_each` with many iterations has rows only for those in progress and some failed ones.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan
from almaflow.runs.events import EventKind, RunEvent
from almaflow.runs.step_tree import ANY, Order, StepPosition, StepTree
from almaflow.runs.step_views import StepView

# In a loop with more iterations, those that ended well are hidden, and at most this number of
# failed ones is shown.
_FEW = 6


@dataclass
class StepRow:
    """The row of one step."""

    path: str
    label: str
    kind: str
    detail: str
    order: Order = ()
    around: tuple[str, ...] = ()
    """The paths of the steps around it."""
    inside: tuple[tuple[str, str], ...] = ()
    """The loops around it, with the number of its iteration in each."""
    status: Status = Status.QUEUED
    outcome: Outcome | None = None
    percent: float | None = None
    progress: str = ""
    counters: str = ""
    waiting: Mapping[str, Any] = field(default_factory=dict)
    """The wait that `detail` names, as `Waiting.to_json` gives it."""
    last_remark: str = ""
    """The last remark of the step."""
    began_at: datetime | None = None
    seconds: float | None = None

    @property
    def awaited(self) -> str:
        """What the step waits for, without Alma's status if the progress shows the same status."""
        status = self.waiting.get("status", "")
        return self.waiting["text"] if status and status == self.progress else self.detail

    @property
    def is_active(self) -> bool:
        """Whether it has begun and not ended."""
        return self.outcome is None and self.status is not Status.QUEUED

    @property
    def is_bad(self) -> bool:
        """Whether it ended badly."""
        return self.outcome is not None and not self.outcome.is_good


@dataclass
class _Loop:
    """The iterations of one `for_each` that have begun, by number."""

    iterations: dict[str, list[StepRow]] = field(default_factory=dict)

    def running(self) -> list[str]:
        """Return the iterations in progress."""
        return [
            number for number, rows in self.iterations.items() if any(row.is_active for row in rows)
        ]

    def visible(self) -> set[str]:
        """Return the iterations that have rows on the screen."""
        if len(self.iterations) <= _FEW:
            return set(self.iterations)
        bad = [n for n, rows in self.iterations.items() if any(row.is_bad for row in rows)]
        return {*self.running(), *bad[-_FEW:]}


class RunTree:
    """The rows of one run; *seen* are the steps that an earlier process has executed."""

    def __init__(self, plan: Plan, seen: Sequence[StepView] = ()) -> None:
        self._step_tree = StepTree.of(plan)
        self._rows: dict[str, StepRow] = {}
        self._in_order: list[StepRow] = []
        self._inside: dict[str, list[StepRow]] = {}
        self._loops: dict[str, _Loop] = {}
        for place in self._step_tree.places():
            self._add(place)
        for step in seen:
            if ANY not in step.path.split("/") and step.attempts:
                self._take_over(step)

    def note(self, event: RunEvent) -> None:
        """Update the rows with an event."""
        if event.kind is EventKind.RUN:
            if event.data.get("status") == "finished":
                _skip(self._rows.values())
            return
        if not event.path:
            return
        row = self._row(event.path, event.data.get("kind", ""))
        match event.kind:
            case EventKind.BEGAN:
                row.status, row.outcome = Status.RUNNING, None
                row.began_at = row.began_at or event.at
            case EventKind.WAITING:
                row.status, row.outcome, row.detail = Status.WAITING, None, event.text
                row.waiting = event.data.get("waiting", {})
            case EventKind.PROGRESS:
                row.percent = event.data.get("percent")
                row.counters = _counted(event.data.get("counters", ()))
                row.progress = event.text
            case EventKind.SAID:
                row.detail = row.last_remark = event.text
                row.waiting = {}
            case EventKind.ENDED:
                self._end(row, event)

    def visible_rows(self) -> list[StepRow]:
        """Return the rows to show, in the order of the file."""
        visible = {path: loop.visible() for path, loop in self._loops.items()}
        everything = {ANY}
        return [
            row
            for row in self._in_order
            if all(number in visible.get(path, everything) for path, number in row.inside)
        ]

    def detail_of(self, row: StepRow) -> str:
        """Return the current details of a step."""
        loop = self._loops.get(row.path)
        parts = [row.detail]
        if row.outcome is None:
            parts = [row.progress, row.counters, row.awaited]
            if loop is not None:
                running = len(loop.running())
                parts = [row.progress, f"{len(loop.iterations) - running} ended, {running} running"]
        elif loop is not None and not row.detail:
            parts = [f"{len(loop.iterations)} iterations"]
        return ", ".join(part for part in parts if part)

    # Rows

    def _row(self, path: str, kind: str) -> StepRow:
        row = self._rows.get(path)
        if row is None:
            place = self._step_tree.place(path)
            if place is None:
                row = self._insert(StepRow(path, path, kind, "", order=_LAST))
            else:
                row = self._add(place)
        return row

    def _add(self, place: StepPosition) -> StepRow:
        around = place.around[-1].path + "/" if place.around else ""
        label = "  " * len(place.around) + place.path.removeprefix(around)
        paths = tuple(one.path for one in place.around)
        inside = tuple(
            (one.path, place.path.removeprefix(f"{one.path}/").partition("/")[0])
            for one in place.around
            if one.step.kind.key == "for_each"
        )
        kind, name = place.step.kind.key, place.step.name or ""
        row = StepRow(place.path, label, kind, name, place.order, paths, inside)
        for path, number in inside:
            if number != ANY:
                loop = self._loops.setdefault(path, _Loop())
                loop.iterations.setdefault(number, []).append(row)
        return self._insert(row)

    def _insert(self, row: StepRow) -> StepRow:
        self._rows[row.path] = row
        for path in row.around:
            self._inside.setdefault(path, []).append(row)
        bisect.insort(self._in_order, row, key=lambda entry: entry.order)
        return row

    def _take_over(self, step: StepView) -> None:
        row = self._row(step.path, step.kind)
        row.status, row.outcome = step.status, step.outcome
        row.began_at, row.seconds = step.started_at, step.seconds
        row.detail = step.error or step.reason or row.detail

    def _end(self, row: StepRow, event: RunEvent) -> None:
        row.status = Status.FINISHED
        row.outcome = Outcome(event.data["outcome"])
        row.seconds = event.data.get("seconds")
        row.percent, row.progress = None, ""
        row.detail = event.text or row.counters or row.last_remark
        _skip(self._inside.get(row.path, ()))


# After all steps of the plan.
_LAST: Order = (2,)


def _skip(rows: Iterable[StepRow]) -> None:
    """Mark the steps among *rows* that can no longer begin."""
    for row in rows:
        if row.outcome is None and not row.is_active:
            row.status, row.outcome = Status.FINISHED, Outcome.SKIPPED


def _counted(counters: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['label'] or one['key']} {one['value']}" for one in counters)


# --- more rows than lines -------------------------------------------------------------------------


def fitted(rows: Sequence[StepRow], room: int) -> list[StepRow | str]:
    """Return at most *room* lines: running steps, the rows near them, and counts of the rest."""
    if len(rows) <= room:
        return list(rows)
    ranked = sorted(range(len(rows)), key=_ranks(rows).__getitem__)
    for count in range(min(room, len(rows)), 0, -1):
        fitting = list(_with_gaps(rows, sorted(ranked[:count])))
        if len(fitting) <= room:
            break
    return fitting


def _ranks(rows: Sequence[StepRow]) -> list[tuple[int, int, int]]:
    """Return the rank of each row; the smallest is shown first."""
    active = [place for place, row in enumerate(rows) if row.is_active]
    ended = [place for place, row in enumerate(rows) if row.outcome is not None]
    centres = active or [max(ended, default=0)]
    holders = {path for place in active for path in rows[place].around}
    ranks = []
    for place, row in enumerate(rows):
        at = bisect.bisect_left(centres, place)
        near = min(abs(place - one) for one in centres[max(0, at - 1) : at + 1])
        holds = row.path in holders
        ranks.append((0 if row.is_active and not holds else 1 if holds else 2, near, place))
    return ranks


def _with_gaps(rows: Sequence[StepRow], places: Iterable[int]) -> Iterator[StepRow | str]:
    """Yield the rows at *places* and, between them, the numbers of omitted rows."""
    before = 0
    for place in places:
        if place > before:
            yield f"{place - before} more" + ("" if before else " above")
        yield rows[place]
        before = place + 1
    if before < len(rows):
        yield f"{len(rows) - before} more below"
