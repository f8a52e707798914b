"""What a JMESPath asks of the data that it is searched in, so that a simulation can make it up."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from almaflow.expressions.demands import ANY, NUMBER, TEXT, Demand, each, having
from almaflow.expressions.mentions import TURNED

Node = Mapping[str, Any]

_SYMBOLS = {"eq": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_LISTS = ("projection", "filter_projection", "value_projection")
# What functions ask of the elements of the list that is their first value.
_OF_ELEMENTS = {
    **dict.fromkeys(("sum", "avg"), NUMBER),
    **dict.fromkeys(("max", "min", "sort", "reverse"), ANY),
}
_BY_KEY = ("sort_by", "max_by", "min_by")
_FALSE = Demand(form="boolean", bounds=(("==", False),))
_WITHIN = ("contains", "starts_with", "ends_with")


def selected(node: Node, wanted: Demand) -> Demand:
    """Return what the JMESPath *node* asks of its data when it should find what is *wanted*."""
    return _READERS.get(node["type"], _other)(node, wanted)


def _chain(node: Node, wanted: Demand) -> Demand:
    """`a.b`, `a[0]`, `a | b`: what is last is asked first."""
    return reduce(lambda want, child: selected(child, want), reversed(node["children"]), wanted)


def _projection(node: Node, wanted: Demand) -> Demand:
    left, right = node["children"][:2]
    elements = selected(right, wanted.item)
    if node["type"] == "filter_projection":
        elements |= selected(node["children"][2], ANY)
    return selected(left, Demand(element=elements, bounds=wanted.bounds))


def _value_projection(node: Node, wanted: Demand) -> Demand:
    left, right = node["children"]
    return selected(left, having("value", selected(right, wanted.item)))


def _flatten(node: Node, wanted: Demand) -> Demand:
    (inner,) = node["children"]
    listed = Demand(element=wanted.item, bounds=wanted.bounds)
    return selected(inner, each(listed) if inner["type"] in _LISTS else listed)


def _comparator(node: Node, wanted: Demand) -> Demand:
    left, right = node["children"]
    symbol = _SYMBOLS.get(node["value"], "")
    return selected(left, _compared(symbol, right)) | selected(
        right, _compared(TURNED.get(symbol, ""), left)
    )


def _compared(symbol: str, other: Node) -> Demand:
    value = other.get("value")
    if other["type"] != "literal" or not isinstance(value, bool | int | float | str):
        return ANY
    if isinstance(value, bool):
        return Demand(form="boolean", bounds=((symbol, value),) if symbol else ())
    form = TEXT if isinstance(value, str) else NUMBER
    return Demand(form=form.form, bounds=((symbol, value),) if symbol else ())


def _not(node: Node, wanted: Demand) -> Demand:
    denied = node["children"][0]
    if denied["type"] == "field":
        return selected(denied, _FALSE)
    # What it denies must not be made true, so only the names in it count.
    return _without_bounds(selected(denied, ANY))


def _without_bounds(demand: Demand) -> Demand:
    return Demand(
        {name: _without_bounds(inner) for name, inner in demand.members.items()},
        None if demand.element is None else _without_bounds(demand.element),
        demand.form,
    )


def _list(node: Node, wanted: Demand) -> Demand:
    return _both(*(selected(child, wanted.item) for child in node["children"]))


def _mapping(node: Node, wanted: Demand) -> Demand:
    pairs = node["children"]
    return _both(*(selected(one["children"][0], wanted.member(one["value"])) for one in pairs))


def _function(node: Node, wanted: Demand) -> Demand:
    name, values = node["value"], node["children"]
    if not values:
        return ANY
    first, rest = values[0], values[1:]
    if name == "length":
        return selected(first, Demand(element=ANY, bounds=wanted.bounds))
    if name in _OF_ELEMENTS:
        return selected(first, each(_OF_ELEMENTS[name] | wanted.item))
    if name in _BY_KEY:
        inner = wanted.item if name == "sort_by" else wanted
        return selected(first, each(inner | _expression(rest[0], ANY)))
    if name == "map":
        return selected(rest[0], each(_expression(first, wanted.item)))
    if name == "join":
        return selected(rest[0], each(TEXT))
    if name in _WITHIN:
        return selected(first, _compared("in", rest[0]))
    if name in ("not_null", "merge"):
        return _both(*(selected(value, wanted) for value in values))
    if name == "keys":
        return selected(first, having("name", ANY))
    return _both(*(selected(value, NUMBER if name == "to_number" else ANY) for value in values))


def _expression(node: Node, wanted: Demand) -> Demand:
    return selected(node["children"][0], wanted) if node["type"] == "expref" else ANY


def _both(*demands: Demand) -> Demand:
    return reduce(operator.or_, demands, ANY)


def _either(node: Node, wanted: Demand) -> Demand:
    return _both(*(selected(child, wanted) for child in node["children"]))


def _other(node: Node, wanted: Demand) -> Demand:
    """`and` and what else has values inside."""
    return _both(*(selected(child, ANY) for child in node["children"]))


_READERS: Mapping[str, Callable[[Node, Demand], Demand]] = {
    "field": lambda node, wanted: having(node["value"], wanted),
    **dict.fromkeys(("subexpression", "index_expression", "pipe"), _chain),
    "index": lambda node, wanted: each(wanted),
    "slice": lambda node, wanted: each(wanted.item),
    **dict.fromkeys(("projection", "filter_projection"), _projection),
    "value_projection": _value_projection,
    "flatten": _flatten,
    "comparator": _comparator,
    "or_expression": _either,
    "not_expression": _not,
    "multi_select_list": _list,
    "multi_select_dict": _mapping,
    "function_expression": _function,
    **dict.fromkeys(("identity", "current"), lambda node, wanted: wanted),
    "literal": lambda node, wanted: ANY,
}
