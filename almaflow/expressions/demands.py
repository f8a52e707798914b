"""What an expression asks of the values that it reads: which members, how many, of which kind.

`steps.x.rows | map(attribute='Barcode') | list` asks that `steps.x` has `rows`, a list of mappings
with `Barcode`. Simulations make values up that fit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import reduce
from typing import Any, Literal

from jinja2 import nodes

from almaflow.expressions.mentions import OPERATORS, TURNED
from almaflow.expressions.parsed import Parsed, Piece
from almaflow.late_dataclasses import dataclass

Form = Literal["", "text", "number", "boolean", "date", "barcode", "mms_id", "user_id", "id"]
Known = Callable[[str], Any]
"""Returns the value of an expression's text where it is known before the run, else None."""


@dataclass(frozen=True)
class Demand:
    """What is asked of one value: nothing in particular, members, elements, or a form.

    *bounds* are conditions on a number or a text, or on how many elements a list has: an
    operator (`==`, `<`, …) and what it compares with. *content* is what is asked of the file that
    a text names: a list of rows, or of lines.
    """

    members: Mapping[str, Demand] = field(default_factory=dict)
    element: Demand | None = None
    form: Form = ""
    bounds: tuple[tuple[str, Any], ...] = ()
    content: Demand | None = None

    def __or__(self, other: Demand) -> Demand:
        """Return what both ask for."""
        names = dict.fromkeys((*self.members, *other.members))
        # Any form says more than `text`.
        forms = [form for form in (self.form, other.form) if form]
        return Demand(
            {name: self.member(name) | other.member(name) for name in names},
            _either(self.element, other.element),
            next((form for form in forms if form != "text"), forms[0] if forms else ""),
            tuple(dict.fromkeys((*self.bounds, *other.bounds))),
            _either(self.content, other.content),
        )

    def member(self, name: str) -> Demand:
        return self.members.get(name, ANY)

    @property
    def item(self) -> Demand:
        """What is asked of each element; nothing for what is not a list."""
        return self.element or ANY


def _either(one: Demand | None, other: Demand | None) -> Demand | None:
    return other if one is None else one if other is None else one | other


ANY = Demand()
TEXT = Demand(form="text")
NUMBER = Demand(form="number")


def having(name: str, demand: Demand) -> Demand:
    """Return the demand for a mapping with the member *name*."""
    return Demand({name: demand})


def each(demand: Demand) -> Demand:
    """Return the demand for a list of such elements."""
    return Demand(element=demand)


def along(path: Iterable[str], demand: Demand) -> Demand:
    """Return the demand for a value with members inside one another, as `a.b` names them."""
    return reduce(lambda inner, name: having(name, inner), reversed(list(path)), demand)


def demanded(parsed: Parsed, wanted: Demand, known: Known, *, binding: bool) -> Demand:
    """Return what *parsed* asks of the names in scope when its result should be as *wanted*.

    *binding*: its comparisons should hold; else only their forms count. Of a template that is
    more than one expression, each piece gives text.
    """
    whole = parsed.only
    found = ANY
    for piece in parsed.pieces:
        reader = _Reader(piece, known, binding=binding)
        part = Demand(form="text", content=wanted.content)
        found |= reader.read(piece.node, wanted if piece is whole else part)
    return found


# Filters that give the list again, perhaps in another order or with fewer elements.
_SAME_LIST = frozenset(("list", "sort", "unique", "reverse"))
_OF_ELEMENTS = frozenset(("first", "last", "one", "min", "max"))
_CHOOSING = frozenset(("selectattr", "rejectattr"))
_FORMS: Mapping[str, Form] = {
    **dict.fromkeys(("int", "float", "round", "abs"), "number"),
    **dict.fromkeys(("date", "epoch_ms"), "date"),
}
_ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)


class _Reader:
    """Goes through one expression from its result to the names that it reads."""

    def __init__(self, piece: Piece, known: Known, *, binding: bool) -> None:
        self._piece = piece
        self._known = known
        self._binding = binding

    def read(self, node: nodes.Node | None, wanted: Demand) -> Demand:
        match node:
            case nodes.Name():
                return having(node.name, wanted)
            case nodes.Getattr():
                return self.read(node.node, having(node.attr, wanted))
            case nodes.Getitem():
                return self._member(node, wanted)
            case nodes.Filter():
                return self._filtered(node, wanted)
            case nodes.Compare():
                return self._compared(node)
            case nodes.CondExpr():
                return self._all((node.expr1, node.expr2), wanted) | self.read(node.test, ANY)
            case nodes.And() | nodes.Or():
                return self._all(
                    (node.left, node.right), wanted if wanted.form == "boolean" else ANY
                )
            case nodes.Not():
                denied = Demand(form="boolean", bounds=tuple(("==", False) for _ in wanted.bounds))
                return _Reader(self._piece, self._known, binding=False).read(node.node, denied)
            case nodes.Concat():
                return self._all(node.nodes, TEXT)
            case nodes.Call():
                return self._called(node)
            case None:
                return ANY
            case _:
                is_sum = isinstance(node, _ARITHMETIC)
                return self._all(node.iter_child_nodes(), NUMBER if is_sum else ANY)

    def _all(self, found: Iterable[nodes.Node | None], wanted: Demand) -> Demand:
        return reduce(operator.or_, (self.read(node, wanted) for node in found), ANY)

    def _member(self, node: nodes.Getitem, wanted: Demand) -> Demand:
        match node.arg:
            case nodes.Const(value=str() as name):
                return self.read(node.node, having(name, wanted))
            case nodes.Slice():
                return self.read(node.node, each(wanted.item))
            case nodes.Const():
                return self.read(node.node, each(wanted))
        return self.read(node.node, ANY) | self.read(node.arg, ANY)

    def _called(self, node: nodes.Call) -> Demand:
        arguments = self._all(node.args, ANY)
        # A method of a text; the methods of counters are read by `mentions`.
        if isinstance(node.node, nodes.Getattr) and node.node.attr not in ("number", "text"):
            return arguments | self.read(node.node.node, ANY)
        return arguments

    # --- filters ------------------------------------------------------------------------------

    def _filtered(self, node: nodes.Filter, wanted: Demand) -> Demand:
        arguments = self._all((*node.args, *(pair.value for pair in node.kwargs)), ANY)
        return arguments | self.read(node.node, self._before(node, wanted))

    def _before(self, node: nodes.Filter, wanted: Demand) -> Demand:
        """Return what a filter asks of its value when its result should be as *wanted*."""
        name, attribute = node.name, _attribute(node)
        if name in ("length", "count"):
            return Demand(element=ANY, bounds=wanted.bounds)
        if name == "map":
            return each(_in_attribute(attribute, wanted.item)) if attribute else each(ANY)
        if name in _CHOOSING:
            return Demand(element=wanted.item | self._chosen(node), bounds=wanted.bounds)
        if name in _SAME_LIST:
            return replace(each(wanted.item | _in_attribute(attribute, ANY)), bounds=wanted.bounds)
        if name == "one":
            return Demand(element=wanted, bounds=(("==", 1),))
        if name in _OF_ELEMENTS:
            return each(wanted)
        if name == "sum":
            return each(_in_attribute(attribute, NUMBER) if attribute else NUMBER)
        if name == "join":
            return each(_in_attribute(attribute, TEXT) if attribute else TEXT)
        if name == "batch":
            return each(wanted.item.item)
        if name == "group_by":
            group = wanted.item.member("items").item
            return each(group | _in_attribute(_first_text(node), TEXT))
        if name == "csv_column":
            return TEXT
        if name in ("default", "d"):
            return wanted
        return Demand(
            form=_FORMS.get(name, wanted.form), bounds=wanted.bounds, content=wanted.content
        )

    def _chosen(self, node: nodes.Filter) -> Demand:
        """Return what elements have that `selectattr` chooses, with the value that it asks for."""
        name = _first_text(node)
        equal = len(node.args) == 3 and _text(node.args[1]) in ("==", "eq", "equalto")
        if not (equal and node.name == "selectattr"):
            return _in_attribute(name, ANY)
        return _in_attribute(name, self._compared_with("==", node.args[2]))

    # --- comparisons --------------------------------------------------------------------------

    def _compared(self, node: nodes.Compare) -> Demand:
        if len(node.ops) != 1:
            return self._all((node.expr, *(one.expr for one in node.ops)), ANY)
        (operand,) = node.ops
        if operand.op in ("in", "notin"):
            return self._in_list(node.expr, operand)
        symbol = OPERATORS.get(operand.op, "")
        turned = TURNED.get(symbol, "")
        return self.read(node.expr, self._compared_with(symbol, operand.expr)) | self.read(
            operand.expr, self._compared_with(turned, node.expr)
        )

    def _compared_with(self, symbol: str, other: nodes.Expr) -> Demand:
        """Return what a comparison with *other* asks of a value; *symbol* may be empty."""
        value = self._known(self._piece.written(other))
        if value is None or not isinstance(value, bool | int | float | str):
            return ANY
        bounds = ((symbol, value),) if symbol and self._binding else ()
        return Demand(form=_form_of(value), bounds=bounds)

    def _in_list(self, left: nodes.Expr, operand: nodes.Operand) -> Demand:
        """Return what `left in right` asks for: one of several values, or a list with a value."""
        listed = self._known(self._piece.written(operand.expr))
        if isinstance(listed, list | tuple) and listed:
            bounds = (("==", listed[0]),) if self._binding and operand.op == "in" else ()
            return self.read(left, Demand(form=_form_of(listed[0]), bounds=bounds))
        symbol = "==" if operand.op == "in" else ""
        return self.read(left, ANY) | self.read(
            operand.expr, each(self._compared_with(symbol, left))
        )


def _form_of(value: Any) -> Form:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text"


def _attribute(node: nodes.Filter) -> str:
    return next((_text(pair.value) for pair in node.kwargs if pair.key == "attribute"), "")


def _first_text(node: nodes.Filter) -> str:
    return _text(node.args[0]) if node.args else _attribute(node)


def _text(node: nodes.Node) -> str:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else ""


def _in_attribute(attribute: str, demand: Demand) -> Demand:
    return along(attribute.split("."), demand) if attribute else ANY
