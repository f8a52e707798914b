"""What commands say about runs: while one goes, when it has ended, and what `show` tells."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from almaflow.cli.lines import LineView, how_long
from almaflow.cli.output import (
    coloured,
    columns_of,
    emit,
    emit_json,
    has_colours,
    wrapped,
)
from almaflow.cli.problem_formats import ProblemFormat, format_problems
from almaflow.cli.symbols import shows_signs, sign_of
from almaflow.cli.texts import on_one_line, padded, width
from almaflow.engine.telling import Listener, NoListener
from almaflow.engine.views import RunView, StepView, lost_steps, view_of
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan
from almaflow.problems import Problem
from almaflow.store import RunRecord, Store

if TYPE_CHECKING:
    from rich.console import Console


def exit_code_of(record: RunRecord, *, strict: bool = False) -> int:
    """Return 0 for a run that ended well; with *strict* a warning is not good enough."""
    if record.outcome is None or not record.outcome.is_good:
        return 1
    return int(strict and record.outcome is Outcome.WARNING)


def print_warnings(problems: Iterable[Problem], *, as_json: bool = False) -> None:
    """Print the warnings of a workflow on stderr; with *as_json* nobody reads them."""
    warnings = list(problems)
    if warnings and not as_json:
        colours = has_colours(sys.stderr)
        emit(format_problems(warnings, ProblemFormat.TEXT, colours=colours), err=True)


@contextmanager
def onlooker(plan: Plan, *, as_json: bool, simulated: bool = False) -> Iterator[Listener]:
    """Yield what shows a run while it goes: a live picture on a terminal, else plain lines.

    With *as_json* stdout stays free for the document; a terminal on stderr shows the picture.
    """
    console = _terminal(err=as_json)
    if console is not None:
        from almaflow.cli.live import LiveView

        with LiveView(console, plan, simulated=simulated) as view:
            yield view
    elif as_json:
        yield NoListener()
    else:
        yield LineView(plan.zone)


def _terminal(*, err: bool) -> Console | None:
    """Return the terminal on stdout or stderr; None when there is none that can show a picture."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        return None
    from rich.console import Console

    console = Console(stderr=err, highlight=False)
    return None if console.is_dumb_terminal else console


def print_report(
    store: Store, record: RunRecord, plan: Plan, *, as_json: bool, simulated: bool = False
) -> None:
    """Print how a run ended, or why it stopped: what remains to be said after the live view."""
    view = view_of(record, plan, store.journal(record.id), store.events(record.id))
    if as_json:
        emit_json({**view.as_data(), "simulated": simulated})
        return
    emit("")
    columns = columns_of(sys.stdout)
    for line in _conclusion(view, simulated=simulated):
        emit(wrapped(line, columns))


def _conclusion(view: RunView, *, simulated: bool) -> Iterator[str]:
    yield _headline(view)
    if view.error:
        yield f"  {on_one_line(view.error)}"
    if view.outcome is None and view.reason:
        yield f"  {on_one_line(view.reason)}"
    for step in view.steps:
        yield from _worth_telling(view, step)
    yield from _outputs(view)
    if simulated:
        yield "Simulated: nothing was sent, and nothing is kept."
        return
    for step in lost_steps(view):
        yield f"Look in Alma what came of step {step.path} before anything is sent again."
    yield f"`almaflow show {view.id}` tells all about it."


def _headline(view: RunView) -> str:
    sign = sign_of(view.status, view.outcome)
    state = f"{view.status}" if view.outcome is None else f"{view.outcome}"
    took = how_long(view.seconds)
    mark = f"{sign.sign if shows_signs(sys.stdout.encoding) else sign.ascii} "
    head = coloured(f"{mark}{on_one_line(view.workflow)}: {state}", sign.colour, bold=True)
    return f"{head}{took and f' after {took}'}  (run {view.id} at {on_one_line(view.institution)})"


def _worth_telling(view: RunView, step: StepView) -> Iterator[str]:
    """Yield what a step has to say that the run's own error does not say: errors, counters."""
    if step.error and step.error not in view.error:
        yield f"  {step.path}: {on_one_line(step.error)}"
    counters = step.outputs.get("counters") or ()
    for line in _counters(counters):
        yield f"  {step.path}: {line}"


def _counters(counters: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in counters:
        label = on_one_line(one["label"])
        name = f"{label} ({one['key']})" if label and label != one["key"] else one["key"]
        yield f"{on_one_line(name)} = {on_one_line(one['value'])}"


def _outputs(view: RunView) -> Iterator[str]:
    for name, value in (view.outputs or {}).items():
        yield f"  output {name} = {_short(value)}"


# More characters of a value are not shown to people; `--json` has them all.
_LONGEST_VALUE = 300


def _short(value: Any) -> str:
    """Return a value for people on one line, a long one cut and counted."""
    if isinstance(value, list) and value and all(map(_is_counter, value)):
        text = "; ".join(f"{one['label'] or one['key']}: {one['value']}" for one in value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = on_one_line(text)
    if len(text) <= _LONGEST_VALUE:
        return text
    counted = (
        f"{len(value)} entries" if isinstance(value, list | dict) else f"{len(text)} characters"
    )
    return f"{text[:_LONGEST_VALUE]}… ({counted}; --json shows all)"


def _is_counter(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"key", "label", "value"}


# --- show -----------------------------------------------------------------------------------


def lines_of(view: RunView) -> Iterator[str]:
    """Yield what `show` prints about a run."""
    zone = ZoneInfo(view.timezone)
    yield _headline(view)
    for name, value in _facts(view, zone):
        yield f"  {padded(name, 12)} {value}"
    yield ""
    yield from _steps(view, zone)
    messages = [one for one in view.messages if one.to]
    if messages:
        yield ""
        yield "Notices"
        for one in messages:
            yield f"  {instant(one.at, zone)}  to {one.to}: {on_one_line(one.text)}"
    if view.outputs:
        yield ""
        yield "Outputs"
        for name, value in view.outputs.items():
            yield f"  {name} = {_short(value)}"
    yield from _next_moves(view)


def _facts(view: RunView, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    if view.error:
        yield "error", on_one_line(view.error)
    if view.status is Status.WAITING and view.reason:
        yield "waits for", on_one_line(view.reason)
    yield "file", on_one_line(view.file) + (f" (commit {view.commit[:12]})" if view.commit else "")
    yield "started by", view.trigger
    yield "asked for", instant(view.requested_at, zone)
    if view.scheduled_at != view.requested_at:
        yield "scheduled", instant(view.scheduled_at, zone)
    if view.started_at is not None:
        yield "began", instant(view.started_at, zone)
    if view.ended_at is not None:
        yield "ended", instant(view.ended_at, zone)
    elif view.deadline_at is not None:
        yield "must end by", instant(view.deadline_at, zone)
    if view.cancel_requested_at is not None:
        at = instant(view.cancel_requested_at, zone)
        yield "cancel", f"asked for by {on_one_line(view.cancel_requested_by)}, {at}"
    for group, values in (("input", view.inputs), ("var", view.vars)):
        for name, value in values.items():
            yield group, f"{name} = {_short(value)}"


def _steps(view: RunView, zone: ZoneInfo) -> Iterator[str]:
    paths = max((width(step.path) for step in view.steps), default=0)
    kinds = max((len(step.kind) for step in view.steps), default=0)
    signs = shows_signs(sys.stdout.encoding)
    for step in view.steps:
        sign = sign_of(step.status, step.outcome)
        mark = coloured(sign.sign if signs else sign.ascii, sign.colour)
        state = str(step.status if step.outcome is None else step.outcome)
        at = instant(step.started_at, zone) if step.started_at else ""
        took = how_long(step.seconds)
        line = f"{mark} {padded(step.path, paths)}  {step.kind:<{kinds}}  {state:<9}  {at}"
        yield (line + (took and f"  {took}")).rstrip()
        yield from (f"    {line}" for line in _about_step(view, step, zone))


def _about_step(view: RunView, step: StepView, zone: ZoneInfo) -> Iterator[str]:
    if step.name:
        yield on_one_line(step.name)
    if step.institution and step.institution != view.institution:
        yield f"at {on_one_line(step.institution)}"
    if step.attempts > 1:
        yield f"attempt {step.attempts}"
    if step.error:
        yield on_one_line(step.error)
    if step.reason and step.reason != view.reason:
        yield f"waits: {on_one_line(step.reason)}"
    for intent in step.intents:
        yield f"{instant(intent.sent_at, zone)}  {intent.line}: {on_one_line(intent.told)}"
    for name, value in step.outputs.items():
        if name == "counters":
            yield from _counters(value)
        elif value not in ("", [], None):
            yield f"{name} = {_short(value)}"


def _next_moves(view: RunView) -> Iterator[str]:
    """Yield what a person can do about a run that has not ended."""
    if view.outcome is not None:
        return
    yield ""
    lost = lost_steps(view)
    if view.worked_on:
        yield f"A process works on it; `almaflow logs -f {view.id}` follows it."
    elif lost:
        paths = ", ".join(step.path for step in lost)
        yield (
            f"Nobody can tell whether Alma took what step {paths} sent: look in Alma. "
            f"`almaflow cancel {view.id}` ends the run."
        )
    else:
        yield (
            f"No process works on it. `almaflow resume {view.id}` goes on with it, "
            f"`almaflow cancel {view.id}` ends it."
        )


def instant(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant for people, in *zone*: `2026-11-01 02:30:00+01:00`."""
    return at.astimezone(zone).isoformat(" ", "seconds")
