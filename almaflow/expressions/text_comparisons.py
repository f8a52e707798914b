"""The fixed texts that an expression compares values with: `steps.x.outcome == 'failed'`.

steps.x.status == 'A'   steps.x.status in ['A', 'B']   steps.x.status is eq 'A'
'A' in steps.x.status   steps.x.status.startswith('A')                              a part
steps.x.status in 'A B'                                                             around
steps.x.status | lower == 'a'   steps.x.status.lower() == 'a'                       in one case
steps.x.results | selectattr('outcome', 'equalto', 'failed')                        of each
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from jinja2 import nodes

from almaflow.expressions.checker import path_of
from almaflow.expressions.findings import CASES, Comparison
from almaflow.expressions.parsed import Parsed, Piece
from almaflow.expressions.predicates import TEST_COMPARISONS
from almaflow.late_dataclasses import dataclass

# Comparisons with a value; `in` is for lists and, the other way round, for parts of a text.
_EQUAL = frozenset({"eq", "ne"})
_IN = frozenset({"in", "notin"})

# Filters and methods that leave a text as it is, when nothing is around it.
_UNCHANGED = frozenset({"trim", "strip", "string", "list", "default", "d"})
_PARTS = frozenset({"startswith", "endswith", "count", "find", "index"})
_BY_ATTRIBUTE = frozenset({"selectattr", "rejectattr"})
_BY_VALUE = frozenset({"select", "reject"})


@dataclass(frozen=True)
class _Value:
    """A value that is compared; *others* are the texts that replace it when it is missing."""

    path: tuple[str, ...]
    case: str = ""
    others: frozenset[str] = frozenset()


def compared_texts(parsed: Parsed) -> Iterator[Comparison]:
    """Yield every comparison of a value with a text that is not empty."""
    for piece in parsed.pieces:
        yield from _in_piece(piece)


def _in_piece(piece: Piece) -> Sequence[Comparison]:
    def all_in_it() -> Iterator[Comparison]:
        for node in (piece.node, *piece.node.find_all(nodes.Expr)):
            yield from _of_node(piece, node)

    return piece.once("comparisons", lambda: tuple(all_in_it()))


def is_constant(parsed: Parsed) -> bool:
    """Whether an expression, more than a single word, has texts and no name."""
    piece = next(iter(parsed.pieces))
    return piece.once("is constant", lambda: _is_constant(piece.node))


def _is_constant(whole: nodes.Expr) -> bool:
    if isinstance(whole, nodes.Const | nodes.Name) or any(whole.find_all(nodes.Name)):
        return False
    return any(isinstance(one.value, str) for one in whole.find_all(nodes.Const))


def _of_node(piece: Piece, node: nodes.Expr) -> Iterator[Comparison]:
    match node:
        case nodes.Compare():
            left = node.expr
            for operand in node.ops:
                yield from _of_pair(piece, operand.op, left, operand.expr)
                left = operand.expr
        case nodes.Test(args=[right]):
            yield from _of_pair(piece, TEST_COMPARISONS.get(node.name, ""), node.node, right)
        case nodes.Call(node=nodes.Getattr(node=value, attr=name), args=[text, *_]):
            if name in _PARTS:
                yield from _pair(piece, value, text, is_part=True)
        case nodes.Filter(node=nodes.Expr() as items, args=[nodes.Const(), *_]):
            yield from _of_filter(piece, node, items)


def _of_filter(piece: Piece, node: nodes.Filter, items: nodes.Expr) -> Iterator[Comparison]:
    """Yield what `select` and `selectattr` compare the elements of *items* with."""
    constants = [one.value if isinstance(one, nodes.Const) else None for one in node.args]
    if node.name in _BY_ATTRIBUTE and len(constants) == 3:
        value = _value(items)
        path = (*value.path, *str(constants[0]).split(".")) if value.path else ()
        yield from _of_value(piece, _Value(path), str(constants[1]), node.args[2])
    elif node.name in _BY_VALUE and len(constants) == 2:
        yield from _of_value(piece, _value(items), str(constants[0]), node.args[1])


def _of_value(piece: Piece, value: _Value, test: str, right: nodes.Expr) -> Iterator[Comparison]:
    texts = [right] if TEST_COMPARISONS.get(test) in _EQUAL else []
    if TEST_COMPARISONS.get(test) == "in" and isinstance(right, nodes.List | nodes.Tuple):
        texts = right.items
    for text in texts:
        yield from _with(piece, value, text)


def _of_pair(
    piece: Piece, comparison: str, left: nodes.Expr, right: nodes.Expr
) -> Iterator[Comparison]:
    if comparison in _EQUAL:
        yield from _pair(piece, left, right)
        yield from _pair(piece, right, left)
    elif comparison in _IN:
        for item in right.items if isinstance(right, nodes.List | nodes.Tuple) else ():
            yield from _pair(piece, left, item)
        yield from _pair(piece, right, left, is_part=True)
        for one in _pair(piece, left, right):
            yield replace(one, is_around=True)


def _pair(
    piece: Piece, value: nodes.Node, text: nodes.Node, *, is_part: bool = False
) -> Iterator[Comparison]:
    yield from _with(piece, _value(value), text, is_part=is_part)


def _with(
    piece: Piece, value: _Value, text: nodes.Node, *, is_part: bool = False
) -> Iterator[Comparison]:
    fixed = text.value if isinstance(text, nodes.Const) else None
    if value.path and isinstance(fixed, str) and fixed and fixed not in value.others:
        yield Comparison(value.path, fixed, *piece.span(text), is_part, case=value.case)


def _value(node: nodes.Node) -> _Value:
    """Return the value that *node* is, seen through filters that keep its words; else none."""
    match node:
        case nodes.Filter(node=nodes.Expr() as inner, name=name, args=args, kwargs=kwargs):
            if name == "map":
                return _each(_value(inner), kwargs)
            return _changed(_value(inner), name, args)
        case nodes.Call(node=nodes.Getattr(node=inner, attr=name), args=[]):
            return _changed(_value(inner), name, [])
    return _Value(tuple(path_of(node)))


def _changed(value: _Value, name: str, args: list[nodes.Expr]) -> _Value:
    if name in CASES and not args and not value.others:
        return replace(value, case=name)
    fallbacks = [one.value for one in args if isinstance(one, nodes.Const)]
    if name not in _UNCHANGED or len(fallbacks) != len(args) or (args and name[0] != "d"):
        return _Value(())
    return replace(value, others=value.others | {str(one) for one in fallbacks})


def _each(value: _Value, kwargs: Sequence[nodes.Node]) -> _Value:
    """Return what `map(attribute='a.b')` makes of a list; of other forms nothing is known."""
    match kwargs:
        case [nodes.Keyword(key="attribute", value=nodes.Const(value=str(attribute)))]:
            return _Value((*value.path, *attribute.split("."))) if value.path else value
    return _Value(())
