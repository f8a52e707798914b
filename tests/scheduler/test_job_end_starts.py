"""`on: {job_ended: …}`: each instance that a webhook reports starts a workflow once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.clock import sleep
from almaflow.engine.engine import Engine
from almaflow.scheduler import job_end_starts
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.job_end_starts import JobEndStarts
from almaflow.settings import Project
from almaflow.store import NewJobEnd, Store
from tests.scheduler.served import START, Town

SETTINGS = """\
institutions:
  main: {region: eu, api_key: "env:NO_KEY_IS_NEEDED", webhook_secret: env:NO_SECRET_IS_NEEDED}
"""
SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
WORKFLOW = """\
on: {job_ended: {job: M58, status: [COMPLETED_SUCCESS], inputs: {instance: instance_id}}}
inputs: {instance: {}}
steps: [{wait: 20m}]
outputs: {instance: "{{ inputs.instance }}"}
"""


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    # A day of virtual time has 86,400 seconds in which to look.
    monkeypatch.setattr(job_end_starts, "LOOK", timedelta(seconds=15))
    town = Town(tmp_path, settings=SETTINGS, scenario={"sets": [SET]})

    def companions(engine: Engine, project: Project) -> Sequence[Companion]:
        return [JobEndStarts(engine, project, town.clock, town.said, lambda folder: "c0ffee")]

    town.companions = companions
    return town


def end(instance_id: str = "1", **changes: Any) -> NewJobEnd:
    values: dict[str, Any] = {
        "account": "main",
        "instance_id": instance_id,
        "job_id": "M58",
        "job_name": "Unused portfolios",
        "name": "Unused portfolios - 1",
        "status": "COMPLETED_SUCCESS",
        "ended_at": START,
    }
    return NewJobEnd(**values | changes)


def serve(town: Town, *ends: NewJobEnd, **duration: float) -> None:
    async def report(store: Store) -> None:
        await sleep(town.clock, timedelta(minutes=1))
        for one in ends:
            store.add_job_end(one)

    town.serve(beside=report, **duration or {"hours": 1})


def test_the_end_of_a_job_starts_a_workflow_with_its_inputs(town: Town) -> None:
    town.write("after", WORKFLOW)
    serve(town, end("111"))
    (run,) = town.runs()
    assert (run.workflow, run.trigger, run.outputs) == ("after", "job_ended", {"instance": "111"})
    assert run.scheduled_at == START


def test_each_instance_starts_it_once(town: Town) -> None:
    town.write("after", WORKFLOW)
    serve(town, end("1"), end("1"), end("2"))
    serve(town, end("2"), end("1"))
    assert [run.inputs["instance"] for run in town.runs()] == ["1", "2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"job_id": "M59", "job_name": "Other"},
        {"status": "COMPLETED_FAILED"},
        {"account": "law"},
    ],
)
def test_what_does_not_fit_starts_nothing(town: Town, changes: dict[str, Any]) -> None:
    town.write("after", WORKFLOW)
    serve(town, end(**changes))
    assert town.runs() == []


def test_the_job_may_be_named_and_the_instance_matched_by_pattern(town: Town) -> None:
    town.write(
        "after", "on: {job_ended: {job: unused  PORTFOLIOS, name: '* - 1'}}\nsteps: [{wait: 1m}]"
    )
    serve(town, end("1"), end("2", name="Unused portfolios - 2"))
    assert len(town.runs()) == 1


def test_several_workflows_may_start(town: Town) -> None:
    town.write("one", WORKFLOW)
    town.write("two", WORKFLOW)
    serve(town, end())
    assert sorted(run.workflow for run in town.runs()) == ["one", "two"]


def test_ends_wait_for_the_run_before_unless_overlap_allows_both(town: Town) -> None:
    town.write("after", WORKFLOW)
    town.write("beside", WORKFLOW + "overlap: allow\n")
    serve(town, end("1"), end("2"))
    first, second = (run for run in town.runs("after"))
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at >= first.ended_at
    first, second = (run for run in town.runs("beside"))
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at < first.ended_at


def test_overlap_skip_says_why_nothing_starts(town: Town) -> None:
    town.write("after", WORKFLOW + "overlap: skip\n")
    serve(town, end("1"), end("2"))
    (run,) = town.runs()
    assert f"Its run {run.id} was not finished (`overlap: skip`)." in town.said


def test_a_paused_workflow_does_not_start(town: Town) -> None:
    town.write("after", WORKFLOW)
    with town.store() as store:
        store.pause("after", by="me", note="")
    serve(town, end())
    assert town.runs() == []
    assert "The workflow is paused." in town.said


def test_what_is_reported_while_nobody_serves_starts_later(town: Town) -> None:
    town.write("after", WORKFLOW)
    with town.store() as store:
        store.add_job_end(end())
    serve(town)
    assert len(town.runs()) == 1


def test_a_workflow_does_not_start_itself(town: Town) -> None:
    town.write(
        "again",
        "on: {job_ended: {job: M901}}\n"
        "steps: [{submit_job: {job: M901, set: '59317390720001276'}}]",
    )

    async def report(store: Store) -> None:
        store.add_job_end(end("1", job_id="M901"))
        await sleep(town.clock, timedelta(hours=2))
        instance = town.stage.submissions[0].instance_id
        store.add_job_end(end(instance, job_id="M901"))

    town.serve(beside=report, hours=8)
    assert len(town.runs()) == 1
    assert "The workflow started this job itself." in town.said


def test_a_workflow_edited_meanwhile_does_not_start(town: Town) -> None:
    town.write("after", WORKFLOW + "overlap: queue_one\n")

    async def report(store: Store) -> None:
        store.add_job_end(end("1"))
        store.add_job_end(end("2"))
        await sleep(town.clock, timedelta(minutes=8))
        town.write("after", "steps: [{wait: 20m}]")

    town.serve(beside=report, hours=3)
    assert [run.inputs["instance"] for run in town.runs()] == ["1"]
    assert "no longer starts" in town.said
