"""The steps of a run as views for people: attempts, iterations, branches, called workflows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.expressions.serialization import plain
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import MAY_CONTINUE, Outcome, Status
from almaflow.redaction import show_placeholders
from almaflow.runs.request_views import RequestView, ViewPoint, intents_of, is_lost, is_submission
from almaflow.runs.step_tree import FINALLY, Order, StepTree, TreeStep
from almaflow.steps.common_outputs import COMMON_OUTPUTS
from almaflow.store import JournalEntry, RunRecord
from almaflow.waiting import Waiting

RUN = ""
"""The path of the run's own entries."""


@dataclass(frozen=True)
class AttemptView:
    """One attempt at a step; *outcome* and *ended_at* are None as long as it has not ended."""

    number: int
    """Counts from 1; every later one is a retry."""
    started_at: datetime
    """When it began."""
    ended_at: datetime | None
    """When it ended; None as long as it has not."""
    outcome: Outcome | None
    """How it ended; None as long as it has not."""
    error: str
    """Why it did not go well; else empty."""


@dataclass(frozen=True)
class IterationsView:
    """How far a `for_each` is; *items* counts its items, None before they are known."""

    items: int | None
    """How many items there are; None before that is known."""
    begun: int
    """How many of them have begun."""
    ended: int
    """How many of them have ended."""


@dataclass(frozen=True)
class StepView:
    """One step of a run, or of its `finally`."""

    path: str
    """The step's address in the run, such as `all/3/items`."""
    kind: str
    """What the step does, such as `submit_job`."""
    name: str
    """The step's `name` in the file; empty when it has none."""
    status: Status
    """Where the step is in its life."""
    outcome: Outcome | None = None
    """None until it has ended; `skipped` for one that was never reached."""
    error: str = ""
    """Why it did not go well; else empty."""
    reason: str = ""
    """The reason why it waits, as text; empty when it does not wait."""
    waiting: Waiting | None = None
    """The reason why it waits; None when it does not wait."""
    institution: str = ""
    """The institution that it works with; empty for the steps of none."""
    attempts: int = 0
    """How many attempts have begun."""
    started_at: datetime | None = None
    """When its first attempt began; None before."""
    ended_at: datetime | None = None
    """When it ended; None as long as it has not."""
    deadline_at: datetime | None = None
    """When its time limit expires, of a step that has not ended; None without a limit."""
    seconds: float | None = None
    """From begin to end; None until it has ended."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The values that later steps can read, in addition to those of every step."""
    intents: tuple[RequestView, ...] = ()
    """What it sent to Alma, oldest first."""
    tries: tuple[AttemptView, ...] = ()
    """Its attempts, also those of earlier attempts of the run."""
    iterations: IterationsView | None = None
    """Of a `for_each` that has begun."""


class JournalByStep:
    """The journal of a run by step."""

    def __init__(
        self,
        record: RunRecord,
        definition: Mapping[str, Any] | None,
        entries: Sequence[JournalEntry],
        worked_on: bool,
        zone: tzinfo | None = None,
    ) -> None:
        self._record = record
        self._worked_on = worked_on
        self._over = record.status is Status.FINISHED
        self._by_path: dict[str, list[JournalEntry]] = {}
        for entry in entries:
            self._by_path.setdefault(entry.path, []).append(entry)
        own = {(one.attempt, one.effect): one for one in self._by_path.get(RUN, ())}
        self._body_ended = (record.attempt, "body") in own
        self._redo: dict[str, int] = {}
        """By path, the number of the last attempt before this attempt at the run, for retried
        steps.
        """
        for number in range(2, record.attempt + 1):
            retry = own.get((number, "retry"))
            self._redo |= {} if retry is None else retry.value["redo"]
        begun = [path for path, made in self._by_path.items() if path and _has_begun(made)]
        tree = None if definition is None else StepTree.of_recorded(definition)
        places = [] if tree is None else tree.of_iterations(begun)
        self._places = {one.path: one for one in places}
        self._named = {one.path: (one.step.kind.key, one.step.name or "") for one in places}
        for path in begun:
            if path.rsplit("/", 1)[-1] != FINALLY:
                self._named.setdefault(path, (_kind_in(path), ""))
        self._waits = {wait.path: wait for wait in waits_of(record, self._named)}
        if zone is None:
            zone = record.requested_at.tzinfo if definition is None else zone_of(definition)
        assert zone is not None, "instants of records are aware"
        for_a_person = record.status is Status.WAITING and not self._waits
        self._look = ViewPoint(zone, worked_on, over=self._over or for_a_person)
        self._closed = self._lists_that_ended()

    def views(self) -> tuple[StepView, ...]:
        """Return every step in the order of the file; what has `*` in its path never began."""
        return tuple(self._view(path, *named) for path, named in self._named.items())

    def _view(self, path: str, kind: str, name: str) -> StepView:
        entries = self._by_path.get(path, [])
        begins = [entry for entry in entries if entry.effect == "begin"]
        if not begins:
            return self._never_begun(path, kind, name)
        begin = max(begins, key=lambda entry: entry.attempt)
        end = self._last_end(entries)
        tries = tuple(self._tries(begins, entries))
        shared: dict[str, Any] = {
            "path": path,
            "kind": kind,
            "name": name,
            "intents": intents_of(entries, self._look),
            "tries": tries,
            "attempts": begin.attempt,
            "institution": begin.value["institution"],
            "iterations": self._iterations(path, entries),
        }
        if begin.attempt <= self._redo.get(path, 0):
            # This attempt at the run is to repeat the step, and has not begun it.
            never = self._never_begun(path, kind, name)
            return StepView(status=never.status, outcome=never.outcome, **shared)
        waiting = self._waits.get(path)
        if end is not None and end.attempt == begin.attempt and waiting is None:
            return self._ended(end, shared)
        lost = self._is_unknown(entries)
        if lost and self._record.status is Status.WAITING and waiting is None:
            # The whole run waits for a person, and says why.
            waiting = next(iter(self._record.waits), None)
        deadline = begin.value.get("deadline")
        return StepView(
            deadline_at=datetime.fromisoformat(deadline) if deadline else None,
            status=self._status(waiting),
            outcome=Outcome.UNKNOWN if lost else self._record.outcome if self._over else None,
            error=end.value["error"] if end is not None else "",
            reason="" if waiting is None else waiting.full_text,
            waiting=waiting,
            started_at=next(
                one.started_at for one in tries if one.number > self._redo.get(path, 0)
            ),
            **shared,
        )

    def _status(self, waiting: Waiting | None) -> Status:
        if self._over:
            return Status.FINISHED
        return Status.RUNNING if waiting is None else Status.WAITING

    @staticmethod
    def _ended(end: JournalEntry, shared: dict[str, Any]) -> StepView:
        facts = display_value(end.value["facts"])
        started, ended = facts.get("started_at"), facts.get("ended_at")
        return StepView(
            status=Status.FINISHED,
            outcome=Outcome(end.value["outcome"]),
            error=end.value["error"],
            started_at=datetime.fromisoformat(started) if started else None,
            ended_at=datetime.fromisoformat(ended) if ended else None,
            seconds=facts.get("seconds"),
            outputs={key: value for key, value in facts.items() if key not in COMMON_OUTPUTS},
            **shared,
        )

    def _never_begun(self, path: str, kind: str, name: str) -> StepView:
        if self._is_over(path):
            return StepView(path, kind, name, Status.FINISHED, Outcome.SKIPPED)
        return StepView(path, kind, name, Status.QUEUED)

    def _is_over(self, path: str) -> bool:
        """Whether a step that has not begun can no longer begin."""
        if self._over:
            return True
        if self._body_ended and not path.startswith("finally/"):
            return True
        place = self._places.get(path)
        if place is None:
            parts = path.split("/")
            around = ("/".join(parts[:length]) for length in range(1, len(parts)))
            return any(self._has_ended(one) for one in around)
        return any(self._has_ended(one.path) for one in place.around) or any(
            self._closed.get(one.order[:-1], one.order) < one.order
            for one in (*place.around, place)
        )

    def _lists_that_ended(self) -> dict[Order, Order]:
        """Return the lists of steps that a step has ended early, with the position of that step."""
        closed: dict[Order, Order] = {}
        for path, place in self._places.items():
            end = self._last_end(self._by_path.get(path, ()))
            if end is None or not self._has_ended(path) or path in self._waits:
                continue
            if ends_its_list(place.step, end):
                closed[place.order[:-1]] = place.order
        return closed

    def _has_ended(self, path: str) -> bool:
        """Whether a step has ended for good, as far as this attempt of the run goes."""
        end = self._last_end(self._by_path.get(path, ()))
        return end is not None and end.attempt > self._redo.get(path, 0)

    @staticmethod
    def _last_end(entries: Iterable[JournalEntry]) -> JournalEntry | None:
        ends = [entry for entry in entries if entry.effect == "end"]
        return max(ends, key=lambda entry: entry.attempt, default=None)

    def _is_unknown(self, entries: Iterable[JournalEntry]) -> bool:
        """Whether a step's write has an unknown outcome and reconciliation has stopped."""
        return any(
            is_submission(one.effect)
            and is_lost(one, worked_on=self._worked_on)
            and (self._look.over or bool(one.value.get("unknown")))
            for one in entries
        )

    @staticmethod
    def _tries(
        begins: Sequence[JournalEntry], entries: Sequence[JournalEntry]
    ) -> Iterator[AttemptView]:
        ends = {entry.attempt: entry for entry in entries if entry.effect == "end"}
        for begin in sorted(begins, key=lambda entry: entry.attempt):
            end = ends.get(begin.attempt)
            yield AttemptView(
                number=begin.attempt,
                started_at=datetime.fromisoformat(begin.value["now"]),
                ended_at=None if end is None else end.created_at,
                outcome=None if end is None else Outcome(end.value["outcome"]),
                error="" if end is None else end.value["error"],
            )

    def _iterations(self, path: str, entries: Iterable[JournalEntry]) -> IterationsView | None:
        """Return how far a `for_each` is; None for any other step."""
        place = self._places.get(path)
        if place is None or place.step.kind.key != "for_each":
            return None
        loop = next(place.step.kind.blocks()).steps
        items = [entry for entry in entries if entry.effect == "items"]
        over = self._over or self._has_ended(path)
        labels = [step.label(number) for number, step in enumerate(loop, start=1)]
        begun, ended = 0, 0
        for number in itertools.count(1):
            inside = [self._by_path.get(f"{path}/{number}/{label}", ()) for label in labels]
            if not any(inside):
                break
            begun += 1
            ended += over or self._is_through(loop, inside)
        return IterationsView(len(items[-1].value) if items else None, begun, ended)

    def _is_through(
        self, loop: Sequence[TreeStep], inside: Sequence[Sequence[JournalEntry]]
    ) -> bool:
        """Whether one iteration has ended; *inside* is what its steps recorded, in their order."""
        for step, entries in zip(loop, inside, strict=True):
            end = self._last_end(entries)
            if end is None:
                return False
            if ends_its_list(step, end):
                return True
        return True


def zone_of(definition: Mapping[str, Any]) -> ZoneInfo:
    """Return the time zone of a recorded workflow."""
    return ZoneInfo(definition["timezone"])


def waits_of(record: RunRecord, step_paths: Iterable[str] | None) -> list[Waiting]:
    """Return what each step waits for; nothing when the run as a whole waits.

    *known* are the paths of steps; None takes every one.
    """
    if record.status is not Status.WAITING:
        return []
    paths = None if step_paths is None else frozenset(step_paths)
    return [wait for wait in record.waits if wait.path and (paths is None or wait.path in paths)]


def _has_begun(entries: Iterable[JournalEntry]) -> bool:
    return any(entry.effect == "begin" for entry in entries)


def ends_its_list(step: TreeStep, end: JournalEntry) -> bool:
    """Whether a step that ended with this result ends its list."""
    outcome = Outcome(end.value["outcome"])
    continued = step.on_failure == "continue" and outcome in MAY_CONTINUE
    return bool(end.value.get("ends")) or not (outcome.is_good or continued)


def _kind_in(path: str) -> str:
    """Return the kind in the label of a step without id; empty for an id."""
    kind, hyphen, _ = path.rsplit("/", 1)[-1].rpartition("-")
    return kind if hyphen else ""


def display_value(value: Any) -> Any:
    """Return a recorded value as JSON data, with secrets as names."""
    return show_placeholders(plain(value))
