"""Whether a condition asks that something is not too much."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from almaflow.expressions.parsed import Parsed

_SIZES = frozenset({"member_count", "count", "rejected"})
_LENGTHS = frozenset({"length", "count"})
# A comparison with less than this asks whether there is anything at all.
_ANYTHING = 1


def bounds_a_size(parsed: Parsed) -> bool:
    """Whether a number of members or rows is compared with more than 0 or 1."""
    return any(
        _is_bound(node)
        for piece in parsed.pieces
        for node in _nodes(piece.node)
        if isinstance(node, nodes.Compare)
    )


def _is_bound(node: nodes.Compare) -> bool:
    sides = [node.expr, *(operand.expr for operand in node.ops)]
    has_size = any(_is_size(inner) for side in sides for inner in _nodes(side))
    others = [side for side in sides if not any(_is_size(inner) for inner in _nodes(side))]
    small = any(isinstance(side, nodes.Const) and _is_small(side.value) for side in others)
    return has_size and not small


def _is_small(value: object) -> bool:
    return isinstance(value, (int, float)) and value <= _ANYTHING


def _is_size(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in _LENGTHS
    return isinstance(node, nodes.Getattr) and node.attr in _SIZES


def _nodes(node: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        yield inner
        waiting.extend(inner.iter_child_nodes())
