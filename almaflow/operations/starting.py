"""Starting a run by hand: its plan, and recording it for whichever process executes it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from almaflow.clock import Clock
from almaflow.errors import RequestWrong
from almaflow.plan import Plan, make_plan
from almaflow.settings import Project
from almaflow.store import RunRecord, Store, new_run_id
from almaflow.workflow_loader import LoadedWorkflow


def plan_run(
    loaded: LoadedWorkflow,
    project: Project,
    values: Mapping[str, Any],
    clock: Clock,
    chance: random.Random,
    *,
    simulated: bool = False,
) -> Plan:
    """Return the plan of a run that begins now; Raises: RequestWrong."""
    now = clock.now()
    run_id = new_run_id(now, chance)
    return make_plan(loaded, project, values, run_id=run_id, now=now, simulated=simulated)


def check_secrets(project: Project, plan: Plan) -> None:
    """Raise `RequestWrong` for a missing key, or a secret that cannot be redacted.

    So this is reported before anything is recorded.
    """
    project.institution(plan.institution).key()
    project.known_secrets()


def queue_run(store: Store, plan: Plan) -> RunRecord:
    """Record a run for a `serve` or a worker, and return it.

    Raises:
        RequestWrong: no process would execute it.
    """
    if not store.is_shared and store.leader() is None:
        raise RequestWrong(
            "`--detach` queues a run for `almaflow serve`, but none is running on the "
            f"store {store.address}. Start `almaflow serve`, or run without `--detach`."
        )
    return add_run(store, plan)


def add_run(store: Store, plan: Plan) -> RunRecord:
    """Record a run, and return it."""
    return store.add_run(plan.definition, plan.record())
