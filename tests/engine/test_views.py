"""A run as people look at it: what record, journal and log say, put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.runs.views import RunView, lost_steps, view_of
from almaflow.store import EntryState
from tests.harness import Played, Process, Stage, interrupt_after

WORKFLOW = """\
name: weed
inputs: {limit: {type: integer, default: 5}}
vars: {twice: "{{ inputs.limit * 2 }}"}
steps:
  - {id: weeding, find_set: {name: Conservation items}}
  - id: export
    name: The export
    submit_job: {job: M48, set: "{{ steps.weeding.set_id }}"}
  - branch:
      on: steps.export.status
      cases:
        COMPLETED_SUCCESS: [{notify: {to: log, message: "done {{ run.started_at }}"}}]
        COMPLETED_FAILED: [{fail: no}]
  - {id: never, if: "1 > 2", wait: 1m}
finally:
  - wait: 1m
outputs: {members: "{{ steps.weeding.member_count }}", at: "{{ steps.export.submitted_at }}"}
"""

# Every submission vanishes, and its answer too.
LOSES = {"faults": [{"kind": "lose_answer", "call": "submit", "processed": False}]}


def view_from(stage: Stage, played: Played, *, worked_on: bool = False) -> RunView:
    with stage.using_store() as store:
        definition = store.definition(played.record.definition)
    return view_of(played.record, definition, played.journal, played.log, worked_on=worked_on)


def states(view: RunView) -> dict[str, tuple[str, str | None]]:
    return {step.path: (step.status.value, step.outcome) for step in view.steps}


def test_a_run_that_ended_shows_every_step_reached_or_not(stage: Stage) -> None:
    view = view_from(stage, stage.run(WORKFLOW))

    assert states(view) == {
        "weeding": ("finished", "succeeded"),
        "export": ("finished", "succeeded"),
        "branch-3": ("finished", "succeeded"),
        "branch-3/case-1/notify-1": ("finished", "succeeded"),
        "branch-3/case-2/fail-1": ("finished", "skipped"),
        "never": ("finished", "skipped"),
        "finally/wait-1": ("finished", "succeeded"),
    }
    assert (view.outcome, view.timezone) == (Outcome.SUCCEEDED, "UTC")
    assert view.seconds is not None
    assert view.seconds > 60


def test_a_step_shows_what_it_gave_and_what_was_sent(stage: Stage) -> None:
    view = view_from(stage, stage.run(WORKFLOW))

    export = next(step for step in view.steps if step.path == "export")
    (intent,) = export.intents
    assert (export.kind, export.name, export.attempts) == ("submit_job", "The export", 1)
    assert export.outputs["status"] == "COMPLETED_SUCCESS"
    assert export.outputs["counters"][0]["key"] == "c.jobs.export.total"
    assert "outcome" not in export.outputs
    assert intent.line == "POST /conf/jobs/M48?op=run"
    assert intent.state is EntryState.DONE
    assert intent.told == f"Alma accepted it: {intent.result}"


def test_it_is_json_as_it_stands(stage: Stage) -> None:
    view = view_from(stage, stage.run(WORKFLOW))

    data = json.loads(json.dumps(view.as_data()))

    assert data["inputs"] == {"limit": 5}
    assert data["vars"] == {"twice": 10}
    assert data["outputs"]["members"] == 148
    assert data["outputs"]["at"].startswith("2026-03-02T08:15:")
    assert data["started_at"] == "2026-03-02T08:15:00+00:00"
    assert data["steps"][1]["intents"][0]["state"] == "done"
    assert [one["to"] for one in data["messages"] if one["to"]] == ["log"]


def test_a_run_under_way_shows_what_waits_and_what_comes(stage: Stage) -> None:
    played = stage.run(WORKFLOW, beside=interrupt_after(seconds=12))

    view = view_from(stage, played, worked_on=True)
    export = next(step for step in view.steps if step.path == "export")
    assert states(view)["export"] == ("waiting", None)
    assert export.reason.startswith("job M48 is running in Alma as instance ")
    assert states(view)["branch-3/case-1/notify-1"] == ("queued", None)
    assert states(view)["finally/wait-1"] == ("queued", None)
    assert (view.seconds, view.outputs, view.held) == (None, None, True)


def test_a_step_that_waits_for_nothing_is_running(stage: Stage) -> None:
    played = stage.run(WORKFLOW)
    begun = [one for one in played.journal if (one.path, one.effect) != ("weeding", "end")][:1]
    record = replace(played.record, status=Status.RUNNING, outcome=None)

    view = view_of(record, None, begun, [])

    assert [(step.path, step.kind, step.status) for step in view.steps] == [
        ("weeding", "", Status.RUNNING)
    ]
    assert (view.commit, view.timezone) == (None, "UTC")


def test_arms_that_can_begin_no_more_are_skipped_while_the_run_goes_on(stage: Stage) -> None:
    async def interrupt(process: Process) -> None:
        while process.store.run(process.run_id).reason[:14] != "finally/wait-1":
            await process.wait(seconds=1)
        process.interrupt()

    played = stage.run(WORKFLOW, beside=interrupt)

    view = view_from(stage, played)
    assert states(view)["branch-3/case-2/fail-1"] == ("finished", "skipped")
    assert states(view)["finally/wait-1"] == ("waiting", None)


def test_a_lost_submission_is_unknown_and_says_what_it_waits_for(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(LOSES)

    view = view_from(stage, stage.run(WORKFLOW))

    (lost,) = lost_steps(view)
    assert (lost.path, lost.status, lost.outcome) == ("export", Status.WAITING, Outcome.UNKNOWN)
    assert lost.reason == view.reason
    first, second = lost.intents
    assert first.told.endswith("not found in Alma by 08:25:00, so it was sent once more")
    assert second.state is EntryState.LOST
    assert second.told.endswith("does not show it, so it is not known whether Alma accepted it")


@pytest.mark.parametrize(
    ("state", "repeatable", "worked_on", "told"),
    [
        ("intent", False, True, "sent, no response yet"),
        (
            "intent",
            False,
            False,
            "almaflow stopped while sending it, so it is not known whether Alma accepted it",
        ),
        ("lost", True, False, "the response was lost (gone), so it is sent again"),
        ("untaken", False, False, "Alma did not accept it, so it may be sent again: gone"),
        ("refused", False, False, "Alma refused it: no such job"),
        ("done", False, False, "Alma accepted it"),
    ],
)
def test_each_state_of_a_request_is_told_in_plain_words(
    stage: Stage, state: str, repeatable: bool, worked_on: bool, told: str
) -> None:
    played = stage.run(WORKFLOW)
    sent = played.entry("export", "submit")
    value = {**sent.value, "repeatable": repeatable, "error": "gone", "result": None}
    value["refusal"] = {"text": "no such job"}
    changed = replace(sent, state=EntryState(state), value=value)
    entries = [changed if one is sent else one for one in played.journal]

    view = view_of(played.record, None, entries, [], worked_on=worked_on)

    export = next(step for step in view.steps if step.path == "export")
    assert export.intents[0].told == told


def test_a_step_whose_next_attempt_is_awaited_waits(stage: Stage) -> None:
    played = stage.run(
        "steps: [{id: a, find_set: {id: '1'}, retry: {attempts: 2, delay: 1h}}]\n",
        beside=interrupt_after(seconds=5),
    )

    (step,) = view_from(stage, played).steps
    assert (step.status, step.outcome, step.reason) == (Status.WAITING, None, "attempt 2 follows")
    assert step.error.startswith("Alma (main) refused")


def test_secrets_are_names(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTP", "swordfish")
    stage = set_stage(
        settings="institutions: {main: {region: eu, api_key: env:FTP}}\nsecrets: {ftp: env:FTP}\n"
    )

    view = view_from(
        stage,
        stage.run(
            """\
            steps:
              - submit_job: {job: M48, parameters: {password: "{{ secrets.ftp }}"}, wait: false}
            """
        ),
    )

    text = json.dumps(view.as_data())
    assert "***secrets.ftp***" in text
    assert "swordfish" not in text
