"""The files of a run as they were recorded, and the line of each step in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.runs.step_tree import StepTree, TreeKind

# The number of an iteration in a path: neither ids nor names of branches begin with a digit.
_ITERATION = re.compile(r"(?<=/)\d+(?=/)")


@dataclass(frozen=True)
class RecordedFile:
    """A workflow file, as it was when the run was recorded."""

    name: str
    text: str


@dataclass(frozen=True)
class BranchWords:
    """What a `branch` chooses by, as its file has it."""

    on: str
    """The expression that is compared."""
    arms: Mapping[str, str]
    """By the name of a block (`case-2`, `default`) its values, in order; empty for the default."""


@dataclass(frozen=True)
class StepLine:
    """The line of a step, from 1, in a file."""

    file: str
    line: int
    branch: BranchWords | None = None
    """Of a `branch`."""


def recorded_files(definition: Mapping[str, Any]) -> list[RecordedFile]:
    """Return the file of a run, and those of the workflows that it calls, each once."""
    files: dict[str, RecordedFile] = {}
    for one in _nested(definition):
        file = RecordedFile(str(one.get("file", "")), str(one.get("text", "")))
        files.setdefault(file.name, file)
    return list(files.values())


def _nested(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield definition
    for called in definition.get("calls", {}).values():
        yield from _nested(called)


def step_lines(definition: Mapping[str, Any]) -> dict[str, StepLine]:
    """Return where each step is, by its path with `*` for iterations; see `in_file`.

    Nothing when this version cannot read the files.
    """
    try:
        places = list(StepTree.of_definition(definition).places())
    except (AlmaflowError, KeyError):
        return {}
    found = {}
    for place in places:
        if place.document is not None:
            at = place.document.location_of(place.keys)
            found[place.path] = StepLine(str(at.file), at.line, _branch_words(place.step.kind))
    return found


def _branch_words(kind: TreeKind) -> BranchWords | None:
    from almaflow.steps.branch import Branch

    if not isinstance(kind, Branch):
        return None
    # Under `cases`, the key is the values; the default has none.
    arms = {block.name: "".join(map(str, block.keys[1:])) for block in kind.blocks()}
    return BranchWords(kind.on.text, arms)


def in_file(path: str) -> str:
    """Return the path that a step has in its file: `all/*/items` for `all/3/items`."""
    return _ITERATION.sub("*", path)
