"""A store is moved from SQLite into PostgreSQL whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from almaflow.cli.bootstrap import run_queue
from almaflow.errors import StoreError
from almaflow.store import Store
from tests.postgres import PostgresServer
from tests.store.conftest import ManualClock, make_record

pytestmark = pytest.mark.quick


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Store]:
    """A store in a file, with runs, one of which was worked on."""
    with closing(Store.open(f"sqlite:///{tmp_path / 'old.db'}", clock=ManualClock())) as store:
        process = store.enter_process("host", 1, "0")
        record = make_record(1, inputs={"a": [1, None]})
        run = store.add_run({"workflow": "steps: [] # \u00e9 \u4e2d"}, record)
        store.release_run(store.claim_run(run.id, process.id), True)
        for number in (2, 3):
            store.add_run({}, make_record(number, held=bool(number % 2)))
        store.add_answer("20261101-120000-aaa02", "sign", "approve", {"approved": True}, "ann")
        store.leave_process(process.id)
        yield store


@pytest.fixture
def new(postgres: PostgresServer) -> Iterator[Store]:
    """An empty store in PostgreSQL."""
    with (
        postgres.new_database() as url,
        closing(Store.open(url, clock=ManualClock(), queue=run_queue(url))) as store,
    ):
        yield store


def test_every_row_arrives_as_it_was(old: Store, new: Store) -> None:
    found = old.migrate_to(new)

    assert found == old.contents() == new.contents()
    assert found["runs"].rows == 3
    assert new.runs() == old.runs()
    assert new.answers(None, 0) == old.answers(None, 0)


def test_numbers_of_rows_go_on_after_the_highest(old: Store, new: Store) -> None:
    old.migrate_to(new)

    new.add_run({}, make_record(4))

    assert [run.id[-2:] for run in new.runs()] == ["04", "03", "02", "01"]


def test_a_rehearsal_keeps_nothing(old: Store, new: Store) -> None:
    found = old.migrate_to(new, dry_run=True)

    assert found == old.contents()
    assert new.runs() == []


def test_a_store_with_rows_is_not_overwritten(old: Store, new: Store) -> None:
    new.add_run({}, make_record(9))

    with pytest.raises(StoreError):
        old.migrate_to(new)

    assert len(new.runs()) == 1


def test_a_move_that_ended_before_the_old_store_was_put_aside_can_be_repeated(
    old: Store, new: Store
) -> None:
    once = old.migrate_to(new)

    assert old.migrate_to(new) == once == new.contents()


def test_a_move_is_not_repeated_into_a_store_that_was_used_since(old: Store, new: Store) -> None:
    old.migrate_to(new)
    new.add_run({}, make_record(9))

    with pytest.raises(StoreError):
        old.migrate_to(new)

    assert len(new.runs()) == 4
