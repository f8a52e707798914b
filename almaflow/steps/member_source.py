"""The members that a workflow names for a set: a list, a column of a file, or an expression.

Reads data; what was read is recorded by the step that uses it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from almaflow.expressions import to_text
from almaflow.field_types import MemberId, Model, Template, Text, choose_one, refused
from almaflow.late_patterns import late_pattern
from almaflow.rounded_numbers import rounded_number
from almaflow.steps.csv_table import check_one_each_line, column_place, lines, no_csv, read_table
from almaflow.steps.result import StepFailed
from almaflow.text_files import MIB, FileUnreadable, read_text

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

LARGEST_FILE = 32 * MIB
"""Bytes of the longest file of members that is read."""

MOST_MEMBERS = 500_000
"""How many lines of a file may name members; with more, what is recorded would be too large."""


class MemberSource(Model):
    """Where the members come from: exactly one of a list, a file and an expression."""

    foreign: ClassVar[str] = "almaflow.steps.foreign_set_keys:MEMBERS"

    short: ClassVar[str | None] = "items"

    items: list[MemberId] | MemberId | None = Field(
        default=None, description="The ids: a list, or an expression that returns a list."
    )
    file: Template | None = Field(
        default=None,
        description="A file next to the workflow: CSV (with `column`), or one id on each "
        "line. It is read when the step runs.",
    )
    column: Text | None = Field(default=None, description="The heading of the column with the ids.")

    @model_validator(mode="after")
    def _exactly_one(self) -> MemberSource:
        if (self.items is None) == (self.file is None):
            sentence = "`members` must be a list, `{file, column}` or an expression."
            raise choose_one(sentence, "items", "file")
        if self.column is not None and self.file is None:
            raise refused("choose_one", "`column` requires `file`.", key="column")
        return self


async def recorded_members(members: MemberSource, context: StepContext) -> list[str]:
    """Return what `read_members` gives, recorded: the data may be another after a restart."""

    async def read() -> list[str]:
        return read_members(members, context)

    return await context.once("members", read)


def read_members(members: MemberSource, context: StepContext) -> list[str]:
    """Return the ids in order, without empty ones and repeats; may be empty.

    Raises: StepFailed, ExpressionFailed.
    """
    if members.file is not None:
        name = context.text(members.file)
        return unique(column_of(name, context.read_file(name), members.column))
    named = enumerate(_named(members, context), 1)
    return unique(_sound(f"Member {place}", one) for place, one in named)


def _named(members: MemberSource, context: StepContext) -> Iterable[str]:
    """Return the ids of a list, or those that an expression gives."""
    if isinstance(members.items, list):
        return (context.text(item) for item in members.items)
    assert members.items is not None
    value = context.value(members.items)
    if isinstance(value, str):
        return value.splitlines()
    if not isinstance(value, Sequence):
        raise StepFailed(f"`members` must be a list of ids, but this is {type(value).__name__}.")
    return (to_text(item) for item in value)


def unique(ids: Iterable[str]) -> list[str]:
    """Return *ids* stripped, without empty ones and repeats, in order."""
    return list(dict.fromkeys(stripped for one in ids if (stripped := one.strip())))


def read_members_file(name: str, path: Path) -> str:
    """Return the text of the file of members at *path*, called *name*; Raises: StepFailed."""
    try:
        return read_text(path, LARGEST_FILE)
    except FileUnreadable as error:
        raise StepFailed(f"{name} cannot be read: {error.reason}.") from error


def column_of(name: str, text: str, column: str | None) -> list[str]:
    """Return what the *text* of the file called *name* has in *column*, else its lines.

    Raises:
        StepFailed: it is not CSV, has no such column, names too many members, or a number that
            a spreadsheet has rounded in place of an id.
    """
    if column is None:
        check_one_each_line(name, text)
    values = enumerate(lines(text), 1) if column is None else _column(name, text, column)
    found: list[str] = []
    line = 0
    try:
        for line, one in islice(values, MOST_MEMBERS + 1):
            found.append(_sound(f"{name}, line {line}", one))
    except csv.Error as error:
        raise no_csv(name, error, line) from error
    if len(found) > MOST_MEMBERS:
        raise StepFailed(
            f"{name} has more than {MOST_MEMBERS:,} members, but at most that many are sent to "
            "one set. Split the file."
        )
    return found


# What a spreadsheet writes in front of, or around, digits that it shall not take for a number.
_SHOWN_AS_TEXT = late_pattern(r"=?\s*\"+([^\"]*)\"+[,;]?|['’´`](\w+)'?|(\w+)[,;\t]+|=(\d+)")
# A long number with signs between its thousands.
_GROUPED = late_pattern(r"[0-9]{1,3}(?:([,.'’ \u00a0\u202f])[0-9]{3})(?:\1[0-9]{3}){3,}")
# Characters that nobody sees, which copying from a page brings.
_UNSEEN = late_pattern("[\u200b\u200e\u200f\u2060\ufeff]")


def _sound(place: str, text: str) -> str:
    """Return *text*, which is at *place*; Raises: StepFailed for a number that was rounded."""
    if why := rounded_number(text):
        raise StepFailed(f"{place}: {why}")
    plain = _UNSEEN.sub("", text).strip()
    if _GROUPED.fullmatch(plain):
        return "".join(filter(str.isdigit, plain))
    if shown := _SHOWN_AS_TEXT.fullmatch(plain):
        return next(one for one in shown.groups() if one is not None)
    return plain


def _column(name: str, text: str, column: str) -> Iterator[tuple[int, str]]:
    """Yield line and value of each row."""
    found = read_table(text)
    if not found.headings:
        return
    place = column_place(name, column, found.headings, text)
    for line, row in found.rows:
        if place < len(row):
            yield line, _cell(row, place, found.delimiter, len(found.headings))


def _cell(row: list[str], place: int, delimiter: str, columns: int) -> str:
    """Return the cell at *place*; a number is whole although its comma divides cells, too.

    `3,9031E+13` of a file with one column would otherwise be sent as the id `3`.
    """
    if len(row) > columns:
        both = delimiter.join(row[place : place + 2])
        if rounded_number(both):
            return both
    return row[place]
