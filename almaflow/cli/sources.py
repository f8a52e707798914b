"""Opens what the commands that only read ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from almaflow.cli import bootstrap
from almaflow.clock import SystemClock
from almaflow.operations.local_source import LocalSource
from almaflow.operations.source import Source


@contextmanager
def open_source() -> Iterator[Source]:
    """Open the files and the store of the project; Raises: DocumentsInvalid, StoreError."""
    project, clock = bootstrap.open_project(), SystemClock()
    with ExitStack() as stack:
        yield LocalSource(
            project, clock, lambda: stack.enter_context(bootstrap.open_store(project, clock))
        )
