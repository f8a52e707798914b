"""`wait`: for how long, until when, and what clocks that change do to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.steps.wait import next_instant, read_time
from tests.harness import Stage

ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("what", "seconds"),
    [
        ("10m", 600),
        ("{for: 1h30m}", 5400),
        ("{for: \"{{ 5 }}s\"}", 5),
        ("{until: \"09:00\"}", 45 * 60),  # it is 08:15 UTC
        ("{until: \"08:15\"}", 86400),
        ("{until: 2026-03-02T09:15}", 3600),
        ("{until: 2026-03-02T09:15+01:00}", 0),
        ("{until: \"{{ now + hours(2) }}\"}", 7200),
        ("{until: 2020-01-01}", 0),
    ],
)  # fmt: skip
def test_a_step_waits(stage: Stage, what: str, seconds: int) -> None:
    played = stage.run(f"timeout: 2d\nsteps: [{{id: it, wait: {what}}}]")

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["waited"] == seconds
    assert played.steps["it"]["seconds"] == seconds


def test_a_time_of_day_is_meant_in_the_workflow_s_zone(stage: Stage) -> None:
    played = stage.run('{timezone: Europe/Zurich, steps: [{id: it, wait: {until: "09:30"}}]}')

    assert played.steps["it"]["seconds"] == 15 * 60
    assert played.said_waiting == ["until 2026-03-02 09:30:00 CET"]


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        (datetime(2026, 3, 29, 0, 55, tzinfo=UTC), 7200),  # clocks go forward at 01:00 UTC
        (datetime(2026, 10, 25, 0, 55, tzinfo=UTC), 7200),  # and back
    ],
)
def test_two_hours_are_two_hours_when_clocks_change(
    set_stage: Callable[..., Stage], start: datetime, seconds: int
) -> None:
    played = set_stage(start=start).run("{timezone: Europe/Zurich, steps: [{id: it, wait: 2h}]}")

    assert played.steps["it"]["seconds"] == seconds
    assert played.steps["it"]["waited"] == seconds


@pytest.mark.parametrize(
    ("text", "now", "instant"),
    [
        # 02:30 does not exist on this day; it counts as half an hour after the switch at 02:00.
        ("02:30", datetime(2026, 3, 29, 0, tzinfo=ZURICH), "2026-03-29T01:30+00:00"),
        # 02:30 comes twice; the first counts, and then the next day's.
        ("02:30", datetime(2026, 10, 25, 0, tzinfo=ZURICH), "2026-10-25T00:30+00:00"),
        ("02:30", datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH), "2026-10-26T01:30+00:00"),
        ("02:30", datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH, fold=1), "2026-10-26T01:30+00:00"),
    ],
)
def test_times_of_day_around_a_change_of_clocks(text: str, now: datetime, instant: str) -> None:
    assert next_instant(text, now).astimezone(UTC) == datetime.fromisoformat(instant)


def test_a_time_of_day_or_an_instant_is_read() -> None:
    assert read_time("06:00") == time(6)
    assert read_time("2026-12-24T18:00") == datetime(2026, 12, 24, 18)


@pytest.mark.parametrize("text", ["soon", "25:00", "06:00+02:00", "06:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid time of day"):
        read_time(text)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("10", "is not a valid duration"),
        ("{for: soon}", "is not a valid duration"),
        ("{until: soon}", "is not a valid time of day (06:00) or instant (2026-12-24T18:00)."),
        ("{for: 10m, until: \"06:00\"}", "`wait` needs either `for` or `until`."),
        ("{}", "`wait` needs either `for` or `until`."),
    ],
)  # fmt: skip
def test_a_wait_that_cannot_be_is_refused(stage: Stage, what: str, told: str) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        stage.run(f"steps: [{{wait: {what}}}]")

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("{for: \"{{ 'soon' }}\"}", "`soon` is not a valid duration"),
        ("{until: \"{{ 'soon' }}\"}", "`soon` is not a valid time of day"),
    ],
)
def test_a_template_that_gives_no_time_fails_the_step(stage: Stage, what: str, told: str) -> None:
    played = stage.run(f"steps: [{{wait: {what}}}]")

    assert played.outcome == "failed"
    assert told in played.record.error
