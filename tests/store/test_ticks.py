"""The ledger: one row for each tick, with one ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import (
    NotLeader,
    Schedule,
    Store,
    Tick,
    TickCause,
    TickDecided,
    TickEnd,
    TickEnding,
    ValueUnfit,
)
from tests.store.conftest import NOON, ManualClock, make_record
from tests.store.others import is_sqlite, statements
from tests.store.ticking import ENTRY, WORKFLOW, enter_leader, lay, stand, tick_of

Opener = Callable[..., Store]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def leader(store: Store) -> str:
    return enter_leader(store)


@pytest.fixture
def schedule(store: Store, leader: str) -> Schedule:
    return stand(store, leader)


def missed(tick_id: int, reason: str = "no `serve` was running") -> TickEnd:
    return TickEnd(
        tick_id=tick_id, ending=TickEnding.MISSED, cause=TickCause.DOWNTIME, reason=reason
    )


# Rows


def test_a_tick_gets_a_row(
    store: Store, leader: str, schedule: Schedule, clock: ManualClock
) -> None:
    clock.move(90)
    new = tick_of(schedule, starts_at=NOON + 2 * MINUTE)

    added = store.materialize(leader, [new], {schedule.id: NOON + MINUTE})

    row = store.ticks()[0]
    assert added == 1
    assert row == Tick(
        id=row.id,
        schedule_id=schedule.id,
        workflow=WORKFLOW,
        entry=ENTRY,
        at=NOON + MINUTE,
        starts_at=NOON + 2 * MINUTE,
        found_at=clock.now(),
    )
    assert store.schedules()[0].covered_to == NOON + MINUTE


def test_a_tick_may_get_its_ending_with_its_row(
    store: Store, leader: str, schedule: Schedule, clock: ManualClock
) -> None:
    day_off = tick_of(
        schedule,
        ending=TickEnding.SKIPPED,
        cause=TickCause.EXCEPT,
        reason="2026-12-25 is a day off",
    )

    store.materialize(leader, [day_off], {})

    row = store.ticks()[0]
    assert (row.ending, row.cause, row.reason, row.ended_at) == (
        TickEnding.SKIPPED,
        TickCause.EXCEPT,
        "2026-12-25 is a day off",
        NOON,
    )
    assert store.open_ticks() == []


def test_a_tick_that_has_a_row_is_left_alone(store: Store, leader: str, schedule: Schedule) -> None:
    lay(store, leader, schedule, 1, 3)
    store.end_ticks(leader, [missed(store.open_ticks()[0].id)])
    before = store.ticks()

    again = [tick_of(schedule, number, reason="again") for number in (1, 2, 3, 2)]
    added = store.materialize(leader, again, {})

    assert added == 1
    assert [row for row in store.ticks() if row.at != NOON + 2 * MINUTE] == before
    assert len(store.ticks()) == 3


def test_ticks_of_other_entries_at_the_same_instant_have_rows_of_their_own(
    store: Store, leader: str, schedule: Schedule
) -> None:
    weekly = stand(store, leader, "weekly")

    added = store.materialize(leader, [tick_of(schedule), tick_of(weekly)], {})

    assert added == 2


def test_open_ticks_come_in_the_order_in_which_they_start(
    store: Store, leader: str, schedule: Schedule
) -> None:
    late = tick_of(schedule, 1, starts_at=NOON + 9 * MINUTE)
    store.materialize(leader, [tick_of(schedule, 3), late, tick_of(schedule, 2)], {})

    in_order = [row.at for row in store.open_ticks()]

    assert in_order == [NOON + 2 * MINUTE, NOON + 3 * MINUTE, NOON + MINUTE]
    assert [row.at for row in store.open_ticks(limit=1)] == [NOON + 2 * MINUTE]


def test_a_tick_is_let_through_once(
    store: Store, leader: str, schedule: Schedule, clock: ManualClock
) -> None:
    first, second, over = lay(store, leader, schedule, 1, 2, 3)
    store.end_ticks(leader, [missed(over)])
    clock.move(60)
    store.accept_ticks(leader, {first: True, second: False, over: True})
    clock.move(60)

    store.accept_ticks(leader, {first: False})
    store.accept_ticks(leader, {})

    told = {row.id: (row.ready_at, row.caught_up) for row in store.ticks()}
    at = NOON + MINUTE
    assert told == {first: (at, True), second: (at, False), over: (None, False)}


# Endings


def test_a_tick_ends_once(
    store: Store, leader: str, schedule: Schedule, clock: ManualClock
) -> None:
    first, second = lay(store, leader, schedule, 1, 2)
    merged = TickEnd(
        tick_id=first,
        ending=TickEnding.MERGED,
        cause=TickCause.OVERLAP,
        reason="the tick of 12:02 stands for it",
        merged_into=NOON + 2 * MINUTE,
    )

    ended = store.end_ticks(leader, [merged, missed(first), missed(second)])
    clock.move(60)
    again = store.end_ticks(leader, [missed(first, "again"), missed(4711)])

    assert (ended, again) == (2, 0)
    row = store.ticks()[-1]
    assert (row.ending, row.cause, row.merged_into, row.reason, row.ended_at) == (
        TickEnding.MERGED,
        TickCause.OVERLAP,
        NOON + 2 * MINUTE,
        "the tick of 12:02 stands for it",
        NOON,
    )
    assert store.open_ticks() == []


def test_a_tick_becomes_a_run(store: Store, leader: str, schedule: Schedule) -> None:
    (tick_id,) = lay(store, leader, schedule, 1)
    store.accept_ticks(leader, {tick_id: True})

    run = store.start_tick(leader, tick_id, {"workflow": "steps: []"}, make_record())

    assert run == store.run(make_record().id)
    assert store.definition(run.definition) == {"workflow": "steps: []"}
    row = store.tick_of_run(run.id)
    assert row is not None
    assert (row.id, row.ending, row.run_id) == (tick_id, TickEnding.RUN, run.id)
    assert (row.cause, row.caught_up, row.ended_at) == (None, True, NOON)
    assert store.open_ticks() == []


def test_a_tick_that_has_an_ending_becomes_no_run(
    store: Store, leader: str, schedule: Schedule
) -> None:
    first, second = lay(store, leader, schedule, 1, 2)
    store.end_ticks(leader, [missed(first)])
    store.start_tick(leader, second, {}, make_record(2))

    assert store.start_tick(leader, first, {}, make_record(1)) is None
    assert store.start_tick(leader, second, {}, make_record(3)) is None
    assert store.start_tick(leader, 4711, {}, make_record(4)) is None

    assert [run.id for run in store.runs()] == [make_record(2).id]
    assert [row.ending for row in store.ticks()] == [TickEnding.RUN, TickEnding.MISSED]


def test_a_run_that_was_recorded_under_the_key_is_the_ticks(
    store: Store, leader: str, schedule: Schedule
) -> None:
    (tick_id,) = lay(store, leader, schedule, 1)
    there = store.add_run({}, make_record(1, status=Status.RUNNING))

    run = store.start_tick(leader, tick_id, {"x": 1}, make_record(2, key=there.key))

    assert run == there
    assert [run.id for run in store.runs()] == [there.id]
    row = store.tick_of_run(there.id)
    assert row is not None
    assert row.ending is TickEnding.RUN


def test_a_tick_whose_run_cannot_be_recorded_stays_open(
    store: Store, leader: str, schedule: Schedule
) -> None:
    (tick_id,) = lay(store, leader, schedule, 1)

    with pytest.raises(ValueUnfit):
        store.start_tick(leader, tick_id, {}, make_record(inputs={"x": object()}))

    assert [row.id for row in store.open_ticks()] == [tick_id]
    assert store.runs() == []


def test_a_run_started_by_hand_is_no_ticks(store: Store) -> None:
    assert store.tick_of_run(make_record().id) is None


def test_many_ticks_start_together_in_few_questions_each(
    store: Store, leader: str, schedule: Schedule
) -> None:
    waiting = lay(store, leader, schedule, *range(1, 101))
    asked = statements(store)

    with store.batch():
        for number, tick_id in enumerate(waiting):
            store.start_tick(leader, tick_id, {}, make_record(id=f"r{number}", key=f"k{number}"))

    assert len(asked) <= 6 * 100 + 1
    assert store.open_ticks() == []
    assert len(store.runs()) == 100


def test_two_stores_that_fight_for_a_tick_start_it_once(
    open_store: Opener, store: Store, leader: str, schedule: Schedule
) -> None:
    (tick_id,) = lay(store, leader, schedule, 1)
    other = open_store()
    rival = other.enter_process("annex", 2, "0.1.0").id
    found = other.open_ticks()
    store.leave_process(leader)
    other.lead(rival)

    ours = other.start_tick(rival, found[0].id, {}, make_record(2))

    with pytest.raises(NotLeader):
        store.start_tick(leader, tick_id, {}, make_record(1))
    assert ours is not None
    assert [run.id for run in store.runs()] == [ours.id]


# A person's wish


def test_a_tick_that_is_still_to_come_is_skipped_as_somebody_wishes(
    store: Store, leader: str, schedule: Schedule
) -> None:
    wish = tick_of(schedule, 600, reason="eva: the building is closed")

    row = store.skip_tick(wish)

    assert (row.ending, row.cause, row.reason, row.ended_at) == (
        TickEnding.SKIPPED,
        TickCause.SKIP_NEXT,
        "eva: the building is closed",
        NOON,
    )
    assert store.materialize(leader, [tick_of(schedule, 600)], {}) == 0
    assert store.ticks() == [row]


def test_an_open_tick_is_skipped_as_somebody_wishes(
    store: Store, leader: str, schedule: Schedule
) -> None:
    (tick_id,) = lay(store, leader, schedule, 1)
    store.accept_ticks(leader, {tick_id: False})

    row = store.skip_tick(tick_of(schedule, 1, reason="eva"))

    assert (row.id, row.ending, row.ready_at) == (tick_id, TickEnding.SKIPPED, NOON)
    assert store.start_tick(leader, tick_id, {}, make_record()) is None


def test_a_tick_that_is_decided_cannot_be_skipped(
    store: Store, leader: str, schedule: Schedule
) -> None:
    first, second = lay(store, leader, schedule, 1, 2)
    store.start_tick(leader, first, {}, make_record())
    store.end_ticks(leader, [missed(second)])

    with pytest.raises(TickDecided) as ran:
        store.skip_tick(tick_of(schedule, 1))
    with pytest.raises(TickDecided) as not_run:
        store.skip_tick(tick_of(schedule, 2))

    assert ran.value.tick.id == first
    assert str(ran.value) == (
        "The tick of withdraw at 2026-11-01 12:01:00 UTC (entry nightly) is decided already: it"
        f" became run {make_record().id}. `almaflow ticks withdraw` shows it."
    )
    assert "it was missed, no `serve` was running." in str(not_run.value)


# Looking


def test_ticks_are_found_by_what_they_are(store: Store, leader: str, schedule: Schedule) -> None:
    first, second, third = lay(store, leader, schedule, 1, 2, 3)
    other = store.change_schedules(leader, [], [], NOON)
    assert other == []
    store.end_ticks(leader, [missed(first)])
    store.start_tick(leader, second, {}, make_record())

    def found(**wanted: object) -> list[int]:
        return [row.id for row in store.ticks(**wanted)]  # type: ignore[arg-type]

    assert found() == [third, second, first]
    assert found(limit=2) == [third, second]
    assert found(since=NOON + 2 * MINUTE) == [third, second]
    assert found(until=NOON + 2 * MINUTE) == [second, first]
    assert found(workflow="other") == []
    assert found(endings=[TickEnding.MISSED, TickEnding.MERGED]) == [first]
    assert found(open=True) == [third]
    assert found(open=False, workflow=WORKFLOW) == [second, first]


def plan(store: Store, statement: str, values: Any) -> str:
    """Return how the database means to answer a question when the ledger is large."""
    explain = "EXPLAIN QUERY PLAN" if is_sqlite(store) else "EXPLAIN"
    with store._database.read() as connection:
        if not is_sqlite(store):
            connection.tell("SET LOCAL enable_seqscan = off")
        rows = connection.driver.execute(f"{explain} {statement}", values).fetchall()
        return " ".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda store: store.open_ticks(), "ticks_open"),
        (lambda store: store.tick_of_run("x"), "ticks_by_run"),
        (lambda store: store.ticks(workflow="x", since=NOON), "ticks_by_workflow"),
        (lambda store: store.ticks(since=NOON, limit=9), "ticks_by_time"),
        (lambda store: store.due_notices(), "notices_due"),
        (lambda store: store.notices(workflow="x", limit=9), "notices_by_workflow"),
        (lambda store: store.pauses(workflow="x"), "pauses_by_workflow"),
    ],
)
def test_what_is_asked_all_the_time_has_its_index(
    store: Store, ask: Callable[[Store], object], index: str
) -> None:
    asked = statements(store)
    ask(store)

    told = plan(store, *asked[0])

    assert index in told
    assert "TEMP B-TREE" not in told or index == "schedules_standing"
