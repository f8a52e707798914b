"""Secrets: sent to Alma, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from almaflow.runs.events import EventKind
from almaflow.store import EntryState
from tests.harness import Played, Stage, interrupt_after

PASSWORD = "hunter2 &/ secret"
SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
SETTINGS = """
institutions:
  main: {region: eu, api_key: env:ALMA_KEY}
secrets: {ftp: env:FTP_PASSWORD, other: env:NOT_THERE}
"""
WORKFLOW = """
steps:
  - id: x
    submit_job:
      job: M901
      set: '59317390720001276'
      parameters: {password: "{{ secrets.ftp }}", both: "ftp://me:{{ secrets['ftp'] }}@host"}
"""


@pytest.fixture
def stage_with_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FTP_PASSWORD", PASSWORD)
    monkeypatch.setenv("ALMA_KEY", "l8xx00000000000000000000")
    monkeypatch.delenv("NOT_THERE", raising=False)

    def make(**scenario: Any) -> Stage:
        return Stage(tmp_path, {"sets": [SET], **scenario}, settings=SETTINGS, durable=True)

    return make


def nowhere(stage: Stage, played: Played) -> None:
    """Check that the secret stands in no record, file or event."""
    kept = repr((played.record, played.journal, played.log, played.heard))
    assert PASSWORD not in kept
    assert "hunter2" not in kept
    for file in stage.folder.glob("almaflow.db*"):
        if file.is_file():
            assert b"hunter2" not in file.read_bytes()


def test_a_secret_is_sent_and_not_recorded(stage_with_secret: Any) -> None:
    stage = stage_with_secret()

    played = stage.run(WORKFLOW)

    assert played.outcome == "succeeded"
    sent = dict(stage.submissions[0].parameters)
    assert sent["password"] == PASSWORD
    assert sent["both"] == f"ftp://me:{PASSWORD}@host"
    nowhere(stage, played)
    submission = next(one for one in played.requests if one["method"] == "POST")
    shown = {one["name"]["value"]: one["value"] for one in submission["body"]["parameter"]}
    assert shown["password"] == "***secrets.ftp***"


def test_a_secret_that_alma_gives_back_is_starred(stage_with_secret: Any) -> None:
    rule = {
        "job": "M901",
        "duration": "1m",
        "outcomes": "COMPLETED_WARNING",
        "counters": {f"login with {PASSWORD}": PASSWORD},
    }
    stage = stage_with_secret(jobs=[rule])

    played = stage.run(
        WORKFLOW
        + """
  - notify: "{{ steps.x.counters[0].value }}"
  - fail: "it said {{ steps.x.counters[0].value }}"
outputs: {all: "{{ steps.x.counters }}"}
"""
    )

    assert played.outcome == "failed"
    assert played.steps["x"]["counters"][0]["value"] == "***"
    assert "hunter2" not in played.record.error
    nowhere(stage, played)


def test_a_secret_in_alma_s_error_is_starred(stage_with_secret: Any) -> None:
    fault = {
        "kind": "status",
        "call": "submit",
        "status": 400,
        "code": "402229",
        "message": f"not a good value: {PASSWORD}",
    }
    stage = stage_with_secret(faults=[fault])

    played = stage.run(WORKFLOW)

    assert played.outcome == "failed"
    assert "not a good value: ***" in played.record.error
    nowhere(stage, played)


def test_a_resumed_run_sends_the_same_secret_once(stage_with_secret: Any) -> None:
    stage = stage_with_secret(jobs=[{"job": "M901", "duration": "1h"}])

    stage.run(WORKFLOW, beside=interrupt_after(minutes=10))
    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1
    nowhere(stage, played)


def test_a_secret_that_is_not_there_fails_the_step_and_nothing_was_sent(
    stage_with_secret: Any,
) -> None:
    stage = stage_with_secret()

    played = stage.run(WORKFLOW.replace("{{ secrets.ftp }}", "{{ secrets.other }}"))

    assert played.outcome == "failed"
    assert "NOT_THERE" in played.record.error
    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert stage.sent("submit") == 0


def test_a_changed_secret_fails_the_step_and_nothing_was_sent(stage_with_secret: Any) -> None:
    stage = stage_with_secret()

    played = stage.run(WORKFLOW.replace("{{ secrets.ftp }}", "{{ secrets.ftp[:5] }}"))

    assert played.outcome == "failed"
    assert "changes the text of a secret" in played.record.error
    assert stage.sent("submit") == 0
    nowhere(stage, played)


def test_a_notice_shows_the_name_of_a_secret_only(stage_with_secret: Any) -> None:
    stage = stage_with_secret()

    played = stage.run('steps: [{notify: "{{ secrets.ftp }} it is"}]')

    assert played.said(EventKind.NOTICE) == ["***secrets.ftp*** it is"]
    nowhere(stage, played)
