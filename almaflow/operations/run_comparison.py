"""A run next to the run before of the same workflow: what took longer, and what differs."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.operations.revisions import DifferenceLine, Sign
from almaflow.operations.run_details import run_view
from almaflow.runs.recorded_files import RecordedFile, recorded_files
from almaflow.runs.step_views import StepView, display_value
from almaflow.runs.views import RunView
from almaflow.store import RunRecord, Store

# Lines of a file that is compared: the time grows with their square.
_LONGEST = 3000


@dataclass(frozen=True)
class HeadChanges:
    """What differs between two runs, as far as their records say it."""

    longer: timedelta | None
    """How much longer the later one took; None when one of them has not ended."""
    inputs: tuple[ValueChange, ...]
    is_file_changed: bool
    """Whether the workflow, a workflow that it calls or a payload was another one."""


@dataclass(frozen=True)
class CounterChange:
    """A counter of a job in both runs; None: it was not there."""

    key: str
    label: str
    before: str | None
    now: str | None

    @property
    def difference(self) -> int | None:
        """How much it grew; None when one of them is not a whole number."""
        before, now = _number(self.before), _number(self.now)
        return None if before is None or now is None else now - before


@dataclass(frozen=True)
class StepChange:
    """A step in both runs; None: the run had no such step, or an item less."""

    path: str
    before: StepView | None
    now: StepView | None
    counters: tuple[CounterChange, ...]

    @property
    def longer(self) -> float | None:
        """How many seconds longer it took; None when one of them did not end."""
        if self.before is None or self.now is None:
            return None
        before, now = self.before.seconds, self.now.seconds
        return None if before is None or now is None else now - before

    @property
    def changed_counters(self) -> list[CounterChange]:
        """The counters that differ."""
        return [one for one in self.counters if one.before != one.now]

    @property
    def is_other(self) -> bool:
        """Whether outcome or counters differ."""
        before = None if self.before is None else self.before.outcome
        now = None if self.now is None else self.now.outcome
        return before is not now or bool(self.changed_counters)

    @property
    def is_alike(self) -> bool:
        """Whether neither outcome nor counters nor, by a second or more, the time differ."""
        return not self.is_other and abs(self.longer or 0) < 1


@dataclass(frozen=True)
class FileChange:
    """A recorded file that differs; no *lines* when it is too large to be compared."""

    name: str
    lines: tuple[DifferenceLine, ...]


@dataclass(frozen=True)
class RunComparison:
    """Two runs of one workflow."""

    before: RunView
    now: RunView
    heads: HeadChanges
    steps: tuple[StepChange, ...]
    """In the order of the later run, then those that only the earlier one had."""
    files: tuple[FileChange, ...]
    """The workflow files that differ."""
    payloads: tuple[PayloadChange, ...] = ()


def run_before(store: Store, record: RunRecord) -> RunRecord | None:
    """Return the run of the same workflow that was recorded before; None: it is the first."""
    found = store.runs(1, workflow=record.workflow, before_run=record.id)
    return found[0] if found else None


def compare_heads(before: RunRecord, now: RunRecord) -> HeadChanges:
    """Return what differs between two runs without reading what they did."""
    lengths = [_length(one) for one in (before, now)]
    earlier, later = lengths
    old, new = display_value(before.inputs), display_value(now.inputs)
    return HeadChanges(
        None if earlier is None or later is None else later - earlier,
        value_changes(old, new),
        before.definition != now.definition,
    )


def compare(store: Store, before: RunRecord, now: RunRecord) -> RunComparison:
    """Compare two runs of one workflow."""
    old, new = run_view(store, before), run_view(store, now)
    files: tuple[FileChange, ...] = ()
    payloads: tuple[PayloadChange, ...] = ()
    if before.definition != now.definition:
        recorded = [store.definition(one.definition) for one in (before, now)]
        files = tuple(_file_changes(*map(recorded_files, recorded)))
        payloads = tuple(payload_changes(*recorded))
    steps = tuple(_step_changes(old.steps, new.steps))
    return RunComparison(old, new, compare_heads(before, now), steps, files, payloads)


def _length(record: RunRecord) -> timedelta | None:
    if record.started_at is None or record.ended_at is None:
        return None
    return record.ended_at - record.started_at


def _step_changes(before: Sequence[StepView], now: Sequence[StepView]) -> Iterator[StepChange]:
    old, new = ({one.path: one for one in steps} for steps in (before, now))
    for path in dict.fromkeys([*new, *old]):
        counters = tuple(_counter_changes(old.get(path), new.get(path)))
        yield StepChange(path, old.get(path), new.get(path), counters)


def _counter_changes(before: StepView | None, now: StepView | None) -> Iterator[CounterChange]:
    old, new = _counters(before), _counters(now)
    for place in dict.fromkeys([*new, *old]):
        one = new.get(place) or old[place]
        values = [
            counters[place]["value"] if place in counters else None for counters in (old, new)
        ]
        yield CounterChange(str(one["key"]), str(one["label"]), *values)


def _counters(view: StepView | None) -> dict[tuple[str, int], Mapping[str, Any]]:
    """Return the counters of a job by key, and by place among those of the same key."""
    listed = [] if view is None else view.outputs.get("counters")
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, Mapping) and {"key", "label", "value"} <= one.keys():
            key = str(one["key"])
            found[key, seen[key]] = one
            seen[key] += 1
    return found


def _number(text: str | None) -> int | None:
    """Return the number in a counter's text, `1,204`; None when it is not a whole one."""
    digits = "" if text is None else text.replace(",", "").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None


def _file_changes(
    before: Sequence[RecordedFile], now: Sequence[RecordedFile]
) -> Iterator[FileChange]:
    old, new = ({one.name: one.text for one in files} for files in (before, now))
    for name in dict.fromkeys([*new, *old]):
        texts = old.get(name, ""), new.get(name, "")
        if texts[0] != texts[1]:
            yield FileChange(name, tuple(difference(*texts)))


def difference(before: str, now: str) -> Iterator[DifferenceLine]:
    """Yield the lines that differ, with three lines around them; none of very long texts."""
    old, new = before.splitlines(), now.splitlines()
    if max(len(old), len(new)) > _LONGEST:
        return
    signs = {sign.value: sign for sign in Sign}
    lines = difflib.unified_diff(old, new, lineterm="")
    # The first two name the files.
    for line in list(lines)[2:]:
        if line.startswith("@@"):
            yield DifferenceLine(Sign.PLACE, line)
        else:
            yield DifferenceLine(signs[line[0]], line[1:])


@dataclass(frozen=True)
class ValueChange:
    """A value that differs; None: it was not there."""

    name: str
    before: Any
    now: Any


@dataclass(frozen=True)
class PayloadChange:
    """A payload whose text differs; *file* is the workflow that names it."""

    name: str
    file: str
    parameters: tuple[ValueChange, ...]
    """Empty when only the layout differs. A parameter that repeats has a list of its values."""
    is_readable: bool = True
    """False: one of the texts is not a payload that can be read."""


def value_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[ValueChange, ...]:
    """Return what differs between two mappings: what the earlier one has, then what is new."""
    return tuple(
        ValueChange(name, before.get(name), now.get(name))
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    )


def payload_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[PayloadChange]:
    """Yield the payloads that differ between two recorded definitions.

    A payload that only one of them has differs in all of its parameters.
    """
    old, new = dict(_payloads(before)), dict(_payloads(now))
    for file, name in dict.fromkeys([*new, *old]):
        texts = [one.get((file, name), "") for one in (old, new)]
        if texts[0] != texts[1]:
            yield _payload_change(file, name, *texts)


def _payloads(definition: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the payloads of a workflow and of those that it calls, by file and name."""
    file = str(definition.get("file", ""))
    for name, text in definition.get("payloads", {}).items():
        yield (file, str(name)), str(text)
    for called in definition.get("calls", {}).values():
        yield from _payloads(called)


def _payload_change(file: str, name: str, before: str, now: str) -> PayloadChange:
    # XML is read with a separate library, and few runs differ in a payload.
    from almaflow.alma.payload import PayloadInvalid

    try:
        changes = value_changes(_parameters(before), _parameters(now))
    except PayloadInvalid:
        return PayloadChange(name, file, (), is_readable=False)
    return PayloadChange(name, file, changes)


def _parameters(text: str) -> dict[str, Any]:
    """Return the parameters of a payload by name, none of an empty text; Raises: PayloadInvalid."""
    from almaflow.alma.payload import parse_payload

    values: dict[str, list[str]] = {}
    for one in parse_payload(text) if text else ():
        values.setdefault(one.name, []).append(one.value)
    return {name: some[0] if len(some) == 1 else some for name, some in values.items()}
