"""All hosts of a store have one time of day: the database's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from almaflow.clock import SystemClock
from almaflow.engine.log import Level
from almaflow.fleet.shared_time import NOTICED, ClockReports, share_time
from almaflow.fleet.task_queue import TaskQueue
from almaflow.store import Store

HOUR = timedelta(hours=1)


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    before = SystemClock.ahead()
    store = Store.open(postgres_url, clock=SystemClock(), queue=TaskQueue())
    yield store
    store.close()
    SystemClock.correct(before - SystemClock.ahead())


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far the machine's clock is ahead, as the last item says."""
    off, now = [timedelta()], SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda self: now(self) + off[-1])
    return off


def difference() -> timedelta:
    return abs(SystemClock().now() - datetime.now(UTC))


@pytest.mark.parametrize("off", [HOUR, -HOUR, timedelta(days=400)])
def test_a_clock_that_is_wrong_is_corrected_by_the_databases(
    store: Store, machine: list[timedelta], off: timedelta
) -> None:
    machine.append(off)

    ahead = share_time(store)

    assert abs(ahead - off) < NOTICED
    assert difference() < NOTICED


def test_a_clock_that_is_set_right_meanwhile_needs_no_correction_any_more(
    store: Store, machine: list[timedelta]
) -> None:
    machine.append(HOUR)
    share_time(store)
    machine.append(timedelta())

    ahead = share_time(store)

    assert abs(ahead) < NOTICED
    assert difference() < NOTICED


def test_clocks_that_agree_are_left_alone(store: Store, machine: list[timedelta]) -> None:
    machine.append(NOTICED / 2)

    assert share_time(store) == timedelta()


def test_a_difference_is_reported_when_it_is_new() -> None:
    levels: list[str] = []

    def log(text: str, level: Level = "info", **data: Any) -> None:
        levels.append(level)

    reports = ClockReports(log)

    for ahead in (timedelta(), HOUR, HOUR, -HOUR, timedelta()):
        reports.note(ahead)

    assert levels == ["warning", "warning", "info"]
