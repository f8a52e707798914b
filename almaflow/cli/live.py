"""A run on a terminal: its steps as a tree that changes while it goes, and stays when it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from almaflow.cli.lines import event_line, how_long
from almaflow.cli.symbols import shows_signs, sign_of
from almaflow.cli.texts import cut, on_one_line, padded, width
from almaflow.clock import SystemClock
from almaflow.engine.telling import RunEvent, Told
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan, workflow_steps

# Pictures a second: of a live run, where the elapsed time moves too, and (seconds between two) of
# a simulated one, whose events come in bursts.
_PER_SECOND = 4
_BETWEEN = 0.1

# Terminals with fewer columns than this do without the column of kinds.
_WIDE = 72
# The tree's column takes at most this part of a line.
_LABELS = 0.4
# Steps of a bar.
_BAR = 10


@dataclass
class _Row:
    """One step as it is shown."""

    path: str
    label: str
    kind: str
    detail: str
    status: Status = Status.QUEUED
    outcome: Outcome | None = None
    percent: float | None = None
    progress: str = ""
    counters: str = ""
    began_at: datetime | None = None
    seconds: float | None = None

    @property
    def is_active(self) -> bool:
        return self.outcome is None and self.status is not Status.QUEUED


class LiveView:
    """Listens to one run and shows it on *console*; usable as a context manager.

    It ends by itself when the run does, so that what is printed next stands below. A *simulated*
    run has a clock of its own, which stands at its last event.
    """

    def __init__(self, console: Console, plan: Plan, *, simulated: bool = False) -> None:
        self._console = console
        self._plan = plan
        self._simulated = simulated
        self._signs = shows_signs(console.encoding)
        self._clock = SystemClock()
        self._lock = threading.RLock()
        self._rows = {row.path: row for row in _rows_of(plan)}
        self._now = plan.requested_at
        self._drawn_at = 0.0
        self._open = False
        self._whole = False
        self._live = Live(
            console=console,
            auto_refresh=not simulated,
            refresh_per_second=_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
            get_renderable=self._picture,
        )

    def __enter__(self) -> LiveView:
        self._open = True
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let the last picture stand, all of it."""
        if not self._open:
            return
        self._open = False
        self._whole = True
        try:
            self._live.stop()
        except OSError:
            # The terminal has gone; the run goes on without it.
            return

    def hear(self, event: RunEvent) -> None:
        """Take note of what happened and show it, unless a picture was shown just now."""
        with self._lock:
            self._now = event.at
            self._note(event)
        if not self._open:
            return
        if event.kind is Told.RUN and event.data.get("status") != "running":
            self.stop()
            return
        try:
            if event.kind is Told.NOTICE:
                self._say(event)
            self._draw()
        except OSError:
            self._open = False

    def _draw(self) -> None:
        now = time.monotonic()
        if self._simulated and now - self._drawn_at >= _BETWEEN:
            self._drawn_at = now
            self._live.refresh()

    def _say(self, event: RunEvent) -> None:
        """Print a notice above the tree."""
        zone = self._plan.zone
        line = event_line(event.at, event.kind, event.path, event.text, event.data, zone)
        self._console.print(Text(line), soft_wrap=True)

    # What happened

    def _note(self, event: RunEvent) -> None:
        if event.kind is Told.RUN:
            if event.data.get("status") == "finished":
                self._skip("")
            return
        row = self._rows.get(event.path)
        if row is None:
            if not event.path:
                return
            row = _Row(event.path, event.path, event.data.get("kind", ""), "")
            self._rows[event.path] = row
        match event.kind:
            case Told.BEGAN:
                row.status, row.outcome = Status.RUNNING, None
                row.began_at = row.began_at or event.at
            case Told.WAITING:
                row.status, row.outcome, row.detail = Status.WAITING, None, event.text
            case Told.PROGRESS:
                row.percent = event.data.get("percent")
                row.counters = _counted(event.data.get("counters", ()))
                row.progress = event.text
            case Told.SAID:
                row.detail = event.text
            case Told.ENDED:
                self._end(row, event)

    def _end(self, row: _Row, event: RunEvent) -> None:
        row.status = Status.FINISHED
        row.outcome = Outcome(event.data["outcome"])
        row.seconds = event.data.get("seconds")
        row.percent, row.progress = None, ""
        row.detail = event.text or row.counters
        self._skip(f"{row.path}/")

    def _skip(self, prefix: str) -> None:
        """Mark the steps that can begin no more."""
        for row in self._rows.values():
            if row.path.startswith(prefix) and row.outcome is None and not row.is_active:
                row.status, row.outcome = Status.FINISHED, Outcome.SKIPPED

    # How it looks

    def _picture(self) -> Group:
        with self._lock:
            now = self._now if self._simulated else self._clock.now()
            rows = list(self._rows.values())
            lines = [self._line(row, rows, now) for row in rows]
            if not self._whole:
                # What the terminal echoes, such as ^C, goes to a line of its own.
                lines = [*self._window(rows, lines), Text()]
            return Group(self._header(now), *lines)

    def _header(self, now: datetime) -> Text:
        plan = self._plan
        local = now.astimezone(plan.zone)
        clock = f"{local:%Y-%m-%d %H:%M:%S}" + (" simulated" if self._simulated else "")
        head = Text(no_wrap=True, overflow="ellipsis" if self._signs else "crop")
        head.append(on_one_line(plan.name), style="bold")
        head.append(f" at {on_one_line(plan.institution)}")
        head.append(f"  {clock}  run {plan.run_id}", style="dim")
        return head

    def _line(self, row: _Row, rows: Sequence[_Row], now: datetime) -> Text:
        columns = self._console.width
        labels = min(max(width(one.label) for one in rows), int(columns * _LABELS))
        kinds = max(len(one.kind) for one in rows) if columns >= _WIDE else 0
        took = self._took(row, now)
        sign = sign_of(row.status, row.outcome)
        quiet = row.outcome is Outcome.SKIPPED or row.status is Status.QUEUED
        line = Text(no_wrap=True, overflow="crop", style="dim" if quiet else "")
        line.append(sign.sign if self._signs else sign.ascii, style=sign.colour)
        line.append(f" {self._fitted(row.label, labels)}  ")
        if kinds:
            line.append(f"{row.kind:<{kinds}}  ", style="dim")
        room = columns - line.cell_len - 10
        if row.percent is not None and room > 2 * _BAR:
            room -= self._add_bar(line, row.percent)
        line.append(self._fitted(self._detail(row), room))
        line.append(f"  {took:>8}", style="dim")
        line.truncate(columns)
        return line

    def _detail(self, row: _Row) -> str:
        if row.outcome is None:
            # What it waits for names the status once more.
            waits = row.detail.removesuffix(f" ({row.progress})")
            parts = [row.progress, row.counters, waits]
        else:
            parts = [row.detail]
        return on_one_line(", ".join(part for part in parts if part))

    def _fitted(self, text: str, columns: int) -> str:
        """Return *text* exactly so many columns wide, in characters that can be shown."""
        text = padded(cut(text, columns), columns)
        return text if self._signs else text.replace("…", "~").encode("ascii", "replace").decode()

    def _add_bar(self, line: Text, percent: float) -> int:
        """Append how far a job is; returns the columns that takes."""
        done = round(max(0.0, min(100.0, percent)) / 100 * _BAR)
        full, empty = ("━", "─") if self._signs else ("#", ".")
        line.append(full * done, style="green")
        line.append(empty * (_BAR - done), style="dim")
        line.append(f" {percent:>3.0f} %  ")
        return _BAR + 8

    @staticmethod
    def _took(row: _Row, now: datetime) -> str:
        if row.outcome is not None:
            return how_long(row.seconds)
        if row.began_at is None:
            return ""
        return how_long((now - row.began_at) / timedelta(seconds=1))

    def _window(self, rows: Sequence[_Row], lines: Sequence[Text]) -> list[Text]:
        """Return as many lines as fit, those around what goes on now."""
        room = self._console.height - 2
        if len(lines) <= room:
            return list(lines)
        active = [place for place, row in enumerate(rows) if row.is_active]
        ended = [place for place, row in enumerate(rows) if row.outcome is not None]
        now = active[-1] if active else max(ended, default=0)
        room = max(1, room - 2)
        start = max(0, min(now - room // 2, len(lines) - room))
        shown = list(lines[start : start + room])
        if start:
            shown.insert(0, Text(f"  {start} more above", style="dim"))
        below = len(lines) - start - room
        if below > 0:
            shown.append(Text(f"  {below} more below", style="dim"))
        return shown


def _rows_of(plan: Plan) -> Iterator[_Row]:
    """Yield a row for each step, its label indented below the step that holds it."""
    depths: dict[str, int] = {}
    for path, step in workflow_steps(plan.workflow):
        around = max((one for one in depths if path.startswith(f"{one}/")), key=len, default="")
        depth = depths[around] + 1 if around else 0
        depths[path] = depth
        label = "  " * depth + path.removeprefix(f"{around}/")
        yield _Row(path, label, step.kind.key, step.name or "")


def _counted(counters: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['label'] or one['key']} {one['value']}" for one in counters)
