"""The files that a workflow fetches, with what its steps read of them.

A simulation makes such files up: a table with the columns that `csv_rows` or `members` reads, or
one id on each line.
"""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from almaflow.alma.simulator.made_up_values import MadeUpValues, length
from almaflow.alma.simulator.scenario_fields import fits
from almaflow.cli.wanted_demands import Demands
from almaflow.expressions.demands import ANY, Demand
from almaflow.late_dataclasses import dataclass
from almaflow.steps.tree import StepNode

Names = Mapping[str, Any]

# What a file has whose content nobody reads.
_CONTENT = "content from the simulation\n"
_ROWS = 12
_MMS_FORM = "99%09d1234"


@dataclass(frozen=True)
class WantedFile:
    """Files that a step fetches: a pattern of their names, and what is read of them."""

    pattern: str
    content: Demand


@dataclass(frozen=True)
class NamedFile:
    """A file that a step reads by its path, in which `*` is what only a run knows."""

    path: str
    content: Demand


def fetched(
    node: StepNode, demands: Demands, named: Sequence[NamedFile], texts: tuple[str, str]
) -> WantedFile:
    """Return what is asked of the files of a step; *texts* are its `pattern` and its `to`."""
    pattern, folder = texts
    asked = demands.of(node.step).member("files").item.content or ANY
    for file in named:
        where, name = posixpath.split(posixpath.normpath(file.path))
        if _meet(where, posixpath.normpath(folder)) and _meet(name, pattern):
            asked |= file.content
    return WantedFile(pattern, asked)


def _meet(one: str, other: str) -> bool:
    """Tell whether two patterns can mean the same name, as far as that is easily seen."""
    one, other = one or ".", other or "."
    return fits(one, other) or fits(other, one)


def content_of(files: Sequence[WantedFile], name: str, start: datetime) -> str:
    """Return the content that is made up for the file called *name*."""
    asked = ANY
    for file in files:
        if fnmatchcase(name, file.pattern):
            asked |= file.content
    if asked.element is None:
        return _CONTENT
    return _table(asked, asked.element, MadeUpValues(_MMS_FORM, start))


def _table(asked: Demand, row: Demand, values: MadeUpValues) -> str:
    count = length(asked, _ROWS)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not row.members:
        return "".join(f"{values.value(row, 'id', number)}\n" for number in range(1, count + 1))
    writer.writerow(row.members)
    for number in range(1, count + 1):
        writer.writerow(values.value(cell, name, number) for name, cell in row.members.items())
    return text.getvalue()
