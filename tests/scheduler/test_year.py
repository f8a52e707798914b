"""A year of a hundred workflows: every tick has one row, and none runs twice."""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scheduler.year import Year

pytestmark = [pytest.mark.slow, pytest.mark.longest]

DAYS = 365

_disturbances = st.lists(
    st.tuples(
        st.integers(0, DAYS * 24 - 1),
        st.sampled_from(["kill", "serve", "edit", "remove", "break", "forward", "back", "away"]),
        st.integers(0, 99),
    ),
    max_size=25,
)


@settings(
    max_examples=int(os.environ.get("ALMAFLOW_YEARS", "2")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize=True,
)
@given(disturbances=_disturbances, seed=st.integers(0, 1000))
def test_every_tick_of_a_year_has_one_row_and_none_runs_twice(
    disturbances: list[tuple[int, str, int]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        year = Year(Path(folder), 100, seed)
        asyncio.run(_play(year, sorted(disturbances)))

        assert year.faults() == []
        assert year.endings()["run"] > 1000
        year.store.close()


async def _play(year: Year, disturbances: list[tuple[int, str, int]]) -> None:
    year.serve()
    year.serve()
    for hour, what, number in disturbances:
        await year.go_on(max(year.start + timedelta(hours=hour), year.clock.true))
        await _disturb(year, what, number)
    if not year.schedulers:
        year.serve()
    await year.go_on(max(year.start + timedelta(days=DAYS), year.clock.true))


async def _disturb(year: Year, what: str, number: int) -> Any:
    match what:
        case "kill":
            year.kill()
        case "serve":
            year.serve()
        case "away":
            # Nobody is there for a while: up to four days.
            for _ in list(year.schedulers):
                year.kill()
            await year.go_on(year.clock.true + timedelta(hours=number))
            year.serve()
        case "forward" | "back":
            hours = number / 4 if what == "forward" else -number / 4
            year.clock.set_by += timedelta(hours=hours)
        case "edit" | "remove" | "break":
            change = {"edit": year.write, "remove": year.remove, "break": year.break_file}
            change[what](number)
            await year.files_changed()
