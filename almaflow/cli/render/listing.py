"""Prints the lists and details of `jobs`, `profiles` and `sets`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from almaflow.cli.render.terminal import columns_of, emit, emit_json, emit_lines
from almaflow.cli.render.text_layout import on_one_line, padded, table
from almaflow.json_data import as_data
from almaflow.late_dataclasses import dataclass

# The first line has id and name; a link is for programs.
_ELSEWHERE = ("id", "name", "link")

T = TypeVar("T")


@dataclass(frozen=True)
class Listing(Generic[T]):
    """How one type of object in Alma is printed; *noun* is the singular, such as `job`."""

    noun: str
    headers: Sequence[str]
    row: Callable[[T], Sequence[str]]
    """The cells of one row, as many as *headers*."""
    flexible: Sequence[int]
    """The columns that may be cut on a narrow terminal."""

    def print_all(self, institution: str, things: Sequence[T], *, as_json: bool) -> None:
        """Print the objects at *institution*, one line each."""
        if as_json:
            listed = [as_data(one) for one in things]
            emit_json({"institution": institution, f"{self.noun}s": listed})
        elif not things:
            emit(f"{on_one_line(institution)} has no matching {self.noun}.")
        else:
            rows = [self.row(one) for one in things]
            columns = columns_of(sys.stdout)
            emit_lines(table(self.headers, rows, columns=columns, flexible=self.flexible))

    def print_one(
        self,
        institution: str,
        data: dict[str, Any],
        lines: Iterable[str],
        *,
        as_json: bool,
    ) -> None:
        """Print one object: *data* for programs, *lines* for people."""
        if as_json:
            emit_json({"institution": institution, self.noun: data})
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
