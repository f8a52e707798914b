"""What `jobs`, `profiles` and `sets` have in common: a table of them, and one of them in full."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Generic, TypeVar

from almaflow.cli.render.terminal import columns_of, emit, emit_json, emit_lines
from almaflow.cli.render.text_layout import on_one_line, padded, table
from almaflow.late_dataclasses import dataclass

T = TypeVar("T")


@dataclass(frozen=True)
class Listing(Generic[T]):
    """How one sort of thing in Alma is printed; *noun* is the singular, such as `job`."""

    noun: str
    headers: Sequence[str]
    row: Callable[[T], Sequence[str]]
    """The cells of its line, as many as there are *headers*."""
    as_data: Callable[[T], dict[str, Any]]
    """All that is known of it, JSON-able."""
    flexible: Sequence[int]
    """The columns that are cut on a narrow terminal."""

    def print_all(self, institution: str, things: Sequence[T], *, as_json: bool) -> None:
        """Print what was found at *institution*, a line for each."""
        if as_json:
            listed = [self.as_data(one) for one in things]
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
        """Print one in full: *data* for programs, *lines* for people."""
        if as_json:
            emit_json({"institution": institution, self.noun: data})
        else:
            emit_lines(lines)


def data_of(thing: Any) -> dict[str, Any]:
    """Return a wire shape JSON-able: instants as text, empty when not known."""
    data = asdict(thing)
    for name, value in data.items():
        if name.endswith("_at"):
            data[name] = value.isoformat() if value is not None else ""
    return data


def facts(
    data: dict[str, Any], *, columns: int, hidden: Collection[str] = ("id", "name", "link")
) -> Iterator[str]:
    """Yield a line for each plain value that says something, names *columns* wide."""
    for name, value in data.items():
        if value not in ("", None) and isinstance(value, str | int) and name not in hidden:
            yield fact(name, str(value), columns=columns)


def fact(name: str, text: str, *, columns: int) -> str:
    """Return one line of what is known of a thing."""
    return f"  {padded(name, columns)} {on_one_line(text)}"
