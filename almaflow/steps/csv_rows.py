"""`csv_rows`: a CSV file of the project, or one that was fetched, as rows. Only reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from almaflow.expressions import NUMBER, TEXT, ListType, RecordType, Type
from almaflow.field_types import Template, Text
from almaflow.steps.base import Kind
from almaflow.steps.csv_table import column_place, no_csv, read_table
from almaflow.steps.output_size import LARGEST_OUTPUT, fitting, too_large
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

MOST_ROWS = 100_000
"""How many rows of a file are read."""

_LESS = "Keep fewer of its `columns`, or split the file."


class CsvRows(Kind):
    """Read a CSV file as a list of rows, each with its values by the heading of the column.

    The file is inside the project: next to the workflow, or fetched by `fetch_files`. Columns are
    separated by commas, semicolons or tabs. All values are text, without spaces at the ends. Empty
    lines are omitted; a file has at most 100,000 rows.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:CSV_ROWS"

    key = "csv_rows"
    names_files = True
    short: ClassVar[str | None] = "file"
    outputs: ClassVar = {
        "rows": ListType(RecordType({}, "column of the file", open=True)),
        "count": NUMBER,
    }
    example = """\
- id: moved
  csv_rows: {file: moved.csv, columns: [barcode, library]}
- for_each:
    items: steps.moved.rows | group_by('library')
    as: group
    steps:
      - create_set:
          name: "moved {{ group.key }} {{ run.id }}"
          content: ITEM
          members: "{{ group['items'] | map(attribute='barcode') | list }}"
          id_type: BARCODE
"""

    file: Template = Field(
        description="The file, relative to the workflow and inside the project, such as "
        "`{{ steps.exported.files[0] }}`. It is read when the step runs."
    )
    columns: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="The headings of the columns to keep, which the file must have; default: "
        "every column.",
    )

    def output_types(self) -> Mapping[str, Type]:
        columns = dict.fromkeys(self.columns or (), TEXT)
        row = RecordType(columns, "column of the file", open=self.columns is None)
        return {"rows": ListType(row), "count": NUMBER}

    async def perform(self, context: StepContext) -> StepResult:
        name = context.text(self.file)
        text = context.read_file(name)
        rows = await context.in_thread(read_rows, name, text, self.columns)
        context.outputs.update(
            fitting({"rows": rows, "count": len(rows)}, f"The part to keep of {name}", _LESS)
        )
        return StepResult()


def read_rows(name: str, text: str, columns: Sequence[str] | None) -> list[dict[str, str]]:
    """Return the rows of the file called *name*, which holds *text*, with the *columns* to keep.

    Raises:
        StepFailed: it is not CSV, lacks a column, has a heading twice, a row with too many values,
            or too many rows; the message names the line.
    """
    line = 0
    try:
        found = read_table(text)
        places = _places(name, found.headings, columns, text)
        rows: list[dict[str, str]] = []
        size = 0
        for line, row in found.rows:
            _check_length(f"{name}, line {line}", row, found.headings)
            rows.append({one: _cell(row, place) for one, place in places.items()})
            # As JSON: each with quotes and what divides it from the next.
            size += sum(len(one) + 4 for pair in rows[-1].items() for one in pair)
            if len(rows) > MOST_ROWS:
                raise StepFailed(f"{name} has more than {MOST_ROWS:,} rows. Split the file.")
            if size > LARGEST_OUTPUT:
                raise too_large(f"The part to keep of {name}", _LESS)
    except csv.Error as error:
        raise no_csv(name, error, line) from error
    return rows


def _places(
    name: str, headings: list[str], columns: Sequence[str] | None, text: str
) -> dict[str, int]:
    """Return where the columns to keep are, by heading; Raises: StepFailed."""
    if not any(headings):
        raise StepFailed(f"{name}, line 1: the first line must have the headings of the columns.")
    for heading in headings:
        if heading and headings.count(heading) > 1:
            raise StepFailed(
                f"{name}, line 1: two columns have the heading `{heading}`. Rename one of them."
            )
    wanted: Iterable[str] = columns if columns is not None else filter(None, headings)
    return {column: column_place(name, column, headings, text) for column in wanted}


def _check_length(place: str, row: list[str], headings: list[str]) -> None:
    """Raise `StepFailed` for a row with values under no heading."""
    if any(cell.strip() and not heading for cell, heading in zip(row, headings, strict=False)):
        raise StepFailed(f"{place}: a value is in a column without a heading. Add the heading.")
    if any(cell.strip() for cell in row[len(headings) :]):
        raise StepFailed(
            f"{place}: the row has {len(row)} values, but there are {len(headings)} columns. Put "
            "a value that contains the separator in double quotes."
        )


def _cell(row: list[str], place: int) -> str:
    # Spreadsheets leave out cells at the end that are empty.
    return row[place].strip() if place < len(row) else ""
