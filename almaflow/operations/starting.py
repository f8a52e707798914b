"""Starting a run by hand: its plan, and recording it for whichever process executes it."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from typing import Any

from almaflow.clock import Clock
from almaflow.errors import RequestWrong
from almaflow.late_patterns import late_pattern
from almaflow.operations.continuing import refuse_without_executor
from almaflow.operations.run_records import log_request
from almaflow.plan import Plan, make_plan
from almaflow.settings import Project
from almaflow.store import RunExists, RunRecord, Store, new_run_id
from almaflow.store.locks import locks_of_decision
from almaflow.workflow_loader import LoadedWorkflow

_KEY = late_pattern(r"[!-~]{1,200}")


def plan_run(
    loaded: LoadedWorkflow,
    project: Project,
    values: Mapping[str, Any],
    clock: Clock,
    chance: random.Random,
    *,
    key: str | None = None,
    simulated: bool = False,
) -> Plan:
    """Return the plan of a run that begins now; *key* is its run key, None: its id.

    Raises:
        RequestWrong: an input does not fit, a payload cannot be read, or no institution is named.
    """
    now = clock.now()
    run_id = new_run_id(now, chance)
    return make_plan(loaded, project, values, run_id=run_id, now=now, key=key, simulated=simulated)


def check_secrets(project: Project, plan: Plan) -> None:
    """Raise `RequestWrong` for a missing key, or a secret that cannot be redacted.

    So this is reported before anything is recorded.
    """
    project.institution(plan.institution).key()
    project.known_secrets()


def queue_run(store: Store, plan: Plan, by: str) -> RunRecord:
    """Record a run for a `serve` or a worker, and return it.

    Raises:
        RequestWrong: no process would execute it.
        RunExists: its key is taken.
    """
    refuse_without_executor(store)
    with store.batch(locks_of_decision(plan.run_id)):
        record = add_run(store, plan)
        log_request(store, record.id, f"{by} asked for this run.", by, asked="run")
        return record


def queue_once(
    store: Store, plan: Plan, supplied: Collection[str], by: str
) -> tuple[RunRecord, bool]:
    """Record a run as `queue_run` does, unless one has its key; return the run and if it is new.

    *supplied* are the names of the inputs that the person gave.

    Raises:
        RequestWrong: no process would execute it, or the run with its key has other inputs.
    """
    try:
        return queue_run(store, plan, by), True
    except RunExists as taken:
        record = store.run(taken.run_id)
    inputs = plan.record().inputs
    if any(record.inputs.get(name) != inputs[name] for name in supplied):
        raise RequestWrong(
            f"The key of this request is that of run {record.id}, which has other inputs. Use "
            "another key for another run."
        )
    return record, False


def request_key(workflow: str, key: str) -> str:
    """Return the run key of a request that is repeated under the same *key*.

    Raises:
        RequestWrong: *key* is not 1 to 200 visible characters of ASCII.
    """
    if not _KEY.fullmatch(key):
        raise RequestWrong(
            "The key of a request must be 1 to 200 characters of visible ASCII, such as a UUID."
        )
    return f"request/{workflow}/{key}"


def add_run(store: Store, plan: Plan) -> RunRecord:
    """Record a run, and return it."""
    return store.add_run(plan.definition, plan.record())
