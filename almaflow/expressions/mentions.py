"""What expressions read (names, counters, columns) and what they compare it with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from jinja2 import nodes

from almaflow.expressions.checker import path_of
from almaflow.expressions.parsed import Parsed, Piece
from almaflow.late_dataclasses import dataclass

_COUNTERS = "counters"
OPERATORS = {"eq": "==", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<="}
TURNED = {"==": "==", ">": "<", ">=": "<=", "<": ">", "<=": ">="}
"""The comparison that holds when the two sides have changed places."""


@dataclass(frozen=True)
class Mention:
    """A value that an expression reads.

    *path* is its names, such as `("steps", "x", "rows")`. *counter* is the key or the position of
    a counter, for a path that ends in `counters`; *is_number*: it is read as a number, and
    *has_default*: with a value for the case that it is missing.
    """

    path: tuple[str, ...]
    counter: str | int | None = None
    is_number: bool = field(default=False, compare=False)
    has_default: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Comparison:
    """A value that an expression reads, compared with *other*, which is an expression's text."""

    mention: Mention
    operator: str
    other: str


def mentions(parsed: Parsed) -> Iterator[Mention]:
    """Yield the values that are read, those within other values too."""
    for piece in parsed.pieces:
        for node in (piece.node, *piece.node.find_all(nodes.Node)):
            found = _mention(node)
            if found is not None:
                yield found


def comparisons(parsed: Parsed) -> Iterator[Comparison]:
    """Yield the comparisons that must hold, or of which one must hold, for a condition to hold."""
    for piece in parsed.pieces:
        yield from _comparisons(piece, piece.node)


def _comparisons(piece: Piece, node: nodes.Node) -> Iterator[Comparison]:
    if isinstance(node, (nodes.And, nodes.Or)):
        yield from _comparisons(piece, node.left)
        yield from _comparisons(piece, node.right)
    elif isinstance(node, nodes.Compare) and len(node.ops) == 1:
        (operand,) = node.ops
        operator = OPERATORS.get(operand.op)
        if operator is None:
            return
        left, right = _mention(node.expr), _mention(operand.expr)
        if left is not None:
            yield Comparison(left, operator, piece.written(operand.expr))
        if right is not None:
            yield Comparison(right, TURNED[operator], piece.written(node.expr))


def _mention(node: nodes.Node) -> Mention | None:
    if isinstance(node, nodes.Filter) and node.name in ("int", "float", "default", "d"):
        return None if node.node is None else _mention(node.node)
    if isinstance(node, nodes.Call):
        return _called_counter(node)
    if isinstance(node, (nodes.Getattr, nodes.Getitem, nodes.Name)):
        return _placed_counter(node) or _plain(node)
    return None


def _called_counter(node: nodes.Call) -> Mention | None:
    method = node.node
    if not isinstance(method, nodes.Getattr) or method.attr not in ("number", "text"):
        return None
    path = path_of(method.node)
    if not (path and path[-1] == _COUNTERS and node.args and isinstance(node.args[0], nodes.Const)):
        return None
    key = node.args[0].value
    if not isinstance(key, str | int):
        return None
    has_default = len(node.args) > 1 or bool(node.kwargs)
    return Mention(tuple(path), key, method.attr == "number", has_default)


def _placed_counter(node: nodes.Node) -> Mention | None:
    """Return the counter of `counters[0].value`."""
    if not (isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Getitem)):
        return None
    path, place = path_of(node.node.node), node.node.arg
    if path and path[-1] == _COUNTERS and isinstance(place, nodes.Const):
        return Mention(tuple(path), place.value) if isinstance(place.value, int) else None
    return None


def _plain(node: nodes.Node) -> Mention | None:
    path = path_of(node)
    return Mention(tuple(path)) if path else None
