"""Plays the runs of `almaflow test`, `diff` and `plan` on a simulated Alma, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import run_interruptible
from almaflow.plan import Plan, make_definition, make_plan
from almaflow.runs.views import RunView, view_of
from almaflow.settings import Project
from almaflow.store import RunRecord, new_run_id

if TYPE_CHECKING:
    from almaflow.authoring.workflow_tests.running import Situation
    from almaflow.engine.engine import Engine
    from almaflow.runs.events import Listener
    from almaflow.workflow_loader import LoadedWorkflow


async def play(engine: Engine, plan: Plan) -> RunRecord:
    """Record a run in the store of *engine*, execute it, and return its record."""
    async with engine.running():
        await engine.add(plan)
        return await engine.work_on(plan.run_id)


class SimulatedPlayer:
    """Plays runs, each with an Alma and a store of its own; files are read once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._definitions: dict[int, tuple[LoadedWorkflow, Mapping[str, Any]]] = {}

    def __call__(self, situation: Situation, listener: Listener) -> RunView:
        """Play one run; Raises: RequestWrong, Interrupted."""
        loaded = situation.loaded
        simulation = bootstrap.Simulation.make(
            self._project, situation.scenario, loaded.workflow.environment, situation.start
        )
        now = simulation.clock.now()
        plan = make_plan(
            loaded,
            self._project,
            situation.inputs,
            # The same for the same instant, so that a test gives the same result every time.
            run_id=new_run_id(now, random.Random(0)),
            now=now,
            definition=self._definition(loaded),
            simulated=True,
        )
        simulation.furnish_for(loaded, plan)
        engine = simulation.engine(listener)
        try:
            record = run_interruptible(partial(play, engine, plan), virtual=True)
            journal, events = engine.store.journal(record.id), engine.store.events(record.id)
            return view_of(record, plan.definition, journal, events)
        finally:
            engine.store.close()

    def _definition(self, loaded: LoadedWorkflow) -> Mapping[str, Any]:
        known = self._definitions.get(id(loaded))
        if known is None:
            # The commit of a checkout, for which git is started, is of no use here.
            made = make_definition(loaded, self._project, lambda folder: None)
            known = self._definitions[id(loaded)] = (loaded, made)
        return known[1]
