"""A parsed expression or template, and its parts. Jinja2 is not imported: text needs none of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from almaflow.expressions.spans import spans_of
from almaflow.late_dataclasses import dataclass

if TYPE_CHECKING:
    from jinja2 import nodes

T = TypeVar("T")

OPENING = re.compile(r"\{\{|\{%|\{#")
"""What begins something else than text in a template."""


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
