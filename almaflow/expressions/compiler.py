"""A parsed expression → one Python function, made of one small function for each node.

Nothing is evaluated here, not even constants: all work happens later, against a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from almaflow.expressions.attributes import attribute, item, no_method
from almaflow.expressions.comparisons import COMPARISONS
from almaflow.expressions.errors import ExpressionFailed, NotDefined
from almaflow.expressions.filters import FILTERS, GIVE_DEFAULT
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.methods import FUNCTIONS, METHODS
from almaflow.expressions.operations import (
    SLICED,
    apply,
    concatenate,
    multiplies_names,
    no_operation,
    no_part,
    number,
    whole,
)
from almaflow.expressions.parsed import Piece
from almaflow.expressions.parser import keywords
from almaflow.expressions.predicates import ASKS_WHETHER_DEFINED, TESTS
from almaflow.expressions.registry import named
from almaflow.expressions.types import KINDS
from almaflow.expressions.values import described, kind_of, span_of
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean

Code = Callable[[EvaluationFrame], Any]

# How Python's and Jinja2's functions behind the filters refuse a value that we let pass.
_REFUSALS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def compile_piece(piece: Piece) -> Code:
    """Return the function that works an expression out; it is kept for as long as *piece* is.

    Raises: ExpressionFailed, placed, when it uses something that does not exist.
    """
    return piece.once("code", lambda: _Compiler(piece).code(piece.node))


class _Compiler:
    def __init__(self, piece: Piece) -> None:
        self.piece = piece

    def code(self, node: nodes.Expr) -> Code:
        """Return the function for *node*; what fails in it knows its place."""
        if isinstance(node, nodes.Const):
            value = node.value
            return lambda frame: value
        make = _MAKERS.get(type(node))
        try:
            if make is None:
                raise ExpressionFailed(f"`{self.piece.written(node)}` is not allowed here.")
            inner = make(self, node)
        except ExpressionFailed as error:
            error.place(self.piece.span(node))
            raise
        piece = self.piece

        def run(frame: EvaluationFrame) -> Any:
            try:
                return inner(frame)
            except ExpressionFailed as error:
                error.place(piece.span(node))
                raise
            except _REFUSALS as error:
                failed = ExpressionFailed(f"This cannot be evaluated: {error}.")
                failed.place(piece.span(node))
                raise failed from error

        return run

    def codes(self, several: list[nodes.Expr]) -> list[Code]:
        return [self.code(node) for node in several]

    def name(self, node: nodes.Name) -> Code:
        name = node.name

        def run(frame: EvaluationFrame) -> Any:
            try:
                return frame.names[name]
            except KeyError:
                if name in FUNCTIONS:
                    usage = FUNCTIONS[name].usage(0)
                    raise ExpressionFailed(f"`{name}` is written `{usage}`.") from None
                raise NotDefined(
                    f"`{name}` is not defined{did_you_mean(name, frame.names) or '.'}"
                ) from None

        return run

    def getattr(self, node: nodes.Getattr) -> Code:
        inner, name, written = self.code(node.node), node.attr, self.piece.written(node.node)
        return lambda frame: attribute(inner(frame), name, written)

    def getitem(self, node: nodes.Getitem) -> Code:
        inner, written = self.code(node.node), self.piece.written(node.node)
        if isinstance(node.arg, nodes.Slice):
            bounds = [
                self.code(part) if part is not None else None
                for part in (node.arg.start, node.arg.stop, node.arg.step)
            ]
            return lambda frame: _slice(frame, inner(frame), bounds)
        key = self.code(node.arg)
        return lambda frame: item(frame, inner(frame), key(frame), written)

    def sequence(self, node: nodes.List | nodes.Tuple) -> Code:
        codes = self.codes(node.items)

        def run(frame: EvaluationFrame) -> list[Any]:
            made = [code(frame) for code in codes]
            frame.budget.whole(made)
            return made

        return run

    def mapping(self, node: nodes.Dict) -> Code:
        pairs = [(self.code(pair.key), self.code(pair.value)) for pair in node.items]

        def run(frame: EvaluationFrame) -> dict[str, Any]:
            made = {_key(key(frame)): value(frame) for key, value in pairs}
            frame.budget.whole(made)
            return made

        return run

    def binary(self, node: nodes.BinExpr) -> Code:
        operator, left, right = node.operator, self.code(node.left), self.code(node.right)
        if not multiplies_names(node):
            return lambda frame: apply(frame, operator, left(frame), right(frame))

        def multiply(frame: EvaluationFrame) -> Any:
            first, second = left(frame), right(frame)
            if isinstance(first, str) or isinstance(second, str):
                raise ExpressionFailed(no_operation("*", kind_of(first), kind_of(second)))
            return apply(frame, "*", first, second)

        return multiply

    def both(self, node: nodes.And) -> Code:
        left, right = self.code(node.left), self.code(node.right)
        return lambda frame: left(frame) and right(frame)

    def one_of(self, node: nodes.Or) -> Code:
        left, right = self.code(node.left), self.code(node.right)
        return lambda frame: left(frame) or right(frame)

    def not_(self, node: nodes.Not) -> Code:
        inner = self.code(node.node)
        return lambda frame: not inner(frame)

    def sign(self, node: nodes.Neg | nodes.Pos) -> Code:
        inner, negative = self.code(node.node), isinstance(node, nodes.Neg)

        def run(frame: EvaluationFrame) -> Any:
            value = inner(frame)
            kind = kind_of(value)
            if kind == "duration":
                return span_of(value).negative() if negative else value
            if kind != "number":
                raise ExpressionFailed(f"Only a number can have a sign, but this is {KINDS[kind]}.")
            return number(-value if negative else value)

        return run

    def concat(self, node: nodes.Concat) -> Code:
        codes = self.codes(node.nodes)
        return lambda frame: concatenate(frame, [code(frame) for code in codes])

    def compare(self, node: nodes.Compare) -> Code:
        first = self.code(node.expr)
        steps = [(COMPARISONS[operand.op], self.code(operand.expr)) for operand in node.ops]

        def run(frame: EvaluationFrame) -> bool:
            left = first(frame)
            for holds, code in steps:
                right = code(frame)
                if not holds(frame, left, right):
                    return False
                left = right
            return True

        return run

    def conditional(self, node: nodes.CondExpr) -> Code:
        test, then = self.code(node.test), self.code(node.expr1)
        otherwise = None if node.expr2 is None else self.code(node.expr2)

        def run(frame: EvaluationFrame) -> Any:
            if test(frame):
                return then(frame)
            if otherwise is None:
                raise NotDefined("The condition is false, and there is no `else`.")
            return otherwise(frame)

        return run

    def call(self, node: nodes.Call) -> Code:
        arguments = self.arguments(node)
        if isinstance(node.node, nodes.Getattr):
            inner, name = self.code(node.node.node), node.node.attr
            return lambda frame: _call_method(frame, inner(frame), name, arguments)
        if not isinstance(node.node, nodes.Name):
            raise ExpressionFailed(f"`{self.piece.written(node.node)}` cannot be called.")
        function = named(FUNCTIONS, node.node.name, "function")
        function.check_use(0, len(arguments.args), arguments.kwargs)
        return lambda frame: arguments.call(function.act, frame)

    def filter(self, node: nodes.Filter) -> Code:
        operation, arguments = named(FILTERS, node.name, "filter"), self.arguments(node)
        operation.check_use(1, len(arguments.args), arguments.kwargs)
        assert node.node is not None  # only filter blocks have none, which are statements
        inner = self.code(node.node)

        def run(frame: EvaluationFrame) -> Any:
            return arguments.call(operation.on, frame, inner(frame))

        if node.name not in GIVE_DEFAULT:
            return run
        default = arguments.first("default_value", lambda frame: "")

        def run_or_default(frame: EvaluationFrame) -> Any:
            try:
                return run(frame)
            except NotDefined:
                return default(frame)

        return run_or_default

    def test(self, node: nodes.Test) -> Code:
        inner = self.code(node.node)
        if node.name in ASKS_WHETHER_DEFINED:
            is_positive = node.name == "defined"

            def asks(frame: EvaluationFrame) -> bool:
                try:
                    inner(frame)
                except NotDefined:
                    return not is_positive
                return is_positive

            return asks
        operation, arguments = named(TESTS, node.name, "test"), self.arguments(node)
        operation.check_use(1, len(arguments.args), arguments.kwargs)
        return lambda frame: arguments.call(operation.on, frame, inner(frame))

    def arguments(self, node: nodes.Call | nodes.Filter | nodes.Test) -> _Arguments:
        named_codes = {key: self.code(value) for key, value in keywords(node)}
        return _Arguments(self.codes(node.args), named_codes)


@dataclass(frozen=True)
class _Arguments:
    """What an operation is given in brackets, before it is evaluated."""

    args: list[Code]
    kwargs: Mapping[str, Code]

    def call(self, act: Callable[..., Any], frame: EvaluationFrame, *values: Any) -> Any:
        """Call *act* with *values* and the arguments, which are evaluated here."""
        return act(
            frame,
            *values,
            *[code(frame) for code in self.args],
            **{key: code(frame) for key, code in self.kwargs.items()},
        )

    def first(self, name: str, otherwise: Code) -> Code:
        """Return the first argument, which may be given as *name*."""
        return self.args[0] if self.args else self.kwargs.get(name, otherwise)


_MAKERS: Mapping[type[nodes.Node], Callable[[_Compiler, Any], Code]] = {
    nodes.Name: _Compiler.name,
    nodes.Getattr: _Compiler.getattr,
    nodes.Getitem: _Compiler.getitem,
    nodes.List: _Compiler.sequence,
    nodes.Tuple: _Compiler.sequence,
    nodes.Dict: _Compiler.mapping,
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow),
        _Compiler.binary,
    ),
    nodes.And: _Compiler.both,
    nodes.Or: _Compiler.one_of,
    nodes.Not: _Compiler.not_,
    nodes.Neg: _Compiler.sign,
    nodes.Pos: _Compiler.sign,
    nodes.Concat: _Compiler.concat,
    nodes.Compare: _Compiler.compare,
    nodes.CondExpr: _Compiler.conditional,
    nodes.Call: _Compiler.call,
    nodes.Filter: _Compiler.filter,
    nodes.Test: _Compiler.test,
}


def _call_method(frame: EvaluationFrame, value: Any, name: str, arguments: _Arguments) -> Any:
    kind = kind_of(value)
    operation = METHODS.get(kind, {}).get(name)
    if operation is None:
        raise ExpressionFailed(no_method(kind, name))
    operation.check_use(1, len(arguments.args), arguments.kwargs)
    return arguments.call(operation.act, frame, value)


def _key(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionFailed(f"A key is text in quotes, but this is {described(value)}.")
    return value


def _slice(frame: EvaluationFrame, value: Any, bounds: list[Code | None]) -> Any:
    kind = kind_of(value)
    if kind not in SLICED:
        raise ExpressionFailed(no_part(kind))
    places = [None if code is None else code(frame) for code in bounds]
    for place in places:
        if place is not None:
            whole(place, "a place")
    if places[2] == 0:
        raise ExpressionFailed("The third number of a part cannot be 0.")
    part = slice(*places)
    size = len(range(*part.indices(len(value))))
    if isinstance(value, str):
        frame.budget.text(size)
        return value[part]
    frame.budget.items(size)
    return list(value[part])
