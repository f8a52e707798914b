"""The checker refuses nothing that runs well: expressions are generated, run, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from almaflow.expressions import (
    ANYTHING,
    NUMBER,
    TEXT,
    ExpressionFailed,
    ListType,
    RecordType,
    Type,
    check,
    evaluate,
    parse_expression,
    type_of,
)
from almaflow.expressions.types import COUNTER as COUNTERS_PART
from almaflow.expressions.types import certain
from almaflow.expressions.values import kind_of
from tests.examples import examples
from tests.expressions.generated import ENVIRONMENTS, SCOPE, Made, expressions

_FAILED = object()
_SIZED = ("list", "counters")


def value_of(source: str, number: int) -> Any:
    """Return the value in an environment, or `_FAILED`."""
    try:
        return evaluate(parse_expression(source), ENVIRONMENTS[number])
    except ExpressionFailed:
        return _FAILED


def runs_well(made: Made, number: int) -> bool:
    """Whether *made* and all inside it have a value, and compare what can be compared.

    An empty list is left out, because anything can be done to each of its elements.
    """
    for one in made.everything():
        value = value_of(one.source, number)
        if value is _FAILED or value == []:
            return False
        if one.comparison is not None and not _comparable(*one.comparison, number):
            return False
    return True


def _comparable(sign: str, left: str, right: str, number: int) -> bool:
    """Whether the kinds of two sides go together: `1 == '1'` has a value, but is a mistake."""
    first, second = value_of(left, number), value_of(right, number)
    if sign.endswith("in"):
        if isinstance(second, Mapping):
            return True
        among = [first] if isinstance(second, str) else second
        return any(_alike(first, one) for one in among)
    return _alike(first, second)


def _alike(first: Any, second: Any) -> bool:
    kinds = [kind.replace("counters", "list") for kind in (kind_of(first), kind_of(second))]
    return "nothing" in kinds or kinds[0] == kinds[1]


def fits(value: Any, type_: Type) -> bool:
    """Whether a value is of a type that was inferred for it."""
    type_ = certain(type_)
    kind = kind_of(value)
    if not type_.kind:
        return True
    if kind != type_.kind and not (kind in _SIZED and type_.kind in _SIZED):
        return False
    if isinstance(type_, ListType):
        return all(fits(one, type_.item) for one in value)
    if isinstance(type_, RecordType):
        return all(fits(one, type_.fields.get(key, ANYTHING)) for key, one in value.items())
    return True


def refusals(made: Made) -> list[str]:
    """Return what the checker says although *made* runs well for some value."""
    findings = check(parse_expression(made.source), SCOPE)
    well = any(runs_well(made, number) for number in range(len(ENVIRONMENTS)))
    return [one.message for one in findings] if well else []


def misjudged(made: Made) -> list[Any]:
    """Return the values that *made* has and that are not of the type inferred for it."""
    parsed = parse_expression(made.source)
    type_ = type_of(parsed, SCOPE)
    values = (value_of(made.source, number) for number in range(len(ENVIRONMENTS)))
    return [value for value in values if value is not _FAILED and not fits(value, type_)]


@pytest.mark.parametrize(
    ("source", "type_"),
    [
        ("it[:7]", ANYTHING),
        ("text[:7]", TEXT),
        ("texts[:7]", ListType(TEXT)),
        ("counters[:1] | first", COUNTERS_PART),
        ("gone[:7]", ANYTHING),
        ("it | reverse", ANYTHING),
        ("digits | int(none)", ANYTHING),
        ("digits | int(7)", NUMBER),
        ("digits | int(default='')", ANYTHING),
        ("counters.number('k')", NUMBER),
        ("counters.number('k', '')", ANYTHING),
        ("(texts | map('int', none))[0]", ANYTHING),
        ("(texts | map('int'))[0]", NUMBER),
        ("(rows | map(attribute='n', default=''))[0]", ANYTHING),
        ("(rows | map(attribute='n'))[0]", NUMBER),
        ("{'a': 'x', (text): 1}.a", ANYTHING),
        ("{(text): 1, 'a': 'x'}.a", TEXT),
    ],
)
def test_a_part_or_a_default_has_the_type_it_can_have(source: str, type_: Type) -> None:
    assert type_of(parse_expression(source), SCOPE) == type_


@pytest.mark.parametrize(
    "source",
    [
        "it[:7] == today | date('%Y-%m')",
        "it | reverse == 'a'",
        "digits | int('') == ''",
        "counters.number('no', '') == ''",
        "(texts | map('int', none) | first) is none",
        "(rows | map(attribute='n', default='') | first) == ''",
        "none.x | default('')",
        "'-' * number",
        "(text ~ '-')[:number] == 'a'",
    ],
)
def test_what_can_be_right_is_accepted(source: str) -> None:
    assert check(parse_expression(source), SCOPE) == []


@pytest.mark.parametrize("source", ["pause[:7]", "number[:7]", "job[:7]", "none[:7]"])
def test_a_part_of_what_has_none_is_refused(source: str) -> None:
    assert [one.code for one in check(parse_expression(source), SCOPE)] == ["wrong-operands"]


def test_a_text_is_repeated_by_what_is_written_out_only() -> None:
    source = "it * other"

    with pytest.raises(ExpressionFailed, match="cannot be multiplied"):
        evaluate(parse_expression(source), {"it": "3", "other": 2})
    assert evaluate(parse_expression(source), {"it": 3, "other": 2}) == 6
    assert evaluate(parse_expression("'-' * other"), {"other": 2}) == "--"


def test_a_default_reaches_the_filter_that_is_applied_to_each() -> None:
    parsed = parse_expression("['7', 'x'] | map('int', default=-1)")

    assert evaluate(parsed, {}) == [7, -1]


@given(expressions())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
def test_what_runs_well_for_some_value_is_not_refused(made: Made) -> None:
    assert refusals(made) == []


@given(expressions())
@settings(max_examples=examples(50), deadline=None, suppress_health_check=list(HealthCheck))
def test_a_value_is_of_the_type_that_was_inferred(made: Made) -> None:
    assert misjudged(made) == []


@pytest.mark.slow
@given(expressions(depth=4))
@settings(max_examples=examples(1000), deadline=None, suppress_health_check=list(HealthCheck))
def test_of_very_many_expressions_none_that_runs_well_is_refused(made: Made) -> None:
    assert refusals(made) == []
    assert misjudged(made) == []
