"""Workflows with `on: {job_ended: …}`: they start when Alma's webhook reports the end of a job.

A report is decided about once: the workflows that it starts get a row each, and the row becomes a
run, or says why it did not. So each instance starts a workflow once, whatever dies in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from almaflow.clock import Clock, sleep
from almaflow.engine.engine import Engine
from almaflow.engine.log import Log
from almaflow.errors import AlmaflowError, RequestWrong, StoreError
from almaflow.job_trigger import JobEnded
from almaflow.outcome import UNFINISHED
from almaflow.plan import Plan, git_commit, make_plan
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.workflow_files import ActiveWorkflow, WorkflowSnapshot
from almaflow.settings import Project
from almaflow.store import JobEnd, JobEndStart, StoreTrouble, new_run_id
from almaflow.store.job_ends import ITSELF
from almaflow.thread_pool import ThreadPool

LOOK = timedelta(seconds=1)
"""How often the store is checked for new reports."""

TRIGGER = "job_ended"
"""The `trigger` of the runs."""


class JobEndStarts(Companion):
    """Decides about reports, and begins the runs, for the process that leads."""

    def __init__(
        self,
        engine: Engine,
        project: Project,
        clock: Clock,
        log: Log,
        commit_of: Callable[[Path], str | None] = git_commit,
    ) -> None:
        self._engine = engine
        self._project = project
        self._clock = clock
        self._log = log
        self._commit_of = commit_of
        self._threads = ThreadPool("commits", 1)
        self._active: Mapping[str, ActiveWorkflow] = {}
        self._store, self._writer = engine.store, engine.writer

    async def read(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        """Know the active workflows."""
        self._active = reading.active

    async def run(self) -> None:
        """Start workflows until cancelled; Raises: NotLeader."""
        with self._threads:
            while True:
                # The ledger reports an error of the store, and the next look follows anyway.
                with suppress(StoreTrouble):
                    await self.look()
                await sleep(self._clock, LOOK)

    async def look(self) -> None:
        """Decide about new reports, and begin the runs whose turn it is.

        Raises:
            NotLeader: another process leads by now.
            StoreTrouble: the store refused.
        """
        if not self._project.webhook_accounts:
            return
        me = self._engine.process_id
        for report in await self._writer.call(self._store.undecided_job_ends):
            fitting = self._fitting(report)
            own = await self._writer.call(self._store.decide_job_end, me, report.id, fitting)
            if own:
                self._tell_skipped(JobEndStart(own, report), ITSELF)
        waiting = await self._writer.call(self._store.waiting_starts)
        if waiting:
            await self._begin_all(waiting)

    def _fitting(self, report: JobEnd) -> list[str]:
        return [
            name
            for name, active in self._active.items()
            if self._trigger(active, report) is not None
        ]

    def _trigger(self, active: ActiveWorkflow, report: JobEnd) -> JobEnded | None:
        """Return what of a workflow's `on` a report fits."""
        triggers = active.loaded.workflow.on
        if triggers is None or self._account(active) != report.account:
            return None
        about = (report.job_id, report.job_name, report.name, report.status)
        return next((one for one in triggers.job_ended if one.fits(*about)), None)

    def _account(self, active: ActiveWorkflow) -> str | None:
        """Return the account of a workflow's institution, or of the default one."""
        given = active.loaded.workflow.institution
        name = given.text if given is not None and "{{" not in given.text else None
        try:
            return self._project.institution(name).account
        except RequestWrong:
            return None

    async def _begin_all(self, waiting: list[JobEndStart]) -> None:
        runs = await self._writer.call(lambda: self._store.runs(statuses=UNFINISHED))
        busy = {run.workflow: run.id for run in runs}
        now = self._clock.now()
        pauses = await self._writer.call(lambda: self._store.pauses(since=now))
        paused = {pause.workflow for pause in pauses if pause.holds(now)}
        for which in waiting:
            reason = self._why_not(which, busy, paused)
            if reason:
                await self._skip(which, reason)
            elif reason is None and (run_id := await self._begin(which)):
                busy.setdefault(which.workflow, run_id)

    def _why_not(self, which: JobEndStart, busy: Mapping[str, str], paused: set[str]) -> str | None:
        """Return why a workflow does not start; empty: it waits for its turn; None: it starts."""
        active = self._active.get(which.workflow)
        if active is None or self._trigger(active, which.job_end) is None:
            return "The workflow no longer starts when this job ends."
        if which.workflow in paused:
            return "The workflow is paused."
        overlap = active.loaded.workflow.overlap
        if which.workflow not in busy or overlap == "allow":
            return None
        if overlap == "skip":
            return f"Its run {busy[which.workflow]} was not finished (`overlap: skip`)."
        return ""

    async def _begin(self, which: JobEndStart) -> str:
        """Begin the run of a workflow and return its id; empty: it does not start."""
        active = self._active[which.workflow]
        try:
            folder = Path(active.definition["folder"])
            commit = await self._threads.run(self._commit_of, folder)
            plan = self._plan(active, which.job_end, commit)
        except StoreError:
            raise
        except AlmaflowError as error:
            await self._skip(which, f"almaflow could not create a run: {error}")
            return ""
        record = await self._writer.call(
            self._store.start_for_job_end,
            self._engine.process_id,
            which,
            plan.definition,
            plan.record(),
        )
        if record is None:
            return ""
        text = f"This run starts because {_in_words(which.job_end)}."
        self._log(text, workflow=which.workflow, run=record.id)
        self._engine.wake("new")
        return record.id

    def _plan(self, active: ActiveWorkflow, report: JobEnd, commit: str | None) -> Plan:
        trigger = self._trigger(active, report)
        assert trigger is not None
        now = self._clock.now()
        return make_plan(
            active.loaded,
            self._project,
            dict(_inputs(trigger, report)),
            run_id=new_run_id(now, self._engine.chance),
            now=now,
            key=f"{active.name}/{TRIGGER}/{report.account}/{report.instance_id}",
            scheduled_at=report.ended_at or report.received_at,
            trigger=TRIGGER,
            definition={**active.definition, "commit": commit},
        )

    async def _skip(self, which: JobEndStart, reason: str) -> None:
        await self._writer.call(self._store.skip_starts, self._engine.process_id, [which], reason)
        self._tell_skipped(which, reason)

    def _tell_skipped(self, which: JobEndStart, reason: str) -> None:
        text = f"No run starts although {_in_words(which.job_end)}. {reason}"
        self._log(text, workflow=which.workflow)


def _inputs(trigger: JobEnded, report: JobEnd) -> Iterator[tuple[str, str]]:
    for name, which in trigger.inputs.items():
        value = getattr(report, which)
        yield name, value.isoformat() if which == "ended_at" and value is not None else value or ""


def _in_words(report: JobEnd) -> str:
    job = f"{report.job_name} ({report.job_id})" if report.job_name else f"job {report.job_id}"
    return f"{job} has ended in Alma as {report.status}, instance {report.instance_id}"
