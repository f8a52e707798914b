"""What is found in an expression before the run, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from almaflow.late_dataclasses import dataclass

CASES: Mapping[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "capitalize": str.capitalize,
}
"""Filters and methods that change the case of a text."""


@dataclass(frozen=True)
class ExpressionProblem:
    """Something wrong in an expression.

    *offset* and *length* are the part of the source it is about; *code* is a short stable name
    in kebab-case; *message* is whole sentences, with a suggestion where there is one.
    """

    code: str
    message: str
    offset: int
    length: int


@dataclass(frozen=True)
class Comparison:
    """A value, by its path such as `("steps", "x", "outcome")`, compared with a fixed text.

    *offset* and *length* are the text's part of the source; *is_part* when the text is searched
    in the value, *is_around* when the value is searched in it. *case* is a name of `CASES` when
    the value's case is changed first.
    """

    path: tuple[str, ...]
    text: str
    offset: int
    length: int
    is_part: bool = False
    is_around: bool = False
    case: str = ""
