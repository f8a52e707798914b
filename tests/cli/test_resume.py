"""`resume --all`: every run that may go on, side by side, once or until Ctrl-C."""

from __future__ import annotations

import getpass
import os
import signal
from pathlib import Path

import pytest

from almaflow.cli.commands.resume import RunLines
from almaflow.outcome import Outcome, Status
from almaflow.runs.events import EventKind, RunEvent
from almaflow.store import Store
from tests.cli.conftest import Almaflow
from tests.cli.past import Past
from tests.harness import interrupt_after

SHORT = "{name: short, steps: [{id: rest, wait: 1h}, {notify: rested}]}"
BAD = "{name: bad, steps: [{id: rest, wait: 1h}, {fail: oops}]}"
SIGN = "{name: sign, steps: [{id: sign, approve: 'Delete?'}]}"
LOST = "{name: lost, steps: [{id: job, run_profile: {import: Vendor MARC records weekly}}]}"


@pytest.fixture
def past(folder: Path) -> Past:
    return Past(folder)


def held(past: Past, text: str) -> str:
    """Return a run that somebody interrupted."""
    return past.run(text, beside=interrupt_after(minutes=1)).record.id


def orphaned(store: Store, run_id: str) -> str:
    """Let a run be one whose process has died."""
    process = store.enter_process("shelf", 4711, "0")
    store.claim_run(run_id, process.id)
    store.leave_process(process.id)
    return run_id


def told(out: str) -> list[str]:
    """Return the lines without their instants."""
    return [line.partition("  ")[2] for line in out.splitlines()]


def test_every_run_goes_on_beside_the_others(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = held(past, SHORT), held(past, SHORT), past.add(SHORT).id
    past.write("almaflow.yaml", "")

    with past.now(monkeypatch) as store:
        orphaned(store, two)
        store.claim_run(three, store.enter_process("shelf", 4712, "0").id)
        typed = almaflow("resume", "--all")

        assert (typed.code, typed.err) == (0, "")
        outcomes = [store.run(run).outcome for run in (one, two, three)]
    lines = told(typed.out)
    assert outcomes == [Outcome.SUCCEEDED, Outcome.SUCCEEDED, None]
    for run in (one, two):
        assert [line for line in lines if run in line] == [
            f"{run}  short: The run was resumed.",
            f"{run} notify-2  notification to log: rested",
            f"{run}  The run succeeded",
        ]
    assert not any(three in line for line in lines), "another process works on it"


def test_a_bad_end_among_them_is_the_exit_code(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(past, SHORT)
    bad = held(past, BAD)

    with past.now(monkeypatch):
        typed = almaflow("resume", "--all")

    assert typed.code == 1
    assert f"{bad}  The run failed: Step fail-2: oops" in told(typed.out)


def test_what_waits_for_a_person_goes_on_once_it_is_answered(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vanish = {"kind": "lose_answer", "call": "submit", "processed": False}
    past = Past(folder, {"faults": [vanish]})
    lost = past.run(LOST).record.id

    with past.now(monkeypatch) as store:
        before = almaflow("resume", "--all")
        store.add_answer(lost, "job", "approve", {"approved": True}, "anna")
        after = almaflow("resume", "--all")

    assert (before.code, before.out) == (0, "There are no runs to resume.\n")
    assert after.code == 1
    assert told(after.out)[0] == f"{lost}  lost: The run was resumed."
    assert "The run is waiting for a person: It is not known whether Alma" in after.out


def test_a_run_that_another_version_recorded_is_left_alone(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = past.add(SHORT, format=99).id

    with past.now(monkeypatch) as store:
        store.release_run(store.claim_run(run, store.enter_process("a", 1, "0").id), held=True)
        typed = almaflow("resume", "--all")

    assert typed.out == "There are no runs to resume.\n"
    assert f"Run {run} was recorded by a newer almaflow" in " ".join(typed.err.split())


def test_a_run_that_cannot_go_on_stops_no_other(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = held(past, SHORT), held(past, SHORT)

    with past.now(monkeypatch) as store:
        definition = store.definition
        broken = store.run(one).definition

        def refuse(self: Store, hash_: str) -> dict[str, object]:
            if hash_ == broken and not asked:
                asked.append(hash_)
                raise_it()
            return definition(hash_)

        asked: list[str] = []

        def raise_it() -> None:
            from almaflow.errors import StoreError

            raise StoreError("The definition is gone.")

        monkeypatch.setattr(Store, "definition", refuse)
        typed = almaflow("resume", "--all")

        ends = {store.run(run).outcome for run in (one, two)}
    assert typed.code == 1
    assert ends == {Outcome.SUCCEEDED, None}
    assert "The run is waiting for a person: The definition is gone." in typed.out


def test_watching_goes_on_until_ctrl_c_and_takes_over_what_loses_its_process(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, later = held(past, SHORT), held(past, SHORT)
    waiting = held(past, SIGN)

    with past.now(monkeypatch) as store:
        process = store.enter_process("shelf", 4711, "0")
        store.claim_run(later, process.id)
        receive = RunLines.receive

        def heard(self: RunLines, event: RunEvent) -> None:
            receive(self, event)
            over = event.kind is EventKind.RUN and "outcome" in event.data
            if over and event.run_id == first:
                store.leave_process(process.id)
            elif over and event.run_id == later:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(RunLines, "receive", heard)
        typed = almaflow("resume", "--all", "--watch")

        assert typed.code == 130
        assert store.run(later).outcome is Outcome.SUCCEEDED
        assert (store.run(waiting).held, store.run(waiting).status) == (True, Status.WAITING)
    assert typed.err == (
        "Watching for unfinished runs. Press Ctrl-C to stop.\nInterrupted. 1 unfinished run "
        "is on hold; jobs that it started in Alma keep running. Continue with `almaflow "
        "resume --all`.\n"
    )
    assert f"{waiting} sign  waits: a person has to approve: Delete?" in told(typed.out)


def test_watching_hears_an_answer(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = held(past, SIGN)

    with past.now(monkeypatch) as store:
        receive = RunLines.receive

        def heard(self: RunLines, event: RunEvent) -> None:
            receive(self, event)
            if event.kind is EventKind.WAITING:
                store.add_answer(run, "sign", "approve", {"approved": True, "comment": ""}, "anna")
            elif event.kind is EventKind.RUN and "outcome" in event.data:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(RunLines, "receive", heard)
        typed = almaflow("resume", "--all", "--watch")

        assert store.run(run).outcome is Outcome.SUCCEEDED
    assert typed.err.endswith("\nInterrupted. Continue with `almaflow resume --all`.\n")


def test_watching_goes_with_all(almaflow: Almaflow) -> None:
    typed = almaflow("resume", "last", "--watch")

    assert typed.code == 2
    assert typed.err == (
        "Error: `--watch` needs `--all`. A single run is always followed to its end.\n"
    )


@pytest.mark.parametrize(
    ("text", "move"),
    [
        ("{steps: [{notify: hi}]}", "To run the workflow again, use `almaflow run`."),
        ("{steps: [{fail: no}]}", "`almaflow retry RUN` retries the steps that failed."),
    ],
)
def test_a_run_that_has_ended_is_not_resumed(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch, text: str, move: str
) -> None:
    run = past.run(text).record.id

    with past.now(monkeypatch) as store:
        typed = almaflow("resume", "last")
        outcome = store.run(run).outcome

    assert typed.code == 2
    assert typed.err == (
        f"Error: Run {run} is finished ({outcome}); `almaflow show {run}` shows the details. "
        f"{move.replace('RUN', run)}\n"
    )


def test_an_answered_question_is_told_by_name(
    almaflow: Almaflow, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(past, SIGN)

    with past.now(monkeypatch):
        almaflow("approve", "last", "-m", "fine")
        typed = almaflow("resume", "last")

    assert f"sign  {getpass.getuser()} approved: fine" in typed.out
