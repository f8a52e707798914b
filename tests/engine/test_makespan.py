"""Alma's limits under a crowd: never passed, nobody starves, and hardly a place is left idle."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.store import Store
from tests.harness import START
from tests.makespan import Contest, Job, lower_bound, serve

pytestmark = [pytest.mark.slow, pytest.mark.longest]


def minutes(*jobs: tuple[str, int]) -> list[Job]:
    return [Job(id_, timedelta(minutes=count)) for id_, count in jobs]


def test_the_reference_starts_three_at_a_time_in_their_order() -> None:
    end = serve(minutes(("A", 10), ("B", 20), ("C", 30), ("D", 5), ("E", 5)))

    assert end - START == timedelta(minutes=30)


def test_the_reference_lets_pass_whose_hour_is_not_used_up() -> None:
    end = serve(minutes(*[("A", 1)] * 6, ("B", 100)))

    assert end - START == timedelta(minutes=101)
    assert serve(minutes(*[("A", 1)] * 6)) - START == timedelta(minutes=61)


def test_the_reference_leaves_places_to_others() -> None:
    others = [Job("X", timedelta(minutes=30), START)] * 2

    end = serve(minutes(("A", 10), ("A", 10), ("A", 10)), others)

    assert end - START == timedelta(minutes=30)


def test_no_order_is_quicker_than_the_lower_bound() -> None:
    assert lower_bound(minutes(*[("A", 30)] * 4)) - START == timedelta(minutes=40)
    assert lower_bound(minutes(("A", 30), ("B", 60))) - START == timedelta(minutes=60)
    assert lower_bound(minutes(*[("A", 3)] * 11)) - START == timedelta(hours=2, minutes=3)


@pytest.mark.parametrize(
    ("engines", "foreign"),
    [(1, False), (1, True), (2, True)],
    ids=["one-engine", "one-engine-and-others", "two-engines-and-others"],
)
def test_sixty_jobs_keep_the_limits_and_leave_hardly_a_place_idle(
    engines: int, foreign: bool, tmp_path: Path
) -> None:
    contest = Contest.make(tmp_path, 60, foreign=foreign)

    contest.hold(engines)

    played = [contest.stage.look(run_id).record for run_id in contest.run_ids]
    assert {record.outcome for record in played} == {"succeeded"}
    assert len(contest.stage.submissions) == len(contest.served) == 60
    assert contest.broken_limits() == []
    assert contest.overtaken() == []
    well_served, _ = contest.ratios()
    assert well_served < 1.05


def test_who_waits_alone_asks_no_more_often_than_the_holders_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    look = Store.slot_blocker

    def counted(store: Store, run_id: str, *arguments: Any) -> Any:
        asked[run_id] += 1
        return look(store, run_id, *arguments)

    monkeypatch.setattr(Store, "slot_blocker", counted)
    contest = Contest.make(tmp_path, 4)

    contest.hold()

    assert len(contest.stage.submissions) == 4
    assert max(asked.values()) <= 6
