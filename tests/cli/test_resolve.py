"""`resolve`: what became of a submission of which nobody can tell, as a person says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from almaflow.cli import handoff, repeated_submissions
from almaflow.outcome import Outcome
from almaflow.store import EntryState
from tests.cli.conftest import Almaflow
from tests.cli.past import Past
from tests.harness import Played

SET = {"id": "59317390720001276", "name": "Items", "content": "ITEM", "members": 10}
WORKFLOW = """\
name: weed
defaults: {poll: {first: 1s, max: 1s}}
steps:
  - {id: job, submit_job: {job: M48, set: '59317390720001276'}}
"""
SHORT = [{"job": "*", "duration": "1s"}]

# The first two submissions vanish, and their answers too.
VANISHES = {"kind": "lose_answer", "call": "submit", "processed": False, "nth": [1, 2]}
# Alma cuts the mark off, and somebody else starts the same job in the same minute.
SEVERAL = {
    "sets": [SET],
    "jobs": SHORT,
    "faults": [{"kind": "lose_answer", "call": "submit"}],
    "alma": {"name_limit": 4},
    "other_runs": [{"job": "M48", "at": "10s", "name": "weed"}],
}


def unknown(folder: Path, scenario: Mapping[str, Any] | None = None) -> tuple[Past, Played]:
    """Return a run that waits because nobody can tell what became of its submission."""
    past = Past(folder, scenario or {"sets": [SET], "jobs": SHORT, "faults": [VANISHES]})
    played = past.run(WORKFLOW)
    assert "`almaflow resolve " in played.record.reason
    return past, played


def all_runs(past: Past) -> list[Any]:
    """Return every run in Alma, whoever started it, the oldest first."""
    return list(past.alma.institution("main").instances.values())


def test_what_alma_did_not_take_is_submitted_once_more(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, played = unknown(folder)
    run = played.record.id

    with past.now(monkeypatch) as store:
        typed = almaflow("resolve", "last", "job", "--not-submitted")

        assert typed.code == 0, typed.err
        assert store.run(run).outcome is Outcome.SUCCEEDED
        states = {one.effect: one.state for one in store.journal(run) if one.request_hash}
    assert typed.out.startswith(
        f"Step job was not accepted by Alma. No process is executing run {run}, so it "
        "continues here.\n"
    )
    assert states == {
        "submit": EntryState.UNTAKEN,
        "resubmit": EntryState.UNTAKEN,
        "resubmit-2": EntryState.DONE,
    }
    assert len(past.submissions) == 1


def test_the_run_that_a_person_names_is_adopted(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, played = unknown(folder, SEVERAL)
    ours = past.submissions[0].instance_id

    with past.now(monkeypatch) as store:
        typed = almaflow("resolve", "last", "job", "--instance", f" {ours} ", "--json")
        shown = almaflow("show", "last").out

        assert typed.code == 0, typed.err
        assert store.run(played.record.id).outcome is Outcome.SUCCEEDED
    assert typed.json["steps"][0]["outputs"]["instance_id"] == ours
    assert f"that Alma runs it as {ours}" in shown
    assert len(past.submissions) == 1


@pytest.mark.parametrize("arguments", [(), ("--instance", "1", "--not-submitted")])
def test_one_of_the_two_answers_is_given(almaflow: Almaflow, arguments: tuple[str, ...]) -> None:
    typed = almaflow("resolve", "last", "job", *arguments)

    assert typed.code == 2
    assert typed.err == (
        "Error: Confirm the outcome of the submission: `--instance ID` if Alma runs it, or "
        "`--not-submitted` if Alma did not accept it.\n"
    )


def test_a_run_in_alma_that_cannot_be_it_is_refused(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = {
        "sets": [SET],
        "jobs": SHORT,
        "faults": [VANISHES],
        "other_runs": [
            {"job": "M48", "at": "1s", "name": "too early"},
            {"job": "M44", "at": "40m", "name": "another job"},
            {"job": "M48", "at": "40m", "name": "weed [af-0123456789]"},
        ],
    }
    past = Past(folder, scenario)
    text = WORKFLOW.replace("steps:\n", "steps:\n  - wait: 30m\n")
    played = past.run(text)
    runs = {one.name.split(" - ")[0]: one.id for one in all_runs(past)}

    with past.now(monkeypatch) as store:
        told = {
            name: almaflow("resolve", "last", "job", "--instance", runs.get(name, "1234567"))
            for name in ("too early", "another job", "weed [af-0123456789]", "nothing")
        }
        given = store.answers([played.record.id])

    assert {typed.code for typed in told.values()} == {2}
    early = told["too early"].err.replace("\n", " ")
    assert f"The instance {runs['too early']} (too early" in early
    assert "cannot be what step job submitted: Alma accepted it at " in early
    assert "before ours was sent at " in early
    assert early.endswith(". Nothing was recorded. ")
    assert "has no instance" in told["another job"].err
    assert (
        "its name has the marker of another submission of almaflow. Nothing was recorded."
        in told["weed [af-0123456789]"].err
    )
    assert told["nothing"].err == (
        "Error: Alma at main has no instance 1234567 of job M48. Check the id in Alma (Admin > "
        "Monitor Jobs).\n"
    )
    assert given == []


def test_a_run_that_another_step_has_started_is_refused(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vanishes = {**VANISHES, "nth": [1, 3]}
    past = Past(folder, {"sets": [SET], "jobs": SHORT, "faults": [vanishes]})
    past.run(
        """\
        steps:
          - parallel:
              left: [{id: job, submit_job: {job: M48, set: '59317390720001276'}}]
              right: [{wait: 1m}, {submit_job: {job: M48, set: '59317390720001276'}}]
        """
    )
    (theirs,) = past.submissions

    with past.now(monkeypatch):
        typed = almaflow("resolve", "last", "job", "--instance", theirs.instance_id)

    assert typed.code == 2
    assert typed.err.endswith(
        "cannot be what step parallel-1/left/job submitted: another step of almaflow started "
        "or adopted it. Nothing was recorded.\n"
    )


def test_an_answer_to_nothing_is_told(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, played = unknown(folder)
    lost, ended = played.record.id, past.run("steps: [{notify: hi}]").record.id
    queued = past.add("steps: [{notify: hi}]").id

    with past.now(monkeypatch):
        wrong = almaflow("resolve", lost, "jobb", "--not-submitted")
        none = almaflow("resolve", queued, "job", "--not-submitted")
        over = almaflow("resolve", ended, "job", "--not-submitted")

    assert (wrong.code, none.code, over.code) == (2, 2, 2)
    assert wrong.err == (
        f"Error: No submission of step `jobb` of run {lost} is unconfirmed; did you mean "
        "`job`? Unconfirmed: `job`.\n"
    )
    assert none.err == (
        f"Error: No submission of run {queued} is unconfirmed, so there is nothing to resolve. "
        f"`almaflow why {queued}` explains what the run is waiting for.\n"
    )
    assert over.err == (
        f"Error: Run {ended} is finished (succeeded), so no submission of it is waiting for an "
        f"answer. `almaflow retry {ended}` retries the steps that failed, and asks first.\n"
    )


def test_steps_of_the_same_name_are_told_apart_by_their_paths(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vanish = {"kind": "lose_answer", "call": "submit", "processed": False}
    past = Past(folder, {"sets": [SET], "jobs": SHORT, "faults": [vanish]})
    step = WORKFLOW.partition("steps:\n")[2].strip().removeprefix("- ")
    past.run(f"steps: [{{for_each: {{items: [1, 2], max_parallel: 2, steps: [{step}]}}}}]")

    with past.now(monkeypatch):
        typed = almaflow("resolve", "last", "job", "--not-submitted")

    assert typed.err == (
        "Error: Several steps with the id `job` have a lost response: `for_each-1/1/job`, "
        "`for_each-1/2/job`. Specify one of these paths.\n"
    )


# --- not submitted, says a person -----------------------------------------------------------------


def test_what_alma_lists_with_our_mark_was_submitted(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Alma shows the run only when almaflow has given up.
    scenario = {
        "sets": [SET],
        "jobs": SHORT,
        "faults": [{"kind": "lose_answer", "call": "submit"}],
        "alma": {"list_lag": "50m"},
    }
    past, played = unknown(folder, scenario)
    second = past.submissions[1].instance_id

    with past.now(monkeypatch) as store:
        typed = almaflow("resolve", "last", "job", "--not-submitted")
        given = store.answers([played.record.id])

    assert typed.code == 2
    assert typed.err.startswith(f"Error: Alma lists the instance {second} (weed job [af-")
    assert typed.err.endswith(
        "whose name has the marker of this submission, so Alma accepted it. To confirm this: "
        f"`almaflow resolve {played.record.id} job --instance {second}`\n"
    )
    assert given == []


@pytest.mark.parametrize(("asks", "says"), [(False, True), (True, True), (True, False)])
def test_what_could_be_it_is_listed_before_it_is_submitted_once_more(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch, asks: bool, says: bool
) -> None:
    past, played = unknown(folder, SEVERAL)
    past.alma.faults._met.clear()
    monkeypatch.setattr(repeated_submissions, "can_be_asked", lambda: asks)
    monkeypatch.setattr(repeated_submissions, "confirmed", lambda question: says)

    with past.now(monkeypatch) as store:
        typed = almaflow("resolve", "last", "job", "--not-submitted")
        given = store.answers([played.record.id])

    lines = typed.out.splitlines()
    assert lines[0] == "Alma at main lists these instances of job M48 since then:"
    since = [one.id for one in all_runs(past) if one.submitted_at >= played.record.started_at]
    assert {line.split()[0] for line in lines[1:3]} == set(since[:2])
    assert ", by exl_api)" in lines[1]
    assert lines[3] == (
        "If one of them is this submission, submitting it once more runs the job a second time."
    )
    assert typed.code == (0 if says else 1)
    assert len(given) == int(says)
    assert typed.out.endswith("Nothing was recorded.\n") is not says


# --- other processes ------------------------------------------------------------------------------


def test_a_process_that_works_on_the_run_takes_it_up(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, played = unknown(folder)
    run = played.record.id

    with past.now(monkeypatch) as store:
        store.claim_run(run, store.enter_process("shelf", 4711, "0").id)
        typed = almaflow("resolve", "last", "job", "--not-submitted")
        as_json = almaflow("resolve", "last", "job", "--not-submitted", "--json")

        (first, _) = store.answers([run])
    assert typed.out == (
        f"Process 4711 on shelf is executing run {run} and continues now that step job was not "
        f"accepted by Alma. Follow it with `almaflow logs -f {run}`.\n"
    )
    assert as_json.json == {
        "run": run,
        "resolved": "job",
        "instance": None,
        "pid": 4711,
        "host": "shelf",
    }
    assert (first.path, first.kind) == ("job", "resolve")
    assert first.value == {"attempt": 1, "effect": "resubmit", "instance_id": None}


def test_a_process_that_takes_the_run_meanwhile_is_told(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, played = unknown(folder)
    run = played.record.id

    with past.now(monkeypatch) as store:

        def taken_right_after(*_: object) -> bool:
            store.claim_run(run, store.enter_process("shelf", 4711, "0").id)
            return False

        monkeypatch.setattr(handoff, "responds", taken_right_after)
        typed = almaflow("resolve", "last", "job", "--not-submitted")

    assert typed.code == 0
    assert "Process 4711 on shelf is executing run" in typed.out
