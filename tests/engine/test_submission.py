"""Submissions whose answer was lost: what is sent again, what people say, what a crash changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.alma.simulator.records import Members
from almaflow.alma.transport import NotSent
from almaflow.engine.alma_writes import submission
from almaflow.engine.alma_writes.submission import NOTHING_SHOWN
from almaflow.engine.step_context import AttemptContext
from almaflow.outcome import Status
from almaflow.store import EntryState
from tests import harness
from tests.harness import START, Boundary, Played, Process, Stage, after, cancel, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
RUN = f"steps: [{{id: x, {JOB}}}]"

TAKEN = {"kind": "lose_answer", "call": "submit", "nth": 1}
NOT_TAKEN = {"kind": "reset", "call": "submit", "nth": 1}

# Where a person is asked what became of a submission that does not show.
NEVER: dict[str, Any] = {"settle": None}


def library(*faults: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"sets": [SET], "jobs": [{"job": "*", "duration": "30m"}], "faults": faults, **more}


def say(stage: Stage, instance_id: str | None, *, effect: str = "submit", path: str = "x") -> None:
    """Let anna say what became of a lost submission; None: Alma did not take it."""
    store = stage.open_store()
    value = {"attempt": 1, "effect": effect, "instance_id": instance_id}
    store.add_answer(store.find_run("last").id, path, "resolve", value, "anna")


def waits_for_a_person(played: Played) -> bool:
    return (played.outcome, played.record.status) == (None, Status.WAITING)


def minutes(stage: Stage) -> float:
    """Return how many minutes of the stage's time have passed."""
    return (stage.clock.true_now() - START) / timedelta(minutes=1)


# --- unknown --------------------------------------------------------------------------------------


def test_two_that_were_lost_and_do_not_show_are_left_to_a_person(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library({**NOT_TAKEN, "nth": [1, 2]}))

    played = stage.run(RUN)

    assert waits_for_a_person(played)
    assert played.record.reason == (
        "It is not known whether Alma at main accepted the request to submit job M901 (POST "
        "/conf/jobs/M901), sent 2026-03-02T08:25:00 UTC: the connection was reset before a "
        "response arrived. Alma's list of instances does not show it. almaflow does not "
        "send it again. Check in Alma (Admin > Monitor Jobs), then run `almaflow resolve "
        f"{played.record.id} x --instance ID` or `--not-submitted`."
    )
    assert [played.state("x", one) for one in ("submit", "resubmit")] == [
        EntryState.UNTAKEN,
        EntryState.LOST,
    ]
    assert (minutes(stage), stage.sent("submit"), stage.submissions) == (20, 2, [])


def test_a_run_that_waits_for_a_person_looks_once_more_when_it_is_resumed(
    set_stage: Callable[..., Stage],
) -> None:
    late = {**TAKEN, "nth": 2}
    stage = set_stage(library(NOT_TAKEN, late, alma={"list_lag": "12m"}))
    waiting = stage.run(RUN)
    assert waits_for_a_person(waiting)
    stage.pass_time(minutes=5)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.entry("x", "resubmit").value["found"]
    assert (stage.sent("submit"), len(stage.submissions)) == (2, 1)


def test_where_nothing_settles_by_itself_a_person_is_asked_at_once(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN), connection=NEVER)

    played = stage.run(RUN)

    assert waits_for_a_person(played)
    assert (
        f": the connection was reset before a response arrived. {NOTHING_SHOWN}. almaflow does not"
        in (played.record.reason)
    )
    assert (minutes(stage), stage.sent("submit")) == (10, 1)
    # Nobody knows whether it runs, so it keeps its place.
    assert len(stage.open_store().holders("main")) == 1


def test_where_nothing_settles_by_itself_a_run_that_shows_is_adopted(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(TAKEN), connection=NEVER)

    played = stage.run(RUN)

    assert played.outcome == "succeeded"
    assert stage.sent("submit") == 1


def test_what_was_taken_after_all_and_shows_late_is_adopted_by_the_second_sending(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(TAKEN, {**NOT_TAKEN, "nth": 2}, alma={"list_lag": "12m"}))

    played = stage.run(RUN)

    assert played.outcome == "succeeded"
    (submitted,) = stage.submissions
    assert played.entry("x", "resubmit").value["result"] == submitted.instance_id
    # Its name carries the marker of the first sending.
    assert stage.open_store().marker_habit("main", "M901").kept


def test_two_that_alma_took_and_showed_late_are_left_to_a_person(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library({**TAKEN, "nth": [1, 2]}, alma={"list_lag": "22m"}))
    waiting = stage.run(RUN)
    assert waits_for_a_person(waiting)
    stage.pass_time(minutes=20)

    played = stage.resume()

    runs = [one.instance_id for one in stage.submissions]
    assert waits_for_a_person(played)
    assert sorted(played.entry("x", "resubmit").value["candidates"]) == sorted(runs)
    assert stage.sent("submit") == 2


# --- people ---------------------------------------------------------------------------------------


def test_a_person_says_which_run_it_is(set_stage: Callable[..., Stage]) -> None:
    lose = {**TAKEN, "nth": 1}
    stage = set_stage(library(lose, alma={"list_lag": "20m"}), connection=NEVER)
    assert waits_for_a_person(stage.run(RUN))
    (submitted,) = stage.submissions
    say(stage, submitted.instance_id)

    played = stage.resume()

    assert played.outcome == "succeeded"
    value = played.entry("x", "submit").value
    assert (value["result"], value["resolved_by"]) == (submitted.instance_id, "anna")
    assert played.said()[0] == (
        f"The submission whose response was lost runs in Alma as {submitted.instance_id} by "
        "anna's word."
    )
    assert stage.sent("submit") == 1


def test_every_further_sending_needs_a_person_s_word(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({**NOT_TAKEN, "nth": [1, 2, 3]}))
    assert waits_for_a_person(stage.run(RUN))
    say(stage, None, effect="resubmit")

    again = stage.resume()

    assert waits_for_a_person(again)
    assert again.state("x", "resubmit") is EntryState.UNTAKEN
    assert again.entry("x", "resubmit").value["resolved_by"] == "anna"
    assert again.state("x", "resubmit-2") is EntryState.LOST
    assert stage.sent("submit") == 3
    say(stage, None, effect="resubmit-2")

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.state("x", "resubmit-3") is EntryState.DONE
    assert (stage.sent("submit"), len(stage.submissions)) == (4, 1)
    assert (
        "anna confirmed that Alma did not accept the submission, so almaflow sends it again."
        in played.said()
    )


def test_a_person_s_word_counts_where_nothing_settles_by_itself(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN), connection=NEVER)
    assert waits_for_a_person(stage.run(RUN))
    say(stage, None)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.state("x", "resubmit") is EntryState.DONE
    assert (stage.sent("submit"), len(stage.submissions)) == (2, 1)


def test_a_person_s_word_is_heard_while_it_is_looked_for(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(NOT_TAKEN))

    async def not_submitted(process: Process) -> None:
        await process.wait(minutes=2)
        say(stage, None)

    played = stage.run(RUN, beside=not_submitted)

    assert played.outcome == "succeeded"
    assert 2 <= (stage.submissions[0].at - START) / timedelta(minutes=1) <= 3


def test_a_run_that_is_another_step_s_cannot_be_named(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({**NOT_TAKEN, "nth": 2}), connection=NEVER)
    waiting = stage.run(f"steps: [{{id: y, {JOB}}}, {{id: x, {JOB}}}]")
    assert waits_for_a_person(waiting)
    (of_y,) = stage.submissions
    say(stage, of_y.instance_id)

    again = stage.resume()

    assert waits_for_a_person(again)
    told = (
        f"anna confirmed that Alma runs it as {of_y.instance_id}, but that instance belongs to "
        f"step y of run {again.record.id}"
    )
    assert told in again.record.reason
    assert "found" not in again.entry("x", "submit").value
    say(stage, None)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 2


def test_who_cancels_after_a_person_has_spoken_ends_a_run_that_is_known(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN), connection=NEVER)
    assert waits_for_a_person(stage.run(RUN))
    say(stage, None)
    stage.open_store().ask_cancel(stage.open_store().find_run("last").id, "bert")

    played = stage.resume()

    assert played.ended == ("cancelled", "Cancelled by bert.")
    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert stage.sent("submit") == 1


def test_unknown_is_never_continued_and_its_neighbours_end(
    set_stage: Callable[..., Stage],
) -> None:
    played = set_stage(library({**NOT_TAKEN, "nth": [1, 2]})).run(
        f"""
        steps:
          - parallel:
              a: [{{id: x, {JOB}, on_failure: continue}}, {{id: after, notify: reached}}]
              b: [{{id: y, wait: 3h}}]
          - {{id: later, notify: reached}}
        """
    )

    assert waits_for_a_person(played)
    assert played.outcomes == {"parallel-1/b/y": "succeeded"}


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let deletions be writes that leave nothing by which they could be found."""

    async def write(self: AttemptContext, effect: str, call: Any, **_: Any) -> Any:
        return await submission.write(self, effect, call, trace=None, repeatable=False)

    monkeypatch.setattr(AttemptContext, "write", write)


DELETE = f"steps: [{{id: x, delete_set: '{SET['id']}'}}]"


@pytest.mark.usefixtures("untraced")
def test_a_write_that_leaves_no_trace_is_a_person_s(set_stage: Callable[..., Stage]) -> None:
    lose = {"kind": "reset", "call": "delete_set", "nth": 1}
    stage = set_stage(library(lose))

    waiting = stage.run(DELETE)

    assert waits_for_a_person(waiting)
    assert "It leaves nothing in Alma by which almaflow could recognise it. almaflow does not" in (
        waiting.record.reason
    )
    assert minutes(stage) == 0
    say(stage, None, effect="delete")

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert stage.sent("delete_set") == 2
    assert "Links" not in stage.alma.sets("main")


@pytest.mark.usefixtures("untraced")
def test_nobody_looks_for_a_write_that_leaves_no_trace(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"kind": "reset", "call": "delete_set", "nth": 1}))
    assert waits_for_a_person(stage.run(DELETE))
    stage.open_store().ask_cancel(stage.open_store().find_run("last").id, "bert")

    played = stage.resume()

    assert played.ended == (
        "unknown",
        "Cancelled by bert. It is not known whether Alma accepted what step x sent.",
    )
    assert (minutes(stage), stage.sent("delete_set")) == (0, 1)


# --- ended while it is looked for -----------------------------------------------------------------


@pytest.mark.parametrize("processed", [True, False], ids=["taken", "not taken"])
def test_ctrl_c_while_it_is_looked_for_ends_nothing(
    set_stage: Callable[..., Stage], processed: bool
) -> None:
    lose = {**TAKEN, "processed": processed}
    stage = set_stage(library(lose, alma={"list_lag": "3m"}))
    held = stage.run(RUN, beside=interrupt_after(minutes=1))
    assert held.interrupted
    assert held.state("x", "submit") is EntryState.LOST
    stage.pass_time(minutes=1)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert (stage.sent("submit"), len(stage.submissions)) == (1 if processed else 2, 1)
    assert played.entry("x", "submit").value["lost"] == 1


def test_what_several_runs_may_be_stays_unknown_when_the_run_is_cancelled(
    set_stage: Callable[..., Stage],
) -> None:
    foreign = {"job": "M901", "at": "10s", "duration": "5m"}
    stage = set_stage(library(TAKEN, other_runs=[foreign]))

    played = stage.run(RUN.replace("}}", ", job_name: false}}"), beside=after(cancel, minutes=1))

    assert played.outcome == "unknown"
    runs = [run.id for run in stage.alma.instances("M901")]
    assert sorted(played.entry("x", "submit").value["candidates"]) == sorted(runs)
    assert minutes(stage) == 10


@pytest.mark.parametrize("bound", ["step", "run"])
def test_what_is_found_absent_after_its_time_was_up_is_not_sent_again(
    set_stage: Callable[..., Stage], bound: str
) -> None:
    stage = set_stage(library(NOT_TAKEN))
    workflow = (
        f"steps: [{{id: x, {JOB}, timeout: 1h}}]"
        if bound == "step"
        else f"{{timeout: 1h, steps: [{{id: x, {JOB}}}]}}"
    )
    stage.run(workflow, beside=interrupt_after(minutes=1))
    stage.pass_time(hours=3)

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert (stage.sent("submit"), stage.submissions) == (1, [])


def test_a_step_whose_time_was_up_before_it_sent_anything_sends_nothing(
    set_stage: Callable[..., Stage],
) -> None:
    busy = [{"job": "M902", "at": "0s", "duration": "2h"} for _ in range(3)]
    stage = set_stage(library(other_runs=busy))
    stage.run(f"steps: [{{id: x, {JOB}, timeout: 1h}}]", beside=interrupt_after(minutes=1))
    stage.pass_time(hours=3)

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert stage.submissions == []


def test_a_host_that_is_away_while_it_is_looked_for_ends_nothing(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(library(TAKEN))
    stage.run(RUN, beside=interrupt_after(seconds=2))
    handle = stage._handle

    def away(*request: Any) -> Any:
        if minutes(stage) < 45:
            raise NotSent("connection refused")
        return handle(*request)

    monkeypatch.setattr(stage, "_handle", away)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.entry("x", "submit").value["found"]
    assert (stage.sent("submit"), len(stage.submissions)) == (1, 1)


def test_a_list_that_alma_refuses_leaves_it_to_a_person(set_stage: Callable[..., Stage]) -> None:
    refusal = {"kind": "status", "status": 400, "code": "402216", "call": "list_instances"}
    stage = set_stage(library(TAKEN, {**refusal, "for": "1h"}))

    waiting = stage.run(RUN)

    assert waits_for_a_person(waiting)
    assert "Alma does not list the job's instances: Alma (main) refused" in waiting.record.reason
    assert "code 402216" in waiting.record.reason
    assert minutes(stage) == 10
    stage.pass_time(hours=1)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert (stage.sent("submit"), len(stage.submissions)) == (1, 1)


def test_a_list_that_alma_refuses_for_a_while_is_asked_again(
    set_stage: Callable[..., Stage],
) -> None:
    refusal = {"kind": "status", "status": 400, "code": "402216", "call": "list_instances"}
    stage = set_stage(library(TAKEN, {**refusal, "for": "5m"}))

    played = stage.run(RUN)

    assert played.outcome == "succeeded"
    assert (stage.sent("submit"), len(stage.submissions)) == (1, 1)


# --- sets -----------------------------------------------------------------------------------------


def test_a_set_of_another_kind_under_the_name_is_somebody_else_s(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library({"kind": "reset", "call": "create_set", "nth": 1}))

    async def somebody_else(process: Process) -> None:
        await process.wait(minutes=2)
        main = stage.alma.institution("main")
        main.add_set("new", "ITEM", Members(["1"]), created_at=process.stage.clock.now())

    played = stage.run(
        "steps: [{id: x, create_set: {name: new, content: BIB_MMS, members: ['1']}}]",
        beside=somebody_else,
    )

    made = next(one.id for one in stage.alma.institution("main").sets.values() if one.name == "new")
    assert played.ended == (
        "failed",
        f"Step x: There is a set `new` ({made}) now, but it is ITEMIZED of ITEM, not what was "
        "requested; another user created it.",
    )
    assert stage.sent("create_set") == 1


# --- crashes --------------------------------------------------------------------------------------

WORKFLOW = f"""
steps:
  - id: x
    {JOB[:-1]}, poll: {{first: 10m, max: 10m}}}}
finally: [{{id: y, check: steps.x.outcome == 'succeeded'}}]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults",
    [
        [NOT_TAKEN, {**TAKEN, "nth": 2}],
        [TAKEN, {"kind": "status", "status": 503, "call": "list_instances", "nth": [1, 2]}],
    ],
    ids=["not taken, then taken", "taken, and the list is away"],
)
def test_a_crash_at_any_point_of_the_looking_doubles_nothing_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))
    whole = make_stage(tmp_path / "whole", faults)
    assert whole.run(WORKFLOW).ended == ("succeeded", "")
    count = whole.boundary.counts["commit"]

    for at in range(1, count + 1):
        stage = make_stage(tmp_path / str(at), faults)
        crashed = stage.crash(WORKFLOW, "commit", at, after=True)
        played = crashed if crashed.outcome else stage.resume()

        assert len(stage.submissions) <= 1, at
        if waits_for_a_person(played):
            # The second sending was lost too, before it left.
            assert played.state("x", "resubmit") is EntryState.LOST, at
            assert stage.submissions == [], at
            continue
        assert played.ended == ("succeeded", ""), at
        (submitted,) = stage.submissions
        assert played.steps["x"]["instance_id"] == submitted.instance_id, at


def test_two_crashes_with_open_intents_leave_it_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))
    stage = make_stage(tmp_path, [])
    stage.add(WORKFLOW)
    handle = stage._handle

    def die(method: str, *request: Any) -> Any:
        if method == "POST":
            stage.boundary._die()
        return handle(method, *request)

    monkeypatch.setattr(stage, "_handle", die)
    for effect in ("submit", "resubmit"):
        crashed = stage.resume()
        assert crashed.state("x", effect) is EntryState.INTENT
        stage.boundary = Boundary()
    monkeypatch.undo()

    played = stage.resume()

    assert stage.submissions == []
    assert waits_for_a_person(played)
    assert played.entry("x", "resubmit").value["error"] == "almaflow stopped while sending it"


def make_stage(folder: Path, faults: list[dict[str, Any]]) -> Stage:
    folder.mkdir(exist_ok=True)
    scenario = library(*faults) | {"jobs": [{"job": "M901", "duration": "9m"}]}
    return Stage(folder, scenario, durable=True, connection={"settle": timedelta(minutes=1)})
