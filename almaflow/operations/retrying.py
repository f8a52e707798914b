"""A new attempt at a finished run: what it repeats, and recording that it was asked for."""

from __future__ import annotations

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.continuing import refuse_without_executor
from almaflow.operations.run_records import is_worked_on, log_request, plan_of
from almaflow.outcome import Status
from almaflow.plan import Plan, recorded_plan
from almaflow.runs.retry_plan import RetryPlan, plan_retry
from almaflow.runs.step_tree import StepTree
from almaflow.store import RunRecord, Store
from almaflow.store.locks import locks_of_decision


@dataclass(frozen=True)
class ComingAttempt:
    """A new attempt as it would be; nothing is recorded."""

    run: RunRecord
    plan: Plan
    start: str | None
    """The path of the step to start again from; None: the steps that failed are repeated."""
    steps: RetryPlan
    """The steps that it repeats, and the jobs that it would submit again."""


def preview_retry(store: Store, run: str, start: str | None) -> ComingAttempt:
    """Return what a new attempt of a run would repeat.

    *run* is any unique part of its id, or `last`; *start* is the path or id of the step to start
    again from, whatever its outcome.

    Raises:
        RequestWrong: the run is not finished or ended well, or there is no such step.
    """
    record = store.find_run(run)
    _refuse_unfinished(store, record)
    plan = recorded_plan(record, store.definition(record.definition))
    step_tree = StepTree.of(plan)
    if start is None and record.outcome is not None and record.outcome.is_good:
        raise _nothing_to_do(record, step_tree)
    chosen = plan_retry(step_tree, store.journal(record.id), start)
    path = None if start is None else step_tree.named(start).path
    return ComingAttempt(record, plan, path, chosen)


def reopen_run(store: Store, coming: ComingAttempt, by: str) -> RunRecord:
    """Queue the new attempt, for which *by* asked, and return the run.

    Raises:
        RunNotEnded: a new attempt was asked for meanwhile.
    """
    value = {"from": coming.start, "redo": dict(coming.steps.redo), "by": by}
    number = coming.run.attempt + 1
    start = f" from step {coming.start} on" if coming.start else ""
    text = f"{by} asked for attempt {number}{start}."
    with store.batch(locks_of_decision(coming.run.id)):
        log_request(store, coming.run.id, text, by, asked="retry", attempt=number)
        return store.reopen_run(coming.run.id, attempt=number, value=value)


def queue_retry(store: Store, coming: ComingAttempt, by: str) -> RunRecord:
    """Queue the new attempt for a `serve` or a worker, and return the run.

    Raises:
        RequestWrong: no process would execute it.
        RunNotEnded: a new attempt was asked for meanwhile.
    """
    refuse_without_executor(store)
    return reopen_run(store, coming, by)


def _refuse_unfinished(store: Store, record: RunRecord) -> None:
    """Raise `RequestWrong` for a run that has not ended, with advice."""
    if record.status is Status.FINISHED:
        return
    text = f"Run {record.id} has not ended, so there is nothing to retry: it is {record.status}"
    text += f" ({record.reason})." if record.reason else "."
    if is_worked_on(store, record):
        move = (
            f"A process is executing it; follow it with `almaflow logs -f {record.id}`. If "
            "that process does not respond, take over the run with `almaflow resume "
            f"{record.id}`."
        )
    else:
        move = (
            f"`almaflow resume {record.id}` continues it; `almaflow why {record.id}` explains "
            "what it is waiting for."
        )
    raise RequestWrong(f"{text} {move}")


def _nothing_to_do(record: RunRecord, step_tree: StepTree) -> RequestWrong:
    first = next(step_tree.places()).path
    return RequestWrong(
        f"Run {record.id} ended well ({record.outcome}), so there is nothing to retry. To "
        f"repeat it from a step on, use `--from STEP`, such as `--from {first}`."
    )


def retry_starts(store: Store, run: RunRecord, plan: Plan | None = None) -> list[str]:
    """Return the paths of the steps that a new attempt could start from, in the file's order.

    These are the steps that have begun. Empty for a run that has not ended, or that another
    version recorded.
    """
    plan = plan or plan_of(store, run)
    if plan is None or run.status is not Status.FINISHED:
        return []
    begun = {one.path for one in store.journal(run.id) if one.effect == "begin" and one.path}
    return [one.path for one in StepTree.of(plan).of_iterations(begun) if one.path in begun]
