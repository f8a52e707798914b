from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from almaflow.outcome import Outcome
from almaflow.store import (
    KEEP,
    Claim,
    ClaimLost,
    EntryState,
    JournalEntry,
    MoveWrong,
    NewLogEntry,
    Store,
    ValueUnfit,
)
from tests.examples import examples
from tests.store.conftest import NOON, ManualClock, claimed

INTENT, UNTAKEN, LOST, REFUSED, DONE = EntryState

# Every move there is; all other pairs are refused.
MOVES = {
    (INTENT, UNTAKEN),
    (INTENT, LOST),
    (INTENT, REFUSED),
    (INTENT, DONE),
    (UNTAKEN, INTENT),
    (LOST, LOST),
    (LOST, UNTAKEN),
    (LOST, DONE),
    (LOST, REFUSED),
}
# A way to each state.
WAYS = {
    INTENT: [INTENT],
    UNTAKEN: [INTENT, UNTAKEN],
    LOST: [INTENT, LOST],
    REFUSED: [INTENT, REFUSED],
    DONE: [INTENT, DONE],
}


def test_an_effect_that_sends_nothing_is_done_at_once(store: Store) -> None:
    claim = claimed(store)

    entry = store.record(claim, "withdraw", 1, "begin", DONE, value={"now": "x"})

    assert entry == JournalEntry(
        claim.run_id, "withdraw", 1, "begin", DONE, {"now": "x"}, "", 0, NOON, NOON, 1
    )
    assert store.journal(claim.run_id) == [entry]


def test_a_write_is_an_intent_and_then_its_result(store: Store, clock: ManualClock) -> None:
    claim = claimed(store)

    intent = store.record(
        claim, "w", 1, "submit", INTENT, value={"marker": "af-1"}, request_hash="h1"
    )
    clock.move(3)
    done = store.record(claim, "w", 1, "submit", DONE, value={"instance_id": "17"})

    assert (intent.state, intent.sends, intent.request_hash) == (INTENT, 1, "h1")
    assert (done.state, done.sends, done.request_hash) == (DONE, 1, "h1")
    assert (done.created_at, done.changed_at) == (NOON, NOON + timedelta(seconds=3))
    assert done.value == {"instance_id": "17"}
    assert store.journal(claim.run_id) == [done]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(EntryState, EntryState)))
def test_a_state_only_moves_on(store: Store, before: EntryState, after: EntryState) -> None:
    claim = claimed(store)
    for state in WAYS[before]:
        recorded = store.record(claim, "w", 1, "submit", state)

    if (before, after) in MOVES:
        assert store.record(claim, "w", 1, "submit", after).state is after
    else:
        with pytest.raises(MoveWrong):
            store.record(claim, "w", 1, "submit", after)
        assert store.journal(claim.run_id) == [recorded]


@pytest.mark.parametrize("state", [UNTAKEN, LOST, REFUSED])
def test_an_entry_begins_with_an_intent_or_is_done(store: Store, state: EntryState) -> None:
    claim = claimed(store)

    with pytest.raises(MoveWrong) as caught:
        store.record(claim, "w", 2, "submit", state)

    assert str(caught.value) == (
        f"The record of submit of step w (attempt 2) in run {claim.run_id} cannot become"
        f" `{state}`: it is not there yet. Nothing was recorded. This is a defect of almaflow:"
        " please report it with the output of `almaflow show`."
    )
    assert store.journal(claim.run_id) == []


def test_each_intent_counts_one_sending(store: Store) -> None:
    claim = claimed(store)
    states = [INTENT, UNTAKEN, INTENT, UNTAKEN, INTENT, LOST]

    sends = [store.record(claim, "w", 1, "submit", state).sends for state in states]

    assert sends == [1, 1, 2, 2, 3, 3]


def test_a_lost_write_is_sent_again_only_when_told_so(store: Store) -> None:
    claim = claimed(store)
    for state in (INTENT, LOST):
        store.record(claim, "w", 1, "submit", state)

    with pytest.raises(MoveWrong, match="cannot become `intent`: it is `lost`"):
        store.record(claim, "w", 1, "submit", INTENT)
    again = store.record(claim, "w", 1, "submit", INTENT, resubmit=True)

    assert (again.state, again.sends) == (INTENT, 2)
    with pytest.raises(MoveWrong):
        store.record(claim, "w", 1, "submit", INTENT, resubmit=True)


def test_a_request_that_changed_is_not_recorded(store: Store) -> None:
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", INTENT, request_hash="h1")
    untaken = store.record(claim, "w", 1, "submit", UNTAKEN, request_hash="h1")

    with pytest.raises(MoveWrong, match="is not the one that was recorded, so it is not sent"):
        store.record(claim, "w", 1, "submit", INTENT, request_hash="h2")

    assert store.journal(claim.run_id) == [untaken]


@pytest.mark.parametrize(
    ("value", "kept"), [(KEEP, {"sent": 1}), (None, None), (0, 0), ([1, "é\ud800\0"], ...)]
)
def test_a_value_is_replaced_unless_it_is_to_be_kept(store: Store, value: Any, kept: Any) -> None:
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", INTENT, value={"sent": 1})

    entry = store.record(claim, "w", 1, "submit", LOST, value=value)

    assert entry.value == (value if kept is ... else kept)
    assert store.journal(claim.run_id) == [entry]


def test_a_new_entry_has_no_value_to_keep(store: Store) -> None:
    assert store.record(claimed(store), "w", 1, "end", DONE).value is None


def test_entries_differ_by_path_attempt_and_effect_and_keep_their_order(store: Store) -> None:
    claim = claimed(store)
    keys = [("b", 1, "begin"), ("a", 1, "begin"), ("a", 2, "begin"), ("a", 1, "add-3")]

    for path, attempt, effect in keys:
        store.record(claim, path, attempt, effect, INTENT)
    store.record(claim, "b", 1, "begin", DONE)

    journal = store.journal(claim.run_id)
    assert [(entry.path, entry.attempt, entry.effect) for entry in journal] == keys
    assert [entry.state for entry in journal] == [DONE, INTENT, INTENT, INTENT]


@pytest.mark.parametrize("value", [{"x": "é" * (9 * 1024 * 1024)}, "x" * (16 * 1024 * 1024)])
def test_a_value_above_16_mib_is_refused(store: Store, value: Any) -> None:
    claim = claimed(store)
    store.record(claim, "w", 1, "read", INTENT)

    with pytest.raises(ValueUnfit, match="a recorded value has at most 16 MiB"):
        store.record(claim, "w", 1, "read", DONE, value=value)

    assert store.journal(claim.run_id)[0].state is INTENT


def test_a_value_of_just_16_mib_is_kept(store: Store) -> None:
    value = "x" * (16 * 1024 * 1024 - 2)

    entry = store.record(claimed(store), "w", 1, "read", DONE, value=value)

    assert store.journal(entry.run_id) == [entry]


@pytest.mark.parametrize("value", [float("inf"), {1, 2}, {"x": object()}])
def test_a_value_that_is_no_json_is_refused(store: Store, value: Any) -> None:
    claim = claimed(store)

    with pytest.raises(ValueUnfit, match="the value for end of step w"):
        store.record(claim, "w", 1, "end", DONE, value=value)

    assert store.journal(claim.run_id) == []


def test_only_the_owner_with_the_newest_epoch_writes(store: Store) -> None:
    old = claimed(store)
    store.leave_process(old.process_id)
    other = store.enter_process("annex", 2, "0.1.0")
    new = store.claim_run(old.run_id, other.id)

    for claim in (
        old,
        Claim(new.run_id, new.process_id, 1),
        Claim(new.run_id, old.process_id, 2),
        Claim("nothing", new.process_id, 2),
    ):
        with pytest.raises(ClaimLost):
            store.record(claim, "w", 1, "begin", DONE)

    assert store.journal(old.run_id) == []
    assert store.record(new, "w", 1, "begin", DONE).epoch == 2


def test_the_epoch_of_the_last_change_is_recorded(store: Store) -> None:
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", INTENT)
    store.release_run(claim, held=False)
    claim = store.claim_run(claim.run_id, claim.process_id)

    assert store.record(claim, "w", 1, "submit", LOST).epoch == 2


def test_nothing_is_recorded_of_a_finished_run(store: Store) -> None:
    claim = claimed(store)
    store.finish_run(claim, Outcome.SUCCEEDED)

    with pytest.raises(ClaimLost):
        store.record(claim, "w", 1, "begin", DONE)


def test_a_reopened_store_has_the_whole_journal(open_store: Callable[..., Store]) -> None:
    store = open_store()
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", INTENT, value={"set": "0012"}, request_hash="h")
    store.record(claim, "w", 1, "submit", UNTAKEN, value={"why": "429"})
    entries = store.journal(claim.run_id)

    store.close()

    assert open_store().journal(claim.run_id) == entries


# Events


def test_the_log_of_a_run_is_read_from_where_one_was(store: Store, clock: ManualClock) -> None:
    claim, other = claimed(store, 1), claimed(store, 2)
    store.add_event(claim.run_id, "step-began", "withdraw", "withdraw begins")
    clock.move(1)
    store.add_event(other.run_id, "step-began", "w", "not ours")
    store.add_event(claim.run_id, "note", text="a\ud800\0", data={"progress": 40})

    first, second = store.events(claim.run_id)

    assert (first.kind, first.path, first.text) == ("step-began", "withdraw", "withdraw begins")
    assert (first.at, first.data) == (NOON, None)
    assert (second.at, second.data) == (NOON + timedelta(seconds=1), {"progress": 40})
    assert (second.path, second.text) == ("", "a?\N{REPLACEMENT CHARACTER}")
    assert store.events(claim.run_id, after_id=first.id) == [second]
    assert store.events(claim.run_id, after_id=second.id) == []


def test_lines_for_the_log_are_written_together_in_their_order(store: Store) -> None:
    claim = claimed(store)
    lines = [
        NewLogEntry(NOON + timedelta(seconds=n), "note", "w", f"{n}\0", {"n": n}) for n in range(9)
    ]

    store.add_events(claim.run_id, lines)
    store.add_events(claim.run_id, [])

    events = store.events(claim.run_id)
    assert [event.text for event in events] == [f"{n}\N{REPLACEMENT CHARACTER}" for n in range(9)]
    assert [(event.at, event.data) for event in events] == [(one.at, one.data) for one in lines]
    assert [event.id for event in events] == sorted(event.id for event in events)


def test_lines_of_which_one_is_unfit_are_not_written(store: Store) -> None:
    claim = claimed(store)

    with pytest.raises(ValueUnfit, match=f"the data of event note of run {claim.run_id} cannot"):
        store.add_events(
            claim.run_id, [NewLogEntry(NOON, "note"), NewLogEntry(NOON, "note", data={1, 2})]
        )

    assert store.events(claim.run_id) == []


class JournalMachine(RuleBasedStateMachine):
    """Any sequence of moves, beside a model that is a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.open("sqlite://", clock=ManualClock())
        self.claim = claimed(self.store)
        self.model: dict[tuple[str, int], tuple[EntryState, int]] = {}

    @rule(
        path=st.sampled_from("ab"),
        attempt=st.integers(1, 2),
        state=st.sampled_from(EntryState),
        resubmit=st.booleans(),
    )
    def record(self, path: str, attempt: int, state: EntryState, resubmit: bool) -> None:
        before, sends = self.model.get((path, attempt), (None, 0))
        allowed = (
            (before, state) in MOVES
            or (before is None and state in (INTENT, DONE))
            or (resubmit and (before, state) == (LOST, INTENT))
        )
        try:
            self.store.record(self.claim, path, attempt, "submit", state, resubmit=resubmit)
        except MoveWrong:
            assert not allowed
        else:
            assert allowed
            self.model[path, attempt] = (state, sends + (state is INTENT))

    @rule()
    def take_over(self) -> None:
        old = self.claim
        self.store.release_run(old, held=False)
        self.claim = self.store.claim_run(old.run_id, old.process_id)
        with pytest.raises(ClaimLost):
            self.store.record(old, "a", 1, "submit", INTENT)

    @invariant()
    def store_and_model_agree(self) -> None:
        journal = self.store.journal(self.claim.run_id)
        assert {(e.path, e.attempt): (e.state, e.sends) for e in journal} == self.model

    def teardown(self) -> None:
        self.store.close()


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=examples(10), stateful_step_count=25, deadline=None
)
