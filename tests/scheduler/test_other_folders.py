"""Two folders on one store: hosts at two commits, or two projects by mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from almaflow.scheduler import scheduler
from almaflow.store import StoreUrlWrong
from almaflow.virtual_time import run_virtual
from tests.scheduler.served import SETTINGS, Town

HOURLY = "schedule: [{every: 1h}]\nsteps: [{notify: tick}]\n"
ELSEWHERE = SETTINGS.replace("main:", "elsewhere:")


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look a minute apart whether the other process still leads."""
    monkeypatch.setattr(scheduler, "STAND_BY", timedelta(minutes=1))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    (tmp_path / "one").mkdir()
    made = Town(tmp_path / "one")
    made.write("nightly", HOURLY)
    return made


def other(town: Town, settings: str = SETTINGS) -> Town:
    """Return another folder whose `store` is that of *town*."""
    folder = town.folder.parent / "two"
    folder.mkdir()
    made = Town(folder, settings=settings)
    made.stage.open_store = town.stage.open_store  # type: ignore[method-assign]
    made.clock = made.stage.clock = town.clock
    return made


async def serve(town: Town) -> None:
    """Serve until cancelled."""
    with town.store() as store:
        await town.service(store).run(town.stage.project)


def side_by_side(leader: Town, beside: Town, meanwhile: Callable[[], None] | None = None) -> None:
    """Let *leader* lead for two hours with *beside* on standby; after one, something happens."""

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, leader)
            await anyio.sleep(60)
            tasks.start_soon(serve, beside)
            await anyio.sleep(timedelta(hours=1).total_seconds())
            if meanwhile is not None:
                meanwhile()
            await anyio.sleep(timedelta(hours=1).total_seconds())
            tasks.cancel_scope.cancel()

    run_virtual(main)


def test_a_folder_on_standby_that_holds_other_workflows_than_the_leader_says_so_once(
    town: Town,
) -> None:
    beside = other(town)
    beside.write("weekly", HOURLY)

    side_by_side(town, beside)

    (warning,) = beside.said.of("warning")
    assert "`weekly` only here, `nightly` only there" in warning


def test_a_folder_that_catches_up_with_the_leader_says_so(town: Town) -> None:
    beside = other(town)

    def catch_up() -> None:
        beside.write("nightly", HOURLY)

    side_by_side(town, beside, catch_up)

    assert len(beside.said.of("warning")) == 1
    assert any("holds the same workflows" in text for text in beside.said.of("info"))


def test_a_file_that_is_invalid_on_standby_is_not_reported_as_missing(town: Town) -> None:
    beside = other(town)
    beside.write("nightly", "steps: [")

    side_by_side(town, beside)

    assert beside.said.of("warning") == []


def test_a_timetable_whose_file_is_not_in_the_folder_of_the_next_leader_is_named_as_it_ends(
    town: Town,
) -> None:
    town.serve(hours=2)
    successor = other(town)
    successor.write("weekly", HOURLY)

    successor.serve(hours=1)

    (warning,) = successor.said.of("warning")
    assert "a timetable of `nightly`" in warning


def test_a_timetable_whose_file_no_almaflow_can_run_any_more_is_not_said_to_be_elsewhere(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.serve(hours=2)
    town.write("nightly", "steps: [")
    monkeypatch.setattr(scheduler, "last_good", lambda *_: lambda source: None)

    town.serve(hours=1)

    assert town.said.of("warning") == []


def test_the_store_of_another_project_is_refused(town: Town) -> None:
    town.serve(hours=2)
    stranger = other(town, ELSEWHERE)
    stranger.write("weekly", HOURLY)

    with pytest.raises(StoreUrlWrong, match="belongs to another project"):
        run_virtual(lambda: serve(stranger))

    with town.store() as store:
        assert [one.workflow for one in store.schedules(active=True)] == ["nightly"]


@pytest.mark.parametrize("known", ["workflow", "institution"])
def test_a_project_that_renamed_its_workflows_or_its_institution_keeps_its_store(
    town: Town, known: str
) -> None:
    town.serve(hours=2)
    later = other(town, ELSEWHERE if known == "workflow" else SETTINGS)
    later.write("nightly" if known == "workflow" else "weekly", HOURLY)

    later.serve(hours=2)

    assert len(later.runs()) == 4
