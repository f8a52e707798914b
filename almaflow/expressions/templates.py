"""What other packages do with expressions and templates: the functions of the whole package.

Most texts of a workflow hold no expression, and some workflows hold none at all. Jinja2 and the
tables of operations take longer to load than such a file takes to check, so the first expression
imports them: each function answers for plain text by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from almaflow.expressions.budget import Budget
from almaflow.expressions.findings import Comparison, ExpressionProblem
from almaflow.expressions.parsed import OPENING, Parsed
from almaflow.expressions.types import TEXT, RecordType, Type


def parse_expression(source: str) -> Parsed:
    """Read a bare expression; braces around the whole are allowed.

    Raises: ExpressionSyntax.
    """
    from almaflow.expressions import parser

    return parser.parse_expression(source)


def parse_template(source: str) -> Parsed:
    """Read text in which each `{{ … }}` is an expression.

    Raises: ExpressionSyntax.
    """
    if OPENING.search(source) is None:
        return Parsed(source, (source,) if source else ())
    from almaflow.expressions import parser

    return parser.parse_template(source)


def check(
    parsed: Parsed,
    scope: RecordType,
    *,
    condition: bool = False,
    guards: frozenset[str] = frozenset(),
) -> list[ExpressionProblem]:
    """Return what is certainly wrong, in order of place.

    *scope* has the names and their types. With *condition* the value has to be true or false.
    *guards* are the steps that are known to be asked about on the way here: an `if` around it.
    """
    if parsed.literal:
        return []
    from almaflow.expressions import checker

    return checker.check(parsed, scope, condition=condition, guards=guards)


def type_of(parsed: Parsed, scope: RecordType) -> Type:
    """Return the type of what `evaluate` or `render` gives; ANYTHING when it is not certain."""
    if parsed.literal:
        return TEXT
    from almaflow.expressions import checker

    return checker.type_of(parsed, scope)


def guards_of(parsed: Parsed) -> frozenset[str]:
    """Return the steps whose run the expression asks about.

    That is by `steps.x.y is defined`, or by `steps.x.outcome` in any way.
    """
    if parsed.literal:
        return frozenset()
    from almaflow.expressions import checker

    return checker.guards_of(parsed)


def compared_texts(parsed: Parsed) -> Iterable[Comparison]:
    """Return every comparison of a value with a text that is not empty."""
    if parsed.literal:
        return ()
    from almaflow.expressions import text_comparisons

    return text_comparisons.compared_texts(parsed)


def is_constant(parsed: Parsed) -> bool:
    """Whether an expression has texts and no name, so that its value is always the same.

    Numbers and `true` alone are a person's decision, and a text may be a name in quotes.
    """
    if parsed.literal:
        return False
    from almaflow.expressions import text_comparisons

    return text_comparisons.is_constant(parsed)


def is_function(name: str) -> bool:
    """Whether expressions have a function of this name."""
    from almaflow.expressions.methods import FUNCTIONS

    return name in FUNCTIONS


def evaluate(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> Any:
    """Return the value of an expression, which keeps its type.

    Evaluations that follow each other without a pause share a *budget*; None: its own.

    The value is plain: text, numbers, true or false, nothing, dates, durations (`Period`),
    lists, mappings and `Counters`.

    Raises: ExpressionFailed; NotDefined, which is one, when something is not there.
    """
    from almaflow.expressions import rendering

    return rendering.evaluate(parsed, names, budget)


def evaluate_condition(
    parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None
) -> bool:
    """Return whether a condition is true; Raises: ExpressionFailed, also when it is neither."""
    from almaflow.expressions import rendering

    return rendering.evaluate_condition(parsed, names, budget)


def render(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> Any:
    """Return a template's value: that of its only expression, otherwise text.

    Raises: ExpressionFailed.
    """
    if parsed.literal:
        return parsed.source
    from almaflow.expressions import rendering

    return rendering.render(parsed, names, budget)


def render_text(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> str:
    """Return a template as text; Raises: ExpressionFailed."""
    if parsed.literal:
        return parsed.source
    from almaflow.expressions import rendering

    return rendering.render_text(parsed, names, budget)


def render_message(parsed: Parsed, names: Mapping[str, Any], budget: Budget | None = None) -> str:
    """Return a template for people, which never fails: what is missing is named in its place.

    Lists and mappings are shown as JSON.
    """
    if parsed.literal:
        return parsed.source
    from almaflow.expressions import rendering

    return rendering.render_message(parsed, names, budget)
