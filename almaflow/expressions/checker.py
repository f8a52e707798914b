"""Checking an expression before the run, against the types of the names it may use."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from almaflow.expressions.findings import ExpressionProblem
from almaflow.expressions.parsed import Parsed, Piece
from almaflow.expressions.predicates import ASKS_WHETHER_DEFINED
from almaflow.expressions.type_inference import Inference
from almaflow.expressions.types import ANYTHING, BOOLEAN, KINDS, TEXT, RecordType, Type, certain


def check(
    parsed: Parsed,
    scope: RecordType,
    *,
    condition: bool = False,
    guards: frozenset[str] = frozenset(),
) -> list[ExpressionProblem]:
    """Return what is certainly wrong, in order of place; see `templates.check`."""
    findings: list[ExpressionProblem] = []
    guarded = guards | guards_of(parsed)
    whole_text = not parsed.single
    for piece in parsed.pieces:
        inference = Inference(piece, scope, guarded)
        type_ = inference.type_of(piece.node)
        findings.extend(inference.notes)
        if condition:
            findings.extend(_not_conditions(piece, piece.node, inference))
        elif whole_text and certain(type_).kind in ("list", "counters", "mapping", "nothing"):
            findings.append(_not_text(piece, certain(type_)))
    return sorted(set(findings), key=lambda one: (one.offset, one.length, one.code))


def type_of(parsed: Parsed, scope: RecordType) -> Type:
    """Return the type of what `evaluate` or `render` gives; ANYTHING when it is not certain."""
    if parsed.only is None:
        return TEXT
    return certain(Inference(parsed.only, scope, frozenset()).type_of(parsed.only.node))


def guards_of(parsed: Parsed) -> frozenset[str]:
    """Return the steps whose run the expression asks about; see `templates.guards_of`."""
    return frozenset[str]().union(*map(_asked_by, parsed.pieces))


def _asked_by(piece: Piece) -> frozenset[str]:
    return piece.once("asked", lambda: frozenset(_asked(piece.node)))


def _asked(node: nodes.Node) -> Iterator[str]:
    for inner in (node, *node.find_all(nodes.Node)):
        if isinstance(inner, nodes.Test) and inner.name in ASKS_WHETHER_DEFINED:
            path = path_of(inner.node)
        elif isinstance(inner, (nodes.Getattr, nodes.Getitem)):
            path = path_of(inner)
            if path[2:] != ["outcome"]:
                continue
        else:
            continue
        if path[:1] == ["steps"] and len(path) > 1:
            yield path[1]


def path_of(node: nodes.Node) -> list[str]:
    """Return `["steps", "x", "y"]` for `steps.x.y`, empty for what is not such a chain."""
    names: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr):
            names.append(node.attr)
        elif isinstance(node.arg, nodes.Const):
            names.append(str(node.arg.value))
        else:
            # What is before an element chosen at run time still names the step.
            names.clear()
        node = node.node
    return [node.name, *reversed(names)] if isinstance(node, nodes.Name) else []


def _not_conditions(
    piece: Piece, node: nodes.Expr, inference: Inference
) -> Iterator[ExpressionProblem]:
    if isinstance(node, (nodes.And, nodes.Or)):
        yield from _not_conditions(piece, node.left, inference)
        yield from _not_conditions(piece, node.right, inference)
        return
    if isinstance(node, nodes.Not):
        yield from _not_conditions(piece, node.node, inference)
        return
    type_ = certain(inference.types.get(id(node), ANYTHING))
    if not type_.kind or type_ == BOOLEAN:
        return
    offset, length = piece.span(node)
    yield ExpressionProblem(
        "not-a-condition",
        f"A condition must be true or false, but `{piece.written(node)}` is "
        f"{KINDS[type_.kind]}{_as_condition(type_.kind)}.",
        offset,
        length,
    )


def _as_condition(kind: str) -> str:
    advice = {
        "text": ". Compare it: `… == 'text'`",
        "number": "; compare it: `… > 0`",
        "list": ". Check its length: `… | length > 0`",
        "counters": ". Check one of them: `….number('key') > 0`",
    }
    return advice.get(kind, ". Compare it with something")


def _not_text(piece: Piece, type_: Type) -> ExpressionProblem:
    advice = {
        "list": ". Write `| join(', ')`, or `| tojson`",
        "counters": ". Select one: `.number('key')`, or write `| tojson`",
        "mapping": ". Select one of its keys, or write `| tojson`",
    }
    return ExpressionProblem(
        "not-a-text",
        f"`{piece.text}` is {KINDS[type_.kind]}, which cannot be written as "
        f"text{advice.get(type_.kind, '')}.",
        piece.start,
        len(piece.text),
    )
