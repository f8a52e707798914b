"""What commands print about a run: while it executes and when it has ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from almaflow.cli.render.event_lines import LineView, how_long
from almaflow.cli.render.symbols import shows_signs, sign_of
from almaflow.cli.render.terminal import coloured, emit, emit_json, emit_lines, has_colours, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.outcome import Outcome, Status
from almaflow.problems import Problem
from almaflow.runs.events import Listener, NullListener
from almaflow.runs.step_views import StepView
from almaflow.runs.views import RunView, lost_steps, view_of
from almaflow.store import RunRecord, Store
from almaflow.waiting import WaitingKind

if TYPE_CHECKING:
    from rich.console import Console

    from almaflow.plan import Plan


def exit_code_of(record: RunRecord, *, strict: bool = False) -> int:
    """Return 0 for a run that ended well; with *strict*, a warning counts as failed."""
    if record.outcome is None or not record.outcome.is_good:
        return 1
    return int(strict and record.outcome is Outcome.WARNING)


def print_warnings(problems: Iterable[Problem], *, as_json: bool = False) -> None:
    """Print the warnings of a workflow on stderr, except with *as_json*."""
    warnings = list(problems)
    if warnings and not as_json:
        from almaflow.cli.render.problem_formats import problem_lines  # late: for mistakes only

        colours = has_colours(sys.stderr)
        emit_lines(problem_lines(warnings, colours=colours), err=True)


@contextmanager
def onlooker(
    plan: Plan, *, as_json: bool, seen: Sequence[StepView] = (), simulated: bool = False
) -> Iterator[Listener]:
    """Yield the listener that shows a run: a live view on a terminal, else plain lines.

    With *as_json*, stdout has only the document, and a terminal on stderr shows the live view.
    *seen* are the steps that an earlier process has executed.
    """
    console = _terminal(err=as_json)
    if console is not None:
        from almaflow.cli.render.live_view import LiveView

        with LiveView(console, plan, seen=seen, simulated=simulated) as view:
            yield view
    elif as_json:
        yield NullListener()
    else:
        yield LineView(plan.zone)


def steps_so_far(store: Store, record: RunRecord, plan: Plan) -> tuple[StepView, ...]:
    """Return the steps executed so far, for a listener that starts now."""
    return view_of(record, plan.definition, store.journal(record.id), []).steps


def _terminal(*, err: bool) -> Console | None:
    """Return the terminal on stdout or stderr; None when none can show the live view."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        return None
    from rich.console import Console

    console = Console(stderr=err, highlight=False)
    return None if console.is_dumb_terminal else console


def print_report(
    store: Store,
    record: RunRecord,
    plan: Plan,
    *,
    as_json: bool,
    simulated: bool = False,
    listener: Listener | None = None,
) -> None:
    """Print how a run ended or why it stopped, after the live view.

    *listener* is that of `onlooker`; failures that it has printed are not repeated.
    """
    # Only the document has what the log adds.
    log = store.events(record.id) if as_json else ()
    view = view_of(record, plan.definition, store.journal(record.id), log)
    if as_json:
        emit_json({**view.as_data(), "simulated": simulated})
        return
    emit("")
    printed = [text for _, text in listener.failures] if isinstance(listener, LineView) else []
    for line in _conclusion(view, printed, simulated=simulated):
        say(line)


def _conclusion(view: RunView, printed: Sequence[str], *, simulated: bool) -> Iterator[str]:
    yield headline(view)
    if view.error:
        yield f"  {on_one_line(without_printed(view.error, printed))}"
    if view.outcome is None:
        for line in view.reason.splitlines():
            yield f"  {on_one_line(line)}"
    for step in view.steps:
        yield from _step_lines(view, step, printed)
    for name, value in (view.outputs or {}).items():
        yield f"  output {name} = {short(value)}"
    if simulated:
        yield "Simulated: nothing was sent, and nothing is kept."
        return
    if not view.worked_on:
        yield from _what_a_person_does(view)
    yield f"`almaflow show {view.id}` shows the details."


def headline(view: RunView) -> str:
    status = Status.WAITING if view.held else view.status
    sign = sign_of(status, view.outcome)
    state = "on hold" if view.held else str(view.outcome or view.status)
    attempt = f", attempt {view.attempt}" if view.attempt > 1 else ""
    took = how_long(view.seconds)
    mark = f"{sign.sign if shows_signs(sys.stdout.encoding) else sign.ascii} "
    head = coloured(f"{mark}{on_one_line(view.workflow)}: {state}", sign.colour, bold=True)
    where = f"(run {view.id} at {on_one_line(view.institution)})"
    return f"{head}{took and f' after {took}'}{attempt}  {where}"


def without_printed(error: str, printed: Iterable[str]) -> str:
    """Return *error*, with a reference in place of a part that is printed already."""
    for text in sorted(printed, key=len, reverse=True):
        if text and text in error:
            where = error.partition(text)[0].rstrip(": ")
            return (
                f"{where} failed; the reason is printed above."
                if where
                else ("The reason is printed above.")
            )
    return error


def _step_lines(view: RunView, step: StepView, printed: Sequence[str]) -> Iterator[str]:
    """Yield the errors and counters of a step that are not printed yet."""
    if step.error and step.error not in view.error:
        if step.error in printed:
            yield f"  {step.path} failed; the reason is printed above."
        elif not any(text in step.error for text in printed):
            yield f"  {step.path}: {on_one_line(step.error)}"
    counters = step.outputs.get("counters") or ()
    for line in counter_lines(counters):
        yield f"  {step.path}: {line}"


def counter_lines(counters: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for counter in counters:
        label = on_one_line(counter["label"])
        name = (
            f"{label} ({counter['key']})" if label and label != counter["key"] else counter["key"]
        )
        yield f"{on_one_line(name)} = {on_one_line(counter['value'])}"


# Longer values (characters) are cut for people; `--json` has them whole.
_LONGEST_VALUE = 300


def short(value: Any) -> str:
    """Return a value on one line for people; a long one is cut, with its length."""
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


# --- what comes next ------------------------------------------------------------------------------


def next_moves(view: RunView) -> Iterator[str]:
    """Yield what a person can do about the run now."""
    if view.unreadable and not view.worked_on:
        if view.outcome is None or not view.outcome.is_good:
            yield view.unreadable
        return
    yield from _what_a_person_does(view)
    if view.outcome is not None:
        return
    if view.worked_on:
        yield f"A process is executing it; follow it with `almaflow logs -f {view.id}`."
    elif lost_steps(view):
        yield f"`almaflow cancel {view.id}` cancels the run."
    else:
        yield (
            f"No process is executing it. `almaflow resume {view.id}` continues it, `almaflow "
            f"cancel {view.id}` cancels it."
        )


def _what_a_person_does(view: RunView) -> Iterator[str]:
    """Yield the commands for awaited replies, and for a bad outcome."""
    if view.outcome is not None:
        if not view.outcome.is_good:
            yield f"`almaflow retry {view.id}` retries the steps that failed."
        return
    lost = lost_steps(view)
    for step in lost:
        wait = step.waiting
        if len(lost) == 1 and wait is not None and wait.kind is WaitingKind.RESOLVE:
            # The printed reason why the run waits says what to do.
            continue
        yield (
            f"It is not known whether Alma accepted what step {step.path} sent. Check in Alma, "
            f"then run `almaflow resolve {view.id} {step.path} --instance ID` or "
            "`--not-submitted`."
        )
    for step in view.steps:
        if step.kind == "approve" and step.status is Status.WAITING:
            yield (
                f"Step {step.path} is waiting for an answer: `almaflow approve {view.id} "
                f"{step.path}`, or the same with `--reject`."
            )
