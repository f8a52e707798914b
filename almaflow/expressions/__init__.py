"""Expressions: `{{ … }}` in workflow files, checked before the run and evaluated in it.

The grammar is Jinja2's, whose parser is used, and this package is the only place that knows
Jinja2. What an expression means is defined here, not by running Python code that Jinja2
compiles: names are data, only listed operations exist, each is charged against a budget before
it is done, and every failure knows its place in the source.

    templates   what other packages call; text without expressions needs nothing else
    parser      text → Parsed                    (lexer: characters → Jinja2's tokens)
    checker     Parsed + types → findings        (type_inference)
    rendering   Parsed + names → values          (compiler)

Both sides read the same tables: `operations.BINARY`, `comparisons.COMPARISONS`, and the filters,
tests, methods and functions, each one row (`registry.Operation`) with what it takes, gives and
costs. `almaflow explain expressions` lists these rows.
"""

from __future__ import annotations

from almaflow.expressions.budget import Budget
from almaflow.expressions.errors import ExpressionFailed, ExpressionSyntax, NotDefined
from almaflow.expressions.findings import CASES, Comparison
from almaflow.expressions.parsed import Parsed
from almaflow.expressions.templates import (
    check,
    compared_texts,
    evaluate,
    evaluate_condition,
    guards_of,
    is_constant,
    is_function,
    parse_expression,
    parse_template,
    render,
    render_message,
    render_text,
    type_of,
)
from almaflow.expressions.types import (
    ANYTHING,
    BOOLEAN,
    COUNTERS,
    DATE,
    DURATION,
    INSTANT,
    NOTHING,
    NUMBER,
    TEXT,
    ListType,
    MaybeMissing,
    RecordType,
    Type,
)
from almaflow.expressions.values import Counters, Period, to_text
