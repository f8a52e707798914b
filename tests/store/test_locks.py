"""What writing transactions of several processes wait for on PostgreSQL, and what they do not."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import pytest

from almaflow.outcome import Outcome
from almaflow.store import (
    Claim,
    ClaimLost,
    EntryState,
    JobSlot,
    SlotLimits,
    SlotState,
    Store,
    StoreLocked,
    SubmissionKey,
)
from almaflow.store.errors import StoreConflict
from almaflow.store.locks import (
    EVERYTHING,
    LEDGER,
    NOTICES,
    Lock,
    LockKind,
    lock_of_account,
    lock_of_run,
)
from almaflow.store.methods import again_after_conflict
from almaflow.store.postgres import Postgres
from almaflow.store.writer import StoreWriter
from tests.store.conftest import HOST, claimed, make_record
from tests.store.others import Rival

Opener = Callable[..., Store]

SPOT = SubmissionKey("w", 1, "submit")
LIMITS = SlotLimits(running=3, starts_per_hour=5)


@pytest.fixture
def store_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def impatient(open_store: Opener) -> Store:
    """The store of a process that does not wait for others."""
    return open_store(busy_timeout=timedelta(milliseconds=50))


def ask(store: Store, claim: Claim, account: str, job_id: str = "M1") -> None:
    store.ask_slot(claim, SPOT, account, job_id, None, f"af-{claim.run_id}", True)


@contextmanager
def holding(store: Store, *locks: Lock) -> Iterator[None]:
    """Be inside a transaction of *store* on another thread."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.batch(frozenset(locks)):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_runs_do_not_wait_for_one_another(store: Store, impatient: Store) -> None:
    ours, theirs = claimed(store, 1), claimed(store, 2)

    with holding(store, lock_of_run(ours.run_id)):
        impatient.record(theirs, "w", 1, "submit", EntryState.INTENT)
        impatient.add_event(theirs.run_id, "note")
        impatient.finish_run(theirs, Outcome.SUCCEEDED)

        with pytest.raises(StoreLocked):
            impatient.record(ours, "w", 1, "submit", EntryState.INTENT)
        with pytest.raises(StoreLocked):
            impatient.claim_run(ours.run_id, theirs.process_id)


def test_accounts_do_not_wait_for_one_another(store: Store, impatient: Store) -> None:
    ours, theirs = claimed(store, 1), claimed(store, 2)
    ask(store, ours, "main")
    ask(store, theirs, "library")

    with holding(store, lock_of_account("main")):
        with impatient.batch(frozenset({lock_of_run(theirs.run_id), lock_of_account("library")})):
            assert isinstance(impatient.take_slot(theirs, SPOT, LIMITS), JobSlot)
        impatient.free_slot("library", "17")

        with pytest.raises(StoreLocked):
            impatient.free_slot("main", "17")


def test_the_lock_of_everything_excludes_all_others(store: Store, impatient: Store) -> None:
    claim = claimed(store)

    with holding(store, *EVERYTHING), pytest.raises(StoreLocked):
        impatient.renew_lease(claim.process_id)
    with holding(store, lock_of_run(claim.run_id)):
        impatient.renew_lease(claim.process_id)
        with pytest.raises(StoreLocked), impatient.batch():
            pass


def test_a_transaction_takes_its_locks_in_one_order() -> None:
    locks = [lock_of_run(f"r{number}") for number in range(9)]
    locks += [lock_of_account(f"a{number}") for number in range(9)] + [LEDGER, NOTICES]

    begins = set()
    for seed in range(20):
        random.Random(seed).shuffle(locks)
        begins.add(Postgres.begin_write(frozenset(locks)))

    assert len(begins) == 1


def test_a_lock_that_was_not_taken_is_a_defect(store: Store) -> None:
    ours, theirs = claimed(store, 1), claimed(store, 2)
    ask(store, ours, "main")

    with store.batch(frozenset({lock_of_run(ours.run_id), lock_of_account("library")})):
        store.record(ours, "w", 1, "begin", EntryState.DONE)
        with pytest.raises(AssertionError, match=theirs.run_id):
            store.record(theirs, "w", 1, "begin", EntryState.DONE)
        with pytest.raises(AssertionError, match="main"):
            store.take_slot(ours, SPOT, LIMITS)


def test_who_lost_a_run_while_waiting_for_it_writes_nothing(
    open_store: Opener, store: Store, rival: Rival
) -> None:
    frozen = open_store()
    claim = claimed(frozen)
    process = store.enter_process(HOST, 7, "0.1.0")
    found: list[object] = []

    def wake() -> None:
        try:
            frozen.record(claim, "w", 1, "submit", EntryState.INTENT)
        except ClaimLost as error:
            found.append(error.run_id)

    thread = threading.Thread(target=wake)
    frozen.leave_process(claim.process_id)
    with store.batch(frozenset({lock_of_run(claim.run_id)})):
        store.claim_run(claim.run_id, process.id)
        thread.start()
        watch_for_waiting(rival)
    thread.join(30)

    assert found == [claim.run_id]
    assert store.journal(claim.run_id) == []


def test_answers_end_in_the_order_of_their_numbers(store: Store, impatient: Store) -> None:
    first, second = claimed(store, 1), claimed(store, 2)

    with holding(store, Lock(LockKind.ANSWERS)), pytest.raises(StoreLocked):
        impatient.add_answer(second.run_id, "w", "approve", {}, "ann")

    assert store.add_answer(first.run_id, "w", "approve", {}, "ann").id


def test_a_process_is_not_judged_while_it_renews_its_lease(
    store: Store, open_store: Opener
) -> None:
    other = open_store()
    process = other.enter_process("elsewhere", 7, "0.1.0")
    other.close()  # it dies

    with store.batch(frozenset()):
        store.renew_lease(process.id)
        judge = open_store(busy_timeout=timedelta(milliseconds=50))
        judge.orphans()

    assert store.process(process.id) is not None


# Conflicts


def test_a_transaction_that_was_taken_back_is_made_again() -> None:
    tries: list[int] = []

    def transaction() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise StoreConflict("busy")
        return "done"

    assert again_after_conflict(transaction) == "done"


def test_a_store_that_only_takes_back_is_trouble_in_the_end() -> None:
    def transaction() -> None:
        raise StoreConflict("busy")

    with pytest.raises(StoreConflict):
        again_after_conflict(transaction)


def test_a_deadlock_with_a_database_tool_is_survived(store: Store, rival: Rival) -> None:
    first, second = claimed(store, 1), claimed(store, 2)
    writer = StoreWriter(store)
    results: list[object] = []

    def write() -> None:
        with store.batch(frozenset(map(lock_of_run, (first.run_id, second.run_id)))):
            store.add_event(first.run_id, "note")
            store.add_event(second.run_id, "note")

    async def story() -> None:
        results.append(await writer.call_locked(frozenset(), write))

    with rival.connection() as tool:
        tool.execute("SET deadlock_timeout = '10s'")
        tool.execute("BEGIN")
        tool.execute("UPDATE runs SET held = held WHERE id = %s", (second.run_id,))
        thread = threading.Thread(target=anyio.run, args=(story,))
        thread.start()
        watch_for_waiting(rival)
        tool.execute("UPDATE runs SET held = held WHERE id = %s", (first.run_id,))
        tool.execute("COMMIT")
        thread.join(30)

    assert results == [None]
    assert len(store.events(first.run_id)) == 1


def watch_for_waiting(rival: Rival) -> None:
    """Return once some transaction waits for another one."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with rival.connection() as other:
        for _ in range(100_000):
            if other.execute(waiting).fetchone() != (0,):
                return
    raise AssertionError("nothing waits")


# Limits


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_processes_that_compete_stay_within_the_limits_of_each_account(
    open_store: Opener, store: Store, seed: int
) -> None:
    chance = random.Random(seed)
    accounts = ["main", "library"]
    most: dict[str, int] = dict.fromkeys(accounts, 0)
    stores = [open_store() for _ in range(4)]
    seats = [
        (one, [asking(one, 100 * number + run, chance) for run in range(12)])
        for number, one in enumerate(stores, start=1)
    ]
    ended = threading.Event()

    def work(own: Store, claims: list[tuple[Claim, str]], dice: random.Random) -> None:
        for _ in range(6):
            dice.shuffle(claims)
            for claim, account in claims:
                take_and_perhaps_free(own, claim, account, dice)

    def watch() -> None:
        while not ended.is_set():
            for account in accounts:
                most[account] = max(most[account], len(store.holders(account)))

    workers = [
        threading.Thread(target=work, args=(own, claims, random.Random(seed * 10 + number)))
        for number, (own, claims) in enumerate(seats)
    ]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *workers):
        thread.start()
    for thread in workers:
        thread.join(120)
    ended.set()
    watcher.join(30)

    assert max(most.values()) <= LIMITS.running
    for account in accounts:
        for job_id in ("M1", "M2"):
            assert starts(store, account, job_id) <= LIMITS.starts_per_hour


def asking(own: Store, number: int, chance: random.Random) -> tuple[Claim, str]:
    """Record a run that waits for a slot of some account."""
    process = own.enter_process(HOST, number, "0.1.0")
    run = own.add_run({}, make_record(number, id=f"20261101-120000-{number:05}"))
    claim, account = own.claim_run(run.id, process.id), chance.choice(["main", "library"])
    ask(own, claim, account, chance.choice(["M1", "M2"]))
    return claim, account


def take_and_perhaps_free(own: Store, claim: Claim, account: str, dice: random.Random) -> None:
    slot = own.slot(claim.run_id, SPOT)
    assert slot is not None
    with own.batch(frozenset({lock_of_run(claim.run_id), lock_of_account(account)})):
        if slot.state is SlotState.QUEUED:
            own.take_slot(claim, SPOT, LIMITS)
        elif slot.state is SlotState.TAKEN and dice.random() < 0.5:
            own.free_spot(claim, SPOT)


def starts(store: Store, account: str, job_id: str) -> int:
    """Return how many submissions of a job were started."""
    runs = [slot for run in store.runs() for slot in store.slots_of(run.id)]
    states = (SlotState.TAKEN, SlotState.FREED)
    return sum(
        (slot.account, slot.job_id) == (account, job_id) and slot.state in states for slot in runs
    )


def test_calls_share_a_transaction_with_those_that_wait_for_the_same(store: Store) -> None:
    claims = [claimed(store, number) for number in range(1, 7)]
    begins: list[str] = []
    begin = store._database._backend.begin_write

    def noted(locks: Any) -> str:
        begins.append(",".join(sorted(lock.name for lock in locks if lock.kind != LockKind.RUN)))
        return begin(locks)

    store._database._backend.begin_write = noted  # type: ignore[method-assign]
    names = ["a", "a", "b", "b", "a", "b"]
    asks = [partial(ask, store, claim, name) for claim, name in zip(claims, names, strict=True)]

    async def story() -> None:
        writer = StoreWriter(store)
        async with anyio.create_task_group() as tasks:
            for call, name, claim in zip(asks, names, claims, strict=True):
                locks = frozenset({lock_of_run(claim.run_id), lock_of_account(name)})
                tasks.start_soon(writer.call_locked, locks, call)

    anyio.run(story)

    assert set(begins) - {""} == {"a", "b"}
    assert all(isinstance(store.slot(claim.run_id, SPOT), JobSlot) for claim in claims)
