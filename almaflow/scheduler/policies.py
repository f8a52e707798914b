"""What happens to due ticks: catch-up, overlap and pauses, decided from the ledger.

Pure: it takes rows of the ledger and the present instant, and returns what is to be recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal

from almaflow.durations import format_duration
from almaflow.late_dataclasses import dataclass
from almaflow.store import Tick, TickCause, TickEnd, TickEnding

LATE = timedelta(minutes=5)
"""Up to this old a tick is late, not missed."""

Key = tuple[str, str]
"""A workflow's name and a schedule entry's key."""


@dataclass(frozen=True)
class EntryPolicy:
    """What is said about the ticks of one entry."""

    missed: Literal["latest", "all", "none"] = "latest"
    max_age: timedelta | None = None
    overlap: Literal["queue_one", "queue_all", "skip", "allow"] = "queue_one"


@dataclass
class PolicyDecision:
    """What is to be recorded: ticks let through (whether they are caught up), ends, and begins.

    *starting* are to become runs, in this order.
    """

    accepted: dict[int, bool] = field(default_factory=dict)
    ends: list[TickEnd] = field(default_factory=list)
    starting: list[Tick] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to record."""
        return not (self.accepted or self.ends or self.starting)


def apply_catch_up(
    ticks: Sequence[Tick],
    rules: Mapping[Key, EntryPolicy],
    paused: Mapping[str, str],
    now: datetime,
) -> PolicyDecision:
    """Decide which open ticks may run from now on, and which do not.

    *ticks* are all open ones; *paused* has the workflows in a pause, each with a sentence about it.
    """
    decided = PolicyDecision()
    of_entry: dict[Key, list[Tick]] = {}
    for tick in ticks:
        key = (tick.workflow, tick.entry)
        if key not in rules:
            decided.ends.append(_end(tick, TickEnding.SKIPPED, TickCause.REMOVED, _REMOVED))
        elif tick.starts_at > now and tick.ready_at is None:
            continue
        elif tick.workflow in paused:
            why = paused[tick.workflow]
            decided.ends.append(_end(tick, TickEnding.SKIPPED, TickCause.PAUSE, why))
        elif tick.ready_at is None:
            of_entry.setdefault(key, []).append(tick)
        elif _too_old(tick, rules[key], now):
            decided.ends.append(_too_old_end(tick, rules[key]))
    for key, ticks_of_entry in of_entry.items():
        _catch_up(ticks_of_entry, rules[key], now, decided)
    return decided


_REMOVED = "The schedule entry was removed before this tick could run."


def _catch_up(
    due: Sequence[Tick], rules: EntryPolicy, now: datetime, decided: PolicyDecision
) -> None:
    """Decide about the ticks of one entry that have just come due."""
    fresh = [tick for tick in due if now - tick.starts_at <= LATE]
    old = [tick for tick in due if now - tick.starts_at > LATE]
    decided.accepted.update((tick.id, False) for tick in fresh)
    within = []
    for tick in old:
        if _too_old(tick, rules, now):
            decided.ends.append(_too_old_end(tick, rules))
        elif rules.missed == "none":
            why = (
                "No `almaflow serve` started it when it was due, and `missed` is "
                f"`none` (found {tick.found_at:%Y-%m-%d %H:%M} UTC)."
            )
            decided.ends.append(_end(tick, TickEnding.MISSED, TickCause.DOWNTIME, why))
        else:
            within.append(tick)
    if rules.missed == "all":
        decided.accepted.update((tick.id, True) for tick in within)
    elif within:
        # The tick that is due now covers those missed before it.
        newest = max([*within, *fresh], key=lambda tick: tick.at)
        if newest in within:
            decided.accepted[newest.id] = True
        decided.ends += [
            _end(
                tick,
                TickEnding.MERGED,
                TickCause.DOWNTIME,
                "No `almaflow serve` started it when it was due; the run of a later tick "
                "covers it.",
                newest.at,
            )
            for tick in within
            if tick is not newest
        ]


def _too_old(tick: Tick, rules: EntryPolicy, now: datetime) -> bool:
    age = now - tick.starts_at
    return rules.max_age is not None and age > max(LATE, rules.max_age)


def _too_old_end(tick: Tick, rules: EntryPolicy) -> TickEnd:
    assert rules.max_age is not None
    waited = (
        "It waited for another run" if tick.ready_at else "No `almaflow serve` was running in time"
    )
    why = f"{waited}, and ticks older than {format_duration(rules.max_age)} (`max_age`) do not run."
    return _end(tick, TickEnding.MISSED, TickCause.MAX_AGE, why)


def apply_overlap(
    ticks: Iterable[Tick], rules: Mapping[Key, EntryPolicy], going: Mapping[str, str]
) -> PolicyDecision:
    """Decide which of the ticks that were let through begin now, in the order of *ticks*.

    *going* has the workflows with a run in progress or waiting, each with one such run's id. Ticks
    that are neither begun nor ended wait.
    """
    decided = PolicyDecision()
    of_workflow: dict[str, list[Tick]] = {}
    for tick in ticks:
        of_workflow.setdefault(tick.workflow, []).append(tick)
    for name, waiting in of_workflow.items():
        _apply_overlap(waiting, rules, going.get(name, ""), decided)
    return decided


def _apply_overlap(
    waiting: Sequence[Tick], rules: Mapping[Key, EntryPolicy], going: str, decided: PolicyDecision
) -> None:
    """Decide about the ticks of one workflow; *going* is the run in progress, empty for none."""
    in_line: dict[str, list[Tick]] = {}
    for tick in waiting:
        rule = rules[tick.workflow, tick.entry]
        if rule.overlap == "allow" or not going:
            decided.starting.append(tick)
            going = going or _THIS_ONE
        elif tick.caught_up and rule.missed == "all":
            # Each of these was promised a run.
            continue
        elif rule.overlap == "skip":
            why = f"{_which(going)} was still running, and `overlap` is `skip`."
            decided.ends.append(_end(tick, TickEnding.SKIPPED, TickCause.OVERLAP, why))
        elif rule.overlap == "queue_one":
            in_line.setdefault(tick.entry, []).append(tick)
    for ticks in in_line.values():
        newest = max(ticks, key=lambda tick: tick.at)
        why = f"{_which(going)} was still running, and only the newest tick waits for it."
        decided.ends += [
            _end(tick, TickEnding.MERGED, TickCause.OVERLAP, why, newest.at)
            for tick in ticks
            if tick is not newest
        ]


_THIS_ONE = "-"


def _which(going: str) -> str:
    return "Another run of the workflow" if going == _THIS_ONE else f"Run {going} of the workflow"


def _end(
    tick: Tick, ending: TickEnding, cause: TickCause, reason: str, into: datetime | None = None
) -> TickEnd:
    return TickEnd(tick_id=tick.id, ending=ending, cause=cause, reason=reason, merged_into=into)
