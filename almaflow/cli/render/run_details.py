"""The lines of `show` for one run: its state, steps, requests and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from almaflow.cli.render.event_lines import how_long
from almaflow.cli.render.run_report import counter_lines, headline, next_moves, short
from almaflow.cli.render.symbols import mark_of
from almaflow.cli.render.text_layout import on_one_line, padded, width
from almaflow.outcome import Outcome, Status
from almaflow.runs.request_views import RequestView
from almaflow.runs.step_views import AttemptView, StepView
from almaflow.runs.views import RunAttemptView, RunView

# The width of the column of names in the details of the run.
_NAMES = 12

# In a loop with more iterations than this, those that ended well are only counted, and at most this
# number of the others is listed.
_LISTED = 12


def lines_of(view: RunView, tick: str = "") -> Iterator[str]:
    """Yield the lines of `show` for a run; *tick* is the tick that started it."""
    zone = ZoneInfo(view.timezone)
    yield headline(view)
    for name, value in _facts(view, zone, tick):
        yield f"  {padded(name, _NAMES)} {value}".rstrip()
    yield ""
    yield from _steps(view, zone)
    messages = [one for one in view.messages if one.to]
    if messages:
        yield ""
        yield "Notices"
        for message in messages:
            yield f"  {instant(message.at, zone)}  to {message.to}: {on_one_line(message.text)}"
    if view.outputs:
        yield ""
        yield "Outputs"
        for name, value in view.outputs.items():
            yield f"  {name} = {short(value)}"
    moves = list(next_moves(view))
    if moves:
        yield ""
        yield from moves


def _facts(view: RunView, zone: ZoneInfo, tick: str) -> Iterator[tuple[str, str]]:
    if view.error:
        yield "error", on_one_line(view.error)
    if view.status is Status.WAITING and view.reason:
        waits = [f"{one.path}: {one.reason}" for one in view.waits] or [view.reason]
        for number, wait in enumerate(waits):
            yield "" if number else "waits for", on_one_line(wait)
    yield "file", on_one_line(view.file) + (f" (commit {view.commit[:12]})" if view.commit else "")
    yield "started by", view.trigger
    yield "requested", instant(view.requested_at, zone)
    if tick:
        yield "tick", on_one_line(tick)
    elif view.scheduled_at != view.requested_at:
        yield "scheduled", instant(view.scheduled_at, zone)
    if view.attempt > 1:
        for attempt in view.attempts:
            yield f"attempt {attempt.number}", _about_attempt(attempt, zone)
    if view.started_at is not None:
        yield "began", instant(view.started_at, zone)
    if view.ended_at is not None:
        yield "ended", instant(view.ended_at, zone)
    elif view.deadline_at is not None:
        yield "must end by", instant(view.deadline_at, zone)
    if view.cancel_requested_at is not None:
        at = instant(view.cancel_requested_at, zone)
        yield "cancel", f"requested by {on_one_line(view.cancel_requested_by)}, {at}"
    for group, values in (("input", view.inputs), ("var", view.vars)):
        for name, value in values.items():
            yield group, f"{name} = {short(value)}"


def _about_attempt(attempt: RunAttemptView, zone: ZoneInfo) -> str:
    parts = []
    if attempt.asked_at is not None:
        start = f" from step {attempt.start} on" if attempt.start else ""
        by = on_one_line(attempt.by)
        parts.append(f"requested by {by}{start}, {instant(attempt.asked_at, zone)}")
    if attempt.outcome is not None:
        ended = f", {instant(attempt.ended_at, zone)}" if attempt.ended_at is not None else ""
        parts.append(f"ended as {attempt.outcome}{ended}")
    return ("; ".join(parts) or "the first") + (
        f": {on_one_line(attempt.error)}" if attempt.error else ""
    )


# --- steps ----------------------------------------------------------------------------------------


def _steps(view: RunView, zone: ZoneInfo) -> Iterator[str]:
    listed, left_out = _chosen(view.steps)
    paths = max((width(step.path) for step in listed), default=0)
    kinds = max((len(step.kind) for step in listed), default=0)
    for step in listed:
        mark = mark_of(step.status, step.outcome)
        state = str(step.status if step.outcome is None else step.outcome)
        at = instant(step.started_at, zone) if step.started_at else ""
        took = how_long(step.seconds)
        line = f"{mark} {padded(step.path, paths)}  {step.kind:<{kinds}}  {state:<9}  {at}"
        yield (line + (took and f"  {took}")).rstrip()
        yield from (f"    {line}" for line in _about_step(view, step, zone))
        if step.path in left_out:
            yield f"    {left_out[step.path]} of them are omitted; `--json` shows all."


def _chosen(steps: Sequence[StepView]) -> tuple[list[StepView], dict[str, int]]:
    """Return the listed steps and, by the loop's path, the number of omitted iterations."""
    hidden: set[str] = set()
    left_out: dict[str, int] = {}
    for loop in steps:
        if loop.iterations is None or loop.iterations.begun <= _LISTED:
            continue
        inside: dict[str, list[StepView]] = {}
        for step in steps:
            if step.path.startswith(f"{loop.path}/"):
                number = step.path.removeprefix(f"{loop.path}/").partition("/")[0]
                inside.setdefault(number, []).append(step)
        numbers = [number for number, within in inside.items() if not all(map(_is_good, within))]
        dropped = inside.keys() - set(numbers[:_LISTED])
        hidden |= {step.path for number in dropped for step in inside[number]}
        if dropped:
            left_out[loop.path] = len(dropped)
    return [step for step in steps if step.path not in hidden], left_out


def _is_good(step: StepView) -> bool:
    return step.outcome is not None and step.outcome.is_good


def _about_step(view: RunView, step: StepView, zone: ZoneInfo) -> Iterator[str]:
    if step.name:
        yield on_one_line(step.name)
    if step.institution and step.institution != view.institution:
        yield f"at {on_one_line(step.institution)}"
    if step.iterations is not None:
        yield _about_iterations(step)
    # If a step is still to be retried, all its attempts are from earlier attempts at the run.
    skipped = bool(step.tries) and step.tries[-1].outcome is Outcome.SKIPPED
    begun = step.started_at is not None or skipped
    earlier = step.tries[:-1] if begun else step.tries
    for attempt in earlier:
        yield _about_try(attempt, zone)
        yield from _intents(step.intents, attempt.number, zone)
    if begun and earlier:
        yield f"attempt {step.attempts}"
    if step.error:
        yield on_one_line(step.error)
    if step.reason and step.reason != view.reason:
        yield f"waits: {on_one_line(step.reason)}"
    if begun:
        yield from _intents(step.intents, step.attempts, zone)
    for name, value in step.outputs.items():
        if name == "counters":
            yield from counter_lines(value)
        elif value not in ("", [], None):
            yield f"{name} = {short(value)}"


def _about_iterations(step: StepView) -> str:
    assert step.iterations is not None, "asked for loops only"
    items, begun, ended = step.iterations.items, step.iterations.begun, step.iterations.ended
    of = f" of {items}" if items is not None else ""
    text = f"{ended}{of} iterations have ended"
    return text + (f", {begun - ended} running" if begun > ended else "")


def _about_try(attempt: AttemptView, zone: ZoneInfo) -> str:
    took = ""
    if attempt.ended_at is not None:
        took = how_long((attempt.ended_at - attempt.started_at).total_seconds())
    ended = str(attempt.outcome or "did not end") + (took and f" after {took}")
    error = f": {on_one_line(attempt.error)}" if attempt.error else ""
    return f"attempt {attempt.number}, {instant(attempt.started_at, zone)}: {ended}{error}"


def _intents(intents: Iterable[RequestView], attempt: int, zone: ZoneInfo) -> Iterator[str]:
    for intent in intents:
        if intent.attempt == attempt:
            again = f" (sent {intent.sends} times)" if intent.sends > 1 else ""
            text = on_one_line(intent.told)
            yield f"{instant(intent.sent_at, zone)}  {intent.line}{again}: {text}"


def instant(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant for people, in *zone*: `2026-11-01 02:30:00+01:00`."""
    return at.astimezone(zone).isoformat(" ", "seconds")
