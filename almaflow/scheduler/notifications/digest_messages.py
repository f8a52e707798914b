"""What the digest of a day says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.scheduler.monitoring import asks_a_person, is_suspended
from almaflow.scheduler.notifications.messages import NotificationText, moment, words
from almaflow.store import RunRecord, SchedulePause, Tick, TickEnding

# The most lines of each part; of more, only the number is given.
_LINES = 20

# The most times listed for a workflow; of more, only the first and the number.
_TIMES = 4


@dataclass(frozen=True)
class DigestPeriod:
    """What a digest is about: from after *since* to *at*; then what is, and what comes."""

    name: date
    zone: tzinfo
    since: datetime
    at: datetime
    runs: Sequence[RunRecord]
    """Those that ended."""
    ticks: Sequence[Tick]
    """Those that were skipped or missed."""
    unfinished: Sequence[RunRecord]
    pauses: Sequence[SchedulePause]
    """Those that hold now."""
    invalid: Mapping[str, str]
    """What is wrong, by file."""
    upcoming: Mapping[str, Sequence[datetime]]
    """When each workflow begins until *until*."""
    until: datetime


def digest(day: DigestPeriod) -> NotificationText:
    """Tell a day: what ran, what did not, what waits, what comes, and where to look."""
    return words(
        _title(day),
        f"From {moment(day.since, day.zone)} to {moment(day.at, day.zone)}.",
        _part("What ran", _what_ran(day.runs)),
        _part("Did not end well", map(_bad, _bad_ones(day.runs))),
        _part("Missed", _not_run(day.ticks, TickEnding.MISSED)),
        _part("Skipped", _not_run(day.ticks, TickEnding.SKIPPED)),
        _part("Waiting for a person", map(_waiting, filter(_needs_somebody, day.unfinished))),
        _going_on(day),
        _part("Paused", (_paused(pause, day.zone) for pause in day.pauses)),
        _part("Invalid files", (f"{path}: {_line(why)}" for path, why in day.invalid.items())),
        _part(f"Comes until {moment(day.until, day.zone)}", _comes(day)),
        "More: almaflow runs, almaflow ticks, almaflow next",
        _next_move(day),
    )


def _title(day: DigestPeriod) -> str:
    bad = len(_bad_ones(day.runs))
    missed = sum(tick.ending is TickEnding.MISSED for tick in day.ticks)
    waiting = sum(map(_needs_somebody, day.unfinished))
    parts = [
        _number(len(day.runs), "run"),
        f"{bad} did not end well" if bad else "",
        f"{_number(missed, 'tick')} missed" if missed else "",
        f"{waiting} waiting for a person" if waiting else "",
        f"{len(day.pauses)} paused" if day.pauses else "",
        f"{_number(len(day.invalid), 'file')} invalid" if day.invalid else "",
    ]
    return f"digest of {day.name}: {', '.join(filter(None, parts))}"


def _next_move(day: DigestPeriod) -> str:
    needs = (
        *_bad_ones(day.runs),
        *filter(_needs_somebody, day.unfinished),
        *(tick for tick in day.ticks if tick.ending is TickEnding.MISSED),
        *day.invalid,
    )
    if not needs and not day.pauses:
        return "You do not need to do anything."
    moves = [
        "check what did not end well (`almaflow retry RUN` retries the steps that failed)"
        if _bad_ones(day.runs)
        else "",
        "answer what is waiting (`almaflow why RUN` shows how)"
        if any(map(_needs_somebody, day.unfinished))
        else "",
        "run missed workflows by hand if they are still needed (`almaflow run NAME`)"
        if any(tick.ending is TickEnding.MISSED for tick in day.ticks)
        else "",
        "end the pauses that are no longer needed (`almaflow unpause NAME`)" if day.pauses else "",
        "correct the files (`almaflow validate` shows every problem)" if day.invalid else "",
    ]
    text = "; ".join(filter(None, moves))
    return f"{text[0].upper()}{text[1:]}."


# --- parts ----------------------------------------------------------------------------------------


def _part(head: str, lines: Iterable[str]) -> str:
    """Return a heading with its lines, empty when there are none."""
    entries = list(lines)
    more = len(entries) - _LINES
    first_entries = [*entries[:_LINES], *([f"and {more} more"] if more > 0 else [])]
    return (
        "\n".join([f"{head}:", *(f"- {line}" for line in first_entries)]) if first_entries else ""
    )


def _what_ran(runs: Sequence[RunRecord]) -> Iterable[str]:
    """Yield each workflow with how its runs ended."""
    ends: dict[str, Counter[Outcome]] = {}
    for run in runs:
        if run.outcome is not None:
            ends.setdefault(run.workflow, Counter())[run.outcome] += 1
    for name in sorted(ends):
        counted = ((outcome, ends[name][outcome]) for outcome in Outcome)
        text = ", ".join(f"{number} {_word(outcome)}" for outcome, number in counted if number)
        yield f"{name}: {text}"


def _bad_ones(runs: Sequence[RunRecord]) -> list[RunRecord]:
    return [run for run in runs if run.outcome is not None and not run.outcome.is_good]


def _bad(run: RunRecord) -> str:
    assert run.outcome is not None, "a run that ended has an outcome"
    about = f"{run.workflow} ({run.institution}), run {run.id}, {_word(run.outcome)}"
    return f"{about}: {_line(run.error)}" if run.error else f"{about}."


def _not_run(ticks: Sequence[Tick], ending: TickEnding) -> Iterable[str]:
    """Yield each workflow with the reasons, and how often each kept a tick from running."""
    reasons = Counter((tick.workflow, tick.reason) for tick in ticks if tick.ending is ending)
    for (name, reason), number in sorted(reasons.items()):
        times = f" {number} times" if number > 1 else ""
        yield f"{name}{times}: {_line(reason)}" if reason else f"{name}{times}."


def _needs_somebody(run: RunRecord) -> bool:
    """Whether a run continues only after a person replies."""
    return run.held or is_suspended(run) or asks_a_person(run)


def _waiting(run: RunRecord) -> str:
    about = f"{run.workflow} ({run.institution}), run {run.id}"
    return f"{about}: {_line(run.reason)}" if run.reason else f"{about}."


def _going_on(day: DigestPeriod) -> str:
    going = sum(not _needs_somebody(run) for run in day.unfinished)
    return f"{_number(going, 'run')} {'go' if going != 1 else 'goes'} on." if going else ""


def _paused(pause: SchedulePause, zone: tzinfo) -> str:
    until = f" until {moment(pause.until, zone)}" if pause.until is not None else ""
    note = f": {_line(pause.note)}" if pause.note else "."
    return f"{pause.workflow}, by {pause.by}, since {moment(pause.since, zone)}{until}{note}"


def _comes(day: DigestPeriod) -> Iterable[str]:
    for name, times in sorted(day.upcoming.items(), key=lambda item: (item[1][0], item[0])):
        if len(times) > _TIMES:
            yield f"{name}: {len(times)} times, first at {_time(times[0], day)}"
        else:
            yield f"{name}: {', '.join(_time(at, day) for at in times)}"


def _time(at: datetime, day: DigestPeriod) -> str:
    """Return a time of day, with the zone's name where a clock change makes it two."""
    wall = at.astimezone(day.zone)
    twice = wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
    return f"{wall:%H:%M %Z}" if twice else f"{wall:%H:%M}"


def _word(outcome: Outcome) -> str:
    return _ENDED.get(outcome, outcome.value)


_ENDED = {
    Outcome.WARNING: "with a warning",
    Outcome.TIMED_OUT: "timed out",
    Outcome.SKIPPED: "with nothing to do",
    Outcome.UNKNOWN: "ended with an unknown outcome",
}


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _line(text: str) -> str:
    """Return the first line of a text."""
    return text.strip().partition("\n")[0]
