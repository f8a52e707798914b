"""What a test expects of values, and the part of a file of tests that can be read."""

from __future__ import annotations

from typing import Any

import pytest

from almaflow.authoring.workflow_tests.partial import fitting_part
from almaflow.authoring.workflow_tests.values import agrees, as_words, shown
from almaflow.document import parse_document
from almaflow.field_types import Plain

COUNTERS = [
    {"key": "c.failed", "label": "Failed", "value": "0"},
    {"key": "c.failed", "label": "Failed", "value": "9"},
    {"other": 1},
]


@pytest.mark.parametrize(
    ("expected", "actual", "agreed"),
    [
        (Plain("0012", 12), "0012", True),
        (Plain("0012", 12), 12, True),
        (Plain("", None), None, True),
        (Plain("", None), 0, False),
        (Plain("true", True), True, True),
        (Plain("true", True), 1, False),
        (Plain("1", 1), True, False),
        ("4*", 40, True),
        ("true", True, True),
        ("false", False, True),
        ("*", None, False),
        ({"a": "x*"}, {"a": "xy", "b": 1}, True),
        ({"c.failed": "0"}, COUNTERS, True),
        ({"Failed": "9"}, COUNTERS, False),
        ({"a": "x"}, "x", False),
        (["1", {"a": "*"}], [1, {"a": "b", "c": 2}], True),
        (["1"], ["1", "2"], False),
        (["1"], "1", False),
        (["1"], ["2"], False),
        (5, 5, True),
        (None, "", False),
    ],
)
def test_a_value_agrees_as_far_as_the_file_says(expected: Any, actual: Any, agreed: bool) -> None:
    assert agrees(expected, actual) is agreed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", "empty"),
        ([], "[]"),
        (None, "null"),
        (Plain("0012", 12), "12"),
        ([1, "ü"], '[1, "ü"]'),
        (COUNTERS[:1], '{"c.failed": "0"}'),
        ("x" * 201, "x" * 200 + "…"),
    ],
)
def test_a_value_is_shown_on_one_line(value: Any, text: str) -> None:
    assert shown(value) == text


def test_values_are_written_as_expressions_write_them() -> None:
    assert [as_words(one) for one in (True, False, 3, "x")] == ["true", "false", "3", "x"]


def fitting(text: str) -> list[tuple[str, str]] | None:
    """Return the tests that fit, by name and expected outcome."""
    tests = fitting_part(parse_document(text, "w.tests.yaml"))
    return None if tests is None else [(one.name, one.expect.outcome) for one in tests.tests]


STAND_IN = "a test that does not fit (0)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tests: [{name: a, expect: failed}]", [("a", "failed")]),
        ("tests: [{name: a, expect: {outcome: lost}}]", [("a", "succeeded")]),
        ("tests: [{nmae: a}, {name: b}]", [(STAND_IN, "succeeded"), ("b", "succeeded")]),
        # Two mistakes in one test: what is left out with the first has the second in it.
        (
            "tests: [{att: 1, expect: {outcome: lost}}, {name: b}]",
            [(STAND_IN, "succeeded"), ("b", "succeeded")],
        ),
        (
            "tests: [{name: a, expect: {requests: [{path: x}, {method: y}], outcome: failed}}]",
            [("a", "failed")],
        ),
        ("- name: a", None),
        ("just text", None),
        ("at: 2026-11-01T02:30", None),
        ("".join(f"k{number}: 1\n" for number in range(201)), None),
    ],
)
def test_the_tests_that_fit_are_read_beside_those_that_do_not(
    text: str, found: list[tuple[str, str]] | None
) -> None:
    assert fitting(text) == found
