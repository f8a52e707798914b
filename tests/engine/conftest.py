"""A stage for each test: an Alma, a clock and a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import harness
from tests.harness import Stage


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play the tests of a module with `EACH_STORE = True` on PostgreSQL as well."""
    if getattr(metafunc.module, "EACH_STORE", False):
        on_postgres = pytest.param("postgres", marks=pytest.mark.slow)
        metafunc.parametrize("each_store", ["", on_postgres], indirect=True)


@pytest.fixture(autouse=True)
def each_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each stage the store that it asks for, or one in PostgreSQL."""
    with ExitStack() as stack:
        if getattr(request, "param", ""):
            server = request.getfixturevalue("postgres")
            # A day of virtual time has 86,400 seconds in which to ask a server.
            monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))
            monkeypatch.setattr(harness, "LEASE", timedelta(hours=4))
            monkeypatch.setattr(
                harness, "new_store", lambda: stack.enter_context(server.new_database())
            )
        yield


@pytest.fixture
def set_stage(tmp_path: Path) -> Callable[..., Stage]:
    """Make the test's stage, with a scenario where it wants one."""

    def make(scenario: Any = None, **options: Any) -> Stage:
        return Stage(tmp_path, scenario, **options)

    return make


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """A stage on which all goes well."""
    return set_stage()
