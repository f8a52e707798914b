"""Decides what a new attempt at a finished run repeats and which jobs it would submit again.

This is pure: it reads a plan and a journal. `almaflow retry` asks for confirmation first; the
engine then finds the decision in the journal, as the value of the run's entry `retry`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import MAY_CONTINUE, Outcome
from almaflow.runs.request_views import is_submission
from almaflow.runs.step_tree import ANYWHERE, Order, StepPosition, StepTree
from almaflow.store import EntryState, JournalEntry

# The states of a submission that Alma accepted or may have accepted.
_SENT = frozenset({EntryState.DONE, EntryState.LOST, EntryState.INTENT})


@dataclass(frozen=True)
class SubmittedBefore:
    """A job that an earlier attempt submitted, or may have submitted."""

    step: str
    """The path of the step."""
    job_id: str
    """Alma's id of the job."""
    job_name: str
    """Alma's name of the job; empty when it is not known."""
    institution: str
    """The institution that it was submitted to."""
    instance_id: str | None
    """None when it is not known whether Alma accepted it."""
    set_id: str
    """The set that it worked on; empty without one."""
    sent_at: datetime
    """When it was submitted."""
    status: str
    """Alma's status when it was last polled; empty when there was none."""
    outcome: Outcome | None
    """How the step ended; None when it did not."""


@dataclass(frozen=True)
class RetryPlan:
    """What a new attempt repeats."""

    redo: Mapping[str, int]
    """The number of the last attempt so far, by the path of each step that is retried."""
    submitted: tuple[SubmittedBefore, ...]
    """The jobs among them that were, or may have been, submitted before, in the file's order."""


def submission_text(one: SubmittedBefore, sent: str) -> str:
    """Return which job it was, that it was sent at *sent*, and its outcome."""
    job = f"job {one.job_id}" + (f" ({one.job_name})" if one.job_name else "")
    where = f" at {one.institution}" + (f" with set {one.set_id}" if one.set_id else "")
    text = f"{one.step}: {job}{where}, sent {sent}"
    if one.instance_id is None:
        return f"{text}; it is NOT KNOWN whether Alma accepted it"
    if one.status:
        return f"{text}; Alma ran it as {one.instance_id}, last seen as {one.status}"
    return f"{text}; Alma ran it as {one.instance_id}, and almaflow did not see its end"


def plan_retry(
    step_tree: StepTree, entries: Sequence[JournalEntry], start: str | None = None
) -> RetryPlan:
    """Return what a new attempt of a run repeats; *start* is the step to begin with.

    Without *start*, these are the steps that did not end well, their enclosing steps, and later
    steps that their `if` skipped. Always repeated are the steps in `finally`, and those that an
    earlier attempt was to repeat but never reached.

    Raises:
        RequestWrong: there is no step *start*, or the run would end before it reaches it.
    """
    journal = _Journal(step_tree, entries)
    chosen = journal.from_step(step_tree.named(start)) if start else journal.what_failed()
    chosen |= {path for path, place in journal.places.items() if place.in_finally}
    chosen |= journal.still_to_do()
    reached = [path for path in journal.places if path in chosen and journal.reaches(path, chosen)]
    if start:
        journal.refuse_to_end_before(step_tree.named(start), frozenset(reached))
    reached.sort(key=lambda path: journal.places[path].order)
    submitted = [one for path in reached for one in journal.submitted(path)]
    return RetryPlan({path: journal.last[path] for path in reached}, tuple(submitted))


class _Journal:
    """The journal of a run by step."""

    def __init__(self, step_tree: StepTree, entries: Sequence[JournalEntry]) -> None:
        self.last: dict[str, int] = {}
        self.places: dict[str, StepPosition] = {}
        self._entries: dict[tuple[str, int, str], JournalEntry] = {}
        self._sent: dict[str, list[JournalEntry]] = {}
        self._asked: dict[str, int] = {}
        for entry in entries:
            self._entries[entry.path, entry.attempt, entry.effect] = entry
            if is_submission(entry.effect) and entry.state in _SENT:
                self._sent.setdefault(entry.path, []).append(entry)
            if not entry.path and entry.effect == "retry":
                self._asked |= entry.value["redo"]
            if entry.effect != "begin":
                continue
            place = self.places.get(entry.path) or step_tree.place(entry.path)
            if place is not None:
                # The run's own entries belong to no step.
                self.places[entry.path] = place
                self.last[entry.path] = max(entry.attempt, self.last.get(entry.path, 0))

    # What is chosen

    def what_failed(self) -> set[str]:
        """Return the steps that did not end well, those around them, and those they skipped."""
        failed = {path for path in self.places if self._did_not_end_well(path)}
        if not failed:
            return set()
        around = {one.path for path in failed for one in self.places[path].around}
        # If a step failed because of a step inside it, only the inner one shows where the failure
        # began.
        first = min(self.places[path].order for path in failed - around)
        skipped = {
            path
            for path, place in self.places.items()
            if place.order > first and self._was_skipped_by_if(path)
        }
        return failed | around | skipped

    def from_step(self, start: StepPosition) -> set[str]:
        """Return *start*, the steps inside it, all later steps, and its enclosing steps."""
        bounds = [one.order for one in (*start.around, start)]
        chosen = set()
        for path, place in self.places.items():
            inside = _fits(place.order[: len(start.order)], start.order)
            around = any(_fits(place.order, bound) for bound in bounds)
            after = any(
                _fits(place.order[: len(bound) - 1], bound[:-1])
                and place.order[len(bound) - 1 : len(bound)] > bound[-1:]
                for bound in bounds
            )
            if inside or around or after:
                chosen.add(path)
        return chosen

    def still_to_do(self) -> set[str]:
        """Return the steps that an earlier attempt was to repeat but did not."""
        return {path for path in self.places if self.last[path] <= self._asked.get(path, 0)}

    def reaches(self, path: str, chosen: set[str]) -> bool:
        """Whether the new attempt reaches a step: its enclosing steps are repeated too."""
        return all(one.path in chosen for one in self.places[path].around)

    def refuse_to_end_before(self, start: StepPosition, redo: frozenset[str]) -> None:
        """Raise `RequestWrong` if a kept failure would end the run before *start*."""
        if start.in_finally:
            # Those steps run after a failure as well.
            return
        kept = [
            place
            for path, place in self.places.items()
            if path not in redo
            and self._did_not_end_well(path)
            and not self._is_continued(place)
            and all(one.path in redo for one in place.around)
        ]
        if not kept:
            return
        path = min(kept, key=lambda place: place.order).path
        outcome = self._outcome(path)
        ended = f"ended as {outcome}" if outcome else "has not ended"
        raise RequestWrong(
            f"Step {path} {ended} and is not repeated from step {start.path} on, so the run "
            f"would end there again. Start with `--from {path}`, or omit `--from`."
        )

    # How steps ended

    def _outcome(self, path: str) -> Outcome | None:
        """Return how the last attempt ended; None when it did not."""
        end = self._entries.get((path, self.last[path], "end"))
        return None if end is None else Outcome(end.value["outcome"])

    def _did_not_end_well(self, path: str) -> bool:
        if self.places[path].in_finally:
            return False
        end = self._entries.get((path, self.last[path], "end"))
        if end is None or end.value.get("halted"):
            return True
        return not Outcome(end.value["outcome"]).is_good

    def _is_continued(self, place: StepPosition) -> bool:
        return place.step.on_failure == "continue" and self._outcome(place.path) in MAY_CONTINUE

    def _was_skipped_by_if(self, path: str) -> bool:
        return not self._entries[path, self.last[path], "begin"].value["if"]

    # What was submitted

    def submitted(self, path: str) -> list[SubmittedBefore]:
        """Return the submissions of the newest attempt at this step that submitted a job."""
        sent = self._sent.get(path, [])
        newest = max((entry.attempt for entry in sent), default=0)
        return [self._submitted(entry) for entry in sent if entry.attempt == newest]

    def _submitted(self, entry: JournalEntry) -> SubmittedBefore:
        end = self._entries.get((entry.path, entry.attempt, "end"))
        job = self._entries.get((entry.path, entry.attempt, "job"))
        request = entry.value["request"]
        return SubmittedBefore(
            step=entry.path,
            job_id=str(request["path"]).rsplit("/", 1)[-1],
            job_name=job.value.get("name", "") if job is not None else "",
            institution=self._entries[entry.path, entry.attempt, "begin"].value["institution"],
            instance_id=entry.value["result"] if entry.state is EntryState.DONE else None,
            set_id=set_of(request),
            sent_at=datetime.fromisoformat(entry.value["sent_at"]),
            status=end.value["facts"].get("status", "") if end is not None else "",
            outcome=Outcome(end.value["outcome"]) if end is not None else None,
        )


def set_of(request: Mapping[str, Any]) -> str:
    """Return the set that a submission's request names; empty when it names none."""
    parameters = (request["body"] or {}).get("parameter", [])
    sent = {one["name"]["value"]: one["value"] for one in parameters}
    return str(sent.get("set_id", ""))


def _fits(order: Order, pattern: Order) -> bool:
    """Whether *order* is *pattern*, which may contain any iteration."""
    return len(order) == len(pattern) and all(
        wanted in (number, ANYWHERE) for number, wanted in zip(order, pattern, strict=True)
    )
