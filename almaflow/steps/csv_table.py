"""CSV files as spreadsheets of all countries write them: headings, then rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.steps.result import StepFailed

# A longer number is an id, not a heading such as `2026`.
_HEADING_DIGITS = 6
# What columns are divided by.
_DELIMITERS = ",;\t|"
# Lines in which headings are searched that are not in the first one, and in which a table shows.
_LOOK = 20
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


def column_place(name: str, column: str, headings: list[str], text: str) -> int:
    """Return which of *headings* is *column*: exactly, else without regard to case and spaces.

    Raises:
        StepFailed: the file called *name*, which holds *text*, has no such column, or several.
    """
    places = [place for place, one in enumerate(headings) if one == column]
    if not places:
        wanted = _plain(column)
        places = [place for place, one in enumerate(headings) if _plain(one) == wanted]
    if not places:
        raise _no_column(name, column, headings, text)
    if len(places) > 1:
        raise StepFailed(
            f"{name} has {len(places)} columns `{column}`, so it is not known which one is meant. "
            "Give each column a heading of its own."
        )
    return places[0]


def _plain(heading: str) -> str:
    return " ".join(heading.split()).casefold()


def _no_column(name: str, column: str, headings: list[str], text: str) -> StepFailed:
    if headings[0].startswith("<"):
        return StepFailed(
            f"{name} is a web page or XML, as some programs write it for spreadsheets, not a CSV "
            "file. Open it in a spreadsheet program, and save it as CSV (UTF-8)."
        )
    if 0 <= (place := _position(column)) < len(headings):
        return StepFailed(
            f"{name} has no column `{column}`. Columns are named by their headings: write "
            f"`column: {headings[place]}`."
        )
    if line := _line_with(column, text):
        return StepFailed(
            f"{name} has the heading `{column}` in line {line}, not in line 1. Remove the lines "
            "above it."
        )
    columns = ", ".join(f"`{heading}`" for heading in headings)
    is_data = any(heading.isdecimal() and len(heading) > _HEADING_DIGITS for heading in headings)
    advice = (
        " If its first line is not the headings, put a line with the headings above it, or, when "
        "it has only one column, remove `column`."
    )
    return StepFailed(
        f"{name} has no column `{column}`; its columns are {columns}.{advice if is_data else ''}"
    )


def _line_with(column: str, text: str) -> int:
    """Return the first line, from 1, with the heading *column* below line 1; 0: none has it."""
    wanted = _plain(column)
    for number, line in enumerate(islice(lines(text), _LOOK), 1):
        cells = re.split(f"[{_DELIMITERS}]", line)
        if number > 1 and wanted in (_plain(one.strip().strip('"')) for one in cells):
            return number
    return 0


def _position(column: str) -> int:
    """Return which column, from 0, a number or a spreadsheet's letter names; -1: it is neither."""
    if column.isascii() and column.isdecimal():
        return int(column[:4]) - 1
    return ord(column.upper()) - ord("A") if re.fullmatch("[A-Za-z]", column) else -1


def check_one_each_line(name: str, text: str) -> None:
    """Raise `StepFailed` when the *text* of the file called *name* is a table, not ids in lines."""
    first = [one.strip() for one in islice(lines(text), _LOOK) if one.strip()]
    if not first:
        return
    delimiter = max(_DELIMITERS, key=first[0].count)
    filled = {sum(bool(cell.strip()) for cell in one.split(delimiter)) for one in first}
    heading = first[0].split(delimiter)[0].strip().strip('"')
    is_heading = not any(map(str.isdigit, heading)) and any(map(str.isalpha, heading))
    write = f"Write `column: {heading if is_heading else '…'}` with the heading of the ids."
    if min(filled) > 1:
        raise StepFailed(
            f"{name}, line 1: `{first[0][:100]}` is a row of several values, and without `column` "
            f"each line is one id. {write}"
        )
    if is_heading and len(first) > 1 and re.fullmatch(r"[0-9]{6,}", first[1].strip('"')):
        raise StepFailed(f"{name}, line 1: `{heading}` is a heading, not an id. {write}")


def no_csv(name: str, error: csv.Error, line: int = 0) -> StepFailed:
    """Return the failure of a file that is not CSV; *line* is the last one that was read."""
    place = f", after line {line}" if line else ""
    return StepFailed(
        f'{name} cannot be read as a CSV file{place}: {error}. A value that begins with `"` ends '
        'with one, and `"` inside of it is written twice.'
    )


def lines(text: str, *, breaks: bool = False) -> Iterator[str]:
    """Yield the lines of *text* one after the other, with their *breaks* when asked for."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start : end + breaks]
        start = end + 1
