"""The fixed texts that an expression compares values with: `steps.x.outcome == 'failed'`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

from almaflow.expressions.checker import path_of
from almaflow.expressions.parser import Parsed, Piece

# Comparisons with a value; `in` is for lists and, the other way round, for parts of a text.
_EQUAL = frozenset({"eq", "ne"})
_IN = frozenset({"in", "notin"})


@dataclass(frozen=True)
class Comparison:
    """A value, by its path such as `("steps", "x", "outcome")`, compared with a fixed text.

    *offset* and *length* are the text's part of the source; *is_part* when the text is searched
    in the value.
    """

    path: tuple[str, ...]
    text: str
    offset: int
    length: int
    is_part: bool = False


def compared_texts(parsed: Parsed) -> Iterator[Comparison]:
    """Yield every comparison of a value with a text that is not empty."""
    for piece in parsed.pieces:
        for compare in piece.node.find_all(nodes.Compare):
            yield from _of_compare(piece, compare)
        if isinstance(piece.node, nodes.Compare):
            yield from _of_compare(piece, piece.node)


def _of_compare(piece: Piece, compare: nodes.Compare) -> Iterator[Comparison]:
    left = compare.expr
    for operand in compare.ops:
        right = operand.expr
        if operand.op in _EQUAL:
            yield from _pair(piece, left, right)
            yield from _pair(piece, right, left)
        elif operand.op in _IN:
            for item in right.items if isinstance(right, nodes.List | nodes.Tuple) else ():
                yield from _pair(piece, left, item)
            yield from _pair(piece, right, left, is_part=True)
        left = right


def _pair(
    piece: Piece, value: nodes.Node, text: nodes.Node, *, is_part: bool = False
) -> Iterator[Comparison]:
    path = tuple(path_of(value))
    if path and isinstance(text, nodes.Const) and isinstance(text.value, str) and text.value:
        yield Comparison(path, text.value, *piece.span(text), is_part)
