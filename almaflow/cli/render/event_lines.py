"""The events of a run as plain lines, one line each, the same for every screen.

    2026-11-01 02:30:04+01:00  withdraw  waits: job M157 runs in Alma as 4711

The first field is the time of the run's clock in the workflow's zone, the second the step's path
(`-` for the run itself), the third the event. Two spaces separate the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from almaflow.cli.render.terminal import emit
from almaflow.cli.render.text_layout import on_one_line
from almaflow.durations import format_duration
from almaflow.outcome import Outcome
from almaflow.runs.events import EventKind, RunEvent
from almaflow.waiting import WaitingKind

# All events are shown for this number of iterations, and only important ones for later iterations.
_ALL_TOLD = 20


class LineView:
    """Listens to a run and prints a line for each event.

    A failure is printed when it happens. *failures* keeps the texts, so that outer steps and the
    report after the run do not repeat them.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._status: dict[str, str] = {}
        self._loops: set[str] = set()
        self.failures: list[tuple[str, str]] = []

    def receive(self, event: RunEvent) -> None:
        """Print an event; a job's progress only when its text is new."""
        if self._is_one_of_many(event):
            return
        last_status = self._status.get(event.path)
        if event.kind is EventKind.PROGRESS:
            if last_status == event.text:
                return
            self._status[event.path] = event.text
        if (
            event.kind is EventKind.WAITING
            and last_status
            and _wait_of(event).get("status") == last_status
        ):
            return
        text = self._new_text(event)
        line = event_line(event.at, event.kind, event.path, text, event.data, self._zone)
        if line:
            emit(line)

    def _new_text(self, event: RunEvent) -> str:
        """Return the text of an event; empty when it repeats a printed failure."""
        if not _ends(event) or not event.text:
            return event.text
        inner = f"{event.path}/" if event.path else ""
        for path, failure in self.failures:
            if path != event.path and path.startswith(inner) and failure in event.text:
                return ""
        self.failures.append((event.path, event.text))
        return event.text

    def _is_one_of_many(self, event: RunEvent) -> bool:
        """Whether an event is omitted because its step is in one of many iterations."""
        loop = loop_of_many(event.path)
        if not loop or counts(event):
            return False
        if loop not in self._loops:
            self._loops.add(loop)
            remark = (
                f"after the first {_ALL_TOLD} iterations, only notifications, questions and "
                "failures are shown here"
            )
            emit(event_line(event.at, EventKind.SAID, loop, remark, {}, self._zone))
        return True


def _ends(event: RunEvent) -> bool:
    """Whether a step, or the run, ends with this event."""
    return event.kind is EventKind.ENDED or (
        event.kind is EventKind.RUN and "outcome" in event.data
    )


def asks_a_person(event: RunEvent) -> bool:
    """Whether a step begins to wait for a person."""
    return event.kind is EventKind.WAITING and _wait_of(event).get("kind") == WaitingKind.PERSON


def _wait_of(event: RunEvent) -> Mapping[str, Any]:
    """Return the wait in an event, as `Waiting.to_json` gives it, or an empty mapping."""
    wait: Mapping[str, Any] = event.data.get("waiting", {})
    return wait


def loop_of_many(path: str) -> str:
    """Return the loop of a step in a late iteration; empty when there is none."""
    parts = path.split("/")
    for place, part in enumerate(parts):
        if place and part.isdecimal() and int(part) > _ALL_TOLD:
            return "/".join(parts[:place])
    return ""


def counts(event: RunEvent) -> bool:
    """Whether an event is always shown."""
    match event.kind:
        case EventKind.NOTICE:
            return True
        case EventKind.ENDED:
            return not Outcome(event.data["outcome"]).is_good
    return asks_a_person(event)


RUN_ENDED: Mapping[str, str] = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.WARNING: "ended with a warning",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "was skipped",
    Outcome.TIMED_OUT: "timed out",
    Outcome.CANCELLED: "was cancelled",
    Outcome.UNKNOWN: "ended with an unknown outcome",
    Outcome.MISSED: "was missed",
}


def event_line(
    at: datetime, kind: str, path: str, text: str, data: Mapping[str, Any] | None, zone: tzinfo
) -> str:
    """Return the line for one event; empty when it is not shown."""
    words = words_of(kind, text, data or {})
    if not words:
        return ""
    instant = at.astimezone(zone).isoformat(" ", "seconds")
    return f"{instant}  {on_one_line(path) or '-'}  {on_one_line(words)}"


def words_of(kind: str, text: str, data: Mapping[str, Any]) -> str:
    """Return the text of an event, without time and path; empty when it is not shown."""
    match kind:
        case EventKind.RUN:
            return _about_run(text, data)
        case EventKind.BEGAN:
            attempt = data.get("attempt", 1)
            again = f", attempt {attempt}" if attempt > 1 else ""
            return f"began ({data.get('kind', 'step')}{again})" + (text and f": {text}")
        case EventKind.WAITING:
            return f"waits: {text}"
        case EventKind.PROGRESS:
            percent = data.get("percent")
            return text if percent is None else f"Alma says {text}, {percent:g} %"
        case EventKind.ENDED:
            took = how_long(data.get("seconds"))
            return f"{data.get('outcome', 'ended')}{took and f' after {took}'}" + (
                text and f": {text}"
            )
        case EventKind.NOTICE:
            return f"notification to {data.get('to', 'log')}: {text}"
        case EventKind.REQUEST:
            return ""
    return text


def _about_run(text: str, data: Mapping[str, Any]) -> str:
    if "outcome" in data:
        return f"The run {RUN_ENDED[data['outcome']]}" + (text and f": {text}")
    if data.get("status") == "waiting":
        return f"The run is waiting for a person: {text}"
    return text


def how_long(seconds: float | None) -> str:
    """Return a duration as text for people; empty when it is zero or not known."""
    if not seconds:
        return ""
    if seconds < 10:
        return f"{seconds:.1f}s" if seconds >= 0.05 else ""
    return format_duration(timedelta(seconds=round(seconds)))
