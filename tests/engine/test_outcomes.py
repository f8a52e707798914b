"""How steps and runs end: the table of outcomes, failures that are allowed, `finally`, outputs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.errors import RequestWrong
from almaflow.outcome import Status
from almaflow.runs.events import EventKind
from almaflow.store import EntryState
from tests.harness import START, Stage

# Also on PostgreSQL.
EACH_STORE = True

JOB = "submit_job: {job: M901, set: '59317390720001276'}"
SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}


def with_job(outcomes: Any, **more: Any) -> dict[str, Any]:
    """Return a scenario in which job M901 takes ten minutes and ends so."""
    rule = {"job": "M901", "duration": "10m", "outcomes": outcomes}
    return {"sets": [SET], "jobs": [rule], **more}


# --- a list of steps ------------------------------------------------------------------------------


def test_a_run_succeeds_when_every_step_does(stage: Stage) -> None:
    played = stage.run("steps: [{wait: 1m}, {id: b, notify: done}]")

    assert played.ended == ("succeeded", "")
    assert played.outcomes == {"wait-1": "succeeded", "b": "succeeded"}
    assert played.record.status is Status.FINISHED
    assert played.record.started_at == START
    assert played.record.ended_at == START + timedelta(minutes=1)
    assert played.record.deadline_at == START + timedelta(hours=24)
    assert played.record.owner is None
    assert played.steps["wait-1"] | {} == {
        "waited": 60,
        "outcome": "succeeded",
        "error": "",
        "attempts": 1,
        "started_at": START,
        "ended_at": START + timedelta(minutes=1),
        "seconds": 60.0,
    }


def test_a_failure_stops_the_run(stage: Stage) -> None:
    played = stage.run("steps: [{fail: no}, {notify: not reached}]")

    assert played.ended == ("failed", "Step fail-1: no")
    assert played.outcomes == {"fail-1": "failed"}


def test_an_allowed_failure_makes_the_run_a_warning(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - {id: x, fail: no, on_failure: continue}
          - {id: y, if: steps.x.outcome == 'failed' and steps.x.error == 'no', notify: on}
        """
    )

    assert played.ended == ("warning", "")
    assert played.outcomes == {"x": "failed", "y": "succeeded"}


def test_a_step_whose_condition_is_false_is_skipped(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - {id: x, if: 1 > 2, fail: no}
          - check: steps.x.outcome == 'skipped' and steps.x.error == ''
        """
    )

    assert played.ended == ("succeeded", "")
    assert played.steps["x"] == {"outcome": "skipped", "error": "", "attempts": 1}


def test_a_condition_that_fails_fails_the_step(stage: Stage) -> None:
    played = stage.run("{inputs: {l: {type: list}}, steps: [{if: l0, notify: x}]}".replace(
        "l0", "\"inputs.l[0] == 1\""), l=[])  # fmt: skip

    assert played.outcome == "failed"
    assert played.outcomes == {"notify-1": "failed"}


def test_steps_see_what_earlier_ones_gave(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(with_job("COMPLETED_SUCCESS")).run(
        f"""
        steps:
          - {{id: work, {JOB}}}
          - check: steps.work.status == 'COMPLETED_SUCCESS' and steps.work.seconds >= 600
          - check: steps.work.submitted_at == run.started_at and steps.work.attempts == 1
          - check: now > run.started_at and run.id | length == 21 and run.name == 'test'
        """
    )

    assert played.ended == ("succeeded", "")


def test_a_failed_step_keeps_the_outputs_that_it_had(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(with_job("COMPLETED_FAILED")).run(
        f"""
        steps:
          - {{id: work, {JOB}, on_failure: continue}}
          - check: steps.work.status == 'COMPLETED_FAILED' and steps.work.outcome == 'failed'
        """
    )

    assert played.ended == ("warning", "")


def test_a_step_may_work_at_another_institution(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(with_job("COMPLETED_SUCCESS"))

    played = stage.run(
        f"""
        steps:
          - {{{JOB}, institution: "{{{{ 'nor' + 'th' }}}}"}}
        """
    )

    assert played.ended == ("succeeded", "")
    assert [one.institution for one in stage.submissions] == ["north"]


def test_the_steps_of_a_branch_work_where_the_branch_does(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(with_job("COMPLETED_SUCCESS"))

    stage.run(f"steps: [{{branch: {{on: 1, cases: {{1: [{{{JOB}}}]}}}}, institution: north}}]")

    assert [one.institution for one in stage.submissions] == ["north"]


def test_an_institution_that_is_not_known_fails_the_step(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connection = stage.open_connection

    def refuse(name: str) -> Any:
        if name == "north":
            raise RequestWrong("There is no institution `north`.")
        return open_connection(name)

    monkeypatch.setattr(stage, "open_connection", refuse)

    played = stage.run("steps: [{find_set: {name: a}, institution: north}]")

    assert played.ended == ("failed", "Step find_set-1: There is no institution `north`.")


def test_alma_s_warning_makes_the_run_a_warning(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(with_job("COMPLETED_WARNING")).run(f"steps: [{{{JOB}}}, {{notify: on}}]")

    assert played.outcome == "warning"


# --- retry ----------------------------------------------------------------------------------------


def test_a_step_is_tried_again(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "call": "list_sets", "nth": [1, 2], "status": 400, "code": "60107"}
    stage = set_stage({"sets": [SET], "faults": [fault]})

    played = stage.run("steps: [{id: x, find_set: {name: Links}, retry: {attempts: 3, delay: 5m}}]")

    assert played.outcome == "succeeded"
    assert played.steps["x"]["attempts"] == 3
    assert played.record.ended_at == START + timedelta(minutes=10)
    assert played.said_waiting == ["attempt 2 follows", "attempt 3 follows"]
    assert [event.data["attempt"] for event in played.log if event.kind == EventKind.BEGAN] == [
        1,
        2,
        3,
    ]


def test_there_are_no_more_attempts_than_allowed(stage: Stage) -> None:
    played = stage.run("steps: [{id: x, fail: no, retry: {attempts: 2, delay: 1m}}]")

    assert played.ended == ("failed", "Step x: no")
    assert played.steps["x"]["attempts"] == 2


def test_each_attempt_has_its_own_now(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - check: now - run.started_at >= hours(2)
            retry: {attempts: 5, delay: 1h}
        """
    )

    assert played.outcome == "succeeded"
    assert played.steps["check-1"]["attempts"] == 3


def test_the_time_of_a_step_covers_every_attempt(stage: Stage) -> None:
    played = stage.run("steps: [{id: x, fail: no, timeout: 150s, retry: {attempts: 9, delay: 1m}}]")

    # A fourth attempt would begin after 180 seconds.
    assert played.steps["x"]["attempts"] == 3
    assert played.outcome == "failed"


def test_defaults_hold_for_every_step_that_does_not_say_otherwise(
    set_stage: Callable[..., Stage],
) -> None:
    played = set_stage(with_job("FAILED")).run(
        f"""
        defaults: {{retry: {{attempts: 3, delay: 1s}}, timeout: 1h}}
        steps:
          - {{id: a, fail: no, on_failure: continue}}
          - {{id: b, fail: no, on_failure: continue, retry: {{attempts: 2, delay: 1s}}}}
          - {{id: c, {JOB}, on_failure: continue}}
          - {{id: d, branch: {{on: 1, cases: {{1: [{{fail: no}}]}}}}, on_failure: continue}}
          - {{id: e, wait: 2h, on_failure: continue}}
        """
    )

    attempts = {path: facts["attempts"] for path, facts in played.steps.items()}
    assert attempts == {"a": 3, "b": 2, "c": 1, "d/case-1/fail-1": 3, "d": 1, "e": 1}
    assert played.outcomes["e"] == "timed_out"


@pytest.mark.parametrize("on", ["SYSTEM_ABORTED", "failed", "SYSTEM_ABORTED, timed_out"])
def test_a_job_is_submitted_again_after_an_ending_that_is_listed(
    set_stage: Callable[..., Stage], on: str
) -> None:
    stage = set_stage(with_job(["SYSTEM_ABORTED", "COMPLETED_SUCCESS"]))

    played = stage.run(f"steps: [{{id: x, {JOB}, retry: {{attempts: 3, delay: 5m, on: [{on}]}}}}]")

    assert played.outcome == "succeeded"
    assert played.steps["x"]["attempts"] == 2
    first, second = stage.submissions
    assert dict(first.parameters)["job_name"] != dict(second.parameters)["job_name"]


@pytest.mark.parametrize("outcome", ["COMPLETED_FAILED", "USER_ABORTED"])
def test_a_job_is_not_submitted_again_after_another_ending(
    set_stage: Callable[..., Stage], outcome: str
) -> None:
    stage = set_stage(with_job(outcome))

    played = stage.run(f"steps: [{{{JOB}, retry: {{on: [SYSTEM_ABORTED]}}}}]")

    assert played.outcome == "failed"
    assert len(stage.submissions) == 1


def test_a_job_that_was_not_as_expected_may_be_listed_too(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(with_job("COMPLETED_NO_BULKS"))
    job = JOB.replace("'}", "', expect: [status == 'COMPLETED_SUCCESS']}")

    stage.run(f"steps: [{{{job}, retry: {{attempts: 2, on: [COMPLETED_NO_BULKS]}}}}]")

    assert len(stage.submissions) == 2


# --- finally --------------------------------------------------------------------------------------

FINALLY = """
finally:
  - {id: last, notify: "{{ run.outcome }} {{ run.error }}"}
"""


@pytest.mark.parametrize(
    ("steps", "outcome", "error"),
    [
        ("{notify: a}", "succeeded", ""),
        ("{fail: no}", "failed", "Step fail-1: no"),
        ("{fail: no, on_failure: continue}", "warning", ""),
        ("{check: {that: 1 > 2, otherwise: skip}}", "skipped", "`1 > 2` is false"),
        ("{wait: 25h}", "timed_out", "The run did not end within 1d."),
        (
            "{wait: 2h, timeout: 1h}",
            "timed_out",
            "Step wait-1: The time limit of step wait-1 expired.",
        ),
    ],
)
def test_finally_follows_whatever_happened(
    stage: Stage, steps: str, outcome: str, error: str
) -> None:
    played = stage.run(f"steps: [{steps}]\n{FINALLY}")

    assert played.ended == (outcome, error)
    assert played.outcomes["finally/last"] == "succeeded"
    assert played.said(EventKind.NOTICE)[-1] == f"{outcome} {error}"


def test_a_failure_in_finally_makes_a_good_run_a_warning(stage: Stage) -> None:
    played = stage.run("{steps: [{notify: a}], finally: [{fail: no}]}")

    assert played.ended == ("warning", "In `finally`: Step finally/fail-1: no")


def test_an_allowed_failure_in_finally_is_a_warning_too(stage: Stage) -> None:
    played = stage.run("{steps: [{notify: a}], finally: [{fail: no, on_failure: continue}]}")

    assert played.outcome == "warning"


def test_a_failure_in_finally_changes_nothing_else(stage: Stage) -> None:
    played = stage.run("{steps: [{fail: first}], finally: [{fail: second}]}")

    assert played.ended == ("failed", "Step fail-1: first")


def test_finally_has_half_an_hour_of_its_own(stage: Stage) -> None:
    played = stage.run("{steps: [{wait: 25h}], finally: [{id: w, wait: 20m}, {id: x, wait: 20m}]}")

    assert played.outcome == "timed_out"
    assert played.outcomes == {
        "wait-1": "timed_out",
        "finally/w": "succeeded",
        "finally/x": "timed_out",
    }
    assert played.steps["finally/x"]["error"] == "The time limit of finally expired."
    assert played.record.ended_at == START + timedelta(hours=24, minutes=30)


def test_a_finally_that_takes_too_long_makes_a_good_run_a_warning(stage: Stage) -> None:
    played = stage.run("{steps: [{notify: a}], finally: [{wait: 40m}]}")

    assert played.ended == ("warning", "In `finally`: did not end within 30m")


def test_finally_sees_how_steps_ended_and_what_they_gave(
    set_stage: Callable[..., Stage],
) -> None:
    played = set_stage(with_job("FAILED")).run(
        f"""
        steps:
          - branch: {{on: 1, cases: {{1: [{{id: work, {JOB}}}]}}}}
          - {{id: never, notify: not reached}}
        finally:
          - check: steps.work.outcome == 'failed' and steps.never.outcome == 'skipped'
          - check: steps.work.status | default('') == 'FAILED'
        """
    )

    assert played.outcomes["finally/check-1"] == "succeeded"
    assert played.outcomes["finally/check-2"] == "succeeded"


def test_finally_sees_how_a_step_was_cut_off(stage: Stage) -> None:
    played = stage.run(
        """
        timeout: 1h
        steps: [{id: w, wait: 2h}]
        finally: [{check: steps.w.outcome == 'timed_out'}]
        """
    )

    assert played.outcomes["finally/check-1"] == "succeeded"


# --- outputs and notices --------------------------------------------------------------------------


def test_outputs_are_worked_out_after_a_good_run(stage: Stage) -> None:
    played = stage.run(
        """
        steps: [{id: w, wait: 1m}]
        outputs:
          waited: "{{ steps.w.waited }}"
          at: "{{ now }}"
          list: [1, "{{ 1 + 1 }}", {a: "x{{ 3 }}"}]
          plain: 0012
        """
    )

    assert played.record.outputs == {
        "waited": 60,
        "at": {"$instant": (START + timedelta(minutes=1)).isoformat()},
        "list": [1, 2, {"a": "x3"}],
        "plain": 12,
    }


def test_an_output_that_cannot_be_worked_out_is_left_out_and_named(stage: Stage) -> None:
    played = stage.run(
        """
        inputs: {l: {type: list}}
        steps: [{notify: a}]
        outputs: {good: 1, bad: "{{ inputs.l[7] }}"}
        """,
        l=["a"],
    )

    assert played.outcome == "succeeded"
    assert played.record.outputs == {"good": 1}
    (said,) = played.said()
    assert said.startswith("The output `bad` is omitted: ")


def test_a_run_that_failed_has_no_outputs(stage: Stage) -> None:
    played = stage.run("{steps: [{fail: no}], outputs: {a: 1}}")

    assert played.record.outputs is None


@pytest.mark.parametrize(
    ("steps", "on", "told"),
    [
        ("{notify: x}", "succeeded", ["test ended as succeeded."]),
        ("{notify: x}", "failed", []),
        ("{fail: no}", "failed", ["test ended as failed. Step fail-1: no"]),
        ("{wait: 25h}", "failed", ["test ended as timed_out. The run did not end within 1d."]),
        ("{fail: no, on_failure: continue}", "warning", ["test ended as warning."]),
    ],
)
def test_notices_follow_the_end_of_a_run(
    stage: Stage, steps: str, on: str, told: list[str]
) -> None:
    played = stage.run(f"{{steps: [{steps}], notify: [{{on: [{on}], to: systems}}]}}")

    notices = [one for one in played.log if one.kind == EventKind.NOTICE and not one.path]
    assert [one.text for one in notices] == told
    assert all(one.data["to"] == "systems" for one in notices)


# --- environment ----------------------------------------------------------------------------------

WRITES = "steps: [{id: x, create_set: {name: ours, content: ITEM, members: []}}]"


def test_alma_is_asked_who_it_is_before_the_first_write(tmp_path: Path) -> None:
    stage = Stage(tmp_path, connection={"environment": "production", "code": "01MAIN_INST"})

    played = stage.run(
        """
        steps:
          - {id: x, create_set: {name: ours, content: ITEM, members: []}}
          - {delete_set: "{{ steps.x.set_id }}"}
        """
    )

    assert played.outcome == "succeeded"
    assert stage.sent("general") == 1


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (
            {"environment": "production"},
            "Step x: The key of institution `main` belongs to a sandbox environment, but "
            "almaflow.yaml has `environment: production`. Nothing was sent. Correct the key or "
            "the entry.",
        ),
        (
            {"code": "01OTHER_INST"},
            "Step x: The key of institution `main` belongs to 01MAIN_INST, but almaflow.yaml "
            "has `code: 01OTHER_INST`. Nothing was sent. Correct the key or the entry.",
        ),
    ],
)
def test_nothing_is_written_to_another_institution(
    tmp_path: Path, connection: dict[str, str], told: str
) -> None:
    stage = Stage(tmp_path, environment="sandbox", connection=connection)

    played = stage.run(WRITES)

    assert played.ended == ("failed", told)
    assert stage.new_sets() == {}
    assert played.journal[-2].state is EntryState.DONE


def test_what_is_too_large_to_be_recorded_fails_the_step(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.store.json_values.LARGEST", 2000)
    stage.write("items.txt", "\n".join(f"3903100{number:07}" for number in range(200)))

    played = stage.run(
        """
        steps:
          - create_set: {name: ours, content: ITEM, members: {file: items.txt}}
            on_failure: continue
        """
    )

    assert played.outcome == "warning"
    assert (
        "Keep such data in a file, or select less of it." in (played.steps["create_set-1"]["error"])
    )
