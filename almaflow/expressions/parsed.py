"""A parsed expression or template, and its parts. Jinja2 is not imported: text needs none of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern

if TYPE_CHECKING:
    from jinja2 import nodes

T = TypeVar("T")

OPENING = late_pattern(r"\{\{|\{%|\{#")
"""What begins something else than text in a template."""

_TEMPLATE = late_pattern(r"\{\{.*?\}\}", re.DOTALL)


def replace_templates(text: str, new: str | Callable[[re.Match[str]], str]) -> str:
    """Return *text* with *new* in place of each `{{ … }}`, which may be none that can be read.

    Behind the last `}}` none is searched for: each opening brace would look through all the rest.
    """
    end = text.rfind("}}") + len("}}")
    return text if end == 1 else _TEMPLATE.sub(new, text[:end]) + text[end:]


@dataclass(frozen=True, eq=False)
class Piece:
    """One expression of a source.

    Every node's `lineno` is its offset in *source*; *ends* maps offsets of tokens to the offset
    behind them, or behind the closing bracket. *start* and *end* bound the expression without
    braces and without spaces around it.
    """

    source: str
    node: nodes.Expr
    start: int
    end: int
    ends: Mapping[int, int]
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what *make* makes of this piece, called *name*; a piece is kept, and so is that.

        Checks of the same text, as an editor asks for, find it again.
        """
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return self.source[self.start : self.end]

    def span(self, node: nodes.Node) -> tuple[int, int]:
        """Return the offset and the length of what *node* was read from."""
        start, end = self._spans[id(node)]
        return start, end - start

    @cached_property
    def _spans(self) -> Mapping[int, tuple[int, int]]:
        return spans_of(self.node, self.ends, self.source)

    def written(self, node: nodes.Node) -> str:
        """Return how *node* is written in the source."""
        offset, length = self.span(node)
        return self.source[offset : offset + length]


@dataclass(frozen=True, eq=False)
class Parsed:
    """A parsed expression (one piece) or template: literal texts and pieces in order."""

    source: str
    parts: tuple[str | Piece, ...]

    @property
    def pieces(self) -> Iterator[Piece]:
        """The expressions, in order."""
        return (part for part in self.parts if isinstance(part, Piece))

    @property
    def literal(self) -> bool:
        """Whether it is text without any `{{ … }}`."""
        return not any(isinstance(part, Piece) for part in self.parts)

    @property
    def single(self) -> bool:
        """Whether it is nothing but one expression, spaces around it aside."""
        return self.only is not None

    @property
    def only(self) -> Piece | None:
        """The expression that it is nothing but, if it is."""
        expression = None
        for part in self.parts:
            if isinstance(part, Piece):
                if expression is not None:
                    return None
                expression = part
            elif part.strip():
                return None
        return expression


def spans_of(
    root: nodes.Node, ends: Mapping[int, int], source: str
) -> Mapping[int, tuple[int, int]]:
    """Return for *root* and each node in it, by `id`, its offset and the offset behind it.

    The `lineno` of a node is the offset of the token that it begins with or is about. So a node
    reaches from its first token to the end of its last one, and leaves no bracket without its
    partner. *ends* maps offsets of tokens to the offset behind them; for an opening bracket, behind
    the closing one. The time is linear in the length of the expression.
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
