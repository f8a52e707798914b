"""What is said of ticks and pauses, for each state that they can have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.cli.render.tick_text import about_pause, about_the_timetable, about_tick, remark_on
from almaflow.operations.causes import TimetableState
from almaflow.operations.ledger import PauseView, TickState, TickView

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
MINUTE = timedelta(minutes=1)
TICK = TickView(
    workflow="w",
    entry="1",
    ending=TickState.OPEN,
    cause=None,
    reason="",
    run=None,
    caught_up=False,
    at=NOW,
    starts_at=NOW,
    found_at=NOW,
    ready_at=None,
    merged_into=None,
    ended_at=None,
)
PAUSE = PauseView(since=NOW, until=None, by="anna", note="")
RAN = replace(TICK, ending=TickState.RUN, run="run-1")
MERGED = replace(TICK, ending=TickState.MERGED, reason="Why.")
MISSED = replace(TICK, ending=TickState.MISSED, reason="Why.")


@pytest.mark.parametrize(
    ("tick", "remark"),
    [
        (RAN, "run-1"),
        (replace(RAN, caught_up=True), "run-1, caught up"),
        (replace(RAN, ended_at=NOW + MINUTE / 2), "run-1"),
        (replace(RAN, ended_at=NOW + 5 * MINUTE), "run-1, 5m late"),
        (MERGED, "Why."),
        (
            replace(MERGED, merged_into=NOW + MINUTE),
            "into 2026-11-02 08:01:00+00:00; Why.",
        ),
        (MISSED, "Why."),
        (replace(TICK, ready_at=NOW), "is waiting for another run of the workflow to end"),
        (replace(TICK, starts_at=NOW + MINUTE), "begins 2026-11-02 08:01:00+00:00"),
        (TICK, "is waiting for `almaflow serve`"),
    ],
)
def test_a_remark_says_what_a_tick_became_or_waits_for(tick: TickView, remark: str) -> None:
    assert remark_on(tick, NOW, ZONE) == remark


@pytest.mark.parametrize(
    ("changes", "merged", "text"),
    [
        ({}, 0, ""),
        ({}, 1, "; covers 1 earlier tick, too"),
        ({}, 2, "; covers 2 earlier ticks, too"),
        ({"starts_at": NOW + MINUTE}, 0, ", to begin 2026-11-02 08:01:00+00:00"),
    ],
)
def test_the_tick_of_a_run_shows_its_delay_and_what_it_covers(
    changes: dict[str, Any], merged: int, text: str
) -> None:
    tick = replace(RAN, **changes)
    assert about_tick(tick, merged, ZONE) == f"2026-11-02 08:00:00+00:00, entry 1{text}"


@pytest.mark.parametrize("ended", [False, True])
def test_a_pause_shows_its_person_end_and_note(ended: bool) -> None:
    short = about_pause(PAUSE, ZONE, ended=ended)
    long = about_pause(replace(PAUSE, until=NOW + MINUTE, note="Move."), ZONE, ended=ended)

    assert short.startswith("It was paused" if ended else "It has been paused")
    assert short.endswith("by anna since 2026-11-02 08:00:00+00:00.")
    assert long.endswith(", until 2026-11-02 08:01:00+00:00: Move.")


@pytest.mark.parametrize(
    ("pause", "ticks", "advices"),
    [
        (None, (), []),
        (PAUSE, (), ["`almaflow unpause w` ends the pause."]),
        (None, (TICK,), [""]),
        (None, (TICK, RAN), [""]),
        (None, (RAN,), []),
        (None, (MERGED,), [""]),
        (
            *(None, (MISSED,)),
            ["`almaflow run w` runs it now, `almaflow ticks w` shows all ticks."],
        ),
    ],
)
def test_a_timetable_gives_the_next_move(
    pause: PauseView | None, ticks: tuple[TickView, ...], advices: list[str]
) -> None:
    told = list(about_the_timetable("w", TimetableState(pause, ticks), NOW, ZONE))

    assert [advice for _, advice in told] == advices
