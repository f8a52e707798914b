"""`append_file`: one row of a CSV file in the project for each run. No calls.

The row carries the run and the step, so that it is there once although a process died meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from almaflow.field_types import Template, refused
from almaflow.steps.base import Kind
from almaflow.steps.result import StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

KEY_COLUMNS = ("run", "step")
"""The first columns of each row: whose row it is."""


class AppendFile(Kind):
    """Add a row to a CSV file of the project, such as a list of what every run exported.

    The first columns are `run` and `step`, then come the columns of `row` in their order. Each run
    has one row for the step: a retried step replaces its row. The file is created if it does not
    exist. A value that a spreadsheet would calculate, such as `=1+1`, gets a `'` in front.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:APPEND_FILE"

    key = "append_file"
    names_files = True
    example = """\
- append_file:
    file: exported.csv
    row:
      date: "{{ today }}"
      records: "{{ steps.withdraw.counters.number(0) }}"
"""

    file: Template = Field(description="The file, relative to the workflow and inside the project.")
    row: dict[str, Template] = Field(
        min_length=1,
        max_length=200,
        description="The columns and their values. The columns of a file never change.",
    )
    delimiter: Literal[",", ";", "\t", "|"] = Field(
        default=",", description="What separates the columns."
    )

    @field_validator("row")
    @classmethod
    def _other_columns(cls, row: dict[str, Template]) -> dict[str, Template]:
        for name in KEY_COLUMNS:
            if name in row:
                raise refused(
                    "bad_column",
                    f"Every row has the column `{name}` already. Give this column another name.",
                )
        return row

    async def perform(self, context: StepContext) -> StepResult:
        from almaflow.connectors.row_file import put_row

        path = context.file_to_extend(context.text(self.file))
        row = {name: context.text(value) for name, value in self.row.items()}
        key = dict(zip(KEY_COLUMNS, (context.run_id, context.path), strict=True))
        source, target = context.outside.to_read(path), context.outside.to_write(path)
        await context.reach(put_row, source, target, key, row, self.delimiter)
        return StepResult()
