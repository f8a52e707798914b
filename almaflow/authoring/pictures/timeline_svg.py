"""What a run did when, as SVG: a row for each step, with work, time in Alma and waits apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from almaflow.authoring.pictures.svg import LINE, document, element, folded, rectangle, text
from almaflow.durations import format_duration
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.runs.step_views import StepView
from almaflow.runs.timeline import Stretch, StretchKind
from almaflow.runs.views import RunView
from almaflow.visible import visible

MOST_STEPS = 200
"""More steps are left out, with a line that says how many."""

_NAMES = 300
_BARS = 760
_ROW = 24
_HEAD = 86
_MARGIN = 24
_COLUMNS = 42
_BAD = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.UNKNOWN)
_SECOND = timedelta(seconds=1)
# Distances between the lines of the grid, of which the one that gives at most eight is taken.
_STEPS = [
    timedelta(seconds=seconds)
    for seconds in (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400)
]
_MOST_LINES = 8
_LEGEND = (
    (StretchKind.WORKS, "almaflow works"),
    (StretchKind.IN_ALMA, "a job runs in Alma"),
    (StretchKind.WAITS, "waits"),
)


@dataclass(frozen=True)
class _Frame:
    """The time that the picture covers."""

    first: datetime
    last: datetime
    zone: ZoneInfo

    def x(self, at: datetime) -> float:
        """Return where an instant is, from the left end of the bars."""
        whole = max((self.last - self.first) / _SECOND, 1.0)
        part = (at - self.first) / _SECOND / whole
        return min(max(part, 0.0), 1.0) * _BARS


def timeline_svg(run: RunView, stretches: Mapping[str, Sequence[Stretch]], last: datetime) -> str:
    """Return the picture of *run*, whose steps did *stretches*, by path, until *last*."""
    frame = _Frame(run.started_at or run.requested_at, last, ZoneInfo(run.timezone))
    steps = [step for step in run.steps if step.path in stretches]
    shown, left_out = steps[:MOST_STEPS], len(steps[MOST_STEPS:])
    pieces = [*_head(run, frame), *_grid(frame, len(shown))]
    for row, step in enumerate(shown):
        pieces += _row(step, stretches[step.path], frame, _HEAD + row * _ROW)
    height = _HEAD + len(shown) * _ROW + 2 * _MARGIN
    if left_out:
        pieces.append(text(0, height - 2 * _MARGIN + LINE, f"{left_out} more steps.", "quiet"))
        height += LINE
    return document(
        _NAMES + _BARS + 2 * _MARGIN,
        height,
        f"Run {run.id} of {visible(run.workflow)}",
        "; ".join(f"{visible(step.path)} {step.outcome or step.status}" for step in shown),
        [element("g", {"transform": f"translate({_MARGIN} {_MARGIN})"}, "\n".join(pieces))],
    )


def _head(run: RunView, frame: _Frame) -> Iterator[str]:
    state = f"{run.outcome or run.status}"
    length = _duration(frame.last - frame.first)
    began = frame.first.astimezone(frame.zone)
    yield text(0, 12, f"{visible(run.workflow)}: {state} after {length}", "title")
    yield text(0, 30, f"{run.id}, began {began:%Y-%m-%d %H:%M:%S} ({frame.zone})", "quiet")
    x = 0
    for kind, words in _LEGEND:
        yield rectangle(x, 42, 12, 10, kind)
        yield text(x + 17, 51, words, "quiet")
        x += 150


def _grid(frame: _Frame, rows: int) -> Iterator[str]:
    """Yield lines at round times of the wall clock, with the times above them."""
    whole = frame.last - frame.first
    step = next((one for one in _STEPS if whole / one <= _MOST_LINES), _STEPS[-1])
    if whole / step > _MOST_LINES * 2:
        return
    midnight = frame.first.astimezone(frame.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + step * ((frame.first - midnight) // step + 1)
    form = (
        "%a %H:%M" if whole > timedelta(days=1) else "%H:%M" if step >= 60 * _SECOND else "%H:%M:%S"
    )
    while at <= frame.last:
        x = _NAMES + frame.x(at)
        line = {"x1": f"{x:.1f}", "x2": f"{x:.1f}", "y1": _HEAD - 6, "y2": _HEAD + rows * _ROW}
        yield element("line", {**line, "class": "grid"})
        yield text(x, _HEAD - 11, at.astimezone(frame.zone).strftime(form), "quiet", "middle")
        at += step


def _row(step: StepView, stretches: Sequence[Stretch], frame: _Frame, y: float) -> Iterator[str]:
    depth = min(step.path.count("/"), 6)
    name = folded(visible(step.name or step.path.rpartition("/")[2]), _COLUMNS - 2 * depth, 1)
    sign = " ✗" if step.outcome in _BAD else ""
    tone = "bad" if sign else ""
    yield text(depth * 12, y + 15, f"{name[0] if name else step.kind}{sign}", tone)
    for one in stretches:
        x = frame.x(one.began_at)
        words = one.waiting.text if one.waiting is not None else ""
        title = f"{step.path}: {_WORDS[one.kind]} for {_duration(one.length)}. {words}".strip()
        width = max(frame.x(one.ended_at) - x, 2)
        yield rectangle(_NAMES + x, y + 4, width, _ROW - 10, one.kind, visible(title))
    if sign and stretches:
        yield rectangle(_NAMES + frame.x(stretches[-1].ended_at) - 2, y + 1, 4, _ROW - 4, "bad")


_WORDS = dict(_LEGEND)


def _duration(length: timedelta) -> str:
    return format_duration(timedelta(seconds=round(length / _SECOND)))
