"""What the tests of the simulator's server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator.served import Served, serve


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as one:
        yield one
