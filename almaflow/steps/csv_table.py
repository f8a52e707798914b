"""CSV files as spreadsheets of all countries write them: headings, then rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from almaflow.late_dataclasses import dataclass
from almaflow.steps.result import StepFailed

# What columns are divided by.
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class CsvTable:
    """A file's headings, what divides its columns, and its rows as they are read.

    Each row comes with the number of its last line; lines without anything are left out. Reading
    the rows raises `csv.Error`.
    """

    headings: list[str]
    delimiter: str
    rows: Iterator[tuple[int, list[str]]]


def read_table(text: str) -> CsvTable:
    """Read the headings in *text*; Raises: csv.Error."""
    # Guessing from the rows would go by what is in titles and notes.
    headline = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=headline.count)
    rows = csv.reader(lines(text, breaks=True), delimiter=delimiter, strict=True)
    headings = [heading.strip() for heading in next(rows, [])]
    return CsvTable(headings, delimiter, ((rows.line_num, row) for row in rows if row))


def no_column(name: str, column: str, headings: list[str]) -> StepFailed:
    """Return the failure of a file called *name* that has other columns."""
    columns = ", ".join(f"`{heading}`" for heading in headings)
    return StepFailed(f"{name} has no column `{column}`; its columns are {columns}.")


def no_csv(name: str, error: csv.Error, line: int = 0) -> StepFailed:
    """Return the failure of a file that is not CSV; *line* is the last one that was read."""
    place = f", after line {line}" if line else ""
    return StepFailed(f"{name} cannot be read as a CSV file{place}: {error}.")


def lines(text: str, *, breaks: bool = False) -> Iterator[str]:
    """Yield the lines of *text* one after the other, with their *breaks* when asked for."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start : end + breaks]
        start = end + 1
