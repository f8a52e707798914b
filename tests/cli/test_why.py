"""`why`: which run is meant, and what is printed of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow, Write
from tests.cli.past import Past
from tests.harness import interrupt_after

WAITS = "{name: weed, steps: [{id: sign, approve: 'Delete?'}]}"


@pytest.fixture
def past(folder: Path) -> Past:
    return Past(folder)


def test_why_tells_a_run_its_causes_and_the_moves(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run(WAITS, beside=interrupt_after(minutes=1)).record.id

    with past.now(monkeypatch):
        typed = almaflow("why", "last")

    lines = typed.out.splitlines()
    since = lines[4].rpartition(" since ")[2]
    assert (typed.code, typed.err) == (0, "")
    assert lines == [
        f"◷ weed: on hold  (run {run} at main)",
        "  It was interrupted. It is on hold until a person resumes it; jobs that it started "
        "in Alma keep running.",
        f"    → `almaflow resume {run}` continues it.",
        "  sign: A person has to approve: Delete?",
        f"    it has been waiting since {since}",
        f"    → `almaflow approve {run} sign` approves, `almaflow approve {run} sign --reject` "
        "rejects.",
    ]


def test_why_of_a_workflow_tells_its_runs_that_have_not_ended(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.run("{name: weed, steps: [{notify: hi}]}")
    one = past.add(WAITS).id
    two = past.add(WAITS).id
    other = past.run("{name: other, steps: [{id: bad, fail: oops}]}").record.id

    with past.now(monkeypatch):
        several = almaflow("why", "weed", "--json").json["runs"]
        text = almaflow("why", "weed").out
        newest = almaflow("why", "other").out

    assert [run["id"] for run in several] == [two, one]
    assert several[0]["causes"] == [
        {
            "cause": "nobody",
            "path": "",
            "text": "No process has started it yet.",
            "details": [],
            "moves": [f"`almaflow resume {two}` continues it."],
        }
    ]
    assert several[0].keys() == {
        *("id", "workflow", "status", "outcome", "attempt", "held", "worked_on", "causes"),
    }
    assert text.count("· weed: queued") == 2
    assert "\n\n· weed" in text
    assert newest.startswith(f"✗ other: failed  (run {other} at main)\n  It ended as failed ")
    assert "    step bad (test.yaml:1): failed " in newest


def test_when_nobody_has_to_do_anything_that_is_said(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run("{name: weed, steps: [{wait: 3h}]}", beside=interrupt_after(minutes=1)).record.id

    with past.now(monkeypatch) as store:
        store.claim_run(run, store.enter_process("shelf", 4711, "0").id)
        typed = almaflow("why", run)

    assert typed.out.endswith("\n  You do not need to do anything.\n")


def test_a_run_whose_process_died_says_which(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run("{name: weed, steps: [{wait: 3h}]}", beside=interrupt_after(minutes=1)).record.id

    with past.now(monkeypatch) as store:
        process = store.enter_process("shelf", 4711, "0")
        store.claim_run(run, process.id)
        store.leave_process(process.id)
        typed = almaflow("why", run)

    assert "The process that executed it (4711 on shelf) has died" in typed.out


def test_a_run_that_a_newer_version_recorded_is_explained_without_its_plan(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.add(WAITS, format=99)

    with past.now(monkeypatch):
        typed = almaflow("why", "last", "--json")

    (explained,) = json.loads(typed.out)["runs"]
    assert [cause["cause"] for cause in explained["causes"]] == ["newer"]


def test_an_institution_that_is_gone_is_no_error(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.fault("lose_answer", call="submit")
    job = "submit_job: {job: M48, set: '1'}, institution: north"
    text = f"{{name: weed, steps: [{{id: job, {job}}}]}}"
    past.run(text, beside=interrupt_after(seconds=30))

    with past.now(monkeypatch):
        typed = almaflow("why", "last")

    assert "if it does not appear in Alma in time, a person has to check" in typed.out


def test_what_is_no_run_and_no_workflow_is_told(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    past.run("{name: weed, steps: [{notify: hi}]}")
    write("workflows/fresh.yaml", "steps: [{notify: hi}]")

    with past.now(monkeypatch):
        near, far, fresh = (
            almaflow("why", "wed"),
            almaflow("why", "xyzzy"),
            almaflow("why", "fresh"),
        )

    assert (near.code, far.code, fresh.code) == (2, 2, 2)
    assert near.err == "Error: There is no run or workflow named `wed`; did you mean `weed`?\n"
    assert "No run has `xyzzy` in its id" in far.err
    assert fresh.err == (
        "Error: There are no runs of `fresh` yet. Start one with `almaflow run fresh`.\n"
    )
