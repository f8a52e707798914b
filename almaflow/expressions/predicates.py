"""The questions after `is`, except `defined` and `undefined`, which `compiling` answers."""

from __future__ import annotations

from typing import Any

from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import Frame
from almaflow.expressions.operations import comes_before, contains, equal, whole
from almaflow.expressions.registry import Operation
from almaflow.expressions.types import BOOLEAN
from almaflow.expressions.values import kind_of

_NUMBER = frozenset({"number"})
_TEXT = frozenset({"text"})


def _divisible(frame: Frame, value: Any, num: Any) -> bool:
    if not whole(num, "a divisor"):
        raise ExpressionFailed("A number cannot be divided by zero.")
    return bool(value % num == 0)


def _unequal(frame: Frame, value: Any, other: Any) -> bool:
    return not equal(frame, value, other)


def _in(frame: Frame, value: Any, seq: Any) -> bool:
    return contains(frame, seq, value)


def _less(frame: Frame, value: Any, other: Any) -> bool:
    return comes_before(frame, value, other, or_equal=False)


def _at_most(frame: Frame, value: Any, other: Any) -> bool:
    return comes_before(frame, value, other, or_equal=True)


def _greater(frame: Frame, value: Any, other: Any) -> bool:
    return comes_before(frame, other, value, or_equal=False)


def _at_least(frame: Frame, value: Any, other: Any) -> bool:
    return comes_before(frame, other, value, or_equal=True)


def _has_kind(*kinds: str) -> Any:
    def ask(frame: Frame, value: Any) -> bool:
        return kind_of(value) in kinds

    return ask


def _is_integer(frame: Frame, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TESTS = {
    operation.name: operation
    for operation in (
        Operation("none", _has_kind("nothing"), BOOLEAN),
        Operation("string", _has_kind("text"), BOOLEAN),
        Operation("number", _has_kind("number"), BOOLEAN),
        Operation("integer", _is_integer, BOOLEAN),
        Operation("float", lambda frame, value: isinstance(value, float), BOOLEAN),
        Operation("boolean", _has_kind("boolean"), BOOLEAN),
        Operation("true", lambda frame, value: value is True, BOOLEAN),
        Operation("false", lambda frame, value: value is False, BOOLEAN),
        Operation("mapping", _has_kind("mapping"), BOOLEAN),
        Operation("sequence", _has_kind("list", "counters", "text", "mapping"), BOOLEAN),
        Operation("iterable", _has_kind("list", "counters", "text", "mapping"), BOOLEAN),
        Operation("odd", lambda frame, value: value % 2 == 1, BOOLEAN, _NUMBER),
        Operation("even", lambda frame, value: value % 2 == 0, BOOLEAN, _NUMBER),
        Operation("divisibleby", _divisible, BOOLEAN, _NUMBER),
        Operation("lower", lambda frame, value: value.islower(), BOOLEAN, _TEXT),
        Operation("upper", lambda frame, value: value.isupper(), BOOLEAN, _TEXT),
        Operation("in", _in, BOOLEAN),
        *(Operation(name, equal, BOOLEAN) for name in ("eq", "equalto", "==")),
        *(Operation(name, _unequal, BOOLEAN) for name in ("ne", "!=")),
        *(Operation(name, _less, BOOLEAN) for name in ("lt", "lessthan", "<")),
        *(Operation(name, _at_most, BOOLEAN) for name in ("le", "<=")),
        *(Operation(name, _greater, BOOLEAN) for name in ("gt", "greaterthan", ">")),
        *(Operation(name, _at_least, BOOLEAN) for name in ("ge", ">=")),
    )
}
"""Name after `is` → the question."""

ASKS_WHETHER_DEFINED = frozenset({"defined", "undefined"})
