"""`approve`: what a person answers, at the terminal or with a command of its own."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.store import Store
from tests.cli.conftest import Almaflow
from tests.cli.past import Past
from tests.harness import interrupt_after
from tests.waits import question

WORKFLOW = """\
name: weed
defaults: {poll: {first: 1s, max: 1s}}
steps:
  - id: sign
    approve: "Delete {{ 1 + 2 }} items?"
  - notify: "{{ steps.sign.by }}: {{ steps.sign.comment }}"
"""
BOTH = """\
name: weed
steps:
  - parallel:
      left: [{id: a, approve: left?}]
      right: [{id: b, approve: right?}]
"""


@pytest.fixture
def past(folder: Path) -> Past:
    return Past(folder)


@pytest.fixture
def waiting(past: Past, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Store]]:
    """A run that waits for a person, and that nobody works on; its id and the store."""
    played = past.run(WORKFLOW, beside=interrupt_after(minutes=1))
    with past.now(monkeypatch) as store:
        yield played.record.id, store


def test_a_yes_is_recorded_and_the_run_goes_on_with_it(
    almaflow: Almaflow, waiting: tuple[str, Store]
) -> None:
    run, store = waiting

    typed = almaflow("approve", "last", "--comment", " as agreed ")
    resumed = almaflow("resume", "last")

    me = getpass.getuser()
    assert (typed.code, typed.err) == (0, "")
    assert typed.out == (
        f"Step sign of run {run} is approved. No process is executing the run; continue it "
        f"with `almaflow resume {run}`.\n"
    )
    assert resumed.code == 0
    assert f"sign  {me} approved: as agreed" in resumed.out
    assert f"notification to log: {me}: as agreed" in resumed.out
    assert store.run(run).outcome is Outcome.SUCCEEDED


def test_a_no_fails_the_step(almaflow: Almaflow, waiting: tuple[str, Store]) -> None:
    run, store = waiting

    typed = almaflow("approve", run, "sign", "--reject", "-m", "too many")
    resumed = almaflow("resume", "last")

    assert typed.out.startswith(f"Step sign of run {run} is rejected. ")
    assert resumed.code == 1
    error = f"Step sign: {getpass.getuser()} did not approve: too many"
    assert (store.run(run).outcome, store.run(run).error) == (Outcome.FAILED, error)


def test_an_answer_as_json_says_what_was_recorded(
    almaflow: Almaflow, waiting: tuple[str, Store]
) -> None:
    run, store = waiting

    said = almaflow("approve", "last", "sign", "--json").json

    at = said.pop("at")
    (answer,) = store.answers([run])
    assert answer.at.isoformat() == at
    assert said == {
        "run": run,
        "step": "sign",
        "approved": True,
        "comment": "",
        "by": getpass.getuser(),
        "worked_on": False,
    }
    assert (answer.path, answer.kind) == ("sign", "approve")
    assert answer.value == {"approved": True, "comment": ""}


def test_a_process_that_works_on_the_run_hears_of_the_answer(
    almaflow: Almaflow, waiting: tuple[str, Store]
) -> None:
    run, store = waiting
    claim = store.claim_run(run, store.enter_process("shelf", 4711, "0").id)
    store.set_status(claim, Status.WAITING, [question("Delete 3 items?", "sign")])

    typed = almaflow("approve", "last")

    assert typed.out.startswith(f"Step sign of run {run} is approved. The process that executes ")
    assert f"take over the run with `almaflow resume {run}`.\n" in typed.out


def test_a_second_answer_is_refused(almaflow: Almaflow, waiting: tuple[str, Store]) -> None:
    run, _ = waiting
    almaflow("approve", "last")

    typed = almaflow("approve", "last", "--reject")

    assert typed.code == 2
    assert typed.err == (
        f"Error: Step sign of run {run} was already approved by {getpass.getuser()}. The run "
        "continues as soon as a process executes it.\n"
    )


def test_of_several_questions_one_has_to_be_named(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.run(BOTH, beside=interrupt_after(minutes=1)).record.id
    with past.now(monkeypatch):
        several = almaflow("approve", "last")
        wrong = almaflow("approve", "last", "parallel-1/left/aa")
        named = almaflow("approve", "last", "a")
        whole = almaflow("approve", "last", "parallel-1/right/b")

    asks = "`parallel-1/left/a` (left?); `parallel-1/right/b` (right?)"
    assert several.err == (
        f"Error: Several steps of run {run} are waiting for an answer: {asks}. Specify one.\n"
    )
    assert wrong.err == (
        f"Error: No step `parallel-1/left/aa` of run {run} is waiting for an answer; did you "
        f"mean `parallel-1/left/a`? Waiting: {asks}.\n"
    )
    assert (several.code, wrong.code, named.code, whole.code) == (2, 2, 0, 0)
    assert named.out.startswith("Step parallel-1/left/a of run")
    assert whole.out.startswith("Step parallel-1/right/b of run")


def test_an_id_that_waits_in_several_iterations_must_be_a_path(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = "steps: [{for_each: {items: [1, 2], max_parallel: 2, steps: [{id: c, approve: yes?}]}}]"
    past.run(loop, beside=interrupt_after(minutes=1))
    with past.now(monkeypatch):
        typed = almaflow("approve", "last", "c")

    assert typed.err == (
        "Error: Several steps with the id `c` are waiting for an answer: `for_each-1/1/c`, "
        "`for_each-1/2/c`. Specify one of these paths.\n"
    )


def test_a_run_that_waits_for_nobody_is_told(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = past.run("steps: [{wait: 1h}]", beside=interrupt_after(minutes=1)).record.id
    queued = past.add("steps: [{wait: 1h}]").id
    ended = past.run("steps: [{notify: hi}]").record.id
    with past.now(monkeypatch):
        told = [almaflow("approve", run) for run in (held, queued, ended)]

    assert [one.code for one in told] == [2, 2, 2]
    assert told[0].err.startswith(
        f"Error: No step of run {held} is waiting for an answer: it is waiting for "
        "something else (wait-1: "
    )
    assert told[1].err == (
        f"Error: No step of run {queued} is waiting for an answer. `almaflow why {queued}` "
        "explains what the run is waiting for.\n"
    )
    assert told[2].err == (
        f"Error: Run {ended} is finished (succeeded), so none of its steps is waiting for an "
        f"answer. Run `almaflow show {ended}` to see the result.\n"
    )
