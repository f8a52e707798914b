"""What the definitions that runs were recorded with say, for what watches many runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from almaflow.errors import AlmaflowError
from almaflow.store import Store, StoreTrouble
from almaflow.store.writer import StoreWriter
from almaflow.thread_pool import ThreadPool
from almaflow.workflow import Workflow
from almaflow.workflow_loader import load_text

T = TypeVar("T")

# How many definitions are kept.
_MOST = 256


class RecordedDefinitions(Generic[T]):
    """Reads each definition once; *read* makes of it what is needed."""

    def __init__(
        self,
        store: Store,
        writer: StoreWriter,
        threads: ThreadPool,
        read: Callable[[Workflow, Mapping[str, Any]], T | None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._threads = threads
        self._read = read
        self._known: dict[str, T | None] = {}

    async def of(self, hash_: str) -> T | None:
        """Return what the definition of this hash says; None of one that cannot be read here.

        Raises:
            StoreTrouble: the store refuses.
        """
        if hash_ not in self._known:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[hash_] = await self._load(hash_)
        return self._known[hash_]

    async def _load(self, hash_: str) -> T | None:
        try:
            definition = await self._writer.call(self._store.definition, hash_)
            loaded = await self._threads.run(load_text, definition["text"], definition["file"])
            return self._read(loaded.workflow, definition)
        except StoreTrouble:
            raise
        except (AlmaflowError, KeyError):
            # Recorded by another version: the process that executes the run reports it.
            return None
