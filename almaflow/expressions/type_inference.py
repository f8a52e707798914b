"""The types of the parts of an expression, and what cannot be right about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from almaflow.expressions.attributes import no_method
from almaflow.expressions.comparisons import misfit
from almaflow.expressions.filters import FILTERS, GIVE_DEFAULT
from almaflow.expressions.meant_names import meant_filter, meant_method
from almaflow.expressions.member_types import Noting, attribute_of
from almaflow.expressions.methods import FUNCTIONS, METHODS
from almaflow.expressions.operations import BINARY, SLICED, multiplies_names, no_operation, no_part
from almaflow.expressions.parsed import Piece
from almaflow.expressions.parser import keywords
from almaflow.expressions.predicates import ASKS_WHETHER_DEFINED, TEST_COMPARISONS, TESTS
from almaflow.expressions.registry import Operation
from almaflow.expressions.text_filters import check_date_format
from almaflow.expressions.types import (
    ANYTHING,
    BOOLEAN,
    KINDS,
    NOTHING,
    NUMBER,
    TEXT,
    ListType,
    MaybeMissing,
    RecordType,
    Type,
    certain,
    item_of,
    join,
    same_kind,
)


class Inference(Noting):
    """Works the types of one expression out and collects what is wrong in *notes*.

    *types* has the type of each node that was visited, by `id`.
    """

    def __init__(self, piece: Piece, scope: RecordType, guarded: frozenset[str]) -> None:
        super().__init__(piece, guarded)
        self.scope = scope
        self.types: dict[int, Type] = {}

    def type_of(self, node: nodes.Expr) -> Type:
        """Return the type of *node*, noting what is wrong in it."""
        visit = _VISITS.get(type(node))
        if visit is None:
            self._note(node, "not-allowed", f"`{self.piece.written(node)}` is not allowed here.")
            return ANYTHING
        type_ = visit(self, node)
        if isinstance(type_, MaybeMissing):
            self._check_may_not_have_run(node, type_)
            type_ = certain(type_)
        self.types[id(node)] = type_
        return type_

    def const(self, node: nodes.Const) -> Type:
        return _CONSTANTS.get(type(node.value), ANYTHING)

    def name(self, node: nodes.Name) -> Type:
        place = (node.lineno, len(node.name))
        if node.name in FUNCTIONS and node.name not in self.scope.fields:
            usage = FUNCTIONS[node.name].usage(0)
            self._add(place, "unknown-name", f"`{node.name}` is written `{usage}`.")
            return ANYTHING
        return self._field(self.scope, node.name, None, place)

    def getattr(self, node: nodes.Getattr) -> Type:
        owner = self.type_of(node.node)
        place = (node.lineno, len(node.attr))
        return self._member(owner, node.attr, node.node, place)

    def getitem(self, node: nodes.Getitem) -> Type:
        owner = self.type_of(node.node)
        if isinstance(node.arg, nodes.Slice):
            for part in (node.arg.start, node.arg.stop, node.arg.step):
                if part is not None:
                    self.type_of(part)
            return self._part(node, owner)
        self.type_of(node.arg)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if isinstance(owner, RecordType):
            if not isinstance(key, str):
                self._check_number(node, owner, key)
                return ANYTHING
            return self._field(owner, key, node.node, self.piece.span(node.arg))
        if owner.kind in ("list", "counters") and isinstance(key, str):
            advice = "Select an element of a list by its number. The first is `[0]`."
            if owner.kind == "counters":
                written = self.piece.written(node.node)
                advice = f"Write `{written}.number('{key}')` for this counter."
            self._note(node.arg, "unknown-attribute", advice)
            return ANYTHING
        if owner.kind in ("", "list", "counters", "text", "nothing"):
            return owner if owner == TEXT else item_of(owner)
        self._note(
            node,
            "unknown-attribute",
            f"`{self.piece.written(node.node)}` is {KINDS[owner.kind]} and has no elements.",
        )
        return ANYTHING

    def _check_number(self, node: nodes.Getitem, owner: RecordType, key: object) -> None:
        """Note a number in place of the name of a part of *owner*."""
        if owner.open or not isinstance(key, int) or isinstance(key, bool):
            return
        written = self.piece.written(node.node)
        names = [one for one in owner.fields if one.isidentifier()]
        name = names[key] if 0 <= key < len(names) else ""
        write = f" Write `{written}.{name}`." if name else ""
        self._note(
            node.arg,
            "unknown-attribute",
            f"The parts of `{written}` have names, not numbers.{write}",
        )

    def _part(self, node: nodes.Getitem, owner: Type) -> Type:
        """Return the type of a slice: the kind of what is sliced; of an unknown kind, unknown."""
        if owner.kind in SLICED:
            return same_kind(owner)
        if owner.kind:
            self._note(node, "wrong-operands", no_part(owner.kind))
        return ANYTHING

    def sequence(self, node: nodes.List | nodes.Tuple) -> Type:
        types = [self.type_of(one) for one in node.items]
        common = types[0] if types else ANYTHING
        for type_ in types[1:]:
            common = join(common, type_)
        return ListType(common)

    def mapping(self, node: nodes.Dict) -> Type:
        fields: dict[str, Type] = {}
        known = True
        for pair in node.items:
            self.type_of(pair.key)
            type_ = self.type_of(pair.value)
            if isinstance(pair.key, nodes.Const) and isinstance(pair.key.value, str):
                fields[pair.key.value] = type_
            else:
                # It may be any of those before it, whose value it then replaces.
                fields.clear()
                known = False
        return RecordType(fields, "key", open=not known)

    def binary(self, node: nodes.BinExpr) -> Type:
        left, right = self.type_of(node.left), self.type_of(node.right)
        if not left.kind or not right.kind:
            return ANYTHING
        if node.operator == "%" and left == TEXT:
            return TEXT
        operation = BINARY.get((node.operator, left.kind, right.kind))
        meant = TEXT not in (left, right) or not multiplies_names(node)
        if operation is not None and meant:
            return operation[1]
        code = "arithmetic-on-text" if TEXT in (left, right) else "wrong-operands"
        self._note(node, code, no_operation(node.operator, left.kind, right.kind))
        return ANYTHING

    def either(self, node: nodes.And | nodes.Or) -> Type:
        return join(self.type_of(node.left), self.type_of(node.right))

    def not_(self, node: nodes.Not) -> Type:
        self.type_of(node.node)
        return BOOLEAN

    def sign(self, node: nodes.Neg | nodes.Pos) -> Type:
        type_ = self.type_of(node.node)
        if type_.kind in ("", "number", "duration"):
            return type_
        code = "arithmetic-on-text" if type_ == TEXT else "wrong-operands"
        self._note(node, code, f"Only a number can have a sign, but this is {KINDS[type_.kind]}.")
        return ANYTHING

    def concat(self, node: nodes.Concat) -> Type:
        for piece in node.nodes:
            type_ = self.type_of(piece)
            if type_.kind in ("list", "counters", "mapping", "nothing"):
                self._note(
                    piece,
                    "not-a-text",
                    f"`{self.piece.written(piece)}` is {KINDS[type_.kind]}, which cannot be "
                    "written as text.",
                )
        return TEXT

    def compare(self, node: nodes.Compare) -> Type:
        before, left = node.expr, self.type_of(node.expr)
        for operand in node.ops:
            right = self.type_of(operand.expr)
            problem = misfit(operand.op, left, right)
            if problem is not None:
                offset, _ = self.piece.span(before)
                start, length = self.piece.span(operand.expr)
                self._add((offset, start + length - offset), *problem)
            before, left = operand.expr, right
        return BOOLEAN

    def conditional(self, node: nodes.CondExpr) -> Type:
        self.type_of(node.test)
        then = self.type_of(node.expr1)
        return join(then, self.type_of(node.expr2)) if node.expr2 is not None else then

    def call(self, node: nodes.Call) -> Type:
        self._visit_arguments(node)
        if isinstance(node.node, nodes.Getattr):
            return self._method(node, node.node)
        if not isinstance(node.node, nodes.Name):
            written = self.piece.written(node.node)
            self._note(node.node, "unknown-function", f"`{written}` cannot be called.")
            return ANYTHING
        place = (node.node.lineno, len(node.node.name))
        return self._operation(node, FUNCTIONS, node.node.name, "function", place, None)

    def filter(self, node: nodes.Filter) -> Type:
        assert node.node is not None  # only filter blocks have none, which are statements
        place = (node.lineno, len(node.name))
        if node.name in GIVE_DEFAULT:
            self._tolerant += 1
            value = self.type_of(node.node)
            self._tolerant -= 1
            arguments = self._visit_arguments(node)
            self._operation(node, FILTERS, node.name, "filter", place, ANYTHING)
            return join(value, arguments[0] if arguments else TEXT)
        value = self.type_of(node.node)
        arguments = self._visit_arguments(node)
        type_ = self._operation(node, FILTERS, node.name, "filter", place, value)
        type_ = self._or_default(type_, FILTERS.get(node.name), 1, node, node.args)
        first = node.args[0] if node.args else None
        attribute = attribute_of(node)
        if attribute is not None:
            part = self._part_of_each(item_of(value), attribute, node)
            if node.name == "map":
                type_ = ListType(self._or_default(part, FILTERS["map"], 1, node, []))
        elif isinstance(first, nodes.Const) and isinstance(first.value, str):
            type_ = self._named_in(node, first, value, type_)
        elif node.name == "sum" and not node.args and not node.kwargs and item_of(value) == NUMBER:
            type_ = NUMBER
        return type_

    def _named_in(self, node: nodes.Filter, first: nodes.Const, value: Type, type_: Type) -> Type:
        """Look at a text argument that is a format, or the name of a filter or test."""
        name = node.name
        if name == "date":
            problem = check_date_format(first.value)
            if problem:
                self._note(first, "bad-format", problem)
        elif name == "map":
            operation = FILTERS.get(first.value)
            if operation is not None:
                each = certain(operation.result_for(item_of(value)))
                if first.value in GIVE_DEFAULT:
                    return ListType(ANYTHING)
                return ListType(self._or_default(each, operation, 1, node, node.args[1:]))
            self._unknown(self.piece.span(first), "filter", first.value, FILTERS)
        elif name in ("select", "reject") and first.value not in (
            TESTS.keys() | ASKS_WHETHER_DEFINED
        ):
            self._unknown(self.piece.span(first), "test", first.value, TESTS)
        return type_

    def test(self, node: nodes.Test) -> Type:
        place = (node.lineno, len(node.name))
        asks = node.name in ASKS_WHETHER_DEFINED
        self._tolerant += asks
        value = self.type_of(node.node)
        self._tolerant -= asks
        arguments = self._visit_arguments(node)
        if asks:
            return BOOLEAN
        self._operation(node, TESTS, node.name, "test", place, value)
        comparison = TEST_COMPARISONS.get(node.name)
        if comparison and arguments:
            problem = misfit(comparison, value, arguments[0])
            if problem is not None:
                self._note(node, *problem)
        return BOOLEAN

    def _method(self, node: nodes.Call, getter: nodes.Getattr) -> Type:
        owner = self.type_of(getter.node)
        place = (getter.lineno, len(getter.attr))
        if not owner.kind:
            return ANYTHING
        if owner.kind == "mapping" or getter.attr not in METHODS.get(owner.kind, {}):
            if owner.kind == "text" and (method := meant_method(getter.attr)):
                self._add(place, "unknown-function", f"Text has no `.{getter.attr}`. {method}")
                return ANYTHING
            right = meant_filter(getter.attr, FILTERS)
            otherwise = f" Write `| {right}`." if right else ""
            self._add(place, "unknown-function", no_method(owner.kind, getter.attr, otherwise))
            return ANYTHING
        methods = METHODS[owner.kind]
        type_ = self._operation(node, methods, getter.attr, "function", place, owner)
        return self._or_default(type_, methods[getter.attr], 1, node, node.args)

    def _operation(
        self,
        node: nodes.Call | nodes.Filter | nodes.Test,
        known: Mapping[str, Operation],
        name: str,
        noun: str,
        place: tuple[int, int],
        value: Type | None,
    ) -> Type:
        """Check the use of a named operation and return its type; *value* None: a function."""
        operation = known.get(name)
        if operation is None:
            self._unknown(place, noun, name, known)
            return ANYTHING
        values = 0 if value is None else 1
        problem = operation.misuse(values, len(node.args), [key for key, _ in keywords(node)])
        if problem:
            self._add(place, "wrong-arguments", problem)
        elif value is not None and (problem := operation.misfit(value.kind)):
            self._add(place, "wrong-operands", problem)
        return certain(operation.result_for(value or ANYTHING))

    def _or_default(
        self,
        type_: Type,
        operation: Operation | None,
        values: int,
        node: nodes.Call | nodes.Filter,
        args: list[nodes.Expr],
    ) -> Type:
        """Return the type of what may be the default that an operation is given instead.

        *args* are those of the operation without a name; those with a name are *node*'s.
        """
        place = None if operation is None else operation.place_of("default", values)
        defaults = [value for key, value in keywords(node) if key == "default"]
        if place is not None and not defaults:
            defaults = args[place : place + 1]
        return join(type_, self.types.get(id(defaults[0]), ANYTHING)) if defaults else type_

    def _visit_arguments(self, node: nodes.Call | nodes.Filter | nodes.Test) -> list[Type]:
        return [
            *(self.type_of(one) for one in node.args),
            *(self.type_of(value) for _, value in keywords(node)),
        ]


_CONSTANTS: Mapping[type, Type] = {
    str: TEXT,
    int: NUMBER,
    float: NUMBER,
    bool: BOOLEAN,
    type(None): NOTHING,
}
_VISITS: Mapping[type[nodes.Node], Callable[[Inference, Any], Type]] = {
    nodes.Const: Inference.const,
    nodes.Name: Inference.name,
    nodes.Getattr: Inference.getattr,
    nodes.Getitem: Inference.getitem,
    nodes.List: Inference.sequence,
    nodes.Tuple: Inference.sequence,
    nodes.Dict: Inference.mapping,
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow),
        Inference.binary,
    ),
    nodes.And: Inference.either,
    nodes.Or: Inference.either,
    nodes.Not: Inference.not_,
    nodes.Neg: Inference.sign,
    nodes.Pos: Inference.sign,
    nodes.Concat: Inference.concat,
    nodes.Compare: Inference.compare,
    nodes.CondExpr: Inference.conditional,
    nodes.Call: Inference.call,
    nodes.Filter: Inference.filter,
    nodes.Test: Inference.test,
}
