"""The crash sweep: whatever happens to processes, machine and wire, nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from almaflow.store import Store
from tests.sweep.scenes import CHAIN, PROFILE, Scene
from tests.sweep.schedules import Death, Schedule, Shift
from tests.sweep.sweeping import ALL, Figures, Player, Share, small_batches, usual
from tests.sweep.truth import Broken


@pytest.fixture(autouse=True)
def batches() -> Iterator[None]:
    with small_batches():
        yield


@pytest.mark.parametrize("scene", ALL)
@pytest.mark.slow
def test_nothing_happens_twice_and_nothing_is_lost_whatever_happens(scene: str) -> None:
    # In this process, which has imported everything; pytest plays the scenes in parallel.
    figures = Share([scene], usual() // len(ALL), seed=0, part=0, parts=1).play()

    # Ten scenes: two thousand in all, and more when `ALMAFLOW_SCHEDULES` says so.
    assert figures.schedules >= usual() // len(ALL) >= 200
    assert figures.deaths >= figures.schedules // 2
    assert (figures.doubles, figures.lost, figures.foreign) == (0, 0, 0)


# --- schedules that once led to something wrong, or would ----------------------------------------


def play(scene: Scene, folder: Path, *schedules: Schedule) -> Figures:
    figures = Figures()
    player = Player(scene, folder, figures)
    for schedule in schedules:
        player.play(schedule)
    return figures


def after_requests(count: int, *shifts: Shift) -> list[Schedule]:
    """Return deaths after each of the first requests, with the same shifts."""
    return [Schedule((Death("request", at, True),), shifts=shifts) for at in range(1, count + 1)]


@pytest.mark.parametrize("minutes", [-180, 240])
def test_a_clock_that_is_set_after_a_lost_submission_does_not_hide_its_run(
    minutes: int, tmp_path: Path
) -> None:
    figures = play(PROFILE, tmp_path, *after_requests(6, Shift("set", 1, 0, minutes)))

    assert (figures.deaths, figures.doubles, figures.lost) == (6, 0, 0)


def test_a_clock_that_is_set_while_a_lost_submission_is_looked_for_does_not_hide_its_run(
    tmp_path: Path,
) -> None:
    lost = {"kind": "lose_answer", "call": "submit", "nth": [1]}
    shift = Shift("set", 0, 1, -180)

    figures = play(PROFILE, tmp_path, Schedule(faults=(lost,), shifts=(shift,)))

    assert (figures.faults, figures.doubles, figures.lost) == (1, 0, 0)


def test_two_deaths_before_a_set_is_made_need_nobody(tmp_path: Path) -> None:
    before = [
        Schedule((Death("request", at, False), Death("request", again, False)))
        for at in range(1, 5)
        for again in range(1, 4)
    ]

    figures = play(CHAIN, tmp_path, *before)

    assert (figures.deaths, figures.retries, figures.answers) == (24, 0, 0)


def dropped_next_to_another_run(*, kind: str = "reset") -> Schedule:
    fault = {"kind": kind, "call": "submit", "nth": [1], "another_run": True}
    return Schedule(faults=(fault,))


def test_the_run_of_another_api_user_is_not_adopted(tmp_path: Path) -> None:
    figures = play(CHAIN, tmp_path, dropped_next_to_another_run())

    # Nobody can tell before Alma was seen to keep markers, so a person is asked.
    assert (figures.answers, figures.doubles, figures.lost, figures.foreign) == (1, 0, 0, 0)


# --- what the sweep itself is worth --------------------------------------------------------------


def test_a_second_submission_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever looks in Alma finds nothing, at once.
    async def blind(*_: object) -> None:
        return None

    monkeypatch.setattr("almaflow.engine.alma_writes.reconciliation._SearchPass._run", blind)

    with pytest.raises(Broken, match="job S38205473060009276: 1 too many"):
        play(PROFILE, tmp_path, *after_requests(6))


def test_a_run_that_ends_otherwise_is_seen(tmp_path: Path) -> None:
    refused = {"kind": "status", "status": 400, "code": "402228", "call": "submit", "nth": [1]}

    with pytest.raises(Broken, match="ended otherwise"):
        play(PROFILE, tmp_path, Schedule(faults=(refused,)))


def test_a_place_that_is_kept_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "free_slot", lambda *_: False)

    with pytest.raises(Broken, match="place kept"):
        play(PROFILE, tmp_path)


def test_a_foreign_run_that_is_adopted_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "almaflow.engine.alma_writes.adoption.SoughtInstance.may_adopt", lambda *_: True
    )

    with pytest.raises(Broken, match="for its own"):
        play(CHAIN, tmp_path, dropped_next_to_another_run())
