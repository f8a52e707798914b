from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
import pytest

from almaflow.outcome import Status
from almaflow.store import (
    ClaimLost,
    EntryState,
    LeaseLost,
    MoveWrong,
    Store,
    StoreFull,
    StoreLocked,
    StoreTrouble,
)
from almaflow.store.locks import NO_LOCK
from almaflow.store.writer import StoreWriter
from almaflow.virtual_time import run_virtual
from tests.store.conftest import claimed, make_record
from tests.store.others import AT_ONCE, Rival, fill_disk, tell
from tests.waits import wait

Opener = Callable[..., Store]


async def together(writer: StoreWriter, *calls: Callable[[], Any]) -> list[Any]:
    """Make all *calls* while the writer's thread is kept busy; return results and errors."""
    begun, go = threading.Event(), threading.Event()
    results: list[Any] = [None] * len(calls)

    def hold() -> None:
        begun.set()
        go.wait(10)

    async def one(number: int, call: Callable[[], Any]) -> None:
        try:
            results[number] = await writer.call(call)
        except Exception as error:
            results[number] = error

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.call, hold)
        while not begun.is_set():
            await anyio.lowlevel.checkpoint()
        for number, call in enumerate(calls):
            tasks.start_soon(one, number, call)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        go.set()
    return results


def count_commits(store: Store) -> list[str]:
    """Return a list that grows by one word with each commit from now on."""
    commits: list[str] = []
    connection = store._database._connection
    assert connection is not None
    tell = connection.tell

    def noted(statement: str) -> None:
        commits.extend(["commit"] if statement == "COMMIT" else [])
        tell(statement)

    connection.tell = noted  # type: ignore[method-assign]
    return commits


def test_a_call_is_durable_when_it_returns(open_store: Opener) -> None:
    store, other = open_store(), open_store()
    claim = claimed(store)

    async def main() -> None:
        writer = StoreWriter(store)
        entry = await writer.call(
            store.record, claim, "w", 1, "begin", EntryState.DONE, value={"x": 1}
        )
        assert other.journal(claim.run_id) == [entry]

    anyio.run(main)


def test_the_loop_goes_on_while_the_store_works(store: Store) -> None:
    async def main() -> None:
        writer = StoreWriter(store)
        go = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.call, go.wait, 10)
            await anyio.lowlevel.checkpoint()
            go.set()

    anyio.run(main)
    assert store.runs() == []


def test_calls_that_wait_together_share_one_commit(store: Store) -> None:
    claim = claimed(store)
    commits = count_commits(store)
    calls = [partial(store.record, claim, path, 1, "begin", EntryState.DONE) for path in "abcdef"]

    results = anyio.run(together, StoreWriter(store), *calls)

    assert len(commits) == 1
    assert [entry.path for entry in results] == list("abcdef")
    assert store.journal(claim.run_id) == results


def test_calls_are_made_in_their_order_and_not_all_in_one_commit(store: Store) -> None:
    claim = claimed(store)
    paths = [f"s{number}" for number in range(600)]
    calls = [partial(store.record, claim, path, 1, "begin", EntryState.DONE) for path in paths]

    anyio.run(together, StoreWriter(store), *calls)

    assert [entry.path for entry in store.journal(claim.run_id)] == paths


def test_a_call_that_fails_takes_back_only_itself(store: Store) -> None:
    claim = claimed(store)
    lost = type(claim)(claim.run_id, claim.process_id, 9)

    results = anyio.run(
        together,
        StoreWriter(store),
        partial(store.record, claim, "a", 1, "begin", EntryState.DONE),
        partial(store.record, lost, "b", 1, "begin", EntryState.DONE),
        partial(store.record, claim, "c", 1, "begin", EntryState.LOST),
        lambda: divmod(1, 0),
        partial(store.record, claim, "e", 1, "begin", EntryState.DONE),
    )

    assert [type(result) for result in results[1:4]] == [ClaimLost, MoveWrong, ZeroDivisionError]
    assert store.journal(claim.run_id) == [results[0], results[4]]


def test_a_full_disk_is_told_to_all_who_shared_the_transaction(store: Store) -> None:
    claim = claimed(store)
    fill_disk(store)

    results = anyio.run(
        together,
        StoreWriter(store),
        partial(store.set_status, claim, Status.RUNNING),
        partial(store.record, claim, "a", 1, "end", EntryState.DONE, value="x" * 100_000),
        partial(store.set_status, claim, Status.WAITING, [wait("never reached")]),
    )

    assert [type(result) for result in results] == [StoreFull] * 3
    assert store.run(claim.run_id).status is Status.QUEUED


def test_a_read_that_meets_trouble_voids_what_it_was_together_with(store: Store) -> None:
    claim = claimed(store)
    tell(store, "DROP TABLE events")

    results = anyio.run(
        together,
        StoreWriter(store),
        partial(store.set_status, claim, Status.RUNNING),
        lambda: store.events(claim.run_id),
    )

    assert [type(result) for result in results] == [StoreTrouble] * 2
    assert store.run(claim.run_id).status is Status.QUEUED


def test_a_locked_store_is_told_to_all(open_store: Opener, rival: Rival) -> None:
    store = open_store(busy_timeout=AT_ONCE)
    claim = claimed(store)

    with rival.writing():
        results = anyio.run(
            together,
            StoreWriter(store),
            partial(store.set_status, claim, Status.RUNNING),
            lambda: store.add_run({}, make_record(2)),
        )

    assert [type(result) for result in results] == [StoreLocked] * 2
    assert len(store.runs()) == 1


def test_an_error_reaches_a_caller_that_was_alone(store: Store) -> None:
    claim = claimed(store)

    async def main() -> None:
        with pytest.raises(MoveWrong):
            await StoreWriter(store).call(store.record, claim, "w", 1, "submit", EntryState.LOST)

    anyio.run(main)


def test_a_cancelled_caller_has_its_call_made_all_the_same(store: Store) -> None:
    claim = claimed(store)

    async def main() -> None:
        writer = StoreWriter(store)
        go = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.call, go.wait, 10)
            await anyio.lowlevel.checkpoint()
            with anyio.move_on_after(0) as scope:
                await writer.call(store.record, claim, "w", 1, "submit", EntryState.INTENT)
            assert scope.cancelled_caught
            go.set()
        await writer.call(store.journal, claim.run_id)

    anyio.run(main)

    assert [entry.state for entry in store.journal(claim.run_id)] == [EntryState.INTENT]


def test_virtual_time_stands_still_while_the_store_works(store: Store) -> None:
    claim = claimed(store)

    async def main() -> float:
        writer = StoreWriter(store)
        with anyio.fail_after(0.001):
            for number in range(20):
                await writer.call(store.record, claim, f"s{number}", 1, "begin", EntryState.DONE)
        return anyio.current_time()

    assert run_virtual(main) == 0.0


def test_a_store_in_memory_is_called_on_the_loops_own_thread(open_store: Opener) -> None:
    store = open_store("sqlite://")

    async def main() -> str:
        return (await StoreWriter(store).call(threading.current_thread)).name

    assert anyio.run(main) == threading.main_thread().name


def test_calls_to_a_store_that_is_closed_all_hear_of_it(store: Store) -> None:
    store.close()

    results = anyio.run(together, StoreWriter(store), store.runs, store.runs)

    assert [str(result) for result in results] == [f"The store {store.address} is closed."] * 2


def test_calls_for_each_that_wait_together_are_one(store: Store) -> None:
    calls: list[list[int]] = []

    def double(numbers: Sequence[int]) -> list[int]:
        calls.append(list(numbers))
        return [2 * number for number in numbers]

    async def story() -> list[int]:
        writer, results = StoreWriter(store), dict[int, int]()

        async def call(number: int) -> None:
            results[number] = await writer.call_for_each(double, number, NO_LOCK)

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(call, number)
        return [results[number] for number in range(50)]

    assert anyio.run(story) == [2 * number for number in range(50)]
    assert [number for numbers in calls for number in numbers] == list(range(50))
    assert len(calls) < 50


def test_an_error_of_calls_for_each_reaches_every_caller(store: Store) -> None:
    def refuse(numbers: Sequence[int]) -> list[int]:
        raise LeaseLost("p")

    async def story() -> list[type[Exception]]:
        writer, errors = StoreWriter(store), list[type[Exception]]()

        async def call(number: int) -> None:
            try:
                await writer.call_for_each(refuse, number, NO_LOCK)
            except Exception as error:
                errors.append(type(error))

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(call, number)
        return errors

    assert anyio.run(story) == [LeaseLost] * 10
