"""A webhook reports that a job has ended: its step looks right away, and polls are seldom."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.store import NewJobEnd
from tests import harness
from tests.harness import START, Process, Stage

SETTINGS = """\
institutions:
  main: {region: eu, api_key: "env:NO_KEY_IS_NEEDED", webhook_secret: env:NO_SECRET_IS_NEEDED}
"""
SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
STEP = "submit_job: {job: M901, set: '59317390720001276', poll: {first: 10m, max: 20m}}"
WORKFLOW = f"steps: [{{id: x, {STEP}}}]"


def stage_of(folder: Path, settings: str = SETTINGS, duration: str = "3m") -> Stage:
    scenario = {"sets": [SET], "jobs": [{"job": "M901", "duration": duration}]}
    return Stage(folder, scenario, settings=settings, durable=True)


def ended(stage: Stage, instance_id: str = "", **changes: Any) -> NewJobEnd:
    values: dict[str, Any] = {
        "account": "main",
        "instance_id": instance_id or stage.submissions[0].instance_id,
        "job_id": "M901",
        "job_name": "Links",
        "name": "Links",
        "status": "COMPLETED_SUCCESS",
    }
    return NewJobEnd(**values | changes)


def test_a_reported_end_is_looked_at_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(seconds=1))
    stage = stage_of(tmp_path)

    async def report(process: Process) -> None:
        await process.wait(minutes=4)
        assert process.store.add_job_end(ended(stage))

    played = stage.run(WORKFLOW, beside=report)

    assert played.ended[0] == "succeeded"
    assert played.record.ended_at is not None
    assert played.record.ended_at - START < timedelta(minutes=4, seconds=3)


def test_without_a_report_the_poll_finds_the_end(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    played = stage.run(WORKFLOW)
    assert played.record.ended_at == START + timedelta(minutes=10)


def test_a_report_that_comes_too_early_costs_one_look(tmp_path: Path) -> None:
    """Alma may report an end before it shows it: the step goes on polling."""
    stage = stage_of(tmp_path)

    async def report(process: Process) -> None:
        await process.wait(minutes=1)
        process.store.add_job_end(ended(stage))

    played = stage.run(WORKFLOW, beside=report)
    assert played.ended[0] == "succeeded"
    assert played.record.ended_at is not None
    assert played.record.ended_at - START < timedelta(minutes=12)
    assert len(stage.alma.received("get_instance")) == 2


def test_a_report_of_another_account_wakes_nobody(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)

    async def report(process: Process) -> None:
        await process.wait(minutes=4)
        process.store.add_job_end(ended(stage, account="law"))

    played = stage.run(WORKFLOW, beside=report)
    assert played.record.ended_at == START + timedelta(minutes=10)


def test_polls_are_seldom_while_reports_arrive(tmp_path: Path) -> None:
    lasting = "20m"
    (tmp_path / "told").mkdir()
    (tmp_path / "untold").mkdir()
    told, untold = (stage_of(tmp_path / name, duration=lasting) for name in ("told", "untold"))

    async def report(process: Process) -> None:
        await process.wait(minutes=1)
        process.store.add_job_end(ended(told, "777"))
        await process.wait(minutes=20)
        process.store.add_job_end(ended(told))

    often = WORKFLOW.replace("{first: 10m, max: 20m}", "{first: 1m, max: 2m}")
    assert told.run(often, beside=report).ended[0] == "succeeded"
    assert untold.run(often).ended[0] == "succeeded"
    polls = [len(one.alma.received("get_instance")) for one in (told, untold)]
    assert polls[0] * 2 < polls[1]


def test_each_end_is_recorded_once(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    store = stage.open_store()
    assert store.add_job_end(ended(stage, "777"))
    assert not store.add_job_end(ended(stage, "777", status="COMPLETED_FAILED"))
    assert [one.status for one in store.job_ends_after(0)] == ["COMPLETED_SUCCESS"]
    store.close()
