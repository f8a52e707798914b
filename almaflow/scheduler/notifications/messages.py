"""What a service tells people: one text for each event.

Each says what happened, where to look and what to do, a paragraph each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from almaflow.durations import format_duration
from almaflow.late_dataclasses import dataclass
from almaflow.store import RunRecord
from almaflow.store.schedule_records import SchedulePause, Tick, TickCause, TickEnd

# The most ticks or reasons named in one text; of more, only the number.
_NAMED = 10


@dataclass(frozen=True)
class NotificationText:
    """A notice as people read it."""

    title: str
    text: str


def words(title: str, *paragraphs: str) -> NotificationText:
    """Return a notice of the paragraphs that are not empty."""
    return NotificationText(f"almaflow: {title}", "\n\n".join(filter(None, paragraphs)))


def moment(at: datetime, zone: tzinfo) -> str:
    """Return an instant as people in *zone* write it, with the zone's own name."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


# --- ticks ----------------------------------------------------------------------------------------


def missed(workflow: str, ended: Sequence[tuple[Tick, TickEnd]], zone: tzinfo) -> NotificationText:
    """Say that ticks of one workflow, the oldest first, were to run and did not."""
    times = [moment(tick.at, zone) for tick, _ in ended]
    reasons = Counter(end.reason for _, end in ended)
    invalid = any(end.cause is TickCause.INVALID for _, end in ended)
    by_hand = f"`almaflow run {quoted(workflow)}` runs it now"
    look = f"What happened: almaflow ticks {quoted(workflow)} --ending missed"
    if len(ended) == 1:
        title = f"{workflow} did not run at {times[0]}"
        what = f"{workflow} was due at {times[0]} and did not run."
    else:
        title = f"{workflow} did not run {len(ended)} times"
        what = f"{workflow} was due {len(ended)} times and did not run: {listed(times)}."
    move = f"{by_hand}; otherwise it runs at its next time."
    if invalid:
        move = f"Correct the problem above; it then runs at its next time. {by_hand}."
    return words(title, what, _counted(reasons, len(ended)), look, move)


def late(workflow: str, begun: Sequence[tuple[Tick, RunRecord]], zone: tzinfo) -> NotificationText:
    """Say that ticks of one workflow, the oldest first, became runs long after their instant."""
    sentences = [_late(tick, run, zone) for tick, run in begun]
    if len(begun) == 1:
        tick, run = begun[0]
        title = f"{workflow} began {_by(tick, run)} late"
    else:
        title = f"{workflow} started late {len(begun)} times"
    more = len(sentences) - _NAMED
    rest = f"And {more} more: almaflow ticks {quoted(workflow)}" if more > 0 else ""
    move = "You do not need to do anything, unless this is too late for its purpose."
    return words(title, *sentences[:_NAMED], rest, move)


def _late(tick: Tick, run: RunRecord, zone: tzinfo) -> str:
    why = "It could not start sooner."
    if tick.caught_up:
        why = "No `almaflow serve` started it when it was due, so it was caught up."
    elif tick.ready_at is not None:
        why = "Another run of the workflow was still running."
    began = moment(run.requested_at, zone)
    return (
        f"{tick.workflow} was due at {moment(tick.starts_at, zone)} and started at {began}, "
        f"{_by(tick, run)} late. {why} Details: almaflow show {run.id}"
    )


def _by(tick: Tick, run: RunRecord) -> str:
    return about(run.requested_at - tick.starts_at)


# --- runs -----------------------------------------------------------------------------------------


def slow(
    run: RunRecord, now: datetime, usual: timedelta, runs: int, zone: tzinfo
) -> NotificationText:
    """Say that a run takes longer than usual: nine of ten of its last *runs* took *usual*."""
    assert run.started_at is not None, "a run that takes long has begun"
    took = about(now - run.started_at)
    return words(
        f"{run.workflow} takes longer than usual ({run.institution})",
        f"Run {run.id} of {run.workflow} at {run.institution} has been running since "
        f"{moment(run.started_at, zone)}, for {took}. Of its last {runs} successful runs, nine "
        f"of ten took no longer than {about(usual)}.",
        *_still_running(run),
    )


def _still_running(run: RunRecord) -> tuple[str, str, str]:
    """Return what it waits for, where to look, and what to do."""
    return (
        _waits(run),
        f"What it is doing now: almaflow why {run.id}",
        "almaflow has not stopped it. Check in Alma (Admin > Monitor Jobs) whether its job "
        f"makes progress. `almaflow cancel {run.id}` cancels the run, but not the job in Alma.",
    )


def left_alone(run: RunRecord, since: datetime, zone: tzinfo) -> NotificationText:
    """Say that a run is stuck because nobody works on it."""
    if run.held:
        why = "It was interrupted, or could not continue automatically, and is on hold."
        move = f"`almaflow resume {run.id}` continues it; `almaflow cancel {run.id}` cancels it."
    else:
        why = "No process takes it over."
        move = (
            f"`almaflow doctor` checks this machine and the store; `almaflow resume {run.id}` "
            "executes the run, or shows why it cannot."
        )
    return words(
        f"{run.workflow} is stuck ({run.institution})",
        f"Run {run.id} of {run.workflow} at {run.institution} has not been executed by any "
        f"process since {moment(since, zone)}. {why}",
        run.reason,
        f"What happened: almaflow why {run.id}",
        f"Jobs that it started in Alma keep running. {move}",
    )


def silent(run: RunRecord, since: datetime, now: datetime, zone: tzinfo) -> NotificationText:
    """Say that a run is stuck because nothing happens in it."""
    return words(
        f"{run.workflow} is stuck ({run.institution})",
        f"Nothing has happened in run {run.id} of {run.workflow} at {run.institution} since "
        f"{moment(since, zone)}, for {about(now - since)}.",
        *_still_running(run),
    )


def to_approve(run: RunRecord, path: str, question: str) -> NotificationText:
    """Describe a step that waits for a person's approval."""
    approve = f"almaflow approve {run.id} {path}"
    return words(
        f"{run.workflow} is waiting for approval ({run.institution})",
        f"Run {run.id} of {run.workflow} at {run.institution} asks before it continues with "
        f"step {path}: {question}",
        f"What it has done so far: almaflow show {run.id}",
        f"`{approve}` approves, `{approve} --reject` rejects.",
    )


def to_resolve(run: RunRecord, zone: tzinfo) -> NotificationText:
    """Describe a submission with an unknown outcome; the run's reason says what to do."""
    until = f", until {moment(run.deadline_at, zone)}" if run.deadline_at is not None else ""
    return words(
        f"{run.workflow} is waiting: it is not known whether Alma accepted its job "
        f"({run.institution})",
        f"Run {run.id} of {run.workflow} at {run.institution} lost Alma's response to a "
        f"request, and does nothing more before a person has checked{until}.",
        run.reason,
        f"What was sent: almaflow why {run.id}",
    )


def _waits(run: RunRecord) -> str:
    return f"It waits: {run.reason}" if run.reason else ""


# --- the service itself ---------------------------------------------------------------------------


def file_invalid(path: str, problem: str, *, stands: bool) -> NotificationText:
    """Say that a file was edited and is invalid; if *stands*, the last valid version is active."""
    then = "The last valid version stays active." if stands else "It does not run."
    return words(
        f"{path} is invalid",
        f"The current version of {path} is invalid. {then}",
        problem,
        f"Every problem in it: almaflow validate {quoted(path)}",
        "Correct it and save it; almaflow then reads it again automatically.",
    )


def file_valid(path: str) -> NotificationText:
    """Say that a file that was invalid is valid again."""
    return words(
        f"{path} is valid again",
        f"{path} was invalid and is valid again; its current version is active.",
        "When it runs next: almaflow next",
        "You do not need to do anything.",
    )


def paused(pause: SchedulePause, run: RunRecord) -> NotificationText:
    """Say that a timetable was paused automatically, after *run*."""
    name = quoted(pause.workflow)
    return words(
        f"{pause.workflow} is paused",
        f"almaflow paused the timetable of {pause.workflow} because of its `pause_after`. "
        f"{pause.note}".strip(),
        run.error,
        f"What happened: almaflow show {run.id}",
        f"It does not run before `almaflow unpause {name}`. First find out why its runs "
        "end this way.",
    )


def clock_set(text: str) -> NotificationText:
    """Say that the clock was set; *text* is a sentence or two about it."""
    return words(
        "the clock of this machine was changed",
        text,
        "What happened to the ticks around it: almaflow ticks",
        "Check whether the machine's time service works; `almaflow doctor` compares its clock "
        "with Alma's. If the machine was only suspended, you do not need to do anything.",
    )


# --- pieces ---------------------------------------------------------------------------------------


def about(duration: timedelta) -> str:
    """Return a duration without its seconds where they do not matter."""
    seconds = int(duration.total_seconds())
    return format_duration(timedelta(seconds=seconds - seconds % 60 if seconds >= 600 else seconds))


def listed(items: Sequence[str]) -> str:
    """Return *items* in one line; of many, the first ones and how many more."""
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def quoted(name: str) -> str:
    """Return a name as it is written on a command line."""
    plain = name and all(sign.isalnum() or sign in "-_./+:@" for sign in name)
    if plain and not name.startswith("-"):
        return name
    return "'" + name.replace("'", "'\\''") + "'"


def _counted(reasons: Counter[str], of: int) -> str:
    """Return what the reasons of *of* ticks are, the most frequent first."""
    counted = [(reason, number) for reason, number in reasons.most_common(_NAMED) if reason]
    return "\n".join(_times(reason, number, of) for reason, number in counted)


def _times(reason: str, number: int, of: int) -> str:
    return reason if number == of else f"{number} of them: {reason}"
