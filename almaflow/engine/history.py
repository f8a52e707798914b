"""Queries over the journal of one run: which steps began, how they ended, what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.engine.journal import RunJournal
from almaflow.expressions.serialization import decode, encode
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import MAY_CONTINUE, Outcome
from almaflow.steps.base import Block, Retry, StepBase
from almaflow.steps.result import BlockExit, StepResult
from almaflow.store import EntryState, JournalEntry
from almaflow.workflow import Workflow


@dataclass(frozen=True)
class EarlyEnd:
    """A recorded step that ended its block early; *is_good* for `stop` and `skip`."""

    at: datetime
    is_good: bool


@dataclass
class RunHistory:
    """Answers questions about steps from the journal of one run.

    *kept* holds, by path, the number of the last attempt that an earlier attempt at the run made,
    for steps that are retried.
    """

    journal: RunJournal
    kept: Mapping[str, int]

    def first_attempt(self, path: str) -> int:
        """Return the number of a step's first attempt within this attempt at the run."""
        return self.kept.get(path, 0) + 1

    def has_begun(self, path: str) -> bool:
        """Whether a step has begun in this attempt at the run."""
        return self.journal.get(path, self.first_attempt(path), "begin") is not None

    def ending(self, path: str, attempt: int, effect: str = "end") -> StepResult | None:
        """Return the recorded result; None when there is none."""
        entry = self.journal.get(path, attempt, effect)
        if entry is None:
            return None
        ends = entry.value.get("ends")
        return StepResult(
            Outcome(entry.value["outcome"]),
            entry.value["error"],
            BlockExit(ends) if ends else None,
            entry.value.get("at", ""),
        )

    def again_at(
        self, step: StepBase, path: str, attempt: int, workflow: Workflow
    ) -> datetime | None:
        """Return when the attempt after this one begins, None when there is none."""
        retry = _retry_of(step, workflow)
        first = self.first_attempt(path)
        made = attempt - first + 1
        if retry is None or made >= retry.attempts or not self._allows(retry, path, attempt):
            return None
        begin, end = self.journal.get(path, first, "begin"), self.journal.get(path, attempt, "end")
        assert begin is not None
        assert end is not None
        again_at = end.created_at + retry.delay
        deadline = begin.value["deadline"]
        if deadline is not None and again_at >= datetime.fromisoformat(deadline):
            # The time limit of a step covers all its attempts, and none is left for another one.
            return None
        return again_at

    def _allows(self, retry: Retry, path: str, attempt: int) -> bool:
        """Whether the recorded result of an attempt allows another one."""
        entry = self.journal.get(path, attempt, "end")
        assert entry is not None
        endings = {entry.value["outcome"], entry.value.get("status", "")}
        if retry.on:
            return bool(endings & set(retry.on))
        return bool(entry.value["outcome"] == Outcome.FAILED)

    def early_end(
        self, block: Block, path: str, workflow: Workflow, *, is_over: bool = False
    ) -> EarlyEnd | None:
        """Return the recorded step that ended a block of the step at *path* early.

        With *is_over* a failed attempt counts as the last one, although retries may be left.
        """
        for place, step in enumerate(block.steps, start=1):
            at = f"{path}/{block.name}/{step.label(place)}"
            attempt = self.first_attempt(at)
            while self.journal.get(at, attempt + 1, "begin") is not None:
                attempt += 1
            ending, end = self.ending(at, attempt), self.journal.get(at, attempt, "end")
            if ending is None or end is None:
                return None
            if not is_over and self.again_at(step, at, attempt, workflow):
                return None
            if ending.outcome.is_good and ending.ends is not None:
                return EarlyEnd(end.created_at, is_good=True)
            continues = step.on_failure == "continue" and ending.outcome in MAY_CONTINUE
            if not ending.outcome.is_good and not continues:
                return EarlyEnd(end.created_at, is_good=False)
        return None

    def facts(self, path: str, zone: ZoneInfo) -> dict[str, Any] | None:
        """Return the recorded values of a step's last ended attempt; None when none has ended."""
        facts = None
        attempt = 1
        while self.journal.get(path, attempt, "begin") is not None:
            entry = self.journal.get(path, attempt, "end")
            if entry is not None:
                facts = decode(entry.value["facts"], zone)
            elif lost := self.lost(path):
                facts = {"outcome": Outcome.UNKNOWN.value, "error": self.unconfirmed_text(lost[0])}
                facts["attempts"] = attempt
            attempt += 1
        return facts

    def lost(self, path: str = "") -> list[JournalEntry]:
        """Return the writes that a person has to resolve, in a step or (empty path) in the whole
        run.

        A person who retries a run has decided about those of the retried steps.
        """
        entries = self.journal.below(path) if path else self.journal.entries()
        return [
            entry
            for entry in entries
            if needs_person(entry) and entry.attempt >= self.first_attempt(entry.path)
        ]

    def unconfirmed_text(self, entry: JournalEntry) -> str:
        """Return the message about an unconfirmed write that a person has to resolve."""
        why = entry.value.get("unknown", "almaflow did not finish the search for it")
        return unconfirmed_text(
            entry.value, entry.value["institution"], why, self.journal.run_id, entry.path
        )

    def keeps_inner_work(self, path: str) -> bool:
        """Whether a new attempt at the run keeps something that was done inside a step."""
        return any(
            entry.effect == "begin" and entry.path != path and entry.path not in self.kept
            for entry in self.journal.below(path)
        )

    def has_reached(self, institution: str) -> bool:
        """Whether a write of this run has reached Alma, perhaps an earlier process's."""
        return any(
            entry.request_hash
            and entry.state in (EntryState.DONE, EntryState.REFUSED, EntryState.LOST)
            and entry.value["institution"] == institution
            for entry in self.journal.entries()
        )


def _retry_of(step: StepBase, workflow: Workflow) -> Retry | None:
    retry = step.retry or workflow.defaults.retry
    if retry is not None and step.kind.starts_job and not retry.on:
        # A job that has run is submitted again only after the outcomes that `on` lists.
        return None
    if step.kind.composite:
        # The steps inside are retried separately.
        return None
    return retry


def ended_value(
    ending: StepResult, status: str, outputs: Mapping[str, Any], *, halted: bool
) -> dict[str, Any]:
    """Return what is recorded with an attempt's end; *status* is Alma's code, else empty."""
    facts = {**outputs, "outcome": ending.outcome.value, "error": ending.error}
    return {
        "outcome": ending.outcome.value,
        "error": ending.error,
        "ends": ending.ends.value if ending.ends else None,
        "at": ending.at,
        "status": status,
        "facts": encode(facts),
        "halted": halted,
    }


def needs_person(entry: JournalEntry) -> bool:
    """Whether a person has to resolve the write in an entry.

    A set is recognised by its name, so no person has to search for it.
    """
    value = entry.value
    if entry.state is not EntryState.LOST:
        return False
    if value["trace"] is None:
        return not value["repeatable"]
    return bool(value["trace"]["trace"] == "run")


def unconfirmed_text(
    value: Mapping[str, Any], institution: str, why: str, run_id: str, path: str
) -> str:
    """Return the message about an unconfirmed write; *value* is that of its journal entry."""
    request = value["request"]
    return (
        f"It is not known whether Alma at {institution} accepted the request to {value['name']} "
        f"({request['method']} {request['path']}), sent {value['sent_at'][:19]} UTC: "
        f"{value['error']}. {why}. almaflow does not send it again. Check in Alma (Admin > "
        f"Monitor Jobs), then run `almaflow resolve {run_id} {path} --instance ID` or "
        "`--not-submitted`."
    )
