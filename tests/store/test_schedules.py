"""Entries of timetables as they stood: rows that follow one another, covered ever further."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from almaflow.store import Schedule, Store, ValueUnfit
from tests.store.conftest import NOON
from tests.store.ticking import ENTRY, TIMING, WORKFLOW, enter_leader, new_entry, stand

HOUR = timedelta(hours=1)


@pytest.fixture
def leader(store: Store) -> str:
    return enter_leader(store)


def cover(store: Store, leader: str, schedule: Schedule, to: datetime) -> Schedule:
    store.materialize(leader, [], {schedule.id: to})
    return next(row for row in store.schedules() if row.id == schedule.id)


def test_an_entry_stands_from_when_it_is_seen(store: Store, leader: str) -> None:
    schedule = stand(store, leader)

    assert schedule == Schedule(
        id=schedule.id,
        workflow=WORKFLOW,
        entry=ENTRY,
        timing=TIMING,
        begins_at=NOON,
        covered_to=NOON,
    )
    assert store.schedules() == [schedule]


def test_entries_are_found_by_workflow_and_by_whether_they_stand(store: Store, leader: str) -> None:
    new = [new_entry("a"), new_entry("b"), new_entry("a", workflow="other")]
    a, b, other = store.change_schedules(leader, new, [], NOON)

    store.change_schedules(leader, [], [a.id], NOON + HOUR)

    assert [row.id for row in store.schedules()] == [a.id, b.id, other.id]
    assert [row.id for row in store.schedules(workflow=WORKFLOW)] == [a.id, b.id]
    assert [row.id for row in store.schedules(active=True)] == [b.id, other.id]
    assert [row.id for row in store.schedules(workflow=WORKFLOW, active=True)] == [b.id]


def test_what_is_covered_only_grows(store: Store, leader: str) -> None:
    schedule = stand(store, leader)

    assert cover(store, leader, schedule, NOON + 2 * HOUR).covered_to == NOON + 2 * HOUR
    assert cover(store, leader, schedule, NOON + HOUR).covered_to == NOON + 2 * HOUR
    assert cover(store, leader, schedule, NOON + 3 * HOUR).covered_to == NOON + 3 * HOUR


def test_many_entries_are_covered_each_to_its_own_instant(store: Store, leader: str) -> None:
    rows = store.change_schedules(
        leader, [new_entry(str(number)) for number in range(1200)], [], NOON
    )
    ahead = NOON + 2 * HOUR

    store.materialize(
        leader, [], {row.id: ahead if row is rows[7] else NOON + HOUR for row in rows}
    )

    covered = [row.covered_to for row in store.schedules()]
    assert covered[7] == ahead
    assert set(covered[:7] + covered[8:]) == {NOON + HOUR}


def test_an_entry_ends_and_is_covered_up_to_its_end_at_most(store: Store, leader: str) -> None:
    schedule = stand(store, leader)

    store.change_schedules(leader, [], [schedule.id], NOON + HOUR)
    ended = cover(store, leader, schedule, NOON + 5 * HOUR)
    store.change_schedules(leader, [], [schedule.id], NOON + 9 * HOUR)

    assert (ended.covered_to, ended.ended_at) == (NOON + HOUR, NOON + HOUR)
    assert store.schedules() == [ended]
    assert cover(store, leader, schedule, NOON + 9 * HOUR) == ended


def test_an_entry_does_not_end_before_what_is_covered(store: Store, leader: str) -> None:
    schedule = stand(store, leader)
    cover(store, leader, schedule, NOON + 2 * HOUR)

    # The clock was set back.
    store.change_schedules(leader, [], [schedule.id], NOON + HOUR)

    assert store.schedules()[0].ended_at == NOON + 2 * HOUR


def test_an_entry_that_comes_back_begins_where_it_had_come_to(store: Store, leader: str) -> None:
    first = stand(store, leader)
    cover(store, leader, first, NOON + 5 * HOUR)
    store.change_schedules(leader, [], [first.id], NOON + 3 * HOUR)

    again = stand(store, leader, at=NOON + 4 * HOUR)

    assert (again.begins_at, again.covered_to) == (NOON + 5 * HOUR, NOON + 5 * HOUR)
    elsewhere = stand(store, leader, "weekly", at=NOON + 4 * HOUR)
    assert elsewhere.begins_at == NOON + 4 * HOUR


def test_an_entry_that_stands_is_ended_where_it_begins_anew(store: Store, leader: str) -> None:
    first = stand(store, leader)
    at = NOON + HOUR

    second = store.change_schedules(leader, [new_entry(jitter="5m")], [], at)[0]

    assert second.timing == TIMING | {"jitter": "5m"}
    assert [(row.id, row.begins_at, row.ended_at) for row in store.schedules()] == [
        (first.id, NOON, at),
        (second.id, at, None),
    ]


def test_changes_are_made_together_or_not_at_all(store: Store, leader: str) -> None:
    schedule = stand(store, leader)

    with pytest.raises(ValueUnfit, match="timetable of entry weekly of withdraw"):
        store.change_schedules(
            leader, [new_entry("daily"), new_entry("weekly", x=object())], [schedule.id], NOON
        )

    assert store.schedules() == [schedule]
