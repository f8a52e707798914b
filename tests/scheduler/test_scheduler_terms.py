"""`serve` between terms: a store that refuses, a lease that is lost, and who hears of what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from almaflow.engine.engine import Engine
from almaflow.scheduler import scheduler
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.tick_ledger import CycleResult, Ledger
from almaflow.scheduler.workflow_files import WorkflowSnapshot, changed_sources
from almaflow.store import LeaseLost, NotLeader, RunRecord, Store, StoreTrouble
from almaflow.virtual_time import run_virtual
from tests.scheduler.served import HEARTBEAT, SETTINGS, Town

HOURLY = "schedule: [{every: 1h}]\nsteps: [{notify: tick}]\n"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


@dataclass
class Beside(Companion):
    """A companion that keeps what it hears."""

    heard: list[str] = field(default_factory=list)
    ended_runs: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    begun: int = 0

    async def happened(self, happened: CycleResult, reading: WorkflowSnapshot) -> None:
        self.begun += len(happened.begun)

    async def read(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        self.heard.append("first reading" if before is None else "reading")

    async def ended(self, run: RunRecord) -> None:
        self.ended_runs.append(run.id)

    def clock_set(self, text: str) -> None:
        self.heard.append(text)

    def settings(self, problem: str) -> None:
        self.settled.append(problem)


def fail_cycles(monkeypatch: pytest.MonkeyPatch, *errors: Exception | None) -> None:
    """Let cycles of the ledger fail so, one after the other; None is one that does not."""
    whole, left = Ledger.cycle, list(errors)

    async def cycle(self: Ledger) -> CycleResult:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return await whole(self)

    monkeypatch.setattr(Ledger, "cycle", cycle)


def test_companions_hear_of_runs_of_the_clock_and_of_files(town: Town) -> None:
    beside = Beside()
    town.companions = lambda *_: [beside]
    town.write("often", HOURLY)

    async def change(store: Store) -> None:
        await anyio.sleep(600)
        town.clock.set(minutes=20)
        await anyio.sleep(600)
        town.write("other", HOURLY)

    town.serve(beside=change, hours=3)

    assert beside.heard[0] == "first reading"
    assert "reading" in beside.heard[1:]
    assert any("set forward by 0:20:00" in text for text in beside.heard)
    runs = [run.id for run in town.runs()]
    assert beside.begun == len(runs) > 1
    assert sorted(beside.ended_runs) == sorted(runs)


def test_companions_hear_once_that_almaflow_yaml_is_invalid_and_once_that_it_is_valid(
    town: Town,
) -> None:
    beside = Beside()
    town.companions = lambda *_: [beside]
    town.write("often", HOURLY)
    file = town.folder / "almaflow.yaml"

    async def edit(store: Store) -> None:
        for text in (
            SETTINGS + "chanels: {}\n",
            SETTINGS + "chanels: {}\n\n",
            SETTINGS + "\n",
        ):
            await anyio.sleep(1200)
            file.write_text(text, encoding="utf-8")

    town.serve(beside=edit, hours=3)

    [problem, valid] = beside.settled
    assert "chanels" in problem
    assert valid == ""
    assert "almaflow.yaml is valid again." in town.said
    assert "using the new version" not in town.said


def test_a_store_that_refuses_is_reported_once_for_each_reason(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.write("often", HOURLY)
    full, locked = StoreTrouble("It is full."), StoreTrouble("It is locked.")
    fail_cycles(monkeypatch, None, full, full, locked)

    town.serve(hours=2)

    waiting = [text for text in town.said.of("error") if "waiting for the store" in text]
    assert ["full" in text for text in waiting] == [True, False]
    assert [text for text in town.said.of("info") if "responds again" in text] == [
        "The store responds again."
    ]
    assert town.endings() == ["03-02 09:00 run", "03-02 10:00 run"]


@pytest.mark.parametrize("error", [LeaseLost("p1"), NotLeader("p1")])
def test_a_process_that_lost_its_lead_begins_a_new_term(
    town: Town, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    town.write("often", HOURLY)
    fail_cycles(monkeypatch, None, error)

    town.serve(hours=2)

    assert [text for text in town.said.of("warning") if "Starting again." in text] == [
        f"{error} Starting again."
    ]
    assert town.endings() == ["03-02 09:00 run", "03-02 10:00 run"]


def test_a_store_that_refuses_at_the_start_ends_serve_and_later_does_not(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.write("often", HOURLY)
    whole = Store.lead
    refusals = [True]

    def lead(self: Store, *arguments: Any) -> Any:
        if refusals and refusals.pop():
            raise StoreTrouble("The store is full.")
        return whole(self, *arguments)

    monkeypatch.setattr(Store, "lead", lead)
    with town.store() as store, pytest.raises(StoreTrouble):
        run_virtual(town.service(store).run, town.stage.project)

    fail_cycles(monkeypatch, None, NotLeader("p1"))
    refusals.extend([True, False])
    town.serve(hours=2)

    assert any("The store is full" in text for text in town.said.of("error"))
    assert "Trying again." in town.said
    assert town.endings()[-1] == "03-02 10:00 run"


def test_files_that_the_store_could_not_take_are_read_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.write("often", HOURLY)
    whole, calls = changed_sources, []

    def changed(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise StoreTrouble("The store is full.")
        return whole(*arguments)

    monkeypatch.setattr(scheduler, "changed_sources", changed)

    async def add(store: Store) -> None:
        await anyio.sleep(600)
        town.write("other", HOURLY)

    town.serve(beside=add, hours=2)

    assert len(calls) == 3
    assert "2 workflows with 2 schedule entries are active." in town.said


def test_a_problem_is_said_once_and_a_file_that_is_removed_is_not_called_valid(town: Town) -> None:
    bad = town.write("bad", "steps: nothing\n")
    mended = town.write("mended", "steps: nothing\n")

    async def edit(store: Store) -> None:
        await anyio.sleep(1200)
        town.write("often", HOURLY)
        await anyio.sleep(1200)
        bad.unlink()
        mended.write_text(HOURLY, encoding="utf-8")

    town.serve(beside=edit, hours=2)

    said = [text for text in town.said.of("error") if "it does not run" in text]
    assert sorted(text.split()[0] for text in said) == [
        "workflows/bad.yaml",
        "workflows/mended.yaml",
    ]
    assert [text for _, text in town.said.lines if "valid again" in text] == [
        "workflows/mended.yaml is valid again."
    ]


def test_a_process_that_works_on_standby_does_not_begin_to_work_again_when_it_leads(
    town: Town,
) -> None:
    worked: list[Engine] = []

    async def work(engine: Engine) -> None:
        worked.append(engine)
        await anyio.sleep_forever()

    async def play() -> None:
        with town.store() as store:
            service = town.service(store)
            service.parts = replace(service.parts, works_on_standby=True, work=work)
            with anyio.move_on_after(timedelta(hours=1).total_seconds()):
                await service.run(town.stage.project)

    run_virtual(play)

    assert "This process runs the timetables." in town.said
    assert len(worked) == 1


def test_settings_that_are_invalid_between_two_terms_stay_as_they_were(town: Town) -> None:
    before = town.stage.project
    with town.store() as store:
        service = town.service(store)
        (town.folder / "almaflow.yaml").write_text(SETTINGS + "chanels: {}\n", encoding="utf-8")

        assert service._read_project(before) is before


def test_a_service_is_alive_while_it_leads_and_looks_at_its_ledger(town: Town) -> None:
    with town.store() as store:
        service = town.service(store)
        standing_by = service.is_alive()
        service.leading = True
        not_looked = service.is_alive()
        service.cycled = service.clock.elapsed()
        looked = service.is_alive()
        service.cycled -= 5 * HEARTBEAT.total_seconds()

        assert (standing_by, not_looked, looked, service.is_alive()) == (False, False, True, False)
