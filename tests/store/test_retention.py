"""What `prune` takes out, and all that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from almaflow.outcome import Outcome
from almaflow.store import (
    NewLogEntry,
    NewNotification,
    Pruned,
    RunNotFound,
    SlotLimits,
    Store,
    SubmissionKey,
    TickCause,
    TickEnd,
    TickEnding,
    WorkflowSource,
    retention,
)
from tests.store.conftest import HOST, NOON, ManualClock, make_record
from tests.store.ticking import enter_leader, lay, new_entry, stand, tick_of

DAY = timedelta(days=1)
OLD = NOON + timedelta(days=10)
"""Before it is old, when it is a year later."""

NOTHING = Pruned(runs=0, ticks=0, notices=0, schedules=0, definitions=0, processes=0)


@pytest.fixture
def process(store: Store) -> str:
    return store.enter_process(HOST, 1, "0.1.0").id


def finish(store: Store, process: str, number: int, **fields: Any) -> str:
    """Record a run that ends at once, and return its id."""
    record = make_record(number, **fields)
    definition = {"workflow": f"text of {number}"}
    run = store.add_run(definition, record)
    claim = store.claim_run(run.id, process)
    store.add_events(run.id, [NewLogEntry(NOON, "said", text="a line")])
    store.finish_run(claim, Outcome.SUCCEEDED)
    return run.id


def a_year_later(clock: ManualClock) -> None:
    clock.move(timedelta(days=365).total_seconds())


# Runs


def test_old_runs_go_with_their_log_and_definition_and_the_newest_stays(
    store: Store, process: str, clock: ManualClock
) -> None:
    old = [finish(store, process, number) for number in (1, 2, 3)]
    other = finish(store, process, 4, workflow="other")
    a_year_later(clock)
    new = finish(store, process, 5)

    told = store.prune(OLD, dry_run=True)
    taken = store.prune(OLD)

    assert told == taken == Pruned(3, 0, 0, 0, 3, 0)
    assert {run.id for run in store.runs()} == {other, new}
    assert store.events(old[0]) == []
    with pytest.raises(RunNotFound):
        store.run(old[0])
    assert store.definition(store.run(other).definition) == {"workflow": "text of 4"}
    assert store.prune(OLD) == NOTHING


def test_the_newest_finished_run_of_a_workflow_stays_however_old(
    store: Store, process: str, clock: ManualClock
) -> None:
    finish(store, process, 1)
    last = finish(store, process, 2)
    store.add_run({}, make_record(3))
    a_year_later(clock)

    assert store.prune(OLD).runs == 1
    assert {run.id for run in store.runs()} == {last, make_record(3).id}


def test_a_run_whose_job_may_still_run_in_alma_stays(
    store: Store, process: str, clock: ManualClock
) -> None:
    run = store.add_run({}, make_record(1))
    claim = store.claim_run(run.id, process)
    spot = SubmissionKey("withdraw", 1, "submit")
    store.ask_slot(claim, spot, account="main", job_id="M44", set_id=None, marker="m", named=True)
    store.take_slot(claim, spot, SlotLimits(3, 5))
    store.settle_slot(claim, spot, "4711")
    store.finish_run(claim, Outcome.TIMED_OUT)
    finish(store, process, 2)
    a_year_later(clock)

    held = store.prune(OLD)
    store.free_slot("main", "4711")
    free = store.prune(OLD)

    assert (held.runs, free.runs) == (0, 1)
    assert store.slots_of(run.id) == []


def test_what_is_younger_than_a_day_stays_whatever_is_asked_for(
    store: Store, process: str, clock: ManualClock
) -> None:
    finish(store, process, 1)
    finish(store, process, 2)
    clock.move(DAY.total_seconds() - 1)

    young = store.prune(NOON + 10 * DAY)
    clock.move(2)

    assert young == NOTHING
    assert store.prune(NOON + 10 * DAY).runs == 1


def test_many_runs_go_some_at_a_time(
    store: Store, process: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_TOGETHER", {"runs": 2})
    for number in range(1, 7):
        finish(store, process, number)
    a_year_later(clock)

    assert store.prune(OLD).runs == 5
    assert len(store.runs()) == 1


# Ticks


def test_ticks_go_and_never_run_again(store: Store, clock: ManualClock) -> None:
    leader = enter_leader(store)
    schedule = stand(store, leader)
    first, second = lay(store, leader, schedule, 1, 2)
    store.end_ticks(leader, [missed(first), missed(second)])
    a_year_later(clock)

    taken = store.prune(OLD)
    changed = store.change_schedules(leader, [new_entry()], [], NOON)

    assert taken.ticks == 2
    assert store.ticks() == []
    assert store.schedules()[0].covered_to == NOON + timedelta(minutes=2)
    # The clock may have been set back: what is covered stays so.
    assert changed[0].begins_at == NOON + timedelta(minutes=2)


def test_ticks_that_are_open_or_not_covered_or_whose_run_stays_stay(
    store: Store, clock: ManualClock
) -> None:
    leader = enter_leader(store)
    schedule = stand(store, leader)
    ran, open_, gone = lay(store, leader, schedule, 1, 2, 3)
    run = store.start_tick(leader, ran, {}, make_record(1))
    assert run is not None
    store.end_ticks(leader, [missed(gone)])
    store.skip_tick(tick_of(schedule, 60))
    a_year_later(clock)

    told = store.prune(OLD, dry_run=True)
    taken = store.prune(OLD)

    assert told == taken
    assert taken.ticks == 1
    assert sorted(tick.at for tick in store.ticks()) == [
        NOON + timedelta(minutes=number) for number in (1, 2, 60)
    ]
    assert open_ in {tick.id for tick in store.open_ticks()}


def missed(tick_id: int) -> TickEnd:
    return TickEnd(tick_id=tick_id, ending=TickEnding.MISSED, cause=TickCause.DOWNTIME, reason="x")


def test_up_to_when_ticks_may_be_missing_is_remembered_and_never_goes_back(
    store: Store, clock: ManualClock
) -> None:
    a_year_later(clock)

    never = store.pruned_before()
    store.prune(OLD, dry_run=True)
    dry = store.pruned_before()
    store.prune(OLD)
    store.prune(OLD - DAY)
    same = store.pruned_before()
    store.prune(OLD + DAY)

    assert (never, dry, same) == (None, None, OLD)
    assert store.pruned_before() == OLD + DAY


def test_of_the_ways_in_which_an_entry_stood_the_last_stays(
    store: Store, clock: ManualClock
) -> None:
    leader = enter_leader(store)
    first = stand(store, leader)
    (tick,) = lay(store, leader, first, 1)
    second = stand(store, leader, at=NOON + DAY)
    store.change_schedules(leader, [], [second.id], NOON + 2 * DAY)
    a_year_later(clock)

    with_a_tick = store.prune(OLD)
    store.end_ticks(leader, [missed(tick)])
    without = store.prune(OLD)

    assert (with_a_tick.schedules, without.schedules, without.ticks) == (0, 1, 1)
    assert [row.id for row in store.schedules()] == [second.id]


# The rest


def test_notices_that_are_done_processes_that_left_and_pauses_that_ended_go(
    store: Store, clock: ManualClock
) -> None:
    leader = enter_leader(store)
    gone = store.enter_process(HOST, 2, "0.1.0").id
    store.leave_process(gone)
    store.add_notices([notice("sent"), notice("waits"), notice("given-up")])
    ids = {one.key: one.id for one in store.notices()}
    store.notice_sent(ids["sent"])
    store.notice_failed(ids["given-up"], "nobody answers", None)
    store.pause("withdraw", by="anna", until=NOON + DAY)
    store.pause("other", by="anna")
    a_year_later(clock)

    taken = store.prune(OLD)

    assert (taken.notices, taken.processes) == (2, 1)
    assert [one.key for one in store.notices()] == ["waits"]
    assert store.undelivered_notices() == 1
    assert store.process(gone) is None
    assert store.process(leader) is not None
    assert [one.workflow for one in store.pauses()] == ["other"]


def test_a_pause_stays_for_ticks_that_are_still_to_be_laid_out(
    store: Store, clock: ManualClock
) -> None:
    leader = enter_leader(store)
    schedule = stand(store, leader)
    store.pause("withdraw", by="anna", until=NOON + DAY)
    a_year_later(clock)

    store.prune(OLD)
    kept = store.pauses()
    store.materialize(leader, [], {schedule.id: NOON + 2 * DAY})
    store.prune(OLD)

    assert len(kept) == 1
    assert store.pauses() == []


def test_the_definition_of_a_file_stays_though_no_run_names_it(
    store: Store, clock: ManualClock
) -> None:
    leader = enter_leader(store)
    at: datetime = clock.now()
    source = WorkflowSource(path="a.yaml", workflow="a", definition="", read_at=at)
    kept = store.keep_source(leader, source, {"workflow": "a"})
    a_year_later(clock)

    assert store.prune(OLD).definitions == 0
    assert store.definition(kept.definition) == {"workflow": "a"}


def test_others_write_between_the_transactions_of_a_prune(
    open_store: Callable[..., Store], clock: ManualClock
) -> None:
    store, beside = open_store(), open_store()
    process = store.enter_process(HOST, 1, "0.1.0").id
    for number in (1, 2, 3):
        finish(store, process, number)
    a_year_later(clock)

    store.prune(OLD)
    run = beside.add_run({"workflow": "text of 1"}, make_record(9))

    assert beside.definition(run.definition) == {"workflow": "text of 1"}


def notice(key: str) -> NewNotification:
    return NewNotification(
        key=key, event="missed", workflow="a", run_id=None, channel="c", title="t", text="t"
    )
