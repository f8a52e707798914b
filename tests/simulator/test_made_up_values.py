"""Values that a simulation makes up, and real answers that it completes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from almaflow.alma.simulator.made_up_values import MadeUpValues
from almaflow.expressions.demands import ANY, NUMBER, TEXT, Demand, each, having

VALUES = MadeUpValues("99%010d0009990", datetime(2026, 11, 10, tzinfo=UTC))


def bound(*bounds: tuple[str, Any], form: Any = "") -> Demand:
    return Demand(form=form, bounds=bounds)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Item_Barcode", "39031000000002"),
        ("MMS Id", "9900000000020009990"),
        ("due_date", "2026-11-08"),
        ("pid", "2"),
        ("title", "title 2"),
        ("", "value 2"),
    ],
)
def test_a_text_suits_the_name_of_its_field(name: str, text: str) -> None:
    assert VALUES.text(name, 2) == text


@pytest.mark.parametrize(
    ("answer", "wanted", "completed"),
    [
        (None, NUMBER, 1),
        ({"a": 1}, having("b", NUMBER), {"a": 1, "b": 1}),
        ({"a": {"b": "x"}}, having("a", having("c", TEXT)), {"a": {"b": "x", "c": "c 1"}}),
        ("text", having("b", NUMBER), "text"),
        (["x"], having("b", NUMBER), ["x"]),
        (["x", "y"], each(TEXT), ["x", "y"]),
        ([], each(NUMBER), [1, 2, 3]),
        (["x", "y"], Demand(element=NUMBER, bounds=(("==", 1),)), ["x"]),
        (["x"], Demand(element=NUMBER, bounds=((">", 2),)), ["x", 2, 3]),
        ("text", each(TEXT), "text"),
        ({"a": 1}, TEXT, {"a": 1}),
        (["x"], ANY, ["x"]),
        ("x", bound(("==", "y")), "y"),
        ("y", bound(("==", "y")), "y"),
        (4, bound((">", 5), form="number"), 6),
        (True, bound(("==", True), form="boolean"), True),
        (False, bound(("==", True), form="boolean"), True),
        (True, bound(("==", False), form="boolean"), False),
    ],
)
def test_an_answer_gets_what_is_asked_for_and_missing_and_keeps_the_rest(
    answer: Any, wanted: Demand, completed: Any
) -> None:
    assert VALUES.completed(answer, wanted) == completed
