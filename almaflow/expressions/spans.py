"""Where each part of an expression is written, computed once for the whole expression.

The `lineno` of a node is the offset of the token that it begins with or is about. So a node
reaches from its first token to the end of its last one, and leaves no bracket without its partner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import nodes


def spans_of(
    root: nodes.Node, ends: Mapping[int, int], source: str
) -> Mapping[int, tuple[int, int]]:
    """Return for *root* and each node in it, by `id`, its offset and the offset behind it.

    *ends* maps offsets of tokens to the offset behind them; for an opening bracket, behind the
    closing one. The time is linear in the length of the expression.
    """
    brackets = _Brackets(ends, source)
    spans: dict[int, tuple[int, int]] = {}
    for node in _inner_first(root):
        inner = [spans[id(child)] for child in node.iter_child_nodes()]
        if node.lineno is not None:
            inner.append((node.lineno, ends.get(node.lineno, node.lineno + 1)))
        start, end = min(start for start, _ in inner), max(end for _, end in inner)
        spans[id(node)] = brackets.completed(start, end)
    return spans


def _inner_first(root: nodes.Node) -> list[nodes.Node]:
    children, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        children.append(node)
        waiting.extend(node.iter_child_nodes())
    return children[::-1]


class _Brackets:
    """The brackets of one expression. They are nested at most `lexing.DEEPEST` deep."""

    def __init__(self, ends: Mapping[int, int], source: str) -> None:
        self._ends = ends
        self._parents: dict[int, int | None] = {}
        self._depths: dict[int | None, int] = {None: 0}
        self._first = min(ends)
        self._around: list[int | None] = []
        """The innermost bracket around each gap between two characters, from the first token on."""
        open_: list[int] = []
        for at in range(self._first, max(ends.values()) + 1):
            while open_ and ends[open_[-1]] <= at:
                open_.pop()
            self._around.append(open_[-1] if open_ else None)
            if at in ends and source[at] in "([{":
                self._parents[at] = self._around[-1]
                self._depths[at] = len(open_) + 1
                open_.append(at)

    def completed(self, start: int, end: int) -> tuple[int, int]:
        """Return a part of the expression with the brackets that begin or end inside of it."""
        left, right = self._around[start - self._first], self._around[end - self._first]
        while left != right:
            if left is not None and self._depths[left] >= self._depths[right]:
                start = min(start, left)
                left = self._parents[left]
            elif right is not None:
                end = max(end, self._ends[right])
                right = self._parents[right]
        return start, end
