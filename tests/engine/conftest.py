"""A stage for each test: an Alma, a clock and a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Stage


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
