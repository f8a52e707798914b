"""CSV files as spreadsheets of all countries write them: headings, then rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.steps.result import StepFailed

# A longer number is an id, not a heading such as `2026`.
_HEADING_DIGITS = 6
# What columns are divided by.
_DELIMITERS = ",;\t"
# The first line of files made for Excel, which says what divides the columns.
_SEPARATOR = late_pattern(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)


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
    named = _SEPARATOR.fullmatch(headline)
    delimiter = named[1] if named else max(_DELIMITERS, key=headline.count)
    rows = csv.reader(lines(text, breaks=True), delimiter=delimiter, strict=True)
    if named:
        next(rows)
    headings = [heading.strip() for heading in next(rows, [])]
    return CsvTable(headings, delimiter, ((rows.line_num, row) for row in rows if row))


def column_place(name: str, column: str, headings: list[str]) -> int:
    """Return which of *headings* is *column*: exactly, else without regard to case and spaces.

    Raises:
        StepFailed: the file called *name* has no such column, or several.
    """
    places = [place for place, one in enumerate(headings) if one == column]
    if not places:
        wanted = _plain(column)
        places = [place for place, one in enumerate(headings) if _plain(one) == wanted]
    if not places:
        raise _no_column(name, column, headings)
    if len(places) > 1:
        raise StepFailed(
            f"{name} has {len(places)} columns `{column}`, so it is not known which one is meant. "
            "Give each column a heading of its own."
        )
    return places[0]


def _plain(heading: str) -> str:
    return " ".join(heading.split()).casefold()


def _no_column(name: str, column: str, headings: list[str]) -> StepFailed:
    columns = ", ".join(f"`{heading}`" for heading in headings)
    is_data = any(heading.isdecimal() and len(heading) > _HEADING_DIGITS for heading in headings)
    advice = (
        " If its first line is not the headings, put a line with the headings above it, or, when "
        "it has only one column, remove `column`."
    )
    return StepFailed(
        f"{name} has no column `{column}`; its columns are {columns}.{advice if is_data else ''}"
    )


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
