"""Runs that were played in virtual time some hours ago, for commands that are typed now.

The store is the project's, and the Alma that the runs spoke to is reached over HTTP, its clock
going on from now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.engine.engine import Engine
from almaflow.store import Store
from tests.harness import Ears, Stage

KEY = "ALMA_KEY_OF_TESTS"

# Hours pass before a command is typed, and little happens in them.
LOOK, LEASE = timedelta(minutes=10), timedelta(hours=1)


class Past(Stage):
    """Plays runs that began two hours ago."""

    def __init__(self, folder: Path, scenario: Mapping[str, Any] | None = None) -> None:
        began = SystemClock().now() - timedelta(hours=2)
        super().__init__(folder, scenario, durable=True, start=began.replace(microsecond=0))

    def open_store(self, **options: Any) -> Store:
        return super().open_store(**{"lease": LEASE} | options)

    def engine(self, store: Store, ears: Ears, look: timedelta | None = LOOK) -> Engine:
        return super().engine(store, ears, look)

    @contextmanager
    def now(self, monkeypatch: pytest.MonkeyPatch, settings: str = "") -> Iterator[Store]:
        """Let it be now: commands reach the Alma; yields the project's store.

        *settings* are further keys of the institution, such as `settle: 1s`.
        """
        self.alma._clock = SystemClock().now
        with SimulatorServer(self.alma) as server:
            entry = f'base_url: "{server.url}", api_key: "env:{KEY}"'
            self.write(
                "almaflow.yaml",
                f"""\
                store: sqlite:///{self.store_file.name}
                institutions:
                  main: {{{entry}{settings and f", {settings}"}}}
                """,
            )
            monkeypatch.setenv(KEY, self.alma.add_institution("main"))
            store = Store.open(f"sqlite:///{self.store_file}", clock=SystemClock())
            try:
                yield store
            finally:
                store.close()
