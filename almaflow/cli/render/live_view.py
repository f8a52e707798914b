"""The live view of a run on a terminal: a tree of its steps that stays when the run has ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from almaflow.cli.render.event_lines import event_line, how_long
from almaflow.cli.render.live_rows import RunTree, StepRow, fitted
from almaflow.cli.render.symbols import shows_signs, sign_of
from almaflow.cli.render.text_layout import cut, on_one_line, padded, printable, width
from almaflow.clock import SystemClock
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan
from almaflow.runs.events import EventKind, RunEvent
from almaflow.runs.step_views import StepView

# Frames per second of a live run, whose elapsed time changes; and seconds between frames of a
# simulated run, whose events come in bursts.
_PER_SECOND = 4
_BETWEEN = 0.1

# Terminals with fewer columns than this show no column of kinds.
_WIDE = 72
# The largest part of a line that the column of the tree may take.
_LABELS = 0.4
# The characters of a progress bar.
_BAR = 10


class LiveView:
    """Listens to one run and shows it on *console*; usable as a context manager.

    It ends automatically with the run, so that later output appears below it. A *simulated* run has
    its own clock, which shows the time of its last event. *seen* are the steps that an earlier
    process has executed.
    """

    def __init__(
        self,
        console: Console,
        plan: Plan,
        *,
        seen: Sequence[StepView] = (),
        simulated: bool = False,
    ) -> None:
        self._console = console
        self._plan = plan
        self._simulated = simulated
        self._signs = shows_signs(console.encoding)
        self._clock = SystemClock()
        self._lock = threading.RLock()
        self._tree = RunTree(plan, seen)
        self._now = plan.requested_at
        self._drawn_at = 0.0
        self._open = False
        self._whole = False
        self._live = self._new_live()

    def _new_live(self) -> Live:
        return Live(
            console=self._console,
            auto_refresh=not self._simulated,
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

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keep the current frame while other output uses the terminal; a new frame follows."""
        was_open, self._open = self._open, False
        if was_open:
            self._live.stop()
        try:
            yield
        finally:
            if was_open:
                self._live = self._new_live()
                self.__enter__()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Keep the complete last frame on the screen."""
        if not self._open:
            return
        self._open = False
        self._whole = True
        try:
            self._live.stop()
        except OSError:
            # The terminal was closed; the run continues without it.
            return

    def receive(self, event: RunEvent) -> None:
        """Process an event and draw a frame, unless one was drawn just now."""
        with self._lock:
            self._now = event.at
            self._tree.note(event)
        if not self._open:
            return
        if event.kind is EventKind.RUN and event.data.get("status") != "running":
            self.stop()
            return
        try:
            if event.kind is EventKind.NOTICE:
                self._say(event)
            now = time.monotonic()
            if self._simulated and now - self._drawn_at >= _BETWEEN:
                self._drawn_at = now
                self._live.refresh()
        except OSError:
            self._open = False

    def _say(self, event: RunEvent) -> None:
        """Print a message above the tree."""
        zone = self._plan.zone
        line = event_line(event.at, event.kind, event.path, event.text, event.data, zone)
        self._console.print(Text(line), soft_wrap=True)

    # How it looks

    def _picture(self) -> Group:
        with self._lock:
            now = self._now if self._simulated else self._clock.now()
            rows = self._tree.visible_rows()
            lines: list[StepRow | str] = list(rows)
            if not self._whole:
                # Text that the terminal echoes, such as ^C, gets its own line.
                lines = [*fitted(rows, max(1, self._console.height - 2)), ""]
            widths = self._widths(rows)
            drawn = [self._line(one, widths, now) for one in lines]
            return Group(self._header(now), *drawn)

    def _header(self, now: datetime) -> Text:
        plan = self._plan
        local = now.astimezone(plan.zone)
        clock = f"{local:%Y-%m-%d %H:%M:%S}" + (" simulated" if self._simulated else "")
        head = Text(no_wrap=True, overflow="ellipsis" if self._signs else "crop")
        head.append(on_one_line(plan.name), style="bold")
        head.append(f" at {on_one_line(plan.institution)}")
        head.append(f"  {clock}  run {plan.run_id}", style="dim")
        return head

    def _widths(self, rows: Sequence[StepRow]) -> tuple[int, int]:
        """Return the widths of the columns of labels and kinds."""
        columns = self._console.width
        labels = max((width(printable(one.label)) for one in rows), default=0)
        kinds = max((len(one.kind) for one in rows), default=0) if columns >= _WIDE else 0
        return min(labels, int(columns * _LABELS)), kinds

    def _line(self, row: StepRow | str, widths: tuple[int, int], now: datetime) -> Text:
        if isinstance(row, str):
            return Text(f"  {row}".rstrip(), style="dim")
        columns, (labels, kinds) = self._console.width, widths
        took = self._took(row, now)
        sign = sign_of(row.status, row.outcome)
        quiet = row.outcome is Outcome.SKIPPED or row.status is Status.QUEUED
        line = Text(no_wrap=True, overflow="crop", style="dim" if quiet else "")
        line.append(sign.sign if self._signs else sign.ascii, style=sign.colour)
        line.append(f" {self._fitted(printable(row.label), labels)}  ")
        if kinds:
            line.append(f"{row.kind:<{kinds}}  ", style="dim")
        room = columns - line.cell_len - 10
        if row.percent is not None and room > 2 * _BAR:
            room -= self._add_bar(line, row.percent)
        line.append(self._fitted(on_one_line(self._tree.detail_of(row)), room))
        line.append(f"  {took:>8}", style="dim")
        line.truncate(columns)
        return line

    def _fitted(self, text: str, columns: int) -> str:
        """Return *text* exactly *columns* wide, in printable characters."""
        text = padded(cut(text, columns), columns)
        return text if self._signs else text.replace("…", "~").encode("ascii", "replace").decode()

    def _add_bar(self, line: Text, percent: float) -> int:
        """Append the progress bar of a job; return its width in columns."""
        done = round(max(0.0, min(100.0, percent)) / 100 * _BAR)
        full, empty = ("━", "─") if self._signs else ("#", ".")
        line.append(full * done, style="green")
        line.append(empty * (_BAR - done), style="dim")
        line.append(f" {percent:>3.0f} %  ")
        return _BAR + 8

    @staticmethod
    def _took(row: StepRow, now: datetime) -> str:
        if row.outcome is not None:
            return how_long(row.seconds)
        if row.began_at is None:
            return ""
        return how_long((now - row.began_at) / timedelta(seconds=1))
