"""Long expressions: the work grows with their length, not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from almaflow.expressions import (
    ANYTHING,
    NUMBER,
    TEXT,
    ExpressionFailed,
    ExpressionSyntax,
    ListType,
    RecordType,
    check,
    parse_expression,
    parse_template,
    render,
    type_of,
)
from almaflow.expressions.member_types import MOST_NOTES
from almaflow.expressions.parser import CHARACTERS, kept
from almaflow.expressions.types import Type, join

SCOPE = RecordType({"run": RecordType({"id": TEXT}, "field of run"), "it": ANYTHING}, "name")
NAMES: dict[str, Any] = {"run": {"id": "a"}, "it": {"a": "b"}}


def work(act: Callable[[], object]) -> int:
    """Return how many calls *act* makes; measuring coverage adds some now and then."""
    return min(_calls(act) for _ in range(3))


def _calls(act: Callable[[], object]) -> int:
    calls = 0

    def count(frame: object, event: str, what: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


def use(source: str) -> None:
    """Read, check and evaluate a template."""
    parsed = parse_template(source)
    check(parsed, SCOPE)
    type_of(parsed, SCOPE)
    try:
        render(parsed, NAMES)
    except ExpressionFailed:
        return


@pytest.mark.parametrize(
    ("one", "around"),
    [
        ("run.id,", "{{ [@] }}"),
        ("it['a'],", "{{ [@] }}"),
        ("(((1))),", "{{ [@] }}"),
        ("[1, [2]],", "{{ [@] }}"),
        ("{'a': {'b': 1}},", "{{ [@] }}"),
        ("'a' | upper | lower,", "{{ [@] }}"),
        ("'a'.upper(),", "{{ [@] }}"),
        ("1 if true else 2,", "{{ [@] }}"),
        ("nowhere,", "{{ [@] }}"),
        ("1 is nothing,", "{{ [@] }}"),
        ("'k': 1,", "{{ {@} }}"),
        ("it,", "{{ hours(@) }}"),
        ("~ 'a'", "{{ 'a' @ }}"),
        ("< 2", "{{ 1 @ }}"),
        ("{{ run.id }}", "@"),
        ("{{ {'a': run.id}.a }} ", "@"),
        ("\\n", "{{ '@' }}"),
    ],
)
def test_twice_the_length_is_twice_the_work(one: str, around: str) -> None:
    short, long = (around.replace("@", one * count) for count in (100, 200))

    first, second = work(lambda: use(short)), work(lambda: use(long))

    assert second < 2.4 * first


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "and", "or", "|string|int+"])
def test_a_chain_of_operators_is_read_or_refused_for_its_depth(operator: str) -> None:
    use("{{ 1" + f" {operator} 1" * 20 + " }}")
    with pytest.raises(ExpressionSyntax, match="nested too deep"):
        parse_expression("1" + f" {operator} 1" * 500)


def test_of_one_expression_that_is_wrong_all_over_the_first_places_are_reported() -> None:
    findings = check(parse_expression(f"[{'wrong,' * 1000}]"), SCOPE)

    assert len(findings) == MOST_NOTES


def test_what_is_kept_of_texts_that_were_read_has_a_bound() -> None:
    texts = [str(number) * 1000 for number in range(10, 10 + CHARACTERS // 1000)]
    read: list[str] = []

    @kept
    def reads(text: str) -> str:
        read.append(text)
        return text

    for text in [*texts, texts[-1], texts[0]]:
        assert reads(text) == text

    assert read == [*texts, texts[0]]


def test_types_made_of_each_other_are_compared_within_a_bound() -> None:
    def doubled(type_: Type) -> Type:
        for _ in range(40):
            type_ = RecordType({"a": type_, "b": type_}, "key")
        return type_

    assert join(doubled(TEXT), doubled(TEXT)) == ANYTHING


def test_types_of_the_same_parts_are_the_same() -> None:
    assert ListType(RecordType({"a": TEXT}, "key")) == ListType(RecordType({"a": TEXT}, "key"))
    assert ListType(RecordType({"a": TEXT}, "key")) != ListType(RecordType({"a": NUMBER}, "key"))
    assert RecordType({"a": TEXT}, "key") != RecordType({"a": TEXT}, "key", open=True)
    assert ListType(TEXT) != TEXT
