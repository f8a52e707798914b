"""Operators: which kinds of values each takes, what it gives, and what it may cost.

The tables serve the checker and the run alike.
"""

from __future__ import annotations

import math
import operator as op
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import zip_longest
from typing import Any

from jinja2 import nodes

from almaflow.expressions.budget import NUMBER_BITS, Budget
from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.types import (
    ANYTHING,
    DATE,
    DATE_OF,
    DURATION,
    INSTANT,
    KINDS,
    NUMBER,
    TEXT,
    ListType,
    Type,
    capital,
)
from almaflow.expressions.values import (
    Period,
    comparable,
    described,
    kind_of,
    shift,
    span_of,
    to_text,
)

# A width or a count of digits beyond this is a mistake.
WIDEST = 10_000

Operator = Callable[[EvaluationFrame, Any, Any], Any]
_Plain = Callable[[Any, Any], Any]


def number(value: Any) -> Any:
    """Return the result of arithmetic; Raises: ExpressionFailed when it is out of bounds."""
    if isinstance(value, int):
        if value.bit_length() <= NUMBER_BITS:
            return value
    elif isinstance(value, float) and math.isfinite(value):
        return value
    raise ExpressionFailed("The result is too large or not a number.")


def _arithmetic(act: _Plain) -> Operator:
    return lambda frame, left, right: number(act(left, right))


def _division(act: _Plain) -> Operator:
    return lambda frame, left, right: number(act(left, _divisor(right)))


def _divisor(value: Any) -> Any:
    if not value:
        raise ExpressionFailed("This divides by zero.")
    return value


def _power(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    if (
        isinstance(left, int)
        and isinstance(right, int)
        # An upper bound, up to twice the size of the result.
        and left.bit_length() * abs(right) > 2 * NUMBER_BITS
    ):
        raise ExpressionFailed("The result is too large or not a number.")
    if not left and right < 0:
        raise ExpressionFailed("This divides by zero.")
    return number(left**right)


def _join_texts(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    frame.budget.text(len(left) + len(right))
    return left + right


def _join_lists(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    frame.budget.items(len(left) + len(right))
    return [*left, *right]


def _repeat_text(frame: EvaluationFrame, text: Any, times: Any) -> Any:
    times = whole(times)
    frame.budget.text(len(text) * max(0, times))
    return text * times


def _repeat_list(frame: EvaluationFrame, values: Any, times: Any) -> Any:
    times = whole(times)
    frame.budget.whole(values, max(0, times))
    return list(values) * times


def _format(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    return format_text(
        frame.budget, left, tuple(right) if isinstance(right, (list, tuple)) else (right,)
    )


def _later(frame: EvaluationFrame, start: Any, span: Any) -> Any:
    return shift(start, span_of(span))


def _earlier(frame: EvaluationFrame, start: Any, span: Any) -> Any:
    return shift(start, span_of(span).negative())


def _between(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    if isinstance(left, datetime):
        return Period(elapsed=comparable(left) - comparable(right))
    return Period(days=(left - right).days)


def _span_sum(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    return span_of(left).plus(span_of(right))


def _span_difference(frame: EvaluationFrame, left: Any, right: Any) -> Any:
    return span_of(left).plus(span_of(right).negative())


def _span_times(frame: EvaluationFrame, span: Any, times: Any) -> Any:
    span, times = span_of(span), whole(times)
    return Period(span.months * times, span.days * times, span.elapsed * times)


_Row = tuple[Operator, Type]


def _either_way(
    operator: str, left: str, right: str, act: Operator, type_: Type
) -> dict[tuple[str, str, str], _Row]:
    """Return the rows of an operation whose sides may change places; *act* takes them as here."""
    return {
        (operator, left, right): (act, type_),
        (operator, right, left): (lambda frame, one, other: act(frame, other, one), type_),
    }


_ANY_LIST = ListType(ANYTHING)

_ON_NUMBERS: Mapping[str, Operator] = {
    "+": _arithmetic(op.add),
    "-": _arithmetic(op.sub),
    "*": _arithmetic(op.mul),
    "/": _division(op.truediv),
    "//": _division(op.floordiv),
    "%": _division(op.mod),
    "**": _power,
}

BINARY: Mapping[tuple[str, str, str], _Row] = {
    **{(operator, "number", "number"): (act, NUMBER) for operator, act in _ON_NUMBERS.items()},
    ("+", "text", "text"): (_join_texts, TEXT),
    **_either_way("*", "text", "number", _repeat_text, TEXT),
    **{("%", "text", kind): (_format, TEXT) for kind in ("text", "number", "list")},
    **{
        ("+", left, right): (_join_lists, _ANY_LIST)
        for left in ("list", "counters")
        for right in ("list", "counters")
    },
    **_either_way("*", "list", "number", _repeat_list, _ANY_LIST),
    **_either_way("+", "instant", "duration", _later, INSTANT),
    **_either_way("+", "date", "duration", _later, DATE),
    ("-", "instant", "duration"): (_earlier, INSTANT),
    ("-", "date", "duration"): (_earlier, DATE),
    ("-", "instant", "instant"): (_between, DURATION),
    ("-", "date", "date"): (_between, DURATION),
    ("+", "duration", "duration"): (_span_sum, DURATION),
    ("-", "duration", "duration"): (_span_difference, DURATION),
    **_either_way("*", "duration", "number", _span_times, DURATION),
}
"""(operator, kind on the left, kind on the right) → what it does and the type it gives."""

_VERBS = {
    "+": "added to",
    "-": "subtracted from",
    "*": "multiplied by",
    "/": "divided by",
    "//": "divided by",
    "%": "divided by",
    "**": "raised to the power of",
}


def no_operation(operator: str, left: str, right: str) -> str:
    """Return the sentence about two kinds that an operator cannot combine."""
    first, second = (right, left) if operator == "-" else (left, right)
    sentence = f"{KINDS[first]} cannot be {_VERBS[operator]} {KINDS[second]}"
    advice = DATE_OF if {left, right} == {"instant", "date"} else ""
    if "text" in (left, right):
        join = "`~` to join texts, or " if operator == "+" else ""
        advice = f". Use {join}`| int` to turn digits into a number"
    elif {left, right} & {"instant", "date"} and "number" in (left, right):
        advice = ". Write `days(…)`, `hours(…)` or `months(…)`"
    return f"{capital(sentence)}{advice}."


SLICED = frozenset({"text", "list", "counters"})
"""The kinds of values that have parts: `value[2:5]`."""


def no_part(kind: str) -> str:
    """Return the sentence about a kind of value that has no parts."""
    return f"Only a list or a text has parts, but this is {KINDS[kind]}."


def multiplies_names(node: nodes.BinExpr) -> bool:
    """Whether `a * b` has names on both sides.

    Of a text and a number that is most probably a number in quotes or a forgotten `| int`, and
    not a text to be repeated; so it is refused. `'-' * steps.x.count` is meant.
    """
    return node.operator == "*" and all(
        isinstance(side, nodes.Name) or side.find(nodes.Name) is not None
        for side in (node.left, node.right)
    )


def apply(frame: EvaluationFrame, operator: str, left: Any, right: Any) -> Any:
    """Return `left operator right`; Raises: ExpressionFailed."""
    kinds = kind_of(left), kind_of(right)
    known = BINARY.get((operator, *kinds))
    if known is None:
        raise ExpressionFailed(no_operation(operator, *kinds))
    try:
        return known[0](frame, left, right)
    except OverflowError:
        raise ExpressionFailed("The result is too large or not a number.") from None


def concatenate(frame: EvaluationFrame, values: list[Any]) -> str:
    """Return `a ~ b ~ c`; Raises: ExpressionFailed for what has no form as text."""
    texts = [to_text(value) for value in values]
    frame.budget.text(sum(map(len, texts)))
    return "".join(texts)


def whole(value: Any, what: str = "a count") -> int:
    """Return a whole number; Raises: ExpressionFailed."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionFailed(f"A whole number is expected as {what}, not {described(value)}.")
    return value


# Possessive: both the flags and the width may be zeros, which are never tried as the other.
_DIRECTIVE = re.compile(r"%(?:%|([-+ 0#]*+)([0-9]*+)(?:\.([0-9]*+))?([sdifeEgGxXo]))")


def format_text(budget: Budget, pattern: str, values: tuple[Any, ...]) -> str:
    """Return `'%05d' % value`, where each directive has a small width.

    Raises: ExpressionFailed.
    """
    budget.items(8 * pattern.count("%"))
    cost = 3 * len(pattern)
    for match in _DIRECTIVE.finditer(pattern):
        for digits in match.group(2, 3):
            if digits and (len(digits) > 5 or int(digits) > WIDEST):
                raise ExpressionFailed(f"A width of more than {WIDEST:,} is not allowed.")
            cost += int(digits or 0)
    if "%" in _DIRECTIVE.sub("", pattern):
        raise ExpressionFailed("Write a letter after each `%` in a format: `%s`, `%05d`, `%.2f`.")
    letters = [match[4] for match in _DIRECTIVE.finditer(pattern) if match[4]]
    operands = tuple(
        to_text(one) if letter == "s" else one
        for one, letter in zip_longest(values, letters[: len(values)])
    )
    budget.text(cost + sum(len(one) for one in operands if isinstance(one, str)))
    try:
        return pattern % operands
    except (TypeError, ValueError, OverflowError) as error:
        raise ExpressionFailed(f"The values do not fit the format: {error}.") from None
