"""The comments of a file. What only looks like one, in a text or a block of text, is not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from almaflow.document.source import Node, SourceText, Span
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern

_HASH = late_pattern(r"(?:(?<=\s)|(?<![\s\S]))#")
_BLOCK = ("|", ">")


@dataclass(frozen=True)
class Comment:
    """A comment: *span* is where it is, its `#` included; *row* its line, from 0.

    *alone* when nothing else is in its line.
    """

    span: Span
    row: int
    text: str
    alone: bool


def comments(source: SourceText, root: Node) -> Iterator[Comment]:
    """Yield the comments of *source*, whose data is below *root*, in order."""
    texts = _texts(source, root)
    starts = [start for start, _ in texts]
    last_row = -1
    for match in _HASH.finditer(source.text):
        place = bisect_right(starts, match.start()) - 1
        if place >= 0 and match.start() < texts[place][1]:
            continue
        row, column = source.mark(match.start())
        if row == last_row:
            # A further `#` in a comment.
            continue
        last_row = row
        line = source.lines[row]
        span = (match.start(), match.start() + len(line) - column)
        yield Comment(span, row, line[column:], not line[:column].strip())


def _texts(source: SourceText, root: Node) -> list[Span]:
    """Return the places of keys and scalars, sorted; of a block, what follows its first line."""
    spans: set[Span] = set()
    for node in root.walk():
        spans.update(node.keys.values())
        if node.value is not None:
            spans.add(_inside(source, node))
    return sorted(spans)


def _inside(source: SourceText, node: Node) -> Span:
    start, end = node.span
    if node.style in _BLOCK:
        row, column = source.mark(start)
        start += len(source.lines[row]) - column
    return start, end
