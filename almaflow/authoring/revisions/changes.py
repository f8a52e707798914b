"""What differs between two revisions, as data: for text, Markdown and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem


class Action(StrEnum):
    """What happened to something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    RENAMED = "renamed"


@dataclass(frozen=True)
class FieldChange:
    """A key whose value differs; None: it was not there, or is no longer there."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class StepChange:
    """A step that differs.

    *path* is its path in the newer revision, or in the older one if it was removed; *line* is the
    line there. *place* says where it was moved or added, as a clause such as "after `titles`".
    """

    action: Action
    path: str
    kind: str
    line: int
    old_path: str = ""
    place: str = ""
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class RequestChange:
    """A request on the simulated path that differs; *fields* are its parameters, or its body."""

    action: Action
    step: str
    request: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class TickChanges:
    """Ticks of the next days that only one revision has, in the zone of the workflow.

    *gained* and *lost* are the first ones; the numbers count all.
    """

    gained: tuple[datetime, ...]
    lost: tuple[datetime, ...]
    gained_count: int
    lost_count: int
    days: int
    remark: str = ""

    def __bool__(self) -> bool:
        return bool(self.gained_count or self.lost_count or self.remark)


@dataclass(frozen=True)
class WorkflowChange:
    """A workflow that differs in meaning.

    *settings* are the changes outside of its steps, by the heading under which people find them.
    *outcomes* is how the simulated run ends before and after, when that differs.
    """

    action: Action
    name: str
    file: str
    old_name: str = ""
    old_file: str = ""
    settings: Mapping[str, tuple[FieldChange, ...]] = field(default_factory=dict)
    steps: tuple[StepChange, ...] = ()
    requests: tuple[RequestChange, ...] = ()
    ticks: TickChanges | None = None
    outcomes: FieldChange | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing about it differs in meaning."""
        parts = (self.settings, self.steps, self.requests, self.ticks, self.outcomes, self.remarks)
        return self.action is Action.CHANGED and not any(parts)


@dataclass(frozen=True)
class ProjectDiff:
    """What differs in meaning between two revisions of a project.

    *same_meaning* are workflow files whose text differs and whose meaning does not. *problems* are
    those of the files that are invalid, of both sides; *uncompared* are the ones of these files
    that differ.
    """

    old: str
    new: str
    workflows: tuple[WorkflowChange, ...]
    settings: Mapping[str, tuple[FieldChange, ...]]
    same_meaning: tuple[str, ...]
    problems: tuple[Problem, ...]
    uncompared: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether anything differs in meaning, or may do so because it cannot be compared."""
        return bool(self.workflows or self.settings or self.uncompared)


def field_changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """Return the keys whose facts differ, in the order of the newer revision."""
    keys = dict.fromkeys([*new, *old])
    return tuple(
        FieldChange(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)
    )


def grouped(
    changes: Iterable[FieldChange], headings: Mapping[str, str], other: str
) -> dict[str, tuple[FieldChange, ...]]:
    """Return *changes* by the headings of their first keys, in the order of the headings."""
    groups: dict[str, list[FieldChange]] = {one: [] for one in (*headings.values(), other)}
    for change in changes:
        first = re.split(r"[. \[]", change.key, maxsplit=1)[0]
        groups[headings.get(first, other)].append(change)
    return {heading: tuple(group) for heading, group in groups.items() if group}
