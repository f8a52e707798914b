"""The members that a workflow names for a set: a list, a column of a file, or an expression.

Reads data; what was read is recorded by the step that uses it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from almaflow.expressions import to_text
from almaflow.fields import Model, Template, Text
from almaflow.steps.context import StepContext
from almaflow.steps.endings import StepFailed

# What columns are divided by, in the files of spreadsheets of all countries.
_DELIMITERS = ",;\t"


class Members(Model):
    """Where the members come from: exactly one of a list, a file and an expression."""

    short: ClassVar[str | None] = "items"

    items: Annotated[
        list[Template] | Template | None,
        Field(description="The ids: a list, or an expression that gives one."),
    ] = None
    file: Annotated[
        Template | None,
        Field(
            description="A file beside the workflow: CSV (with `column`), or one id a line. Its "
            "lines are read when the step runs."
        ),
    ] = None
    column: Annotated[
        Text | None, Field(description="The heading of the column that holds the ids.")
    ] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Members:
        if (self.items is None) == (self.file is None):
            raise PydanticCustomError(
                "choose_one", "members are a list, `{file, column}`, or an expression."
            )
        if self.column is not None and self.file is None:
            raise PydanticCustomError("choose_one", "`column` goes with `file`.")
        return self


async def recorded_members(members: Members, context: StepContext) -> list[str]:
    """Return what `read_members` gives, recorded: the data may be another after a restart."""

    async def read() -> list[str]:
        return read_members(members, context)

    ids: list[str] = await context.once("members", read)
    return ids


def read_members(members: Members, context: StepContext) -> list[str]:
    """Return the ids in order, without blanks and repeats; may be empty.

    Raises: StepFailed, ExpressionFailed.
    """
    if members.file is not None:
        name = context.text(members.file)
        return unique(_from_file(name, context.read_file(name), members.column))
    if isinstance(members.items, list):
        return unique(context.text(item) for item in members.items)
    assert members.items is not None
    value = context.value(members.items)
    if isinstance(value, str):
        return unique(value.splitlines())
    if not isinstance(value, Sequence):
        raise StepFailed(f"`members` gives {type(value).__name__}, but a list of ids is expected.")
    return unique(to_text(item) for item in value)


def unique(ids: Iterable[str]) -> list[str]:
    """Return *ids* stripped, without blanks and repeats, in order."""
    return list(dict.fromkeys(stripped for one in ids if (stripped := one.strip())))


def _from_file(name: str, text: str, column: str | None) -> list[str]:
    if column is None:
        return text.splitlines()
    # Guessing from the rows would go by what stands in titles and notes.
    headline = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=headline.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise StepFailed(f"{name} is no CSV file that can be read: {error}.") from error
    if not rows:
        return []
    headings = [heading.strip() for heading in rows[0]]
    if column not in headings:
        raise StepFailed(
            f"{name} has no column `{column}`; its columns are "
            + ", ".join(f"`{heading}`" for heading in headings)
            + "."
        )
    place = headings.index(column)
    return [row[place] for row in rows[1:] if place < len(row)]
