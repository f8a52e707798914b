"""Operators: which kinds of values each takes, what it gives, and what it may cost.

The tables serve the checker and the run alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any

from jinja2 import nodes

from almaflow.expressions.budget import NUMBER_BITS, Budget
from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import Frame
from almaflow.expressions.types import (
    ANYTHING,
    DATE,
    DURATION,
    INSTANT,
    KINDS,
    NUMBER,
    TEXT,
    ListOf,
    Type,
)
from almaflow.expressions.values import Span, described, kind_of, shift, span_of, to_text

# A width or a count of digits beyond this is a mistake.
WIDEST = 10_000

Operator = Callable[[Frame, Any, Any], Any]


def number(value: Any) -> Any:
    """Return the result of arithmetic; Raises: ExpressionFailed when it is out of bounds."""
    if isinstance(value, int):
        if value.bit_length() <= NUMBER_BITS:
            return value
    elif isinstance(value, float) and math.isfinite(value):
        return value
    raise ExpressionFailed("The result is too large or not a number.")


def _subtract(frame: Frame, left: Any, right: Any) -> Any:
    return number(left - right)


def _divide(frame: Frame, left: Any, right: Any) -> Any:
    return number(left / _divisor(right))


def _floor_divide(frame: Frame, left: Any, right: Any) -> Any:
    return number(left // _divisor(right))


def _remainder(frame: Frame, left: Any, right: Any) -> Any:
    return number(left % _divisor(right))


def _divisor(value: Any) -> Any:
    if not value:
        raise ExpressionFailed("This divides by zero.")
    return value


def _power(frame: Frame, left: Any, right: Any) -> Any:
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


def _join_texts(frame: Frame, left: Any, right: Any) -> Any:
    frame.budget.text(len(left) + len(right))
    return left + right


def _join_lists(frame: Frame, left: Any, right: Any) -> Any:
    frame.budget.items(len(left) + len(right))
    return [*left, *right]


def _repeat_text(frame: Frame, left: Any, right: Any) -> Any:
    text, times = (left, right) if isinstance(left, str) else (right, left)
    times = whole(times)
    frame.budget.text(len(text) * max(0, times))
    return text * times


def _repeat_list(frame: Frame, left: Any, right: Any) -> Any:
    values, times = (left, right) if not isinstance(left, (int, float)) else (right, left)
    times = whole(times)
    frame.budget.whole(values, max(0, times))
    return list(values) * times


def _format(frame: Frame, left: Any, right: Any) -> Any:
    return format_text(
        frame.budget, left, tuple(right) if isinstance(right, (list, tuple)) else (right,)
    )


def _later(frame: Frame, left: Any, right: Any) -> Any:
    start, span = (left, right) if isinstance(left, date) else (right, left)
    return shift(start, span_of(span))


def _earlier(frame: Frame, left: Any, right: Any) -> Any:
    return shift(left, span_of(right).negative())


def _between(frame: Frame, left: Any, right: Any) -> Any:
    if isinstance(left, datetime):
        return Span(elapsed=comparable(left) - comparable(right))
    return Span(days=(left - right).days)


def _span_sum(frame: Frame, left: Any, right: Any) -> Any:
    return span_of(left).plus(span_of(right))


def _span_difference(frame: Frame, left: Any, right: Any) -> Any:
    return span_of(left).plus(span_of(right).negative())


def _span_times(frame: Frame, left: Any, right: Any) -> Any:
    span, times = (left, right) if isinstance(left, (Span, timedelta)) else (right, left)
    span, times = span_of(span), whole(times)
    return Span(span.months * times, span.days * times, span.elapsed * times)


def _add_numbers(frame: Frame, left: Any, right: Any) -> Any:
    return number(left + right)


def _multiply(frame: Frame, left: Any, right: Any) -> Any:
    return number(left * right)


_ANY_LIST = ListOf(ANYTHING)

BINARY: Mapping[tuple[str, str, str], tuple[Operator, Type]] = {
    ("+", "number", "number"): (_add_numbers, NUMBER),
    ("-", "number", "number"): (_subtract, NUMBER),
    ("*", "number", "number"): (_multiply, NUMBER),
    ("/", "number", "number"): (_divide, NUMBER),
    ("//", "number", "number"): (_floor_divide, NUMBER),
    ("%", "number", "number"): (_remainder, NUMBER),
    ("**", "number", "number"): (_power, NUMBER),
    ("+", "text", "text"): (_join_texts, TEXT),
    ("*", "text", "number"): (_repeat_text, TEXT),
    ("*", "number", "text"): (_repeat_text, TEXT),
    **{("%", "text", kind): (_format, TEXT) for kind in ("text", "number", "list")},
    **{
        ("+", left, right): (_join_lists, _ANY_LIST)
        for left in ("list", "counters")
        for right in ("list", "counters")
    },
    ("*", "list", "number"): (_repeat_list, _ANY_LIST),
    ("*", "number", "list"): (_repeat_list, _ANY_LIST),
    **{
        (operator, kind, "duration"): (act, type_)
        for kind, type_ in (("instant", INSTANT), ("date", DATE))
        for operator, act in (("+", _later), ("-", _earlier))
    },
    ("+", "duration", "instant"): (_later, INSTANT),
    ("+", "duration", "date"): (_later, DATE),
    ("-", "instant", "instant"): (_between, DURATION),
    ("-", "date", "date"): (_between, DURATION),
    ("+", "duration", "duration"): (_span_sum, DURATION),
    ("-", "duration", "duration"): (_span_difference, DURATION),
    ("*", "duration", "number"): (_span_times, DURATION),
    ("*", "number", "duration"): (_span_times, DURATION),
}
"""(operator, kind on the left, kind on the right) → what it does and the type it gives."""

ORDERED = frozenset({"text", "number", "boolean", "instant", "date", "duration"})
"""The kinds whose values come one before the other."""

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
    advice = ""
    if operator == "+" and "text" in (left, right):
        advice = ". Use `~` to join texts, or `| int` to turn digits into a number"
    elif "text" in (left, right):
        advice = ". Use `| int` to turn digits into a number"
    elif {left, right} & {"instant", "date"} and "number" in (left, right):
        advice = ". Write `days(…)`, `hours(…)` or `months(…)`"
    elif {left, right} == {"instant", "date"}:
        advice = ". Use `.date()` to get the date of a date with time"
    return f"{sentence[0].upper()}{sentence[1:]}{advice}."


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


def apply(frame: Frame, operator: str, left: Any, right: Any) -> Any:
    """Return `left operator right`; Raises: ExpressionFailed."""
    kinds = kind_of(left), kind_of(right)
    known = BINARY.get((operator, *kinds))
    if known is None:
        raise ExpressionFailed(no_operation(operator, *kinds))
    try:
        return known[0](frame, left, right)
    except OverflowError:
        raise ExpressionFailed("The result is too large or not a number.") from None


def equal(frame: Frame, left: Any, right: Any) -> bool:
    """Whether two values are the same; values of different kinds are not."""
    if isinstance(left, (list, tuple, dict)):
        frame.budget.whole(left)
    elif isinstance(left, str):
        frame.budget.reading(len(left))
    if isinstance(left, (Span, timedelta)) and isinstance(right, (Span, timedelta)):
        left, right = span_of(left), span_of(right)
        return left == right or (
            not left.months and not right.months and (left.length == right.length)
        )
    if isinstance(left, datetime) and isinstance(right, datetime):
        return bool(comparable(left) == comparable(right))
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, tuple):
        left = list(left)
    return bool(left == (list(right) if isinstance(right, tuple) else right))


def comes_before(frame: Frame, left: Any, right: Any, *, or_equal: bool) -> bool:
    """Whether *left* is less than *right*; Raises: ExpressionFailed for kinds without order."""
    left_kind, right_kind = kind_of(left), kind_of(right)
    if left_kind != right_kind or left_kind not in ORDERED:
        raise ExpressionFailed(not_comparable(left_kind, right_kind))
    if left_kind == "text":
        frame.budget.reading(len(left))
    left, right = comparable(left), comparable(right)
    return bool(left <= right if or_equal else left < right)


def not_comparable(left: str, right: str) -> str:
    """Return the sentence about a comparison that makes no sense."""
    if left == right:
        return f"{KINDS[left][0].upper()}{KINDS[left][1:]} cannot be compared with `<` or `>`."
    pair = {left, right}
    advice = ""
    if pair == {"text", "number"}:
        advice = ". Use `| int` to turn digits into a number, or quotes to write a text"
    elif pair == {"instant", "date"}:
        advice = ". Use `.date()` to get the date of a date with time"
    elif pair == {"text", "boolean"}:
        advice = ". Write `true` and `false` without quotes"
    sentence = f"{KINDS[left]} cannot be compared with {KINDS[right]}"
    return f"{sentence[0].upper()}{sentence[1:]}{advice}."


def comparable(value: Any) -> Any:
    """Return a value that Python orders as people do: instants in UTC, durations by length."""
    if isinstance(value, datetime):
        # Python compares two instants of one zone by the hands of the clock.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.length if isinstance(value, Span) else value


def contains(frame: Frame, container: Any, value: Any) -> bool:
    """Whether `value in container`; Raises: ExpressionFailed when it can contain nothing."""
    kind = kind_of(container)
    if kind == "text":
        if not isinstance(value, str):
            raise ExpressionFailed(
                f"A text can contain only text, but this is {described(value)}. Put it in quotes."
            )
        frame.budget.reading(len(container))
        return value in container
    if kind == "mapping":
        return isinstance(value, str) and value in container
    if kind not in ("list", "counters"):
        raise ExpressionFailed(
            f"Only a list, a text or a mapping can contain something, but this is {KINDS[kind]}."
        )
    frame.budget.items(len(container))
    if isinstance(value, str):
        return value in container
    frame.budget.items(3 * len(container))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return any(one == value and not isinstance(one, bool) for one in container)
    return any(equal(frame, one, value) for one in container)


def concatenate(frame: Frame, values: list[Any]) -> str:
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
