"""The steps of a run as nested boxes, and which of them a page shows.

box        a step, with what it did when, and with
  group    the steps inside: a branch, an item of a `for_each`, a called workflow
    box    …
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.runs.recorded_files import StepLine, in_file
from almaflow.runs.step_views import StepView
from almaflow.runs.timeline import Stretch, StretchKind
from almaflow.store import LogEntry
from almaflow.waiting import WaitingKind
from almaflow.web.charts import BarPart, span_of, time_bar
from almaflow.web.rendering import duration

# Items of a `for_each` on one page, of which further ones are shown that did not go well, and steps
# in all.
ITEMS = 50
_NOTABLE = 20
STEPS = 400
# A wait that is named next to the step.
_LONG_WAIT = timedelta(minutes=1)
# Levels of boxes; those that are deeper are left out.
_DEEPEST = 12

# The outcome or status of a group is the first of these that one of its steps has.
_WORST = (
    *(Outcome.UNKNOWN, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CANCELLED, Status.WAITING),
    *(Status.RUNNING, Outcome.WARNING, Status.QUEUED, Outcome.SUCCEEDED, Outcome.SKIPPED),
)
_NOT_WELL = frozenset(_WORST[:7])


@dataclass
class Group:
    """A list of steps inside a step, or of the run."""

    name: str
    """`3` (an item), `left`, `case-2`, `default`, `finally`; empty for the steps of a workflow."""
    boxes: list[Box] = field(default_factory=list)
    item: Any = None
    """Of an item: its value, as far as it is known."""

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a `for_each`."""
        return self.name.isdecimal()

    @property
    def state(self) -> str:
        """The worst outcome or status of its steps."""
        states = {str(box.state) for box in self.boxes}
        return str(next((one for one in _WORST if str(one) in states), Status.QUEUED))

    @property
    def is_notable(self) -> bool:
        """Whether it did not go well, or is under way."""
        return self.state in _NOT_WELL


@dataclass(frozen=True)
class Arm:
    """An arm of a `branch`."""

    values: str
    """Those that it is for, as the file has them; empty for the default."""
    group: Group | None
    """Its steps; None when it has none, or there is no place for them."""
    is_taken: bool | None
    """None: not chosen yet."""


@dataclass
class Box:
    """A step and what is inside it."""

    view: StepView
    anchor: str
    """The id of its element."""
    stretches: Sequence[Stretch] = ()
    bar: Markup | None = None
    line: StepLine | None = None
    groups: dict[str, Group] = field(default_factory=dict)
    items: int = 0
    """Of a `for_each`: how many of its items have begun."""
    first: int = 1
    """Of a `for_each` with more items than a page shows: the first one that is shown."""
    taken: str = ""
    """Of a `branch`: the name of the arm that it has taken; empty before."""

    @property
    def on(self) -> str:
        """Of a `branch`: the expression that it chooses by; empty when it is not known."""
        return self.line.branch.on if self.line is not None and self.line.branch else ""

    @property
    def arms(self) -> list[Arm]:
        """Return the arms of a `branch`, as far as its file can be read."""
        words = self.line.branch if self.line is not None else None
        return [
            Arm(values, self.groups.get(name), name == self.taken if self.taken else None)
            for name, values in (words.arms if words is not None else {}).items()
        ]

    @property
    def label(self) -> str:
        """The end of its path."""
        return self.view.path.rsplit("/", 1)[-1]

    @property
    def state(self) -> str:
        """Its outcome, or its status before it has one."""
        return str(self.view.outcome or self.view.status)

    @property
    def is_open(self) -> bool:
        """Whether its details are shown from the start: it failed, or is under way."""
        outcome = self.view.outcome
        is_leaf = not self.groups
        return is_leaf and self.view.attempts > 0 and (outcome is None or not outcome.is_good)

    @property
    def waited(self) -> Stretch | None:
        """Its longest wait for something that the file does not name; None for short ones."""
        waits = (
            one
            for one in self.stretches
            if one.waiting is not None
            and one.kind is StretchKind.WAITS
            and one.waiting.kind is not WaitingKind.TIME
            and one.length >= _LONG_WAIT
        )
        return max(waits, key=lambda one: one.length, default=None)

    @property
    def counters(self) -> list[Mapping[str, str]]:
        """The counters of its job."""
        return counters_of(self.view)

    @property
    def link(self) -> str:
        """The address of the job's report in Alma; empty when there is none."""
        link = self.view.outputs.get("link")
        return link if isinstance(link, str) and link.startswith("https://") else ""

    @property
    def outputs(self) -> dict[str, Any]:
        """Its other outputs."""
        elsewhere = {"counters", "link"} | ({"results"} if self.view.kind == "for_each" else set())
        return {
            name: value
            for name, value in self.view.outputs.items()
            if name not in elsewhere and value not in ("", None, [])
        }


def counters_of(view: StepView) -> list[Mapping[str, str]]:
    """Return the counters of a step's job."""
    found = view.outputs.get("counters")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


@dataclass(frozen=True)
class Window:
    """Which items of a `for_each` a page shows: from the number *first* on, of the step *path*."""

    path: str = ""
    first: int = 1


@dataclass(frozen=True)
class Frame:
    """What boxes are drawn with: the time that the run covers, and what is known of its steps."""

    first: datetime
    last: datetime
    stretches: Mapping[str, Sequence[Stretch]]
    lines: Mapping[str, StepLine]
    taken: Mapping[str, str] = field(default_factory=dict)
    """By the path of a `branch`, the name of the arm that it has taken."""


def taken_arms(log: Sequence[LogEntry]) -> dict[str, str]:
    """Return the last arm that each branch of a run has taken, by the path of the branch."""
    return {
        line.path: line.data["arm"]
        for line in log
        if isinstance(line.data, Mapping) and isinstance(line.data.get("arm"), str)
    }


# What `quote` leaves as it is; most paths need no quoting.
_SAFE = "/-_."
_NO_SAFE_ONES = str.maketrans("", "", _SAFE)


def anchor_of(path: str) -> str:
    """Return the id of the element of a step."""
    if path.isascii() and path.translate(_NO_SAFE_ONES).isalnum():
        return f"step-{path}"
    return "step-" + quote(path, safe=_SAFE)


def boxes_of(views: Sequence[StepView], window: Window) -> tuple[list[Group], int]:
    """Return the groups of a run, without what a page has no place for, and how much that is."""
    top: dict[str, Group] = {}
    known: dict[str, Box] = {}
    for view in views:
        box = Box(view, anchor_of(view.path))
        known[view.path] = box
        parent, name = _place(view.path, known)
        groups = top if parent is None else parent.groups
        groups.setdefault(name, Group(name)).boxes.append(box)
    for box in known.values():
        if box.view.kind == "for_each":
            _choose_items(box, window)
    _cut(list(top.values()), STEPS, 1)
    shown = sum(1 for group in top.values() for _ in every_box(group))
    return list(top.values()), len(views) - shown


def every_box(group: Group) -> Iterator[Box]:
    """Yield the boxes of a group and those inside them."""
    for box in group.boxes:
        yield box
        for inside in box.groups.values():
            yield from every_box(inside)


def _place(path: str, known: Mapping[str, Box]) -> tuple[Box | None, str]:
    """Return the step around a path, None for the run, and the name of the list it is in."""
    parts = path.split("/")
    for length in range(len(parts) - 1, 0, -1):
        around = known.get("/".join(parts[:length]))
        if around is not None:
            return around, "/".join(parts[length:-1])
    return None, "/".join(parts[:-1])


def _choose_items(box: Box, window: Window) -> None:
    """Leave the items of the window in a `for_each`, and some others that did not go well."""
    results = box.view.outputs.get("results")
    values = results if isinstance(results, list) else []
    items = {name: group for name, group in box.groups.items() if group.is_item}
    for name, group in items.items():
        at = int(name) - 1
        if at < len(values) and isinstance(values[at], Mapping):
            group.item = values[at].get("item")
    box.items = len(items)
    box.first = window.first if window.path == box.view.path else 1
    last = box.first + ITEMS
    outside = [name for name, group in items.items() if not box.first <= int(name) < last]
    notable = [name for name in outside if items[name].is_notable][:_NOTABLE]
    left_out = set(outside) - set(notable)
    box.groups = {name: group for name, group in box.groups.items() if name not in left_out}


def _cut(groups: Sequence[Group], place: int, depth: int) -> int:
    """Leave out boxes for which there is no place, and return how much place is left."""
    for group in groups:
        if depth > _DEEPEST:
            group.boxes.clear()
        for number, box in enumerate(group.boxes):
            if place <= 0:
                del group.boxes[number:]
                break
            place = _cut(list(box.groups.values()), place - 1, depth + 1)
    return place


def draw(groups: Sequence[Group], frame: Frame) -> None:
    """Give every box its bar, its stretches and its line."""
    for group in groups:
        for box in every_box(group):
            view = box.view
            box.line = frame.lines.get(in_file(view.path))
            box.taken = frame.taken.get(view.path, "")
            box.stretches = frame.stretches.get(view.path, ())
            box.bar = _bar(box, frame)


def _bar(box: Box, frame: Frame) -> Markup | None:
    view = box.view
    whole = span_of(view.started_at, view.ended_at, frame.first, frame.last)
    if whole is None:
        return None
    if box.groups or not box.stretches:
        return time_bar([BarPart("block-bar", whole, "", is_thin=True)], "when its steps ran")
    parts = []
    for one in box.stretches:
        span = span_of(one.began_at, one.ended_at, frame.first, frame.last)
        words = in_words(one)
        if one.waiting is not None and one.waiting.text:
            words = f"{words}: {one.waiting.summary}"
        assert span is not None
        parts.append(BarPart(f"{one.kind}-bar", span, words, is_thin=one.kind == "waits"))
    return time_bar(parts, "; ".join(part.title for part in parts[:4]))


_FOR = {
    WaitingKind.PERSON: " for a person",
    WaitingKind.SLOT: " for a slot of Alma's limits",
    WaitingKind.UNCONFIRMED: " for certainty about a request",
    WaitingKind.ALMA: " for Alma",
    WaitingKind.TIME: " for a time",
}


def in_words(one: Stretch) -> str:
    """Return what a step did during a stretch: `waited 41 min for a slot of Alma's limits`."""
    length = duration(one.length)
    if one.kind is StretchKind.WORKS:
        return f"almaflow worked for {length}"
    if one.kind is StretchKind.IN_ALMA:
        return f"a job was in Alma for {length}"
    return f"waited {length}{'' if one.waiting is None else _FOR.get(one.waiting.kind, '')}"
