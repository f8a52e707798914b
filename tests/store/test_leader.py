"""Who lays out ticks: one process at a time, and no longer than it lives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from almaflow.store import LeaseLost, NotLeader, Store, WorkflowSource
from tests.store.conftest import HOST, NOON, ManualClock, make_record
from tests.store.ticking import enter_leader, lay, new_entry, stand, tick_of

Opener = Callable[..., Store]


def test_nobody_leads_a_new_store(store: Store) -> None:
    assert store.leader() is None


SOURCE = WorkflowSource(path="a.yaml", workflow="a", definition="", read_at=NOON)


def test_the_first_who_asks_leads_and_others_hear_who_it_is(
    open_store: Opener, store: Store
) -> None:
    first = store.enter_process("desk", 4711, "0.1.0")
    other = open_store()
    second = other.enter_process(HOST, 2, "0.1.0")

    assert store.lead(first.id) is None
    assert other.lead(second.id) == first
    assert store.lead(first.id) is None
    assert other.leader() == first == store.leader()


def test_a_leader_that_leaves_makes_room(open_store: Opener, store: Store) -> None:
    first = enter_leader(store)
    other = open_store()
    second = other.enter_process(HOST, 2, "0.1.0")

    store.leave_process(first)

    assert other.leader() is None
    assert other.lead(second.id) is None
    assert other.leader() == second
    with pytest.raises(LeaseLost):
        store.lead(first)


def test_a_leader_that_died_loses_at_once(open_store: Opener, store: Store) -> None:
    died = open_store()
    first = enter_leader(died)
    second = store.enter_process(HOST, 2, "0.1.0")
    assert store.lead(second.id) is not None

    died.close()

    assert store.lead(second.id) is None
    dead = store.process(first)
    assert dead is not None
    assert dead.left_at == NOON


def test_a_leader_that_stands_still_for_a_lease_loses_and_may_record_nothing_more(
    open_store: Opener, store: Store, clock: ManualClock
) -> None:
    frozen = open_store()
    first = frozen.enter_process("annex", 1, "0.1.0").id
    frozen.lead(first)
    schedule = stand(frozen, first)
    second = store.enter_process(HOST, 2, "0.1.0").id
    for _ in range(20):
        assert store.lead(second) is not None
        clock.move(1)

    assert store.lead(second) is None

    with pytest.raises(NotLeader):
        frozen.materialize(first, [tick_of(schedule)], {schedule.id: NOON + timedelta(days=1)})
    assert store.ticks() == []
    assert store.schedules() == [schedule]


def test_a_leader_found_dead_may_record_nothing_although_nobody_has_followed_it(
    open_store: Opener, store: Store, clock: ManualClock
) -> None:
    frozen = open_store()
    first = frozen.enter_process("annex", 1, "0.1.0").id
    frozen.lead(first)
    for _ in range(21):
        store.process(first)
        clock.move(1)

    assert store.leader() is None
    with pytest.raises(NotLeader):
        stand(frozen, first)


@pytest.mark.parametrize(
    "call",
    [
        lambda store, mine: store.change_schedules(mine, [new_entry("weekly")], [1], NOON),
        lambda store, mine: store.materialize(mine, [], {1: NOON + timedelta(days=1)}),
        lambda store, mine: store.accept_ticks(mine, {1: False}),
        lambda store, mine: store.end_ticks(mine, []),
        lambda store, mine: store.start_tick(mine, 1, {}, make_record()),
        lambda store, mine: store.keep_source(mine, SOURCE, {}),
        lambda store, mine: store.drop_source(mine, "a.yaml"),
    ],
)
def test_what_is_the_leaders_is_refused_to_others(
    store: Store, call: Callable[[Store, str], Any]
) -> None:
    leader = enter_leader(store)
    schedule = stand(store, leader)
    lay(store, leader, schedule, 1)
    before = store.schedules(), store.ticks()
    mine = store.enter_process(HOST, 2, "0.1.0").id

    with pytest.raises(NotLeader):
        call(store, mine)

    assert (store.schedules(), store.ticks()) == before
    assert store.runs() == []
    assert store.sources() == []
