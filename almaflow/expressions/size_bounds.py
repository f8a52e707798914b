"""Whether a condition asks that something is not too much."""

from __future__ import annotations

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
        for node in (piece.node, *piece.node.find_all(nodes.Compare))
        if isinstance(node, nodes.Compare)
    )


def _is_bound(node: nodes.Compare) -> bool:
    sides = [node.expr, *(operand.expr for operand in node.ops)]
    others = [side for side in sides if not _has_size(side)]
    small = any(isinstance(side, nodes.Const) and _is_small(side.value) for side in others)
    return len(others) < len(sides) and not small


def _is_small(value: object) -> bool:
    return isinstance(value, (int, float)) and value <= _ANYTHING


def _has_size(side: nodes.Node) -> bool:
    return any(map(_is_size, (side, *side.find_all(nodes.Node))))


def _is_size(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in _LENGTHS
    return isinstance(node, nodes.Getattr) and node.attr in _SIZES
