"""Which runs a process may take over, taking and loading them by the thousand, beginning anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.store import (
    Claim,
    ClaimLost,
    EntryState,
    JournalEntry,
    LoadedRun,
    RunHeld,
    RunNotEnded,
    RunNotFound,
    Store,
    ValueUnfit,
)
from tests.store.conftest import HOST, NOON, ManualClock, claimed, make_record
from tests.store.others import statements
from tests.waits import wait

Opener = Callable[..., Store]


def enter(store: Store) -> str:
    return store.enter_process(HOST, 1, "0.1.0").id


def add(store: Store, number: int, **fields: Any) -> str:
    return store.add_run({}, make_record(number, **fields)).id


def waiting(store: Store, number: int, process_id: str, deadline_at: Any = None) -> str:
    """Record a run that was begun, and given back because it waits for a person."""
    run_id = add(store, number)
    claim = store.claim_run(run_id, process_id)
    store.start_run(claim, NOON, deadline_at)
    store.set_status(claim, Status.WAITING, [wait("for a person")])
    store.release_run(claim, held=False)
    return run_id


# Orphans


def test_runs_that_nobody_has_and_that_can_go_on_are_orphans(store: Store) -> None:
    mine = enter(store)
    queued, held, other_format = add(store, 1), add(store, 2, held=True), add(store, 3, format=2)
    running = add(store, 4)
    claim = store.claim_run(running, mine)
    store.start_run(claim, NOON, None)
    store.release_run(claim, held=False)
    finished = store.claim_run(add(store, 5), mine)
    store.finish_run(finished, Outcome.SUCCEEDED)
    waiting(store, 6, mine)
    store.claim_run(add(store, 7), mine)

    assert store.orphans() == [queued, running]
    assert store.orphans(max_format=2) == [queued, other_format, running]
    assert held not in store.orphans(max_format=2)
    assert store.newer_runs(1) == [other_format]
    assert store.newer_runs(2) == []


def test_runs_of_dead_processes_are_orphans_whatever_they_waited_for(
    open_store: Opener, clock: ManualClock
) -> None:
    mine, theirs, stranger = open_store(), open_store(), open_store()
    enter(mine)
    first = add(mine, 1)
    dead, alive = enter(theirs), enter(stranger)
    for number in (2, 3):
        claim = theirs.claim_run(add(theirs, number), dead)
        theirs.set_status(claim, Status.WAITING, [wait("06:00", "a")])
    stranger.claim_run(add(stranger, 4), alive)
    other_format = theirs.claim_run(add(theirs, 5, format=2), dead)
    assert mine.orphans() == [first]
    clock.move(5)

    theirs.close()

    assert mine.orphans() == [first, make_record(2).id, make_record(3).id]
    process = mine.process(dead)
    assert process is not None
    assert process.left_at == clock.now()
    assert other_format.run_id in mine.orphans(max_format=2)


def test_a_run_that_waits_is_an_orphan_once_somebody_answered(store: Store) -> None:
    mine = enter(store)
    run_id, other = waiting(store, 1, mine), waiting(store, 2, mine)

    store.add_answer(run_id, "ask", "approve", {}, "eva")

    assert store.orphans() == [run_id]
    claim = store.claim_run(run_id, mine)
    store.release_run(claim, held=False)
    assert store.orphans() == []
    store.add_answer(other, "ask", "approve", {}, "eva")
    assert store.orphans() == [other]


def test_an_answer_that_comes_while_a_run_is_given_back_is_not_overlooked(store: Store) -> None:
    mine = enter(store)
    claim = store.claim_run(waiting(store, 1, mine), mine)
    store.add_answer(claim.run_id, "ask", "approve", {}, "eva")

    store.release_run(claim, held=False)

    assert store.orphans() == [claim.run_id]


def test_a_run_that_waits_is_an_orphan_when_it_is_to_be_cancelled(store: Store) -> None:
    mine = enter(store)
    run_id = waiting(store, 1, mine)

    store.ask_cancel(run_id, "eva")

    assert store.orphans() == [run_id]


def test_a_run_that_waits_is_an_orphan_when_its_time_is_up(
    store: Store, clock: ManualClock
) -> None:
    mine = enter(store)
    run_id = waiting(store, 1, mine, NOON + timedelta(hours=1))
    waiting(store, 2, mine)
    clock.move(3599)
    assert store.orphans() == []

    clock.move(1)

    assert store.orphans() == [run_id]


# Claiming many


def test_what_can_be_claimed_is_claimed_in_the_order_asked_for(
    open_store: Opener, store: Store
) -> None:
    mine = enter(store)
    theirs = open_store()
    free, released = add(store, 1, held=True), waiting(store, 2, mine)
    of_living = theirs.claim_run(add(theirs, 3), enter(theirs))
    finished = store.claim_run(add(store, 4), mine)
    store.finish_run(finished, Outcome.SUCCEEDED)
    ours = store.claim_run(add(store, 5), mine)
    wanted = [released, of_living.run_id, finished.run_id, "nothing", ours.run_id, free]

    claims = store.claim_runs(wanted, mine)

    assert claims == [Claim(released, mine, 2), Claim(free, mine, 1)]
    record = store.run(free)
    assert (record.owner, record.epoch, record.held) == (mine, 1, False)
    store.set_status(claims[0], Status.RUNNING)


def test_two_processes_never_claim_the_same_run(open_store: Opener, store: Store) -> None:
    other = open_store()
    runs = [add(store, number) for number in range(1, 9)]

    first = store.claim_runs(runs[:5], enter(store))
    second = other.claim_runs(runs, enter(other))

    assert [claim.run_id for claim in first] == runs[:5]
    assert [claim.run_id for claim in second] == runs[5:]


def test_runs_of_the_dead_are_claimed_and_their_old_claims_are_void(
    open_store: Opener, store: Store
) -> None:
    theirs = open_store()
    old = claimed(theirs, 1)
    theirs.close()

    (new,) = store.claim_runs([old.run_id], enter(store))

    assert new.epoch == 2
    with pytest.raises(ClaimLost):
        store.record(old, "w", 1, "begin", EntryState.DONE)


def test_claimed_runs_come_with_their_journals(store: Store) -> None:
    mine = enter(store)
    claims = store.claim_runs([add(store, 1), add(store, 2)], mine)
    entries: dict[str, list[JournalEntry]] = {claim.run_id: [] for claim in claims}
    for path in "ab":
        for claim in claims:
            value = {"of": claim.run_id}
            entries[claim.run_id].append(
                store.record(claim, path, 1, "begin", EntryState.DONE, value=value)
            )

    loaded = store.load_runs(claims[::-1])

    assert loaded == [
        LoadedRun(claim, store.run(claim.run_id), entries[claim.run_id]) for claim in claims[::-1]
    ]


def test_runs_that_were_lost_or_are_not_there_are_not_loaded(store: Store) -> None:
    mine = enter(store)
    kept, lost = store.claim_runs([add(store, 1), add(store, 2)], mine)
    store.release_run(lost, held=False)

    loaded = store.load_runs([lost, Claim("nothing", mine, 1), kept])

    assert [one.claim for one in loaded] == [kept]
    assert store.load_runs([]) == []


def test_many_runs_are_claimed_and_loaded_in_few_questions(
    open_store: Opener, store: Store
) -> None:
    theirs = open_store()
    dead = enter(theirs)
    with theirs.batch():
        runs = [add(theirs, number, id=f"20261101-120000-{number:05}") for number in range(600)]
        for claim in theirs.claim_runs(runs, dead):
            theirs.record(claim, "w", 1, "begin", EntryState.DONE)
    theirs.close()
    mine = enter(store)
    asked = statements(store)

    loaded = store.load_runs(store.claim_runs(store.orphans(), mine))

    assert [one.record.id for one in loaded] == runs
    assert {len(one.entries) for one in loaded} == {1}
    assert len(asked) < 20


def test_asking_for_orphans_when_there_are_none_costs_next_to_nothing(store: Store) -> None:
    mine = enter(store)
    store.claim_run(add(store, 1), mine)
    asked = statements(store)

    assert store.orphans() == []

    assert len(asked) == 3  # who owns runs, whether they live, what nobody owns


# Beginning anew


def ended(store: Store, process_id: str) -> str:
    """Record a run that was begun, cancelled and has ended."""
    claim = store.claim_run(add(store, 1, inputs={"x": 1}), process_id)
    store.start_run(claim, NOON, NOON + timedelta(hours=8))
    store.ask_cancel(claim.run_id, "eva")
    store.finish_run(claim, Outcome.CANCELLED, "Cancelled by eva.", {"x": 2})
    return claim.run_id


def test_a_finished_run_begins_anew_with_the_same_inputs(store: Store, clock: ManualClock) -> None:
    mine = enter(store)
    run_id = ended(store, mine)
    before = store.run(run_id)
    clock.move(60)

    record = store.reopen_run(run_id, attempt=2, value={"from": "x", "by": "eva"})

    assert record == store.run(run_id)
    assert (record.status, record.attempt, record.inputs) == (Status.QUEUED, 2, {"x": 1})
    assert (record.outcome, record.error, record.outputs) == (None, "", None)
    assert (record.started_at, record.ended_at, record.deadline_at) == (None, None, None)
    assert (record.cancel_requested_at, record.cancel_requested_by) == (None, "")
    assert (record.owner, record.held, record.definition) == (None, False, before.definition)
    assert store.journal(run_id) == [
        JournalEntry(
            run_id,
            "",
            2,
            "retry",
            EntryState.DONE,
            {"from": "x", "by": "eva"},
            "",
            0,
            clock.now(),
            clock.now(),
            1,
        )
    ]
    assert store.orphans() == [run_id]
    assert store.claim_run(run_id, mine).epoch == 2


def test_a_run_that_is_not_finished_cannot_be_queued_again(store: Store) -> None:
    claim = claimed(store)

    with pytest.raises(RunNotEnded, match=claim.run_id):
        store.reopen_run(claim.run_id, attempt=2)
    with pytest.raises(RunNotFound):
        store.reopen_run("nothing", attempt=2)


def test_a_run_that_was_begun_anew_meanwhile_is_not_begun_again(store: Store) -> None:
    mine = enter(store)
    run_id = ended(store, mine)
    store.reopen_run(run_id, attempt=2)
    store.finish_run(store.claim_run(run_id, mine), Outcome.FAILED)

    with pytest.raises(RunNotEnded, match=rf"{run_id}.* attempt 2"):
        store.reopen_run(run_id, attempt=2)

    assert len(store.journal(run_id)) == 1


def test_a_run_whose_note_cannot_be_kept_stays_finished(store: Store) -> None:
    run_id = ended(store, enter(store))

    with pytest.raises(ValueUnfit, match=f"the value for retry of run {run_id}"):
        store.reopen_run(run_id, attempt=2, value={1, 2})

    assert store.run(run_id).status is Status.FINISHED


def test_a_claim_from_before_does_not_write_to_the_new_attempt(store: Store) -> None:
    mine = enter(store)
    claim = store.claim_run(add(store, 1), mine)
    store.finish_run(claim, Outcome.FAILED)
    store.reopen_run(claim.run_id, attempt=2)

    with pytest.raises(ClaimLost):
        store.record(claim, "w", 1, "begin", EntryState.DONE)
    again = store.claim_run(claim.run_id, mine)
    with pytest.raises(RunHeld):
        store.claim_run(claim.run_id, mine)
    store.record(again, "w", 2, "begin", EntryState.DONE)
