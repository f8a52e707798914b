"""Whatever is written, reading refuses it in one way and working it out stays within bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.expressions import (
    ANYTHING,
    Counters,
    ExpressionFailed,
    ExpressionSyntax,
    Parsed,
    RecordType,
    check,
    evaluate,
    guards_of,
    parse_expression,
    parse_template,
    render_message,
    render_text,
    type_of,
)
from almaflow.expressions.budget import CHARACTERS
from almaflow.expressions.filters import FILTERS
from almaflow.expressions.methods import ATTRIBUTES, METHODS
from almaflow.expressions.predicates import TESTS
from tests.examples import examples

NAMES: dict[str, Any] = {
    "a": {"b": [1, 2.5, "x"], "items": "text", "none": None},
    "rows": [{"n": 1, "s": "é"}, {"n": -3, "s": ""}],
    "now": datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Zurich")),
    "today": date(2026, 3, 31),
    "counters": Counters([{"key": "k", "label": "K", "value": "7"}]),
}
OPEN = RecordType(dict.fromkeys(NAMES, ANYTHING), "name")

_scraps = st.text(
    st.one_of(st.sampled_from("{}%#'\"()[]|.,~=<>!*/+-:; \n\\ abinsotdr019_"), st.characters()),
    max_size=40,
)
_leaves = st.sampled_from(
    [
        "a.b",
        "a.items",
        "a.none",
        "a.nope",
        "rows",
        "now",
        "today",
        "counters",
        "1",
        "-7",
        "2.5",
        "(10 ** 6)",
        "'x'",
        "'%s'",
        "''",
        "true",
        "none",
        "[]",
        "{}",
        "hours(3)",
        "days(1)",
        "months(-1)",
        "rows[0].n",
        "'n'",
        "'a,b\\n1,2'",
        "'é' * 1000",
        "[1, 'a'] * 500",
    ]
)
_OPERATORS = "+ - * / // % ** ~ == != < <= > >= in and or"
_operators = st.sampled_from([*_OPERATORS.split(), "not in"])
_methods = sorted({name for kind in METHODS.values() for name in kind})
_attributes = sorted({name for kind in ATTRIBUTES.values() for name in kind})


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner, max_size=2).map(", ".join)
    return st.one_of(
        st.tuples(inner, _operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(sorted(FILTERS)), arguments).map(
            lambda t: f"({t[0]} | {t[1]}({t[2]}))"
        ),
        st.tuples(inner, st.sampled_from(sorted(FILTERS))).map(
            lambda t: f"({t[0]} | map('{t[1]}'))"
        ),
        st.tuples(inner, st.sampled_from(sorted(filter(str.isidentifier, TESTS)))).map(
            lambda t: f"({t[0]} is {t[1]}(1))"
        ),
        st.tuples(inner, st.sampled_from(_methods), arguments).map(
            lambda t: f"({t[0]}).{t[1]}({t[2]})"
        ),
        st.tuples(inner, st.sampled_from(_attributes)).map(lambda t: f"({t[0]}).{t[1]}"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}:]"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}]"),
        inner.map(lambda text: f"(not {text})"),
        inner.map(lambda text: f"(-{text})"),
        inner.map(lambda text: f"{{'k': {text}}}"),
    )


_expressions = st.recursive(_leaves, _grown, max_leaves=8)


def result_of(act: Callable[[], Any]) -> Any:
    """Return what *act* returns, or the one error that it may raise."""
    try:
        return act()
    except (ExpressionSyntax, ExpressionFailed) as error:
        return error


@given(_scraps, st.sampled_from([parse_expression, parse_template]))
@settings(max_examples=examples(100), deadline=None)
def test_any_text_is_read_or_refused_in_one_way(
    source: str, parse: Callable[[str], Parsed]
) -> None:
    result = result_of(lambda: parse(source))

    if isinstance(result, ExpressionSyntax):
        assert result.message
        assert 0 <= result.offset <= len(source)
    else:
        spans = [piece.span(piece.node) for piece in result.pieces]
        assert all(0 <= at < at + length <= len(source) for at, length in spans)
        assert isinstance(render_message(result, NAMES), str)


@given(_expressions)
@settings(max_examples=examples(60), deadline=None)
def test_any_expression_has_a_value_within_bounds_or_fails_with_its_place(source: str) -> None:
    parsed = parse_expression(source)

    result = result_of(lambda: evaluate(parsed, NAMES))

    if isinstance(result, ExpressionFailed):
        assert result.message
        assert result.placed
        assert 0 <= result.offset < result.offset + result.length <= len(source)
    else:
        assert len(json.dumps(result, default=str, ensure_ascii=False)) <= 3 * CHARACTERS


@given(_expressions)
@settings(max_examples=examples(40), deadline=None)
def test_any_expression_can_be_checked_and_shown(source: str) -> None:
    parsed = parse_expression(source)

    for finding in check(parsed, OPEN, condition=True):
        assert finding.message
        assert 0 <= finding.offset < finding.offset + finding.length <= len(source)
    type_of(parsed, OPEN)
    guards_of(parsed)
    assert isinstance(render_message(parsed, NAMES), str)


@given(st.text(max_size=30))
@settings(max_examples=examples(50), deadline=None)
def test_a_literal_text_comes_out_as_it_is(text: str) -> None:
    parsed = result_of(lambda: parse_template(text))

    assert isinstance(parsed, Parsed) or "{" in text
    assert not isinstance(parsed, Parsed) or not parsed.literal or (render_text(parsed, {}) == text)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_says_how_it_is_written(name: str) -> None:
    assert FILTERS[name].usage(1).startswith(f"{name}(")
