"""Steps as people look at them: retried, beside each other, in iterations, in called workflows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan, make_plan
from almaflow.runs.step_views import IterationsView, StepView
from almaflow.runs.views import RunView, WaitView, lost_steps, view_of
from almaflow.store import EntryState, JournalEntry, LogEntry, RunRecord
from almaflow.waiting import WaitingKind
from almaflow.workflow_loader import load_text
from tests.harness import START
from tests.journals import PROJECT, after, entry, sent, step
from tests.waits import following, wait

LOOP = """\
steps:
  - {id: first, wait: 1m}
  - id: all
    for_each:
      items: [a, b, c, d]
      max_parallel: 2
      steps:
        - {id: x, wait: 1m}
        - {id: y, wait: 1m, on_failure: continue}
        - {id: z, stop: enough}
  - {id: last, wait: 1m}
finally: [{id: tidy, wait: 1m}]
"""


def plan_of(text: str) -> Plan:
    loaded = load_text(text, "test.yaml")
    return make_plan(loaded, PROJECT, {}, run_id="r", now=START, simulated=True)


def view(
    text: str | None,
    *entries: Iterable[JournalEntry],
    events: Sequence[LogEntry] = (),
    worked_on: bool = False,
    **record: Any,
) -> RunView:
    plan = plan_of(text or LOOP)
    told = {"status": Status.RUNNING, "started_at": START, **record}
    found: RunRecord = replace(plan.record(), **told)
    journal = [one for group in entries for one in group]
    return view_of(found, plan.definition if text else None, journal, events, worked_on=worked_on)


def at(seen: RunView, path: str) -> StepView:
    return next(one for one in seen.steps if one.path == path)


def paths(seen: RunView) -> list[str]:
    return [one.path for one in seen.steps]


# --- iterations -----------------------------------------------------------------------------------


def test_a_loop_that_has_not_begun_is_shown_once() -> None:
    seen = view(LOOP, step("first", ""))

    assert paths(seen) == ["first", "all", "all/*/x", "all/*/y", "all/*/z", "last", "finally/tidy"]
    assert at(seen, "all").iterations is None
    assert at(seen, "all/*/x").status is Status.QUEUED


def test_iterations_that_have_begun_are_shown_each_in_their_order() -> None:
    seen = view(
        LOOP,
        step("first"),
        step("all", ""),
        [entry("all", 1, "items", ["a", "b", "c", "d"])],
        step("all/2/x"),
        step("all/10/x", ""),
        step("all/1/x", ""),
    )

    assert paths(seen)[2:-2] == [
        *("all/1/x", "all/1/y", "all/1/z"),
        *("all/2/x", "all/2/y", "all/2/z"),
        *("all/10/x", "all/10/y", "all/10/z"),
    ]
    assert at(seen, "all/2/x").outcome is Outcome.SUCCEEDED
    assert at(seen, "all/2/y").status is Status.QUEUED
    assert at(seen, "all/1/x").status is Status.RUNNING


@pytest.mark.parametrize(
    ("inside", "ended"),
    [
        ([*step("all/1/x"), *step("all/1/y"), *step("all/1/z")], 1),
        ([*step("all/1/x"), *step("all/1/y")], 0),
        ([*step("all/1/x"), *step("all/1/y", "")], 0),
        ([*step("all/1/x", "failed")], 1),
        ([*step("all/1/x"), *step("all/1/y", "failed")], 0),
        ([*step("all/1/x", ends="stop")], 1),
    ],
)
def test_a_loop_tells_how_many_iterations_have_ended(
    inside: list[JournalEntry], ended: int
) -> None:
    items = [entry("all", 1, "items", ["a", "b", "c"])]

    seen = view(LOOP, step("all", ""), items, inside)

    assert at(seen, "all").iterations == IterationsView(items=3, begun=1, ended=ended)


def test_of_a_loop_that_has_ended_every_iteration_has() -> None:
    seen = view(LOOP, step("all", "failed"), step("all/1/x", "cancelled"), step("all/2/x"))

    assert at(seen, "all").iterations == IterationsView(items=None, begun=2, ended=2)
    assert at(seen, "all/2/y").outcome is Outcome.SKIPPED


def test_without_a_plan_the_journal_names_the_steps() -> None:
    seen = view(
        None,
        step("all", ""),
        step("all/1/wait-1", ""),
        [entry("finally", 1, "begin", {"deadline": "x"})],
    )

    assert [(one.path, one.kind) for one in seen.steps] == [("all", ""), ("all/1/wait-1", "wait")]
    assert seen.steps[0].iterations is None


# --- beside each other ----------------------------------------------------------------------------

BESIDE = """\
steps:
  - id: both
    parallel:
      left: [{id: a, submit_job: {job: M48}}]
      right: [{id: b, approve: really?}]
"""


def test_every_step_that_waits_says_for_what() -> None:
    waits = (following("M48", "both/left/a", "1", "40 %"), wait("somebody", "both/right/b"))
    seen = view(
        BESIDE,
        step("both", ""),
        step("both/left/a", ""),
        step("both/right/b", ""),
        status=Status.WAITING,
        waits=waits,
        worked_on=True,
    )

    assert seen.waits == (
        WaitView(
            "both/left/a",
            "job M48 is running in Alma as instance 1 (RUNNING), 40 %",
            WaitingKind.JOB,
        ),
        WaitView("both/right/b", "somebody", WaitingKind.OTHER),
    )
    assert at(seen, "both").status is Status.RUNNING
    assert at(seen, "both/left/a").reason == (
        "job M48 is running in Alma as instance 1 (RUNNING), 40 %"
    )
    assert at(seen, "both/right/b").status is Status.WAITING


def test_a_reason_that_names_no_step_is_the_whole_runs() -> None:
    seen = view(
        BESIDE,
        step("both", ""),
        step("both/left/a", ""),
        [sent("both/left/a", EntryState.LOST)],
        status=Status.WAITING,
        waits=(wait("Nobody can tell: look."),),
    )

    assert seen.waits == ()
    (lost,) = lost_steps(seen)
    assert (lost.path, lost.outcome, lost.reason) == (
        "both/left/a",
        Outcome.UNKNOWN,
        "Nobody can tell: look.",
    )


def test_a_submission_that_is_looked_for_is_not_lost_yet() -> None:
    journal = [*step("both", ""), *step("both/left/a", ""), *step("both/right/b", "")]
    lost = sent("both/left/a", EntryState.LOST)
    given_up = sent("both/left/a", EntryState.LOST, unknown="Alma shows nothing of it")
    waiting: dict[str, Any] = {
        "status": Status.WAITING,
        "waits": (wait("somebody", "both/right/b"),),
    }

    assert lost_steps(view(BESIDE, journal, [lost], **waiting, worked_on=True)) == []
    assert lost_steps(view(BESIDE, journal, [lost])) == []
    assert len(lost_steps(view(BESIDE, journal, [given_up], **waiting, worked_on=True))) == 1


def test_a_run_without_a_plan_takes_the_paths_from_the_reason() -> None:
    seen = view(
        None, step("both/left/a", ""), status=Status.WAITING, waits=(wait("x", "both/left/a"),)
    )

    assert [one.reason for one in seen.steps] == ["x"]


# --- retried --------------------------------------------------------------------------------------


def retry(number: int, redo: dict[str, int], start: str | None = None) -> JournalEntry:
    value = {"from": start, "redo": redo, "by": "anna"}
    return entry("", number, "retry", value, created_at=after(hours=1))


def ended_event(number: int, outcome: str, text: str) -> LogEntry:
    data = {"outcome": outcome, "status": "finished"}
    return LogEntry(number, "r", after(minutes=30 * number), "run", "", text, data)


def test_what_a_retry_does_again_is_queued_until_it_begins() -> None:
    journal = [*step("first"), *step("all", "failed"), *step("all/1/x", "failed")]
    asked = retry(2, {"all": 1, "all/1/x": 1})

    seen = view(LOOP, journal, [asked], attempt=2)

    assert at(seen, "first").outcome is Outcome.SUCCEEDED
    for path in ("all", "all/1/x"):
        one = at(seen, path)
        assert (one.status, one.outcome, one.attempts) == (Status.QUEUED, None, 1)
    assert [one.outcome for one in at(seen, "all/1/x").tries] == [Outcome.FAILED]
    assert at(seen, "all/1/y").status is Status.QUEUED


def test_what_a_retry_never_came_to_is_skipped_when_it_has_ended() -> None:
    seen = view(
        LOOP,
        step("first", "failed"),
        step("last", "failed"),
        [retry(2, {"first": 1, "last": 1})],
        step("first", "failed", attempt=2, began_at=after(hours=2), error="again"),
        attempt=2,
        status=Status.FINISHED,
        outcome=Outcome.FAILED,
    )

    first, last = at(seen, "first"), at(seen, "last")
    assert (first.outcome, first.error, first.attempts) == (Outcome.FAILED, "again", 2)
    assert [one.number for one in first.tries] == [1, 2]
    assert first.started_at == after(hours=2)
    assert (last.outcome, len(last.tries)) == (Outcome.SKIPPED, 1)


def test_a_step_that_goes_on_in_a_retry_began_with_it() -> None:
    seen = view(
        LOOP,
        step("first", "failed"),
        [retry(2, {"first": 1})],
        step("first", "", attempt=2, began_at=after(hours=2)),
        attempt=2,
    )

    assert at(seen, "first").started_at == after(hours=2)
    assert at(seen, "first").status is Status.RUNNING


def test_a_body_that_ended_in_an_earlier_attempt_is_not_over_in_this_one() -> None:
    body = entry("", 1, "body", {"outcome": "failed", "error": ""})

    assert at(view(LOOP, [body]), "last").outcome is Outcome.SKIPPED
    assert at(view(LOOP, [body, retry(2, {})], attempt=2), "last").status is Status.QUEUED


def test_the_attempts_at_a_run_tell_who_asked_and_how_they_ended() -> None:
    seen = view(
        LOOP,
        [retry(2, {}, "first"), retry(3, {})],
        events=[
            ended_event(1, "failed", "oops"),
            LogEntry(2, "r", START, "said", "first", "x", None),
            ended_event(3, "timed_out", "late"),
        ],
        attempt=3,
    )

    one, two, three = seen.attempts
    assert (one.by, one.asked_at, one.outcome, one.error) == ("", None, Outcome.FAILED, "oops")
    assert (two.by, two.start, two.outcome) == ("anna", "first", Outcome.TIMED_OUT)
    assert two.asked_at == after(hours=1)
    assert (three.outcome, three.ended_at, three.start) == (None, None, "")


def test_an_attempt_whose_log_is_gone_is_named_all_the_same() -> None:
    one, _ = view(LOOP, [retry(2, {})], attempt=2).attempts

    assert (one.number, one.outcome, one.ended_at) == (1, None, None)


# --- writes in plain words ------------------------------------------------------------------------

WHY = "no answer came within 180 s"
LOST = "the response was lost (no answer came within 180 s)"


@pytest.mark.parametrize(
    ("state", "more", "told"),
    [
        ("done", {"found": True}, f"{LOST}; found in Alma at 08:16:10 as 4711"),
        (
            "done",
            {"found": True, "resolved_by": "anna"},
            f"{LOST}; anna confirmed at 08:16:10 that Alma runs it as 4711",
        ),
        (
            "untaken",
            {"absent": True},
            f"{LOST}; not found in Alma by 08:16:10, so it may be sent once more",
        ),
        (
            "untaken",
            {"absent": True, "resolved_by": "anna"},
            (
                f"{LOST}; anna confirmed at 08:16:10 that Alma did not accept it, so it may be "
                "sent once more"
            ),
        ),
        ("lost", {}, f"{LOST}; being searched for in Alma since 08:16:10"),
        (
            "lost",
            {"unknown": "Alma shows nothing"},
            f"{LOST}; Alma shows nothing, so it is not known whether Alma accepted it",
        ),
        (
            "lost",
            {"candidates": ["1", "2"]},
            f"{LOST}; Alma lists several instances that could be it: 1, 2",
        ),
        (
            "intent",
            {},
            "almaflow stopped while sending it, so it has to search Alma for it",
        ),
    ],
)
def test_what_became_of_a_lost_answer_is_told(state: str, more: dict[str, Any], told: str) -> None:
    write = sent("a", EntryState(state), changed_at=after(minutes=1, seconds=10), error=WHY, **more)

    seen = view("steps: [{id: a, submit_job: {job: M48}}]", step("a", ""), [write])

    (intent,) = at(seen, "a").intents
    assert intent.told == told
    assert intent.found is bool(more.get("found"))
    assert intent.candidates == tuple(more.get("candidates", ()))


@pytest.mark.parametrize(
    ("first", "second"),
    [("submit", "resubmit"), ("resubmit", "resubmit-2"), ("resubmit-2", "resubmit-3")],
)
def test_what_was_sent_once_more_is_told_so(first: str, second: str) -> None:
    write = sent("a", EntryState.UNTAKEN, effect=first, absent=True, error="gone")
    again = sent("a", EntryState.DONE, effect=second, error="")

    seen = view("steps: [{id: a, submit_job: {job: M48}}]", step("a", ""), [write, again])

    one, two = at(seen, "a").intents
    assert one.told.endswith("not found in Alma by 08:15:00, so it was sent once more")
    assert two.told == "Alma accepted it: 4711"


def test_a_day_later_the_date_is_told_as_well() -> None:
    write = sent("a", EntryState.DONE, found=True, error="", changed_at=after(days=1),
                 result={"set_id": "59"})  # fmt: skip

    seen = view("steps: [{id: a, create_set: {name: n, content: ITEM, members: []}}]",
                step("a", ""), [replace(write, effect="create")])  # fmt: skip

    assert at(seen, "a").intents[0].told == (
        "the response was lost (almaflow stopped meanwhile); found in Alma at 2026-03-03 "
        "08:15:00 as 59"
    )


def test_a_write_that_makes_nothing_is_told_without_a_name() -> None:
    write = replace(sent("a", EntryState.DONE, result="4711"), effect="add-1")
    write.value["result"] = {"member_count": 3}

    seen = view("steps: [{id: a, wait: 1m}]", step("a", ""), [write])

    assert at(seen, "a").intents[0].told == "Alma accepted it"


def test_of_a_run_that_has_ended_nobody_looks_any_more() -> None:
    over: dict[str, Any] = {"status": Status.FINISHED, "outcome": Outcome.UNKNOWN}
    text = "steps: [{id: a, submit_job: {job: M48}}]"

    lost = view(text, step("a", ""), [sent("a", EntryState.LOST, error="gone")], **over)
    intent = view(text, step("a", ""), [sent("a", EntryState.INTENT)], **over)

    assert at(lost, "a").outcome is Outcome.UNKNOWN
    assert at(lost, "a").intents[0].told == (
        "the response was lost (gone); it is not known whether Alma accepted it"
    )
    assert at(intent, "a").intents[0].told == (
        "almaflow stopped while sending it, so it is not known whether Alma accepted it"
    )


# --- as JSON --------------------------------------------------------------------------------------


def test_what_programs_get_is_all_of_it_under_these_names() -> None:
    seen = view(
        BESIDE,
        step("both", ""),
        step("both/left/a", ""),
        [sent("both/left/a", EntryState.DONE)],
        [retry(2, {})],
        events=[
            ended_event(1, "failed", "oops"),
            LogEntry(2, "r", START, "said", "both", "hi", None),
        ],
        attempt=2,
        status=Status.WAITING,
        waits=(wait("x", "both/left/a"),),
    )

    data = json.loads(json.dumps(seen.as_data()))

    assert data.keys() == {
        *("id", "workflow", "file", "institution", "trigger", "status", "reason", "waits"),
        *("outcome", "error", "attempt", "attempts", "held", "worked_on", "requested_at"),
        *("scheduled_at", "started_at", "ended_at", "deadline_at", "seconds"),
        *("cancel_requested_at", "cancel_requested_by", "inputs", "vars", "outputs", "commit"),
        *("timezone", "steps", "messages", "unreadable"),
    }
    assert data["waits"] == [{"path": "both/left/a", "reason": "x", "kind": "other"}]
    assert data["attempts"][0].keys() == {
        *("number", "asked_at", "by", "start", "ended_at", "outcome", "error"),
    }
    job = next(one for one in data["steps"] if one["path"] == "both/left/a")
    assert job.keys() == {
        *("path", "kind", "name", "status", "outcome", "error", "reason", "institution"),
        *("attempts", "started_at", "ended_at", "deadline_at", "seconds", "outputs", "intents"),
        *("tries", "iterations", "waiting"),
    }
    assert job["tries"] == [
        {
            "number": 1,
            "started_at": START.isoformat(),
            "ended_at": None,
            "outcome": None,
            "error": "",
        }
    ]
    assert job["intents"][0].keys() == {
        *("effect", "attempt", "request", "state", "told", "sent_at", "changed_at", "sends"),
        *("result", "found", "candidates"),
    }
    assert data["messages"] == [{"at": START.isoformat(), "path": "both", "text": "hi", "to": ""}]
    loop = json.loads(json.dumps(view(LOOP, step("all", ""), step("all/1/x", "")).as_data()))
    assert loop["steps"][1]["iterations"] == {"items": None, "begun": 1, "ended": 0}
