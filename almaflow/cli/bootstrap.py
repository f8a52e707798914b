"""Builds the parts of a command: project, store, Alma or simulator, engine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from almaflow.cli.settings_above import open_project as open_project
from almaflow.clock import Clock, SystemClock, sleep
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean
from almaflow.redaction import Mask, reveal
from almaflow.store import RunQueue, Store, StoreUrlWrong, read_url
from almaflow.workflow_folder import SCENARIO

if TYPE_CHECKING:
    from almaflow.alma.simulator import Scenario, SimulatedAlma
    from almaflow.alma.simulator.scenario import Approval
    from almaflow.cli.wanted_files import WantedFile
    from almaflow.connectors.base import ExternalSystems
    from almaflow.document import Document
    from almaflow.engine.alma_writes.institutions import InstitutionConnection, OpenConnection
    from almaflow.engine.approvals import ApprovalPrompt, TerminalReply
    from almaflow.engine.engine import Engine
    from almaflow.engine.log import Log
    from almaflow.plan import Plan
    from almaflow.runs.events import Listener
    from almaflow.settings import Project
    from almaflow.virtual_time import VirtualClock
    from almaflow.workflow_loader import LoadedWorkflow


@contextmanager
def open_store(project: Project, clock: Clock | None = None) -> Iterator[Store]:
    """Open the project's store; Raises: StoreError, RequestWrong."""
    with open_store_at(project.store_url, clock or SystemClock()) as store:
        yield store


@contextmanager
def open_store_at(url: str, clock: Clock) -> Iterator[Store]:
    """Open the store at *url*; Raises: StoreError, RequestWrong."""
    store = Store.open(url, clock=clock, queue=run_queue(url))
    try:
        if store.is_shared and isinstance(clock, SystemClock):
            # Before anything of this process's time is recorded.
            from almaflow.fleet.shared_time import share_time

            share_time(store)
        yield store
    finally:
        store.close()


def run_queue(url: str) -> RunQueue | None:
    """Return the queue of a store that machines share; None: the store is in SQLite.

    Raises:
        StoreUrlWrong: what it needs is not installed.
    """
    location = read_url(url)
    if location.url is None:
        return None
    try:
        from almaflow.fleet.task_queue import TaskQueue
    except ImportError as error:
        raise StoreUrlWrong.without_driver(location, error) from error
    return TaskQueue()


def live_connections(project: Project, mask: Mask) -> OpenConnection:
    """Return the function that opens the institutions of almaflow.yaml over HTTP."""
    from almaflow.alma.client import AlmaClient
    from almaflow.alma.http import HttpTransport
    from almaflow.alma.rate_limit import CallRate
    from almaflow.engine.alma_writes.institutions import InstitutionConnection

    rates: dict[str, CallRate] = {}

    def open_connection(name: str) -> InstitutionConnection:
        institution = project.institution(name)
        limits = institution.limits
        rate = rates.setdefault(
            institution.account, CallRate(limits.calls_per_second, limits.calls_per_minute)
        )
        client = AlmaClient(
            institution.name,
            HttpTransport(institution.base_url),
            key=institution.key(),
            rate=rate,
            clock=SystemClock(),
            reveal=lambda value: reveal(value, project.secret),
            mask=mask,
        )
        return InstitutionConnection(
            institution.name,
            client,
            institution.base_url,
            environment=institution.environment,
            code=institution.code or "",
            account=institution.account,
            running_jobs=limits.running_jobs,
            starts_per_hour=limits.starts_per_hour,
            reserve_calls=limits.reserve_calls,
            maintenance=limits.maintenance,
            settle=institution.settle,
        )

    return open_connection


def live_engine(
    project: Project,
    store: Store,
    listener: Listener,
    people: ApprovalPrompt | None = None,
    log: Log | None = None,
) -> Engine:
    """Return an engine that speaks to the institutions of almaflow.yaml.

    *people* asks the person at this terminal, if there is one. *log* receives events that concern
    no run.
    """
    from almaflow.connectors.registry import LiveSystems
    from almaflow.engine.approvals import NoPrompt
    from almaflow.engine.engine import Engine
    from almaflow.engine.log import no_log

    mask = Mask(project.known_secrets())
    return Engine(
        store=store,
        clock=SystemClock(),
        project=project,
        open_connection=live_connections(project, mask),
        listener=listener,
        mask=mask,
        outside=LiveSystems(project),
        people=people or NoPrompt(),
        log=log or no_log,
    )


@dataclass
class Simulation:
    """A simulated Alma in virtual time, in which every institution named exists."""

    alma: SimulatedAlma
    clock: VirtualClock
    project: Project
    environment: str
    scenario_path: Path | None = None
    """The scenario's file, or where it could be."""
    scenario_document: Document | None = None
    """The scenario as it was read; None: there is none."""
    wanted_files: Sequence[WantedFile] = ()
    """The files that the workflow fetches."""

    @classmethod
    def make(
        cls, project: Project, scenario: Scenario, environment: str, now: datetime | None = None
    ) -> Simulation:
        """Create a simulated Alma; its clock starts at the scenario's time, else *now*.

        *environment* is what Alma reports; for the workflows of `any` it is production.
        """
        from almaflow.alma.simulator import SimulatedAlma
        from almaflow.virtual_time import VirtualClock

        start = scenario.starts_at or now or SystemClock().now().replace(microsecond=0)
        clock = VirtualClock(start)
        reported = "production" if environment == "any" else environment
        return cls(SimulatedAlma(clock.now, scenario), clock, project, reported)

    def furnish_for(self, loaded: LoadedWorkflow, plan: Plan) -> None:
        """Make everything that the workflow names exist, unless the scenario decides otherwise."""
        from almaflow.cli.wanted_library import wanted_by

        self.alma.wants, self.wanted_files = wanted_by(loaded, plan)

    def engine(self, listener: Listener) -> Engine:
        """Return an engine whose store is in memory and whose Alma is the simulated one."""
        from almaflow.engine.engine import Engine
        from almaflow.engine.simulated_waits import SimulatedWaits

        return Engine(
            store=Store.open("sqlite://", clock=self.clock),
            clock=self.clock,
            project=self.project,
            open_connection=self.open_connection,
            listener=listener,
            chance=random.Random(0),
            outside=self.outside(),
            people=ScenarioReplies(self.alma.scenario.approvals, self.clock),
            simulated_waits=SimulatedWaits(),
        )

    def outside(self) -> ExternalSystems:
        """Return access to the invented files of the scenario."""
        from almaflow.cli.wanted_files import content_of
        from almaflow.connectors.simulated import MadeUpFile, SimulatedJob, SimulatedSystems

        scenario, start = self.alma.scenario, self.clock.start

        def content(name: str) -> str:
            return content_of(self.wanted_files, name, start)

        zone = ZoneInfo(scenario.alma.timezone)
        files = [
            MadeUpFile(
                file.name,
                content(file.name) if file.content is None else file.content,
                file.connection,
                start if file.at is None else file.at.first(start, zone),
            )
            for file in scenario.files
        ]

        def jobs() -> list[SimulatedJob]:
            now = self.clock.now()
            return [
                SimulatedJob(
                    run.id, run.started_by_api, run.timeline.ended_at if run.is_over(now) else None
                )
                for run in self.alma.instances()
            ]

        return SimulatedSystems(self.clock.now, files, jobs, content)

    def open_connection(self, name: str) -> InstitutionConnection:
        """Create a simulated institution and open it."""
        from almaflow.alma.client import AlmaClient
        from almaflow.alma.transport import InProcessTransport
        from almaflow.cli.scenario_help import ScenarioHelp
        from almaflow.engine.alma_writes.institutions import InstitutionConnection
        from almaflow.timetable import Maintenance

        maintenance = Maintenance()
        if name in self.project.institutions:
            maintenance = self.project.institution(name).limits.maintenance
        key = self.alma.add_institution(name, environment=self.environment)
        client = AlmaClient(
            name,
            InProcessTransport(self.alma.handle),
            key=key,
            clock=self.clock,
            reveal=lambda value: reveal(value, lambda secret: f"simulated-{secret}"),
        )
        client.scenario = ScenarioHelp(self.alma, self.scenario_path, self.scenario_document)
        return InstitutionConnection(name, client, self.alma.link_base, maintenance=maintenance)


@dataclass
class ScenarioReplies:
    """Replies to `approve` steps as the scenario says, and otherwise with yes."""

    approvals: Mapping[str, Approval]
    """By the path or id of the step; `all/*/sign` means that step in every iteration."""
    clock: Clock

    async def ask(self, run_id: str, path: str, question: str) -> TerminalReply | None:
        """Return the reply after the scenario's delay."""
        from almaflow.alma.simulator.scenario import Approval
        from almaflow.authoring.workflow_tests.step_names import any_iteration
        from almaflow.engine.approvals import TerminalReply

        names = (path, any_iteration(path), path.rsplit("/", 1)[-1])
        reply = next((self.approvals[name] for name in names if name in self.approvals), None)
        answer = reply or Approval(answer=True)
        if answer.after is not None:
            await sleep(self.clock, answer.after)
        return TerminalReply(answer.by, {"approved": answer.answer, "comment": answer.comment})


def simulate(project: Project, loaded: LoadedWorkflow, scenario: str | None) -> Simulation:
    """Return the simulation for a workflow.

    Its scenario is *scenario*, else the file next to the workflow, else one in which all jobs
    succeed.

    Raises:
        DocumentsInvalid: the scenario has mistakes.
        RequestWrong: the scenario replies to a step that asks no question.
    """
    from almaflow.alma.simulator import Scenario
    from almaflow.check.loader import refuse_link
    from almaflow.document import read_document
    from almaflow.model_validation import validate

    path = Path(scenario) if scenario else None
    beside = loaded.path and loaded.path.with_name(loaded.path.stem + SCENARIO)
    if path is None and beside is not None and beside.is_file():
        path = beside
    furnished = Scenario(everything_exists=True)
    document = None
    if path is not None:
        refuse_link(project, path, str(path))
        document = read_document(path, str(path), is_data=True)
        furnished = validate(document, Scenario)
    _check_approvals(furnished, loaded, path)
    simulation = Simulation.make(project, furnished, loaded.workflow.environment)
    simulation.scenario_path, simulation.scenario_document = path or beside, document
    return simulation


def _check_approvals(scenario: Scenario, loaded: LoadedWorkflow, path: Path | None) -> None:
    """Raise `RequestWrong` when the scenario replies to a step that asks no question."""
    if not scenario.approvals:
        return
    from almaflow.authoring.workflow_tests.step_names import StepNames

    names = StepNames(loaded)
    for name in scenario.approvals:
        if not names.asks(name):
            raise RequestWrong(
                f"{path}: the scenario answers `{name}`, but the workflow has no `approve` step of "
                f"that name{did_you_mean(name, names.asking()) or '.'}"
            )
