"""What expressions ask of the values that they read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from almaflow.expressions import parse_expression, parse_template
from almaflow.expressions.demands import ANY, NUMBER, TEXT, Demand, demanded, each, having

TRUE = Demand(form="boolean", bounds=(("==", True),))
KNOWN: Mapping[str, Any] = {"5": 5, "9": 9, "'a'": "a", "['a', 'b']": ["a", "b"], "[]": []}


def asked(text: str, wanted: Demand = ANY, *, binding: bool = True) -> Mapping[str, Demand]:
    """Return what an expression asks of each name."""
    return demanded(parse_expression(text), wanted, KNOWN.get, binding=binding).members


def bound(form: Any, *bounds: tuple[str, Any]) -> Demand:
    return Demand(form=form, bounds=bounds)


@pytest.mark.parametrize(
    ("text", "wanted", "members"),
    [
        ("x if y else z", TEXT, {"x": TEXT, "z": TEXT, "y": ANY}),
        ("x if y", TEXT, {"x": TEXT, "y": ANY}),
        ("not x", TRUE, {"x": bound("boolean", ("==", False))}),
        ("x ~ y", ANY, {"x": TEXT, "y": TEXT}),
        ("x + y", ANY, {"x": NUMBER, "y": NUMBER}),
        ("x and y", TRUE, {"x": TRUE, "y": TRUE}),
        ("x[1:3]", each(TEXT), {"x": each(TEXT)}),
        ("x[0]", TEXT, {"x": each(TEXT)}),
        ("x['a']", TEXT, {"x": having("a", TEXT)}),
        ("x[y]", TEXT, {"x": ANY, "y": ANY}),
        ("x.upper()", TEXT, {"x": ANY}),
        ("x.split(y)", TEXT, {"x": ANY, "y": ANY}),
        ("x.number(y)", NUMBER, {"y": ANY}),
        ("x | batch(2)", each(each(TEXT)), {"x": each(TEXT)}),
        ("x | csv_column('A')", each(TEXT), {"x": TEXT}),
        ("x | default('a')", NUMBER, {"x": NUMBER}),
        ("x | selectattr('k', 'defined') | list", ANY, {"x": each(having("k", ANY))}),
        ("x | rejectattr('k', '==', 'a')", ANY, {"x": each(having("k", ANY))}),
        (
            "x | selectattr('k', '==', 'a')",
            *(ANY, {"x": each(having("k", bound("text", ("==", "a"))))}),
        ),
        ("x | int", TEXT, {"x": NUMBER}),
        ("x | upper", TEXT, {"x": TEXT}),
        ("5 < x < 9", TRUE, {"x": ANY}),
        ("5 < x", TRUE, {"x": bound("number", (">", 5))}),
        ("x in ['a', 'b']", TRUE, {"x": bound("text", ("==", "a"))}),
        ("x not in ['a', 'b']", TRUE, {"x": TEXT}),
        ("x in []", TRUE, {"x": ANY}),
        ("'a' in x", TRUE, {"x": each(bound("text", ("==", "a")))}),
        ("'a' not in x", TRUE, {"x": each(TEXT)}),
        ("x in y", TRUE, {"x": ANY, "y": each(ANY)}),
    ],
)
def test_an_expression_asks_for_what_makes_its_result_as_wanted(
    text: str, wanted: Demand, members: Mapping[str, Demand]
) -> None:
    assert asked(text, wanted) == members


def test_a_comparison_that_need_not_hold_asks_for_a_form_only() -> None:
    assert asked("x > 5", binding=False) == {"x": NUMBER}
    assert asked("x in ['a', 'b']", binding=False) == {"x": TEXT}


def test_the_pieces_of_a_template_give_text() -> None:
    parsed = parse_template("a {{ x }} b {{ y | length }}")

    found = demanded(parsed, NUMBER, KNOWN.get, binding=False)

    assert found.members == {"x": TEXT, "y": each(ANY)}
