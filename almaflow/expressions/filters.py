"""All filters by name, with those that apply another filter or test to each element."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from almaflow.expressions.attributes import member_by_path
from almaflow.expressions.errors import NotDefined
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.list_filters import LIST_FILTERS
from almaflow.expressions.predicates import ASKS_WHETHER_DEFINED, TESTS
from almaflow.expressions.registry import LISTS, Operation, named, table, text_argument
from almaflow.expressions.text_filters import TEXT_FILTERS
from almaflow.expressions.types import ANYTHING, ListType, list_of_same

_REQUIRED: Any = object()


def _map(
    frame: EvaluationFrame,
    value: Any,
    name: Any = None,
    *args: Any,
    attribute: Any = None,
    default: Any = _REQUIRED,
    **kwargs: Any,
) -> list[Any]:
    frame.budget.items(len(value))
    if attribute is None:
        operation = _named(FILTERS, name, "filter")
        if default is not _REQUIRED:
            kwargs["default"] = default
        operation.check_use(1, len(args), kwargs)
        return [operation.on(frame, one, *args, **kwargs) for one in value]
    values = []
    for element in value:
        try:
            values.append(member_by_path(frame, element, attribute))
        except NotDefined:
            if default is _REQUIRED:
                raise
            values.append(default)
    return values


def _chosen(
    frame: EvaluationFrame,
    value: Any,
    attribute: Any,
    test: Any,
    args: tuple[Any, ...],
    *,
    wanted: bool,
) -> list[Any]:
    frame.budget.items(len(value))
    ask = _question(frame, test, args)
    elements = []
    for element in value:
        try:
            part = element if attribute is None else member_by_path(frame, element, attribute)
        except NotDefined:
            if test not in ASKS_WHETHER_DEFINED:
                raise
            answer = test == "undefined"
        else:
            answer = ask(part)
        if answer is wanted:
            elements.append(element)
    return elements


def _question(frame: EvaluationFrame, test: Any, args: tuple[Any, ...]) -> Callable[[Any], bool]:
    if test is None:
        return bool
    if test in ASKS_WHETHER_DEFINED:
        return lambda part: bool(test == "defined")
    operation = _named(TESTS, test, "test")
    operation.check_use(1, len(args), ())
    return lambda part: bool(operation.on(frame, part, *args))


def _named(known: Mapping[str, Operation], name: Any, noun: str) -> Operation:
    return named(known, text_argument(name, f"the name of a {noun}"), noun)


def _choosing(name: str, *, wanted: bool) -> Operation:
    def act(frame: EvaluationFrame, value: Any, test: Any = None, *args: Any) -> list[Any]:
        return _chosen(frame, value, None, test, args, wanted=wanted)

    return Operation(name, act, list_of_same, LISTS, work=20)


def _choosing_by_part(name: str, *, wanted: bool) -> Operation:
    def act(
        frame: EvaluationFrame, value: Any, attribute: Any, test: Any = None, *args: Any
    ) -> list[Any]:
        return _chosen(frame, value, attribute, test, args, wanted=wanted)

    return Operation(name, act, list_of_same, LISTS, work=20)


def default(
    frame: EvaluationFrame, value: Any, default_value: Any = "", boolean: Any = False
) -> Any:
    """Return a value that is there; `compiler` gives the default for one that is not."""
    return default_value if boolean and not value else value


FILTERS: Mapping[str, Operation] = {
    **TEXT_FILTERS,
    **LIST_FILTERS,
    **table(
        Operation("map", _map, ListType(ANYTHING), LISTS, work=20),
        _choosing("select", wanted=True),
        _choosing("reject", wanted=False),
        _choosing_by_part("selectattr", wanted=True),
        _choosing_by_part("rejectattr", wanted=False),
        Operation("default", default, ANYTHING),
        Operation("d", default, ANYTHING),
    ),
}
"""Name → filter."""

GIVE_DEFAULT = frozenset({"default", "d"})
