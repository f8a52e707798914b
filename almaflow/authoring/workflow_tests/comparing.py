"""What a test expects against what the run did: every difference, with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from almaflow.alma.simulator.scenario_fields import fits
from almaflow.authoring.workflow_tests.differences import Difference, Differences
from almaflow.authoring.workflow_tests.models import Expectation, ExpectedStep
from almaflow.authoring.workflow_tests.requests_sent import RequestComparison, times_text
from almaflow.authoring.workflow_tests.running import Record, SentMessage
from almaflow.authoring.workflow_tests.step_names import NONE, StepNames, matches
from almaflow.authoring.workflow_tests.values import agrees, counters_of, has_part, shown
from almaflow.document import Document, PathTo
from almaflow.durations import format_duration
from almaflow.outcome import Outcome
from almaflow.runs.step_views import StepView
from almaflow.runs.views import RunView

# How many steps, messages or keys a difference lists.
_LISTED = 5


def compare(
    document: Document,
    path: PathTo,
    expect: Expectation,
    names: StepNames,
    view: RunView,
    record: Record,
) -> list[Difference]:
    """Return how the run differs from what is expected at *path*, in the order of the file."""
    found = Differences(document, path)
    _compare_run(found, expect, view)
    for name, step in expect.steps.items():
        _compare_step(found, name, step, names, view)
    for name, arm in expect.branches.items():
        _compare_arm(found, name, arm, names, record)
    requests = RequestComparison(found, names, record.requests, _sets(view))
    requests.some(expect.requests.some)
    requests.in_order(expect.requests.in_order)
    requests.none(expect.requests.none)
    _compare_messages(found, expect, record)
    _compare_outputs(found, ("outputs",), "outputs", expect.outputs, view.outputs or {})
    return sorted(found.all, key=lambda one: (one.location.line, one.location.column))


def outcome_of(view: RunView) -> str:
    """Return the outcome of a run as tests name it; `waiting` or `unknown` without one."""
    if view.outcome is not None:
        return str(view.outcome)
    lost = any(step.outcome is Outcome.UNKNOWN for step in view.steps)
    return str(Outcome.UNKNOWN) if lost else "waiting"


def _compare_run(found: Differences, expect: Expectation, view: RunView) -> None:
    actual = outcome_of(view)
    if actual != expect.outcome:
        found.note(("outcome",), "the run's outcome", expect.outcome, actual, _why(view))
    if expect.error is not None and not has_part(expect.error, view.error):
        found.note(("error",), "the run's error", f"…{expect.error}…", shown(view.error))
    took = timedelta(seconds=view.seconds or 0)
    bounds = expect.duration
    if bounds.at_least is not None and took < bounds.at_least:
        least = f"at least {format_duration(bounds.at_least)}"
        found.note(("duration", "at_least"), "the run's duration", least, _duration(took))
    if bounds.at_most is not None and took > bounds.at_most:
        most = f"at most {format_duration(bounds.at_most)}"
        found.note(("duration", "at_most"), "the run's duration", most, _duration(took))


def _duration(took: timedelta) -> str:
    return format_duration(timedelta(seconds=round(took.total_seconds())))


def _why(view: RunView) -> str:
    """Return why a run ended as it did, for a person who expected something else."""
    if view.error:
        return view.error
    if view.outcome is None:
        return view.reason
    reasons = [f"{one.path}: {one.error}" for one in view.steps if one.error]
    return reasons[0] if reasons else ""


# --- steps ----------------------------------------------------------------------------------------


def _compare_step(
    found: Differences, name: str, expected: ExpectedStep, names: StepNames, view: RunView
) -> None:
    pattern = names.pattern(name)
    steps = [one for one in view.steps if matches(pattern, one.path)]
    path = ("steps", name)
    if not steps:
        # Its iteration, or the loop around it, did not begin.
        if expected.outcome not in (None, "skipped"):
            actual = "not reached: there is no such iteration"
            found.note((*path, "outcome"), f"step `{name}`", str(expected.outcome), actual)
        return
    for step in steps:
        _compare_one(found, path, expected, step)


def _compare_one(found: Differences, path: PathTo, expected: ExpectedStep, step: StepView) -> None:
    what = f"step `{step.path}`"
    actual = "not ended" if step.outcome is None else str(step.outcome)
    if expected.outcome is not None and actual != expected.outcome:
        hint = step.error or ("" if step.attempts else "The run did not reach it.")
        found.note((*path, "outcome"), f"{what}: its outcome", expected.outcome, actual, hint)
    if expected.error is not None and not has_part(expected.error, step.error):
        found.note((*path, "error"), f"{what}: its error", f"…{expected.error}…", shown(step.error))
    if expected.attempts is not None and expected.attempts != step.attempts:
        wanted, given = str(expected.attempts), str(step.attempts)
        found.note((*path, "attempts"), f"{what}: its attempts", wanted, given)
    common = {
        "outcome": actual,
        "error": step.error,
        "attempts": step.attempts,
        "seconds": step.seconds,
        "started_at": step.started_at.isoformat() if step.started_at else None,
        "ended_at": step.ended_at.isoformat() if step.ended_at else None,
    }
    outputs = {**common, **step.outputs}
    _compare_outputs(found, (*path, "outputs"), what, expected.outputs, outputs)


def _compare_outputs(
    found: Differences,
    path: PathTo,
    what: str,
    expected: Mapping[str, Any],
    actual: Mapping[str, Any],
) -> None:
    for name, value in expected.items():
        subject = f"{what}: `{name}`"
        if name not in actual:
            found.note((*path, name), subject, shown(value), "no such output in this run")
        elif not agrees(value, actual[name]):
            _note_value(found, (*path, name), subject, value, actual[name])


def _note_value(found: Differences, path: PathTo, subject: str, expected: Any, actual: Any) -> None:
    """Note a value that differs; of a mapping, each key that does."""
    given = counters_of(actual) if isinstance(actual, list) else actual
    if not isinstance(expected, dict) or not isinstance(given, dict):
        found.note(path, subject, shown(expected), shown(actual))
        return
    for key, value in expected.items():
        if key not in given:
            listed = ", ".join(f"`{one}`" for one in list(given)[:_LISTED]) or "none"
            found.note(
                (*path, key), f"{subject}: `{key}`", shown(value), f"missing; it has {listed}"
            )
        elif not agrees(value, given[key]):
            found.note((*path, key), f"{subject}: `{key}`", shown(value), shown(given[key]))


# --- branches -------------------------------------------------------------------------------------


def _compare_arm(
    found: Differences, name: str, text: str, names: StepNames, record: Record
) -> None:
    position = names.named(name)
    wanted = names.arm(position, text)
    taken = {path: arm for path, arm in record.arms.items() if matches(position.path, path)}
    written = {arm.name: arm.written for arm in names.arms(position)}
    if not taken and wanted != NONE:
        hint = "The run did not reach the branch."
        found.note(("branches", name), f"branch `{name}`", text, NONE, hint)
    for path, arm in taken.items():
        if arm != wanted:
            found.note(("branches", name), f"branch `{path}`", text, written.get(arm, arm))


# --- messages -------------------------------------------------------------------------------------


def _compare_messages(found: Differences, expect: Expectation, record: Record) -> None:
    for number, one in enumerate(expect.notifications.some):
        path = ("notifications", "some", number)
        like = [sent for sent in record.messages if _is_message(sent, one.to, one.contains)]
        wanted = _message_words(one.to, one.contains)
        if one.times is not None and len(like) != one.times:
            times = f"{wanted}, {times_text(one.times)}"
            found.note((*path, "times"), "notifications", times, times_text(len(like)), _sent(like))
        elif one.times is None and not like:
            found.note(path, "notifications", wanted, _sent(record.messages) or "none was sent")
    for number, one in enumerate(expect.notifications.none):
        like = [sent for sent in record.messages if _is_message(sent, one.to, one.contains)]
        if like:
            wanted = f"not {_message_words(one.to, one.contains)}"
            found.note(("notifications", "none", number), "notifications", wanted, _sent(like))


def _is_message(sent: SentMessage, to: str | None, part: str | None) -> bool:
    return (to is None or fits(to, sent.to)) and (part is None or has_part(part, sent.text))


def _message_words(to: str | None, part: str | None) -> str:
    words = "a message" + (f" to `{to}`" if to else "")
    return f"{words} with the text `{part}`" if part else words


def _sent(messages: Iterable[SentMessage]) -> str:
    listed = [f"to {one.to or 'log'}: {shown(one.text)}" for one in messages]
    more = len(listed) - _LISTED
    return "; ".join(listed[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _sets(view: RunView) -> dict[str, list[str]]:
    """Return what the sets of a run are called, by their ids: the name, and steps with the set."""
    sets: dict[str, list[str]] = {}
    for step in view.steps:
        identifier, name = step.outputs.get("set_id"), step.outputs.get("name")
        if isinstance(identifier, str):
            called = sets.setdefault(identifier, [])
            called += [name] if isinstance(name, str) else []
            called += [step.path, step.path.rsplit("/", 1)[-1]]
    return sets
