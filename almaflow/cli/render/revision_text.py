"""What `almaflow diff` prints: text for people, Markdown for a pull request, and data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from almaflow.authoring.revisions.changes import (
    Action,
    FieldChange,
    ProjectDiff,
    StepChange,
    TickChanges,
    WorkflowChange,
)
from almaflow.cli.render.problem_formats import problem_as_data
from almaflow.cli.render.terminal import coloured
from almaflow.cli.render.text_layout import many, on_one_line
from almaflow.json_data import as_data as plain_data
from almaflow.late_dataclasses import dataclass
from almaflow.redaction import REDACTION
from almaflow.visible import visible

_SIGNS = {
    Action.ADDED: ("+", "green"),
    Action.REMOVED: ("-", "red"),
    Action.CHANGED: ("~", "yellow"),
    Action.MOVED: (">", "cyan"),
    Action.RENAMED: (">", "cyan"),
}
# How many changed keys of one step or request are listed; more are counted.
_MOST_FIELDS = 12
# Two values are on one line when both together are not longer (characters).
_ONE_LINE = 90
_LONGEST_VALUE = 160
# Characters of a comment. GitHub takes 65,536.
_LONGEST_COMMENT = 60_000


@dataclass(frozen=True)
class Line:
    """One line of a comparison; *level* is how far it is indented, *sign* what happened."""

    level: int
    text: str
    sign: Action | None = None
    is_heading: bool = False


# --- the lines ------------------------------------------------------------------------------------


def _lines(found: ProjectDiff) -> Iterator[Line]:
    for one in found.workflows:
        yield from _workflow(one)
    if found.settings:
        yield Line(0, "almaflow.yaml", Action.CHANGED, is_heading=True)
        yield from _groups(found.settings)


def _workflow(one: WorkflowChange) -> Iterator[Line]:
    was = ""
    if one.action is Action.RENAMED:
        old = one.old_name if one.old_name != one.name else ""
        was = f", before: {' in '.join(filter(None, (old, one.old_file)))}"
    yield Line(0, f"{one.name} ({one.file}{was})", one.action, is_heading=True)
    for remark in one.remarks:
        yield Line(1, remark)
    yield from _groups(one.settings)
    if one.steps:
        yield Line(1, "steps", is_heading=True)
        for step in one.steps:
            yield from _step(step)
    if one.requests or one.outcomes:
        yield Line(1, "requests of the simulated run", is_heading=True)
        for request in one.requests:
            yield Line(2, f"{request.step}: {request.request}", request.action)
            yield from _fields(3, request.fields)
        if one.outcomes:
            yield from _field(2, one.outcomes)
    if one.ticks:
        yield from _ticks(one.ticks)


def _groups(groups: Mapping[str, Sequence[FieldChange]]) -> Iterator[Line]:
    for heading, changes in groups.items():
        yield Line(1, heading, is_heading=True)
        yield from _fields(2, changes)


def _step(step: StepChange) -> Iterator[Line]:
    was = "was in " if step.action is Action.REMOVED else ""
    text = f"{step.path} ({step.kind}), {was}line {step.line}"
    if step.action is Action.RENAMED:
        text += f", before: {step.old_path}"
    elif step.action is Action.MOVED:
        text += f", moved: now {step.place}"
    elif step.place:
        text += f", {step.place}"
    yield Line(2, text, step.action)
    yield from _fields(3, step.fields)


def _fields(level: int, changes: Sequence[FieldChange]) -> Iterator[Line]:
    for change in changes[:_MOST_FIELDS]:
        yield from _field(level, change)
    more = len(changes) - _MOST_FIELDS
    if more > 0:
        yield Line(level, f"and {more} more", Action.CHANGED)


def _field(level: int, change: FieldChange) -> Iterator[Line]:
    old, new = change.old, change.new
    if old is None or new is None:
        action = Action.ADDED if old is None else Action.REMOVED
        yield Line(level, f"{change.key}: {_value(new if old is None else old)}", action)
    elif len(change.key) + len(old) + len(new) <= _ONE_LINE and "\n" not in old + new:
        yield Line(level, f"{change.key}: {_value(old)} → {_value(new)}", Action.CHANGED)
    else:
        yield Line(level, f"{change.key}:", Action.CHANGED)
        yield Line(level + 1, _value(old), Action.REMOVED)
        yield Line(level + 1, _value(new), Action.ADDED)


def _value(text: str | None) -> str:
    if not text:
        return "(empty)"
    shown = " ⏎ ".join(text.splitlines())
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"


def _ticks(ticks: TickChanges) -> Iterator[Line]:
    yield Line(1, f"ticks of the next {ticks.days} days", is_heading=True)
    if ticks.remark:
        yield Line(2, ticks.remark)
    for action, shown, count in (
        (Action.ADDED, ticks.gained, ticks.gained_count),
        (Action.REMOVED, ticks.lost, ticks.lost_count),
    ):
        if count:
            more = f", and {count - len(shown)} more" if count > len(shown) else ""
            word = "gained" if action is Action.ADDED else "lost"
            yield Line(2, f"{count} {word}: {', '.join(map(_instant, shown))}{more}", action)


def _instant(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M}"


def summary(found: ProjectDiff) -> str:
    """Return in one sentence how much differs."""
    if not found.workflows and not found.settings and not found.uncompared:
        sentence = f"No change in meaning between {found.old} and {found.new}."
    else:
        counts = [
            f"{many(number, 'workflow')} {action}"
            for action in Action
            if (number := sum(one.action is action for one in found.workflows))
        ]
        counts += ["almaflow.yaml changed"] if found.settings else []
        counts += [f"{len(found.uncompared)} invalid, not compared"] if found.uncompared else []
        sentence = f"From {found.old} to {found.new}: {', '.join(counts)}."
    if found.same_meaning:
        number = len(found.same_meaning)
        files = "1 file has" if number == 1 else f"{number} files have"
        sentence += f" {files} changes without a change in meaning."
    return sentence


# --- the formats ----------------------------------------------------------------------------------


def text_lines(found: ProjectDiff) -> Iterator[str]:
    """Yield a comparison for people; a terminal shows it in colours."""
    for line in _lines(found):
        sign, colour = _SIGNS[line.sign] if line.sign else (" ", "")
        text = on_one_line(line.text)
        if line.is_heading:
            text = coloured(text, bold=True)
        elif colour:
            text = coloured(text, colour)
        mark = coloured(sign, colour, bold=True) if line.sign else ""
        yield "  " * line.level + (f"{mark} {text}" if line.sign else text)
    if found.workflows or found.settings:
        yield ""
    for path in found.same_meaning:
        yield f"= {on_one_line(path)}: no change in meaning"
    for remark in found.remarks:
        yield on_one_line(remark)
    yield summary(found)


def markdown(found: ProjectDiff) -> str:
    """Return a comparison as Markdown, for a comment of a pull request."""
    title = f"## almaflow: {_escaped(found.old)} → {_escaped(found.new)}"
    lines = [title, "", _escaped(summary(found)), ""]
    for line in _lines(found):
        lines += _in_markdown(line)
    if found.problems:
        lines += ["", "### Invalid files", ""]
        lines += [f"- {_escaped(str(one))}" for one in found.problems]
    lines += [f"- {_escaped(one)}" for one in found.remarks]
    joined = "\n".join(lines)
    while "\n\n\n" in joined:
        joined = joined.replace("\n\n\n", "\n\n")
    return _bounded(joined.strip("\n"))


def _in_markdown(line: Line) -> list[str]:
    if line.level == 0 and line.sign is not None:
        word = "" if line.sign is Action.CHANGED else f" ({line.sign})"
        return ["", f"### {_escaped(line.text)}{word}", ""]
    if line.is_heading:
        return ["", f"**{_escaped(line.text)}**", ""]
    # Headings are not entries, so what is below one begins the list.
    indent = "  " * max(0, line.level - 2)
    sign = f"`{_SIGNS[line.sign][0]}` " if line.sign else ""
    return [f"{indent}- {sign}{_escaped(line.text)}"]


def _bounded(text: str) -> str:
    """Return *text*, cut after a line when a comment could not hold it."""
    if len(text) <= _LONGEST_COMMENT:
        return text
    kept = text[:_LONGEST_COMMENT].rpartition("\n")[0]
    return f"{kept}\n\nThe rest is left out; `almaflow diff` shows all of it."


_MARKUP = {character: f"\\{character}" for character in "\\`*_[]<>|~"}
# What code hosts turn into a mention of a person, a link to an issue, or a link.
_LINKED = re.compile(r"[@#!]\w|://|www\.")


def _escaped(text: str) -> str:
    """Return *text* so that Markdown shows its characters, and mentions nobody."""
    shown = on_one_line(visible(REDACTION.text(text)))
    if _LINKED.search(shown):
        fence = "``" if "`" in shown else "`"
        space = " " if fence == "``" else ""
        return f"{fence}{space}{shown.replace('``', '`')}{space}{fence}"
    return "".join(_MARKUP.get(character, character) for character in shown)


def as_data(found: ProjectDiff) -> dict[str, Any]:
    """Return a comparison as JSON data."""
    data: dict[str, Any] = plain_data(found)
    data["problems"] = [problem_as_data(one) for one in found.problems]
    data["differs"] = found.differs
    return data
