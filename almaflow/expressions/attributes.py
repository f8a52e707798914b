"""What a name after a dot or in brackets finds: keys of mappings, elements of lists, no methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.expressions.errors import ExpressionFailed, NotDefined
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.methods import ATTRIBUTES, METHODS, attribute_of
from almaflow.expressions.types import KINDS, capital
from almaflow.expressions.values import described, kind_of
from almaflow.problems import did_you_mean


def attribute(value: Any, name: str, written: str) -> Any:
    """Return `value.name`; *written* is how *value* is written in the source.

    Raises:
        NotDefined: a mapping has no such key, or the value is nothing.
        ExpressionFailed: there is no such thing on a value of this kind.
    """
    if isinstance(value, dict):
        try:
            return value[name]
        except KeyError:
            raise missing_key(value, name, written) from None
    kind = kind_of(value)
    if name in ATTRIBUTES.get(kind, ()):
        return attribute_of(value, name)
    if kind == "mapping":
        if name in value:
            return value[name]
        raise missing_key(value, name, written)
    if kind == "nothing":
        raise NotDefined(f"`{written}` is nothing (null), so it has no `{name}`.")
    raise ExpressionFailed(no_attribute(kind, name))


def item(frame: EvaluationFrame, value: Any, key: Any, written: str) -> Any:
    """Return `value[key]`; Raises: NotDefined, ExpressionFailed."""
    kind = kind_of(value)
    if kind == "mapping":
        if isinstance(key, str):
            return attribute(value, key, written)
        raise ExpressionFailed(f"A key is text in quotes, but this is {described(key)}.")
    if kind == "nothing":
        raise NotDefined(f"`{written}` is nothing (null), so it has no elements.")
    if kind not in ("list", "counters", "text"):
        raise ExpressionFailed(f"`{written}` is {KINDS[kind]} and has no elements.")
    if isinstance(key, bool) or not isinstance(key, int):
        raise ExpressionFailed(
            f"Select an element by its number (the first is 0), not by {described(key)}."
        )
    if not -len(value) <= key < len(value):
        raise NotDefined(
            f"`{written}` has no element {key}: it has {len(value):,}, and the first is number 0."
        )
    return value[key]


def member_by_path(frame: EvaluationFrame, value: Any, path: Any) -> Any:
    """Return what `a.b.0` names inside *value*; Raises: NotDefined, ExpressionFailed."""
    if isinstance(path, int):
        return item(frame, value, path, "the element")
    if not isinstance(path, str):
        raise ExpressionFailed(f"`attribute` needs a name in quotes, not {described(path)}.")
    frame.budget.items(2 + path.count("."))
    for name in path.split("."):
        if name.isdecimal() and not isinstance(value, Mapping):
            value = item(frame, value, int(name), "the element")
        else:
            value = attribute(value, name, "the element")
    return value


def missing_key(value: Mapping[str, Any], name: str, written: str) -> NotDefined:
    """Return the failure that names what is missing and what is near it."""
    known = [key for key in value if isinstance(key, str)]
    return NotDefined(f"`{written}.{name}` is not defined{did_you_mean(name, known) or '.'}")


def no_attribute(kind: str, name: str, otherwise: str = "") -> str:
    """Return the sentence about a name that nothing of this kind has.

    *otherwise* follows when no name that it has is like it.
    """
    if name in METHODS.get(kind, ()):
        return f"`{name}` needs brackets: `{METHODS[kind][name].usage(1)}`."
    noun = capital(KINDS[kind])
    if kind in ("list", "counters"):
        if name in ("length", "first", "last", "count", "sort", "reverse", "join"):
            return f"{noun} has no `.{name}`. Write `| {name}`."
        if kind == "counters" and name in ("get", "value", "find", "item", "int", "count_of"):
            return f"{noun} has no `.{name}`. Write `.number(…)`, or `.text(…)` for a text."
        if kind == "counters":
            return (
                f"{noun} has no `.{name}`. Write `counters.number('c.jobs.….{name}')` with the "
                "whole name of the counter."
            )
        return f"{noun} has no `.{name}`. Select an element by its number (`[0]`), or use a filter."
    if kind == "text" and name in ("length", "size", "count"):
        return f"{noun} has no `.{name}`. Write `| length`."
    known = {*METHODS.get(kind, ()), *ATTRIBUTES.get(kind, ())}
    return f"{noun} has no `.{name}`{did_you_mean(name, known) or f'.{otherwise}'}"


def no_method(kind: str, name: str, otherwise: str = "") -> str:
    """Return the sentence about a method that nothing of this kind has, as `no_attribute` does."""
    if name in ATTRIBUTES.get(kind, ()):
        return f"Use `{name}` without brackets: `.{name}`."
    if kind == "text" and name in ("format", "format_map"):
        return "`format` is not a method of text here. Write `'%s of %s' | format(a, b)`."
    if kind == "mapping":
        return f"`{name}` is not a method. Only keys of a mapping can follow a dot."
    return no_attribute(kind, name, otherwise)
