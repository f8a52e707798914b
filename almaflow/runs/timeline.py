"""When the steps of a run worked, let a job run in Alma, or waited, and for what.

From the log and the requests of a step:

    began ── waiting (a slot) ── request sent ── waiting (the job in Alma) ── ended
    WORKS    WAITS               WORKS           IN_ALMA
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter
from typing import Any, Protocol

from almaflow.late_dataclasses import dataclass
from almaflow.runs.events import EventKind
from almaflow.runs.step_views import StepView
from almaflow.waiting import Waiting, WaitingKind


class StretchKind(StrEnum):
    """What a step does during a stretch of time."""

    WORKS = "works"
    """almaflow reads, evaluates or sends."""
    IN_ALMA = "in_alma"
    """A job runs in Alma, or waits there for its turn."""
    WAITS = "waits"
    """For a slot, a person, an instant, or Alma itself."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of time of one step."""

    kind: StretchKind
    began_at: datetime
    ended_at: datetime
    """Of a step that has not ended: the present instant."""
    waiting: Waiting | None = None
    """For what it waits."""

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.ended_at - self.began_at


_TINY = timedelta(microseconds=1)


@dataclass(frozen=True)
class Share:
    """How much of a run's time was spent on one thing."""

    kind: StretchKind
    waiting: WaitingKind | None
    """Of waits: for what."""
    time: timedelta


class Line(Protocol):
    """A line of a run's log."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def data(self) -> Any: ...


@dataclass(frozen=True)
class _Mark:
    """What a step does from an instant on; None: nothing, it has ended."""

    at: datetime
    kind: StretchKind | None
    waiting: Waiting | None = None


def timeline(
    steps: Iterable[StepView], log: Iterable[Line], now: datetime
) -> dict[str, tuple[Stretch, ...]]:
    """Return the stretches of every step that has begun, oldest first, by its path.

    *now* ends the stretches of steps that have not ended; of a run that is over, it is its end.
    """
    lines: dict[str, list[Line]] = {}
    for line in log:
        lines.setdefault(line.path, []).append(line)
    return {
        step.path: tuple(_stretches(_marks(step, lines.get(step.path, ())), now))
        for step in steps
        if step.attempts
    }


def _marks(step: StepView, lines: Sequence[Line]) -> list[_Mark]:
    """Return what a step did, in order; at one instant, what it sent comes first."""
    sent = [_Mark(one.sent_at, StretchKind.WORKS) for one in step.intents]
    logged = [mark for line in lines for mark in _of_line(line)]
    if not any(line.kind == EventKind.BEGAN for line in lines):
        # Its log was not kept.
        for one in step.tries:
            logged.append(_Mark(one.started_at, StretchKind.WORKS))
            logged += [] if one.ended_at is None else [_Mark(one.ended_at, None)]
    marks = [*sent, *logged]
    return sorted(marks, key=lambda mark: mark.at)


def _of_line(line: Line) -> Iterator[_Mark]:
    if line.kind == EventKind.BEGAN:
        yield _Mark(line.at, StretchKind.WORKS)
    elif line.kind == EventKind.ENDED:
        yield _Mark(line.at, None)
    elif line.kind == EventKind.WAITING:
        waiting = _waiting(line.data)
        is_job = waiting.kind is WaitingKind.JOB
        yield _Mark(line.at, StretchKind.IN_ALMA if is_job else StretchKind.WAITS, waiting)


def _waiting(data: Any) -> Waiting:
    """Return the wait of a line; one of another version is for something unknown."""
    recorded = data.get("waiting") if isinstance(data, Mapping) else None
    if not isinstance(recorded, Mapping) or not {"kind", "text"} <= recorded.keys():
        return Waiting(WaitingKind.OTHER, "")
    return Waiting.from_json(recorded)


def _stretches(marks: Sequence[_Mark], now: datetime) -> Iterator[Stretch]:
    """Yield what is between the marks; equal neighbours are one stretch."""
    last: Stretch | None = None
    for mark, end in zip(marks, [*(mark.at for mark in marks[1:]), now], strict=False):
        if mark.kind is None or end <= mark.at:
            continue
        if last is not None and _is_same(last, mark):
            last = Stretch(last.kind, last.began_at, end, mark.waiting)
            continue
        if last is not None:
            yield last
        last = Stretch(mark.kind, mark.at, end, mark.waiting)
    if last is not None:
        yield last


def _is_same(last: Stretch, mark: _Mark) -> bool:
    """Whether *mark* continues a stretch: the status of a job in Alma changes from look to look."""
    if last.kind is not mark.kind or last.ended_at != mark.at:
        return False
    before, after = last.waiting, mark.waiting
    return before is after is None or (
        before is not None and after is not None and before.text == after.text
    )


_Key = tuple[StretchKind, WaitingKind | None]
# What counts when steps that run in parallel do several things.
_RANK = {StretchKind.IN_ALMA: 0, StretchKind.WORKS: 1, StretchKind.WAITS: 2}


def shares(stretches: Iterable[Stretch]) -> list[Share]:
    """Return how the time of a run was spent, the largest share first.

    Steps may run in parallel: at each instant, a job in Alma counts before work, and work before a
    wait. *stretches* are those of steps that have no steps inside.
    """
    changes = sorted(
        (
            (at, number, key)
            for one in stretches
            for key in (_key(one),)
            for at, number in ((one.began_at, 1), (one.ended_at, -1))
        ),
        key=itemgetter(0),
    )
    spent: Counter[_Key] = Counter()
    active: Counter[_Key] = Counter()
    before: datetime | None = None
    for at, number, key in changes:
        doing = min((one for one, count in active.items() if count), key=_rank, default=None)
        if doing is not None and before is not None:
            spent[doing] += (at - before) // _TINY
        active[key] += number
        before = at
    found = [Share(*key, microseconds * _TINY) for key, microseconds in spent.items()]
    return sorted((one for one in found if one.time), key=lambda one: one.time, reverse=True)


def _key(one: Stretch) -> _Key:
    waits = one.waiting is not None and one.kind is StretchKind.WAITS
    return one.kind, one.waiting.kind if one.waiting is not None and waits else None


def _rank(key: _Key) -> tuple[int, str]:
    return _RANK[key[0]], key[1] or ""
