"""Comparisons: what each asks of two values, and which cannot be meant of two types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.types import DATE_OF, KINDS, Type, capital, item_of
from almaflow.expressions.values import Period, comparable, described, kind_of, span_of

ORDERED = frozenset({"text", "number", "boolean", "instant", "date", "duration"})
"""The kinds whose values come one before the other."""

_ORDERINGS = frozenset({"lt", "lteq", "gt", "gteq"})

_TO_COMPARE = {
    frozenset({"text", "number"}): (
        ". Use `| int` to turn digits into a number, or quotes to write a text"
    ),
    frozenset({"list", "number"}): (
        ". Compare its length (`… | length > 0`), or one of its counters (`….number('key') > 0`)"
    ),
    frozenset({"instant", "date"}): DATE_OF,
    **dict.fromkeys(
        (frozenset({"text", "date"}), frozenset({"text", "instant"})),
        ". Make it a text with `| date('%Y-%m-%d')`",
    ),
    frozenset({"text", "boolean"}): ". Write `true` and `false` without quotes",
}


def equal(frame: EvaluationFrame, left: Any, right: Any) -> bool:
    """Whether two values are the same; values of different kinds are not."""
    if isinstance(left, (list, tuple, dict)):
        frame.budget.whole(left)
    elif isinstance(left, str):
        frame.budget.reading(len(left))
    if isinstance(left, (Period, timedelta)) and isinstance(right, (Period, timedelta)):
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


def comes_before(frame: EvaluationFrame, left: Any, right: Any, *, or_equal: bool) -> bool:
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
        return f"{capital(KINDS[left])} cannot be compared with `<` or `>`."
    advice = _TO_COMPARE.get(frozenset({left, right}), "")
    return f"{capital(KINDS[left])} cannot be compared with {KINDS[right]}{advice}."


def misfit(operator: str, left: Type, right: Type) -> tuple[str, str] | None:
    """Return the code and the sentence about a comparison that cannot be meant, else None.

    *operator* is one of `COMPARISONS`.
    """
    if operator in ("in", "notin"):
        return _no_member(left, right)
    kinds = [one.kind.replace("counters", "list") for one in (left, right)]
    same = kinds[0] == kinds[1]
    fine = same and kinds[0] in ORDERED if operator in _ORDERINGS else same or "nothing" in kinds
    if fine or "" in kinds:
        return None
    texts = set(kinds) == {"text", "number"}
    code = "text-compared-with-number" if texts else "compared-different-kinds"
    return code, not_comparable(*kinds)


def _no_member(left: Type, right: Type) -> tuple[str, str] | None:
    if right.kind in ("", "mapping"):
        return None
    if right.kind in ("text", "list", "counters"):
        return misfit("eq", left, right if right.kind == "text" else item_of(right))
    sentence = f"Only a list, a text or a mapping can contain something, not {KINDS[right.kind]}."
    return "wrong-operands", sentence


def contains(frame: EvaluationFrame, container: Any, value: Any) -> bool:
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


COMPARISONS: Mapping[str, Callable[[EvaluationFrame, Any, Any], bool]] = {
    "eq": equal,
    "ne": lambda frame, left, right: not equal(frame, left, right),
    "lt": lambda frame, left, right: comes_before(frame, left, right, or_equal=False),
    "lteq": lambda frame, left, right: comes_before(frame, left, right, or_equal=True),
    "gt": lambda frame, left, right: comes_before(frame, right, left, or_equal=False),
    "gteq": lambda frame, left, right: comes_before(frame, right, left, or_equal=True),
    "in": lambda frame, value, seq: contains(frame, seq, value),
    "notin": lambda frame, value, seq: not contains(frame, seq, value),
}
"""Jinja2's name of a comparison → what it asks."""
