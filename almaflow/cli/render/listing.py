"""Prints tables, and the lists and details of `jobs`, `profiles` and `sets`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from almaflow.cli.render.terminal import columns_of, emit, emit_json, emit_lines
from almaflow.cli.render.text_layout import on_one_line, padded, table
from almaflow.json_data import as_data

# The first line has id and name; a link is for programs.
_ELSEWHERE = ("id", "name", "link")


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], flexible: Sequence[int] = ()
) -> None:
    """Print a table that fits the terminal; the columns *flexible* may be cut for that."""
    emit_lines(table(headers, rows, columns=columns_of(sys.stdout), flexible=flexible))


def print_list(
    found: Any,
    noun: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    flexible: Sequence[int],
    as_json: bool,
) -> None:
    """Print a list of an institution: the document *found* for programs, *rows* for people.

    *noun* is what one entry is. *flexible* is as for `print_table`.
    """
    if as_json:
        emit_json(as_data(found))
    elif not rows:
        emit(f"{on_one_line(found.institution)} has no matching {noun}.")
    else:
        print_table(headers, rows, flexible)


def print_one(found: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print one job, profile or set: the document *found* for programs, *lines* for people."""
    if as_json:
        emit_json(as_data(found))
    else:
        emit_lines(lines)


def facts(data: dict[str, Any], *, columns: int) -> Iterator[str]:
    """Yield a line for each plain, non-empty value, with names *columns* wide."""
    for name, value in data.items():
        if value not in ("", None) and isinstance(value, str | int) and name not in _ELSEWHERE:
            yield fact(name, str(value), columns=columns)


def fact(name: str, text: str, *, columns: int) -> str:
    """Return one line with a name and a value."""
    return f"  {padded(name, columns)} {on_one_line(text)}"
