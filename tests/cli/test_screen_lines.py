"""A run as plain lines, and the signs of states and outcomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.cli.render.event_lines import LineView, event_line, how_long
from almaflow.cli.render.symbols import shows_signs, sign_of
from almaflow.outcome import Outcome, Status
from almaflow.runs.events import EventKind, RunEvent
from tests.harness import START, Stage

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
LIBRARY = {"sets": [SET], "jobs": [{"job": "M901", "duration": "10m"}]}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"


def told(kind: str, text: str = "", data: dict[str, Any] | None = None) -> str:
    """Return what a line says, without its instant and its path."""
    line = event_line(START, kind, "x", text, data, UTC)
    return line.removeprefix("2026-03-02 08:15:00+00:00  x  ")


def shown(
    capsys: pytest.CaptureFixture[str], stage: Stage, workflow: str, zone: Any = UTC
) -> list[str]:
    """Run a workflow and return its lines."""
    played = stage.run(workflow)
    view = LineView(zone)
    capsys.readouterr()
    for event in played.heard:
        view.receive(event)
    return capsys.readouterr().out.splitlines()


def test_each_thing_that_happens_has_its_line(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    workflow = """
        steps:
          - {id: w, name: Try it, fail: oops, retry: {attempts: 2}, on_failure: continue}
          - {id: n, notify: done}
        """

    lines = shown(capsys, Stage(folder), workflow, ZoneInfo("Europe/Rome"))

    assert lines == [
        "2026-03-02 09:15:00+01:00  -  The run began.",
        "2026-03-02 09:15:00+01:00  w  began (fail): Try it",
        "2026-03-02 09:15:00+01:00  w  failed: oops",
        "2026-03-02 09:15:00+01:00  w  waits: attempt 2 follows",
        "2026-03-02 09:16:00+01:00  w  began (fail, attempt 2): Try it",
        "2026-03-02 09:16:00+01:00  w  failed: oops",
        "2026-03-02 09:16:00+01:00  n  began (notify)",
        "2026-03-02 09:16:00+01:00  n  notification to log: done",
        "2026-03-02 09:16:00+01:00  n  succeeded",
        "2026-03-02 09:16:00+01:00  -  The run ended with a warning",
    ]


def test_of_a_job_only_a_new_status_is_a_line(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    stage = Stage(folder, LIBRARY)

    lines = shown(capsys, stage, f"steps: [{{id: x, {JOB}}}]")

    number = stage.submissions[0].instance_id
    texts = [line.split("  ", 2)[2] for line in lines]
    assert texts == [
        "The run began.",
        "began (submit_job)",
        f"Alma is running Export Portfolio URLs (M901) as instance {number}.",
        f"waits: job M901 is running in Alma as instance {number}",
        "Alma says PENDING, 0 %",
        "Alma says QUEUED, 0 %",
        "Alma says INITIALIZING, 0 %",
        "Alma says RUNNING, 0 %",
        "Alma says COMPLETED_SUCCESS, 100 %",
        "succeeded after 11m22s",
        "The run succeeded",
    ]


def test_another_reason_to_wait_is_a_line_although_the_status_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = LineView(UTC)
    for kind, text, data in [
        (EventKind.PROGRESS, "RUNNING", {}),
        (EventKind.WAITING, "job M901 runs (RUNNING)", {"waiting": {"status": "RUNNING"}}),
        (EventKind.WAITING, "Alma does not respond", {}),
    ]:
        view.receive(RunEvent(START, "r", kind, "x", text, data))

    assert capsys.readouterr().out.splitlines() == [
        "2026-03-02 08:15:00+00:00  x  RUNNING",
        "2026-03-02 08:15:00+00:00  x  waits: Alma does not respond",
    ]


@pytest.mark.parametrize(
    ("text", "data", "line"),
    [
        ("The run began.", {"status": "running"}, "The run began."),
        ("", {"outcome": "succeeded"}, "The run succeeded"),
        ("Step x: no", {"outcome": "failed"}, "The run failed: Step x: no"),
        ("look", {"status": "waiting"}, "The run is waiting for a person: look"),
        ("The run was resumed.", None, "The run was resumed."),
    ],
)
def test_a_line_about_the_run(text: str, data: dict[str, Any] | None, line: str) -> None:
    assert told(EventKind.RUN, text, data) == line


def test_an_end_tells_how_long_it_took() -> None:
    assert (
        told(EventKind.ENDED, "no", {"outcome": "failed", "seconds": 65}) == "failed after 1m5s: no"
    )
    assert told(EventKind.ENDED) == "ended"


def test_what_is_not_worth_a_line_has_none() -> None:
    assert event_line(START, EventKind.REQUEST, "x", "read job", {}, UTC) == ""
    assert event_line(START, EventKind.SAID, "x", "", {}, UTC) == ""


def test_a_line_stays_one_line_and_moves_no_cursor() -> None:
    line = event_line(
        START, EventKind.SAID, "a\nb", "one\n two\x1b[2J", None, timezone(timedelta(0))
    )

    assert line == "2026-03-02 08:15:00+00:00  a b  one two\\x1b[2J"


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset() -> None:
    rome = ZoneInfo("Europe/Rome")
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))

    assert (
        event_line(first, EventKind.SAID, "", "a", None, rome) == "2026-10-25 02:30:00+02:00  -  a"
    )
    assert (
        event_line(second, EventKind.SAID, "", "a", None, rome) == "2026-10-25 02:30:00+01:00  -  a"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.0, ""),
        (0.04, ""),
        (0.25, "0.2s"),
        (9.94, "9.9s"),
        (10.4, "10s"),
        (5400, "1h30m"),
    ],
)
def test_a_length_of_time_is_written_for_people(seconds: float | None, text: str) -> None:
    assert how_long(seconds) == text


# --- signs ----------------------------------------------------------------------------------------


def test_every_state_and_outcome_has_a_sign_and_a_stand_in() -> None:
    signs = [sign_of(status, None) for status in Status if status is not Status.FINISHED]
    signs += [sign_of(Status.FINISHED, outcome) for outcome in Outcome]

    assert all(len(one.sign) == 1 and one.ascii.isascii() for one in signs)


def test_an_outcome_outweighs_the_status() -> None:
    assert sign_of(Status.RUNNING, Outcome.UNKNOWN).sign == "?"
    assert sign_of(Status.RUNNING, None).sign == "▶"


@pytest.mark.parametrize(
    ("encoding", "shows"), [("utf-8", True), ("UTF8", True), ("cp1252", False), (None, False)]
)
def test_signs_are_shown_where_the_encoding_has_them(encoding: str | None, shows: bool) -> None:
    assert shows_signs(encoding) is shows


def test_of_many_iterations_only_what_matters_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def event(about: EventKind, path: str, text: str = "", **data: Any) -> RunEvent:
        return RunEvent(START, "r", about, path, text, data)

    view = LineView(UTC)
    for number in (20, 21, 22):
        path = f"all/{number}/x"
        view.receive(event(EventKind.BEGAN, path, kind="wait", attempt=1))
        view.receive(event(EventKind.WAITING, path, "until later"))
        view.receive(event(EventKind.PROGRESS, path, "RUNNING"))
        view.receive(event(EventKind.ENDED, path, outcome="succeeded", seconds=0))
    asks = {"kind": "person", "text": "really?"}
    view.receive(
        event(EventKind.WAITING, "all/23/y", "a person has to approve: really?", waiting=asks)
    )
    view.receive(event(EventKind.NOTICE, "all/24/in/1/z", "look", to="log"))
    view.receive(event(EventKind.ENDED, "all/25/x", "oops", outcome="failed", seconds=0))

    assert [line.partition("  ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "all/20/x  began (wait)",
        "all/20/x  waits: until later",
        "all/20/x  RUNNING",
        "all/20/x  succeeded",
        "all  after the first 20 iterations, only notifications, questions and failures are "
        "shown here",
        "all/23/y  waits: a person has to approve: really?",
        "all/24/in/1/z  notification to log: look",
        "all/25/x  failed: oops",
    ]
