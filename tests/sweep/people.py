"""The person who is asked when nobody else can tell, and who looks into Alma first."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from almaflow.outcome import Outcome
from almaflow.plan import recorded_plan
from almaflow.runs.retry_plan import plan_retry
from almaflow.runs.step_tree import StepTree
from almaflow.store import EntryState, JournalEntry, RunRecord, Store
from tests.sweep import truth
from tests.sweep.machine import Machine, WholeRun


def help_out(machine: Machine, runs: Iterable[WholeRun]) -> bool:
    """Say what became of lost submissions, and retry what failed because of Alma.

    Returns whether there was anything to do.
    """
    before = machine.tally.answers, machine.tally.retries
    for told in runs:
        _resolve(machine, told)
        if was_lost_twice(told.record, told.journal):
            retry(machine.observer, told.record, told.journal)
            machine.tally.retries += 1
    return (machine.tally.answers, machine.tally.retries) != before


def _resolve(machine: Machine, told: WholeRun) -> None:
    for entry in truth.unresolved(told):
        found = truth.started_by(entry, machine.submissions)
        value = {
            "attempt": entry.attempt,
            "effect": entry.effect,
            "instance_id": found[0].instance_id if found else None,
        }
        machine.observer.add_answer(told.record.id, entry.path, "resolve", value, "anna")
        machine.tally.answers += 1


def was_lost_twice(record: RunRecord, journal: Collection[JournalEntry]) -> bool:
    """Whether a run failed because the last attempt at a step lost the same write twice.

    Alma shows no effect of it, and a person is asked to check and to let the run try again.
    """
    if record.outcome is not Outcome.FAILED:
        return False
    latest = {entry.path: entry.attempt for entry in sorted(journal, key=lambda one: one.attempt)}
    return any(
        entry.state is EntryState.LOST
        and entry.attempt == latest[entry.path]
        and entry.value["lost"] - entry.value.get("cut_off", 0) > 1
        for entry in journal
    )


def retry(store: Store, record: RunRecord, journal: list[JournalEntry]) -> None:
    """Let a run try again what failed, as `almaflow retry` does."""
    step_tree = StepTree.of(recorded_plan(record, store.definition(record.definition)))
    redo = dict(plan_retry(step_tree, journal).redo)
    value = {"from": None, "redo": redo, "by": "anna"}
    store.reopen_run(record.id, attempt=record.attempt + 1, value=value)
