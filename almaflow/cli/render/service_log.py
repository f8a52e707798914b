"""The log of `almaflow serve`: one line for each event, for people or for programs.

    2026-11-01 02:30:00+01:00  -  serving 12 workflows from workflows/
    2026-11-01 02:30:04+01:00  nightly 20261101-013000-k7x2q withdraw  waits: job M157 runs …
    2026-11-01 02:31:00+01:00  weeding  warning: the tick of 02:25 was missed: …

First when, in the project's zone; then the workflow, the run and the step it is about, as far as
there are any, else `-`; then what happened. As JSON each line is an object with `at` (UTC),
`level`, `text` and whatever else is known.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, Literal

from almaflow.cli.render.event_lines import counts, loop_of_many, words_of
from almaflow.cli.render.terminal import emit, emit_document
from almaflow.cli.render.text_layout import on_one_line
from almaflow.clock import Clock
from almaflow.outcome import Outcome
from almaflow.redaction import Mask
from almaflow.runs.events import NOT_LOGGED, EventKind, RunEvent
from almaflow.visible import json_text

Level = Literal["info", "warning", "error"]
LogFormat = Literal["text", "json"]

# The data of a line that appears before the text, in this order.
_ABOUT = ("workflow", "run", "step")


class ServiceLog:
    """Writes the log of a service to *out*, a line a call; safe to use from any thread.

    *mask* stars secrets in everything; *zone* is where the people who read the text live.
    """

    def __init__(
        self,
        format_: LogFormat,
        mask: Mask,
        *,
        clock: Clock,
        zone: tzinfo,
        out: Callable[[str], None] | None = None,
    ) -> None:
        self._format = format_
        self._mask = mask
        self._clock = clock
        self._zone = zone
        # A line of JSON is escaped as JSON wants it; to `emit` it would be text.
        self._out = out or (emit_document if format_ == "json" else emit)
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}

    def __call__(self, text: str, level: Level = "info", **data: Any) -> None:
        """Log *text*, a whole sentence; *data* is what else a program may want to know.

        `workflow`, `run` and `step` in it say what the line is about.
        """
        self._write({"level": level, "text": text} | data)

    def receive(self, event: RunEvent) -> None:
        """Log what happened in a run.

        Progress and requests are left out, and of late iterations of a loop all but what matters;
        `almaflow logs RUN` has it.
        """
        if event.kind in NOT_LOGGED or (loop_of_many(event.path) and not counts(event)):
            return
        about = {"workflow": self._name(event), "run": event.run_id, "step": event.path}
        line: dict[str, Any] = {
            "level": _level(event),
            "text": words_of(event.kind, event.text, event.data),
            **{key: value for key, value in about.items() if value},
            "kind": event.kind.value,
        }
        self._write(line | ({"data": event.data} if event.data else {}))

    def _name(self, event: RunEvent) -> str:
        """Return the workflow of an event's run, which only the run's first event names."""
        name = event.data.get("name")
        if event.kind is not EventKind.RUN:
            return self._names.get(event.run_id, "")
        if name:
            self._names[event.run_id] = name
            return str(name)
        # It has ended or was released; the process that continues it logs its name again.
        return self._names.pop(event.run_id, "")

    def _write(self, line: Mapping[str, Any]) -> None:
        now = self._clock.now()
        # What cannot be JSON is shown as text rather than lost.
        fields = self._mask.data(json.loads(json.dumps(dict(line), default=str)))
        if self._format == "json":
            at = now.astimezone(UTC).isoformat(timespec="milliseconds")
            written = json_text({"at": at, **fields})
        else:
            about = on_one_line(" ".join(str(fields[key]) for key in _ABOUT if fields.get(key)))
            urgent = "" if fields["level"] == "info" else f"{fields['level']}: "
            when = now.astimezone(self._zone).isoformat(" ", "seconds")
            written = f"{when}  {about or '-'}  {urgent}{on_one_line(fields['text'])}"
        with self._lock:
            self._out(written)


def _level(event: RunEvent) -> Level:
    """Return how urgent an event is: an error when a run ended badly or only a person can help."""
    if event.kind not in (EventKind.RUN, EventKind.ENDED):
        return "info"
    if "outcome" in event.data:
        outcome = Outcome(event.data["outcome"])
        if outcome in (Outcome.SUCCEEDED, Outcome.SKIPPED):
            return "info"
        # A step that failed may be what its workflow expects.
        bad = event.kind is EventKind.RUN and not outcome.is_good
        return "error" if bad else "warning"
    return "warning" if event.data.get("status") == "waiting" else "info"
