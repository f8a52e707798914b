"""A workflow as boxes: what each step does, in which order, and what is inside of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from almaflow.durations import format_duration
from almaflow.field_types import TemplateText
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import Block, Kind, StepBase
from almaflow.timetable_entries import timetable_of
from almaflow.visible import visible
from almaflow.workflow import Workflow

# What a box says of a kind: the first of these fields that has a value.
_TELLING = (
    *("job", "integration", "import_", "name", "message", "that", "on", "items", "workflow"),
    *("path", "pattern", "file", "prefix", "id", "until", "for_"),
)
_LONGEST = 90


class Role(StrEnum):
    """What a step is for, as a picture shows it."""

    CHANGES = "changes"
    """It writes to Alma."""
    READS = "reads"
    DECIDES = "decides"
    PERSON = "person"
    """It asks or tells people."""
    OTHER = "other"


_ROLES = {
    **dict.fromkeys(
        ("create_set", "update_set", "delete_set", "submit_job", "run_profile"), Role.CHANGES
    ),
    **dict.fromkeys(
        ("find_set", "set_members", "wait_for_run", "get", "read_report", "fetch_files"), Role.READS
    ),
    **dict.fromkeys(("csv_rows",), Role.READS),
    **dict.fromkeys(("branch", "check", "fail", "stop"), Role.DECIDES),
    **dict.fromkeys(("approve", "notify"), Role.PERSON),
}


@dataclass(frozen=True)
class Box:
    """A step; *arms* are the lists of steps inside it, of which `branch` takes one."""

    path: str
    kind: str
    title: str
    """The step's name or id, else its kind."""
    about: str
    """What it works on, as the file has it; may be empty."""
    remarks: Sequence[str]
    """What is common to all steps: `if`, `timeout` …"""
    role: Role
    arms: Sequence[Arm] = ()


@dataclass(frozen=True)
class Arm:
    """A list of steps inside a step, with what leads there; empty for an iteration."""

    label: str
    boxes: Sequence[Box]


@dataclass(frozen=True)
class Outline:
    """A whole workflow."""

    name: str
    starts: Sequence[str]
    """What starts it, in words; empty: a person."""
    steps: Sequence[Box]
    finally_: Sequence[Box]


def outline_of(workflow: Workflow, name: str, zone: str) -> Outline:
    """Return the boxes of *workflow*; the wall times of its timetable are in *zone* by default."""
    return Outline(
        visible(name),
        list(_starts(workflow, zone)),
        list(_boxes(workflow.steps, "")),
        list(_boxes(workflow.finally_ or (), "finally/")),
    )


def _starts(workflow: Workflow, zone: str) -> Iterator[str]:
    own = ZoneInfo(workflow.timezone or zone)
    for entry in workflow.schedule or ():
        yield timetable_of(entry, own).words()
    for trigger in workflow.on.job_ended if workflow.on else ():
        yield f"when job {_short(trigger.job)} has ended"


def _boxes(steps: Sequence[StepBase], prefix: str) -> Iterator[Box]:
    for place, step in enumerate(steps, start=1):
        path = prefix + step.label(place)
        kind = step.kind
        yield Box(
            path,
            kind.key,
            _short(step.name or step.id or kind.key),
            _about(kind),
            list(_remarks(step)),
            _ROLES.get(kind.key, Role.OTHER),
            [
                Arm(_label(kind, block), list(_boxes(block.steps, f"{path}/{block.name}/")))
                for block in kind.blocks()
            ],
        )


def _label(kind: Kind, block: Block) -> str:
    """Return what leads into a block: the case, `default`, a branch's name; empty: each item."""
    if block.own_scope:
        return ""
    return _short(str(block.keys[-1]) if kind.key == "branch" else block.name)


def _about(kind: Kind) -> str:
    for name in _TELLING:
        if text := _text_of(getattr(kind, name, None)):
            return _short(text)
    return ""


def _text_of(value: object) -> str:
    """Return what a field says in a few words; empty for what takes more."""
    match value:
        case TemplateText():
            return value.text
        case str():
            return value
        case Kind() | None:
            return ""
    parts = (_text_of(getattr(value, name, None)) for name in ("id", "code", "name"))
    return " ".join(part for part in parts if part)


def _remarks(step: StepBase) -> Iterator[str]:
    if step.if_ is not None:
        yield f"if {_short(step.if_.text)}"
    if step.institution is not None:
        yield f"at {_short(step.institution.text)}"
    if step.timeout is not None:
        yield f"at most {format_duration(step.timeout)}"
    if step.retry is not None:
        yield f"up to {step.retry.attempts} attempts"
    if step.on_failure == "continue":
        yield "continues after a failure"


def _short(text: str) -> str:
    line = " ".join(visible(text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
