"""Counters of a run: by key or position, as text or number."""

from __future__ import annotations

from typing import Any

import pytest

from almaflow.expressions import Counters, ExpressionFailed, NotDefined, evaluate, parse_expression

COUNTERS = Counters(
    [
        {"key": "c.failed", "label": "Failed", "value": " 12 "},
        {"key": "c.failed", "label": "Failed again", "value": "13"},
        {"key": "c.said", "label": "Said", "value": "FTP has failed."},
        {"key": "c.share", "label": "Share", "value": "1.5"},
        {"key": "c.thousands", "label": "Many", "value": "1,000"},
    ]
)
LISTED = (
    "The run has `c.failed` ( 12 ), `c.failed` (13), `c.said` (FTP has failed.), `c.share` "
    "(1.5), `c.thousands` (1,000)."
)


def value_of(source: str, counters: Counters = COUNTERS) -> Any:
    return evaluate(parse_expression(source), {"counters": counters})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("counters.number('c.failed')", 12),
        ("counters.number(1)", 13),
        ("counters.number('c.share')", 1.5),
        ("counters.number('c.none', 0)", 0),
        ("counters.number(9, default=none)", None),
        ("counters.text('c.said')", "FTP has failed."),
        ("counters.number('Failed again')", 13),
        ("counters.number('failed  AGAIN')", 13),
        ("counters.number('Share', 0)", 1.5),
        ("counters.text('c.none', '-')", "-"),
        ("counters[1].label", "Failed again"),
        ("counters | selectattr('key', 'eq', 'c.failed') | length", 2),
        ("counters.number('c.none') is defined", False),
    ],
)
def test_a_counter_is_read_by_key_or_position(source: str, value: Any) -> None:
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("counters.number('c.none')", f"There is no counter `c.none`. {LISTED}"),
        ("counters.text(6)", f"There is no counter number 6. {LISTED}"),
        (
            "counters.number('c.said')",
            f"The counter `c.said` is not a number, but the text `FTP has failed.`. {LISTED}",
        ),
        (
            "counters.number('c.thousands', 0)",
            f"The counter `c.thousands` is not a number, but the text `1,000`. {LISTED}",
        ),
        (
            "counters.number(-1)",
            "Select a counter by its key, in quotes, or by its position (the first is 0).",
        ),
    ],
)
def test_a_counter_that_cannot_be_read_is_explained_with_those_that_are_there(
    source: str, message: str
) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        value_of(source)

    assert caught.value.message == message


def test_a_missing_counter_is_not_defined_but_a_wrong_one_has_failed() -> None:
    with pytest.raises(NotDefined):
        COUNTERS.number("c.none")
    with pytest.raises(ExpressionFailed) as caught:
        COUNTERS.number("c.said")
    assert not isinstance(caught.value, NotDefined)


def test_no_counters_at_all_are_said_to_be_none() -> None:
    with pytest.raises(NotDefined, match="The run has no counters"):
        value_of("counters.number('a')", Counters())


def test_of_many_counters_only_some_are_listed() -> None:
    many = Counters({"key": f"c{n}", "label": "", "value": "1"} for n in range(30))

    with pytest.raises(NotDefined, match=r"`c19` \(1\), …\.$"):
        value_of("counters.number('a')", many)
