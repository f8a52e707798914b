"""The questions after `is`, except `defined` and `undefined`, which `compiler` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.comparisons import COMPARISONS
from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.operations import whole
from almaflow.expressions.registry import Operation, table
from almaflow.expressions.types import BOOLEAN
from almaflow.expressions.values import kind_of

_NUMBER = frozenset({"number"})
_TEXT = frozenset({"text"})
_PARTED = ("list", "counters", "text", "mapping")

_OF_KINDS = {
    "none": ("nothing",),
    "string": ("text",),
    "number": ("number",),
    "boolean": ("boolean",),
    "mapping": ("mapping",),
    "sequence": _PARTED,
    "iterable": _PARTED,
}
"""Name → the kinds of values that it is true of."""

TEST_COMPARISONS: Mapping[str, str] = {
    **dict.fromkeys(("eq", "equalto", "=="), "eq"),
    **dict.fromkeys(("ne", "!="), "ne"),
    **dict.fromkeys(("lt", "lessthan", "<"), "lt"),
    **dict.fromkeys(("le", "<="), "lteq"),
    **dict.fromkeys(("gt", "greaterthan", ">"), "gt"),
    **dict.fromkeys(("ge", ">="), "gteq"),
    "in": "in",
}
"""Name → the comparison that it is, as in `comparisons.COMPARISONS`."""


def _divisible(frame: EvaluationFrame, value: Any, num: Any) -> bool:
    if not whole(num, "a divisor"):
        raise ExpressionFailed("A number cannot be divided by zero.")
    return bool(value % num == 0)


def _has_kind(kinds: tuple[str, ...]) -> Any:
    return lambda frame, value: kind_of(value) in kinds


def _is_integer(frame: EvaluationFrame, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TESTS = table(
    *(Operation(name, _has_kind(kinds), BOOLEAN) for name, kinds in _OF_KINDS.items()),
    Operation("integer", _is_integer, BOOLEAN),
    Operation("float", lambda frame, value: isinstance(value, float), BOOLEAN),
    Operation("true", lambda frame, value: value is True, BOOLEAN),
    Operation("false", lambda frame, value: value is False, BOOLEAN),
    Operation("odd", lambda frame, value: value % 2 == 1, BOOLEAN, _NUMBER),
    Operation("even", lambda frame, value: value % 2 == 0, BOOLEAN, _NUMBER),
    Operation("divisibleby", _divisible, BOOLEAN, _NUMBER),
    Operation("lower", lambda frame, value: value.islower(), BOOLEAN, _TEXT),
    Operation("upper", lambda frame, value: value.isupper(), BOOLEAN, _TEXT),
    *(Operation(name, COMPARISONS[of], BOOLEAN) for name, of in TEST_COMPARISONS.items()),
)
"""Name after `is` → the question."""

ASKS_WHETHER_DEFINED = frozenset({"defined", "undefined"})
