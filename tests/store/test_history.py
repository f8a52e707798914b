from __future__ import annotations

from datetime import timedelta

from almaflow.outcome import Outcome, Status
from almaflow.store import EntryState, NewLogEntry, Store
from tests.store.conftest import HOST, NOON, ManualClock, claimed, make_record


def test_the_runs_before_one_are_the_finished_ones_of_its_workflow(store: Store) -> None:
    ended = {"status": Status.FINISHED, "outcome": Outcome.FAILED}
    store.add_run({}, make_record(1, **ended))
    store.add_run({}, make_record(2, workflow="weeding", **ended))
    store.add_run({}, make_record(3, **ended))
    store.add_run({}, make_record(4))
    run = store.add_run({}, make_record(5))
    store.add_run({}, make_record(6, **ended))

    found = store.runs_before("withdraw", run.id, 9)

    assert [one.key for one in found] == ["withdraw/manual/3", "withdraw/manual/1"]
    assert [one.key for one in store.runs_before("withdraw", run.id, 1)] == ["withdraw/manual/3"]
    assert store.runs_before("withdraw", "of-nobody", 9) == []


def test_runs_can_be_asked_for_by_when_they_ended(store: Store) -> None:
    ended = {"status": Status.FINISHED, "outcome": Outcome.FAILED}
    second = timedelta(seconds=1)
    store.add_run({}, make_record(1, ended_at=NOON, **ended))
    store.add_run({}, make_record(2, ended_at=NOON + second, **ended))
    store.add_run({}, make_record(3))

    found = store.runs(ended_since=NOON)

    assert [one.key for one in found] == ["withdraw/manual/2"]


def test_the_last_change_of_a_run_is_the_newest_of_journal_and_log(
    store: Store, clock: ManualClock
) -> None:
    claim = claimed(store)
    process = store.enter_process(HOST, 7, "0.1.0")
    quiet = store.add_run({}, make_record(2))
    other = store.claim_run(store.add_run({}, make_record(3)).id, process.id)
    store.add_events(claim.run_id, [NewLogEntry(NOON, "run", text="The run began.")])
    store.add_events(other.run_id, [NewLogEntry(NOON, "run", text="The run began.")])
    clock.move(60)
    store.record(claim, "it", 1, "begin", EntryState.DONE, value={})
    then = clock.now()

    found = store.last_changes([claim.run_id, quiet.id, other.run_id])

    assert found == {claim.run_id: then, other.run_id: NOON}
    assert store.last_changes([]) == {}


def test_the_last_changes_of_many_runs_are_asked_for_together(store: Store) -> None:
    with store.batch():
        for number in range(1, 702):
            store.add_run({}, make_record(number, id=f"r{number}"))
            store.add_events(f"r{number}", [NewLogEntry(NOON, "run")])

    assert len(store.last_changes([f"r{number}" for number in range(1, 702)])) == 701
