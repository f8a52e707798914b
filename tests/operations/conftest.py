"""Runs that were played in virtual time, in a store that a `serve` leads on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from almaflow.store import Store
from tests.harness import Stage

BY = "anna via the page"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A project whose store is in a file, so that several processes can use it."""
    return Stage(tmp_path, durable=True)


@contextmanager
def opened(stage: Stage, *, served: bool = True) -> Iterator[Store]:
    """Open the store of a stage; a process of it leads when it is *served*."""
    store = stage.open_store()
    process = store.enter_process("shelf", 4711, "0") if served else None
    try:
        assert process is None or store.lead(process.id) is None
        yield store
    finally:
        if process is not None:
            store.leave_process(process.id)
        store.close()


def log_of(store: Store, run_id: str) -> list[str]:
    """Return the lines of a run's log that people asked for."""
    return [one.text for one in store.events(run_id) if one.data and "asked" in one.data]
