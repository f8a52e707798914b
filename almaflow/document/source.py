"""The text of a file and the places in it; the nodes of its tree."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from almaflow.problems import Location, Problem, Severity

_BREAK = re.compile(r"\r\n|\r|\n")

Span = tuple[int, int]
"""Begin and end of something, in characters from the begin of the text."""


class Node:
    """What is known about one value: where it is and what is in it.

    *value* is the text of a scalar, *style* its quote, `|` or `>`; of a collection, *children*
    are the values and *keys* the places of a mapping's keys. *size* counts the values in it and
    *height* its levels, aliases followed.
    """

    __slots__ = ("children", "height", "keys", "size", "span", "style", "value")

    def __init__(self, span: Span, value: str | None = None, style: str | None = None) -> None:
        self.span = span
        self.value = value
        self.style = style
        self.children: dict[str | int, Node] = {}
        self.keys: dict[str, Span] = {}
        self.size = 1
        self.height = 0

    def walk(self) -> Iterator[Node]:
        """Yield this node and those in it, each once: an alias shares the node of what it repeats.

        They come in no certain order.
        """
        waiting, seen = [self], set()
        while waiting:
            node = waiting.pop()
            if id(node) not in seen:
                seen.add(id(node))
                waiting.extend(node.children.values())
                yield node


class SourceText:
    """The text of a file, and the places in it."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.lines: Sequence[str] = _BREAK.split(text)
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]
        # The lines of which something is hidden, by their numbers (from 0), with stars in them.
        self._shown: dict[int, str] = {}

    def mark(self, index: int) -> tuple[int, int]:
        """Return line and column (both from 0) of the character at *index*."""
        row = bisect_right(self._starts, index) - 1
        return row, min(index - self._starts[row], len(self.lines[row]))

    def location(self, span: Span) -> Location:
        """Return the place of *span*, or of the part of it in its first line."""
        row, column = self.mark(span[0])
        length = min(span[1] - span[0], len(self.lines[row]) - column)
        return Location(self.file, row + 1, column + 1, max(1, length))

    def hide(self, span: Span) -> None:
        """Show *span* as stars in every problem from now on."""
        first, last = self.mark(span[0])[0], self.mark(max(span[0], span[1] - 1))[0]
        for row in range(first, last + 1):
            line = self._shown.get(row, self.lines[row])
            begin = max(0, span[0] - self._starts[row])
            end = min(len(line), span[1] - self._starts[row])
            if begin < end:
                self._shown[row] = line[:begin] + "*" * (end - begin) + line[end:]

    def index(self, location: Location) -> int:
        """Return where the character at *location* is in the text."""
        return self._starts[location.line - 1] + location.column - 1

    def problem(
        self,
        location: Location,
        code: str,
        message: str,
        severity: Severity = Severity.ERROR,
        fix: str = "",
    ) -> Problem:
        """Return a problem with its source line."""
        row = location.line - 1
        line = self._shown.get(row, self.lines[row])
        return Problem(location, code, message, severity, line, fix=fix)
