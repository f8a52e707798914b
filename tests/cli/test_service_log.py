"""The log of a service: what its lines say, for people and for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.cli.render.service_log import LogFormat, ServiceLog
from almaflow.redaction import Mask
from almaflow.runs.events import EventKind, RunEvent
from almaflow.virtual_time import VirtualClock

RUN = "20261101-013000-k7x2q"
NOON = datetime(2026, 11, 1, 11, 0, 4, 250_000, tzinfo=UTC)


class Lines:
    """A log whose lines are kept."""

    def __init__(self, format_: LogFormat = "text") -> None:
        self.lines: list[str] = []
        self.log = ServiceLog(
            format_,
            Mask(["s3cret-key"]),
            clock=VirtualClock(NOON),
            zone=ZoneInfo("Europe/Zurich"),
            out=self.lines.append,
        )

    def receive(self, told: EventKind, text: str = "", path: str = "", /, **data: Any) -> None:
        self.log.receive(RunEvent(NOON, RUN, told, path, text, data))

    @property
    def texts(self) -> list[str]:
        """The lines without their instant."""
        return [line.partition("  ")[2] for line in self.lines]

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def test_a_line_says_when_about_what_and_what() -> None:
    it = Lines()

    it.log("Serving 3 workflows.")
    it.log("The tick of 02:25\nwas missed.", level="warning", workflow="weeding", age=4000)

    assert it.lines == [
        "2026-11-01 12:00:04+01:00  -  Serving 3 workflows.",
        "2026-11-01 12:00:04+01:00  weeding  warning: The tick of 02:25 was missed.",
    ]


def test_a_line_for_programs_is_one_object_with_everything() -> None:
    it = Lines("json")

    it.log("Two\nlines.", level="error", workflow="weeding", at_last=NOON, ticks=2)

    assert it.lines[0].count("\n") == 0
    assert it.objects == [
        {
            "at": "2026-11-01T11:00:04.250+00:00",
            "level": "error",
            "text": "Two\nlines.",
            "workflow": "weeding",
            "at_last": str(NOON),
            "ticks": 2,
        }
    ]


@pytest.mark.parametrize("format_", ["text", "json"])
def test_secrets_are_stars_in_either_form(format_: LogFormat) -> None:
    it = Lines(format_)

    it.log("The key s3cret-key is wrong.", workflow="s3cret-key", why={"key": ["s3cret-key"]})
    it.receive(EventKind.SAID, "s3cret-key", "s3cret-key")

    assert "s3cret-key" not in "".join(it.lines)
    assert "***" in it.lines[0]


def test_what_happens_in_a_run_names_workflow_run_and_step() -> None:
    it = Lines()

    it.receive(EventKind.RUN, "The run began.", status="running", name="nightly")
    it.receive(EventKind.BEGAN, "", "export", kind="submit_job", attempt=1)
    it.receive(EventKind.WAITING, "job M44 runs", "export")
    it.receive(EventKind.RUN, "", status="finished", outcome="succeeded")
    it.receive(EventKind.SAID, "a last word", "export")

    assert it.texts == [
        f"nightly {RUN}  The run began.",
        f"nightly {RUN} export  began (submit_job)",
        f"nightly {RUN} export  waits: job M44 runs",
        f"nightly {RUN}  The run succeeded",
        f"{RUN} export  a last word",
    ]


def test_an_event_for_programs_keeps_its_data_apart() -> None:
    it = Lines("json")

    it.receive(EventKind.ENDED, "oops", "export", outcome="failed", seconds=2.0)

    assert it.objects == [
        {
            "at": "2026-11-01T11:00:04.250+00:00",
            "level": "warning",
            "text": "failed after 2.0s: oops",
            "run": RUN,
            "step": "export",
            "kind": "ended",
            "data": {"outcome": "failed", "seconds": 2.0},
        }
    ]


def test_what_is_for_onlookers_only_is_not_logged() -> None:
    it = Lines()

    it.receive(EventKind.PROGRESS, "RUNNING", "export", percent=40)
    it.receive(EventKind.REQUEST, "GET /conf/sets", "export")
    it.receive(EventKind.SAID, "one of many", "all/21/x")
    it.receive(EventKind.ENDED, "", "all/21/x", outcome="succeeded")
    it.receive(EventKind.ENDED, "oops", "all/21/x", outcome="failed")

    assert it.texts == [f"{RUN} all/21/x  warning: failed: oops"]


@pytest.mark.parametrize(
    ("kind", "data", "level"),
    [
        (EventKind.RUN, {"outcome": "succeeded"}, "info"),
        (EventKind.RUN, {"outcome": "skipped"}, "info"),
        (EventKind.RUN, {"outcome": "warning"}, "warning"),
        (EventKind.RUN, {"outcome": "failed"}, "error"),
        (EventKind.RUN, {"outcome": "unknown"}, "error"),
        (EventKind.RUN, {"status": "waiting"}, "warning"),
        (EventKind.RUN, {"status": "running", "name": "nightly"}, "info"),
        (EventKind.ENDED, {"outcome": "failed"}, "warning"),
        (EventKind.SAID, {}, "info"),
    ],
)
def test_a_bad_end_of_a_run_is_an_error(kind: EventKind, data: dict[str, str], level: str) -> None:
    it = Lines("json")

    it.receive(kind, "text", **data)

    assert it.objects[0]["level"] == level
