"""`runs`, `show`, `logs` and `cancel`: what the project's store knows, and how a run is ended."""

from __future__ import annotations

import getpass
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from almaflow.alma.simulator import SimulatedAlma
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.cli import bootstrap, handoff
from almaflow.cli.commands import logs
from almaflow.clock import SystemClock
from almaflow.outcome import Outcome, Status
from almaflow.plan import make_plan
from almaflow.store import Claim, Store, new_run_id
from almaflow.workflow_loader import load_workflow
from tests.cli.conftest import Almaflow, Write
from tests.waits import wait

WORKFLOW = """\
inputs: {limit: {type: integer, default: 500}}
steps:
  - id: conservation
    find_set: {name: Conservation items}
  - id: few
    check:
      that: steps.conservation.member_count <= inputs.limit
      message: "{{ steps.conservation.member_count }} items are too many"
outputs: {set_id: "{{ steps.conservation.set_id }}"}
"""


@pytest.fixture
def workflow(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedAlma]:
    """A project of one workflow, `tidy.yaml`, and an Alma on a socket to run it on."""
    alma = SimulatedAlma(lambda: datetime(2026, 3, 2, 8, 15, tzinfo=UTC))
    with SimulatorServer(alma):
        write(
            "almaflow.yaml",
            f"""\
            timezone: Europe/Zurich
            institutions:
              main: {{base_url: "{alma.link_base}", api_key: env:ALMA_KEY_OF_TESTS}}
            """,
        )
        write("tidy.yaml", WORKFLOW)
        monkeypatch.setenv("ALMA_KEY_OF_TESTS", alma.add_institution("main"))
        yield alma


@pytest.fixture
def store(workflow: SimulatedAlma) -> Iterator[Store]:
    """The project's store, as another process has it open."""
    with bootstrap.open_store(bootstrap.open_project()) as store:
        yield store


def add_run(store: Store) -> str:
    """Queue a run that no process works on, and return its id."""
    project = bootstrap.open_project()
    loaded = load_workflow(Path("tidy.yaml"), project)
    now = SystemClock().now()
    plan = make_plan(loaded, project, {}, run_id=new_run_id(now, random.Random()), now=now)
    return store.add_run(plan.definition, plan.record()).id


def work_on(store: Store, run_id: str, status: Status = Status.RUNNING) -> Claim:
    """Let a process work on a run, and return its claim."""
    process = store.enter_process("shelf", 4711, "0")
    claim = store.claim_run(run_id, process.id)
    now = SystemClock().now()
    store.start_run(claim, now, now + timedelta(hours=1))
    store.set_status(claim, status, [wait("job M157 runs")] if status is Status.WAITING else [])
    return claim


# --- runs -------------------------------------------------------------------------------------


def test_a_store_without_runs_says_so(almaflow: Almaflow) -> None:
    assert almaflow("runs").out == "There are no runs yet.\n"
    assert almaflow("runs", "--workflow", "tidy").out == "There are no matching runs.\n"
    assert almaflow("runs", "--status", "failed").out == "There are no matching runs.\n"
    assert almaflow("runs", "--json").json == {"runs": []}


def test_runs_are_listed_newest_first_with_their_error(
    almaflow: Almaflow, workflow: SimulatedAlma
) -> None:
    good = almaflow("run", "tidy.yaml", "--json")
    bad = almaflow("run", "tidy.yaml", "-i", "limit=0", "--json")

    typed = almaflow("runs")

    assert (good.code, bad.code) == (0, 1)
    head, first, second = typed.out.splitlines()
    assert head.split() == ["RUN", "WORKFLOW", "STATE", "BEGAN", "TOOK", "REMARK"]
    assert first.split()[:3] == [bad.json["id"], "tidy", "failed"]
    assert first.endswith("items are too many")
    assert second.split()[:3] == [good.json["id"], "tidy", "succeeded"]


def test_runs_are_chosen_by_workflow_status_outcome_and_number(
    almaflow: Almaflow, store: Store
) -> None:
    ended = almaflow("run", "tidy.yaml", "--json").json["id"]
    queued = add_run(store)

    def listed(*arguments: str) -> list[str]:
        return [one["id"] for one in almaflow("runs", "--json", *arguments).json["runs"]]

    assert listed() == [queued, ended]
    assert listed("-n", "1") == [queued]
    assert listed("-s", "Succeeded") == [ended]
    assert listed("-s", "queued") == [queued]
    assert listed("-s", "timed-out") == []
    assert listed("-w", "tidy") == [queued, ended]
    assert listed("-w", "other") == []


def test_a_status_that_does_not_exist_is_told_with_its_neighbour(almaflow: Almaflow) -> None:
    typed = almaflow("runs", "--status", "faild")

    assert typed.code == 2
    assert "`faild` is not a status or an outcome; did you mean `failed`?" in typed.err
    assert almaflow("runs", "--status", "xyzzy").code == 2


def test_what_is_unfinished_says_who_works_on_it(almaflow: Almaflow, store: Store) -> None:
    idle, held, waiting = add_run(store), add_run(store), add_run(store)
    store.release_run(work_on(store, held, Status.WAITING), held=True)
    work_on(store, waiting, Status.WAITING)

    lines = almaflow("runs").out.splitlines()[1:]
    runs = {one["id"]: one for one in almaflow("runs", "--json").json["runs"]}

    remarks = {line.split()[0]: line.split("  ")[-1] for line in lines}
    assert remarks[idle] == "no process is executing it"
    assert remarks[held] == "on hold; job M157 runs"
    assert remarks[waiting] == "job M157 runs"
    assert [runs[run]["worked_on"] for run in (idle, held, waiting)] == [False, False, True]
    assert [runs[run]["held"] for run in (idle, held, waiting)] == [False, True, False]
    assert runs[idle]["started_at"] is None
    assert datetime.fromisoformat(runs[held]["started_at"]).tzinfo is not None


def test_a_run_that_waits_at_several_steps_or_was_retried_says_so(
    almaflow: Almaflow, store: Store
) -> None:
    both, again = add_run(store), add_run(store)
    store.set_status(
        work_on(store, both),
        Status.WAITING,
        [wait("until noon", "a"), wait("somebody approves", "b")],
    )
    store.finish_run(work_on(store, again), Outcome.FAILED, "Step few: oops")
    store.reopen_run(again, attempt=2, value={"from": None, "redo": {}, "by": "anna"})

    lines = {line.split()[0]: line for line in almaflow("runs").out.splitlines()}
    (one, two) = almaflow("runs", "--json").json["runs"]

    assert lines[both].endswith("  a: until noon; b: somebody approves")
    assert lines[again].endswith("  attempt 2; no process is executing it")
    assert [(run["id"], run["attempt"]) for run in (one, two)] == [(again, 2), (both, 1)]
    assert set(one) == {
        *("id", "workflow", "path", "institution", "trigger", "status", "reason", "outcome"),
        *("error", "attempt", "held", "worked_on", "requested_at", "scheduled_at", "started_at"),
        *("ended_at", "deadline_at"),
    }


# --- show -------------------------------------------------------------------------------------


def test_a_run_is_shown_with_steps_and_outputs(almaflow: Almaflow, workflow: SimulatedAlma) -> None:
    run = almaflow("run", "tidy.yaml", "--json").json["id"]

    typed = almaflow("show", run[-5:])

    set_id = almaflow("show", "last", "--json").json["outputs"]["set_id"]
    assert (typed.code, typed.err) == (0, "")
    assert f"(run {run} at main)" in typed.out.splitlines()[0]
    assert f"  set_id = {set_id}\n" in typed.out
    assert "conservation  find_set  succeeded" in typed.out


def test_a_shown_run_as_json_has_every_step(almaflow: Almaflow, workflow: SimulatedAlma) -> None:
    almaflow("run", "tidy.yaml", "-i", "limit=0")

    shown = almaflow("show", "last", "--json").json

    assert (shown["outcome"], shown["workflow"]) == ("failed", "tidy")
    assert [one["path"] for one in shown["steps"]] == ["conservation", "few"]
    assert [one["outcome"] for one in shown["steps"]] == ["succeeded", "failed"]


def test_a_run_that_nobody_works_on_shows_the_next_moves(almaflow: Almaflow, store: Store) -> None:
    run = add_run(store)

    idle = almaflow("show", "last").out
    work_on(store, run)
    busy = almaflow("show", "last").out

    assert f"`almaflow resume {run}` continues it" in idle
    assert f"A process is executing it; follow it with `almaflow logs -f {run}`." in busy


def test_a_run_of_another_version_is_shown_without_its_plan(
    almaflow: Almaflow, store: Store
) -> None:
    project = bootstrap.open_project()
    loaded = load_workflow(Path("tidy.yaml"), project)
    now = SystemClock().now()
    plan = make_plan(loaded, project, {}, run_id="20260302-081500-later", now=now)
    store.add_run(plan.definition, replace(plan.record(), format=99))

    typed = almaflow("show", "last")
    data = almaflow("show", "last", "--json").json

    assert typed.code == 0
    assert "20260302-081500-later" in typed.out
    assert "almaflow resume" not in typed.out
    assert data["unreadable"] in " ".join(typed.out.split())
    assert "Update almaflow" in data["unreadable"]


@pytest.mark.parametrize("command", ["show", "logs", "cancel"])
def test_a_run_that_is_not_there_is_told(almaflow: Almaflow, store: Store, command: str) -> None:
    empty = almaflow(command, "last")
    add_run(store)
    unknown = almaflow(command, "xyzzy")

    assert (empty.code, unknown.code) == (2, 2)
    assert "No run is recorded in this store yet." in empty.err
    assert "No run has `xyzzy` in its id" in unknown.err


# --- logs -------------------------------------------------------------------------------------


def test_the_log_of_a_run_is_one_line_for_each_event(
    almaflow: Almaflow, workflow: SimulatedAlma
) -> None:
    almaflow("run", "tidy.yaml")

    lines = [line.split("  ") for line in almaflow("logs", "last").out.splitlines()]

    assert {line[1] for line in lines} == {"-", "conservation", "few"}
    assert lines[-1][2].startswith("The run succeeded")
    assert all(datetime.fromisoformat(line[0]).tzinfo is not None for line in lines)


def test_the_log_as_json_names_the_run(almaflow: Almaflow, workflow: SimulatedAlma) -> None:
    run = almaflow("run", "tidy.yaml", "--json").json["id"]

    log = almaflow("logs", "last", "--json").json

    assert log["run"] == run
    assert log["events"][-1]["data"]["outcome"] == "succeeded"
    assert set(log["events"][0]) == {"at", "kind", "path", "text", "data"}


def test_following_a_run_that_has_ended_prints_its_log(
    almaflow: Almaflow, workflow: SimulatedAlma
) -> None:
    almaflow("run", "tidy.yaml")

    followed = almaflow("logs", "-f", "last")

    assert (followed.code, followed.err) == (0, "")
    assert followed.out == almaflow("logs", "last").out


def test_following_goes_on_until_the_run_ends(
    almaflow: Almaflow, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(store)
    claims: list[Claim] = []

    async def meanwhile(*_: object) -> None:
        if not claims:
            claims.append(work_on(store, run))
            store.add_event(run, "said", "few", "half of it")
        else:
            store.add_event(run, "said", "few", "all of it")
            store.finish_run(claims[0], Outcome.SUCCEEDED)

    monkeypatch.setattr(logs, "sleep", meanwhile)

    typed = almaflow("logs", "--follow", "last")

    assert (typed.code, typed.err) == (0, "")
    assert [line.split("  ")[-1] for line in typed.out.splitlines()] == ["half of it", "all of it"]


def test_following_ends_when_nobody_works_on_the_run(almaflow: Almaflow, store: Store) -> None:
    run = add_run(store)
    store.release_run(work_on(store, run, Status.WAITING), held=True)

    typed = almaflow("logs", "-f", run)

    assert typed.code == 0
    assert typed.err == (
        f"No process is executing run {run} now. Continue it with `almaflow resume {run}`.\n"
    )


def test_following_can_be_interrupted(
    almaflow: Almaflow, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(store)

    async def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(logs, "sleep", interrupt)

    assert almaflow("logs", "-f", "last").code == 130


def test_a_log_that_goes_on_is_no_document(almaflow: Almaflow) -> None:
    typed = almaflow("logs", "last", "--follow", "--json")

    assert typed.code == 2
    assert "has no end. Use only one of `--json` and `--follow`." in typed.json["error"]["message"]


# --- cancel -----------------------------------------------------------------------------------


def test_a_finished_run_is_not_cancelled(almaflow: Almaflow, workflow: SimulatedAlma) -> None:
    run = almaflow("run", "tidy.yaml", "--json").json["id"]

    typed = almaflow("cancel", "last")

    assert typed.code == 2
    assert f"Run {run} is finished (succeeded), so there is nothing to cancel." in typed.err
    assert f"`almaflow show {run}`" in typed.err.replace("\n", " ")


def test_a_held_run_is_ended_here(
    almaflow: Almaflow, store: Store, workflow: SimulatedAlma
) -> None:
    run = add_run(store)
    store.release_run(work_on(store, run, Status.WAITING), held=True)

    typed = almaflow("cancel", run)

    record = store.run(run)
    assert typed.code == 0
    assert typed.out.startswith(f"No process is executing run {run}; cancelling it here.\n")
    assert (record.status, record.outcome) == (Status.FINISHED, Outcome.CANCELLED)
    assert record.cancel_requested_by == getpass.getuser()
    assert workflow.received() == []


def test_a_cancelled_run_as_json_is_one_document(almaflow: Almaflow, store: Store) -> None:
    run = add_run(store)

    typed = almaflow("cancel", "last", "--json")

    assert typed.code == 0
    assert (typed.json["id"], typed.json["outcome"]) == (run, "cancelled")


def test_a_process_that_works_on_the_run_is_asked(almaflow: Almaflow, store: Store) -> None:
    run = add_run(store)
    work_on(store, run)

    typed = almaflow("cancel", run)
    as_json = almaflow("cancel", run, "--json")

    assert (typed.code, as_json.code) == (0, 0)
    assert typed.out.startswith(f"Process 4711 on shelf is executing run {run} and has been asked")
    assert as_json.json == {"run": run, "asked": True, "pid": 4711, "host": "shelf"}
    assert store.run(run).outcome is None
    assert run in store.cancels_asked([run])


def test_a_process_that_takes_the_run_meanwhile_is_asked(
    almaflow: Almaflow, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(store)

    def taken_right_after(*_: object) -> bool:
        work_on(store, run)
        return False

    monkeypatch.setattr(handoff, "responds", taken_right_after)

    typed = almaflow("cancel", run)

    assert typed.code == 0
    assert "Process 4711 on shelf is executing run" in typed.out


def test_a_person_without_a_user_name_can_cancel(
    almaflow: Almaflow, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(store)

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", nobody)

    assert almaflow("cancel", run).code == 0
    assert store.run(run).cancel_requested_by == "a person"
