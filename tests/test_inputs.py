"""Values of inputs: read as the declared type, within the declared bounds."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import pytest

from almaflow.field_types import Plain
from almaflow.inputs import InputsInvalid, evaluate_inputs, read_input
from almaflow.workflow import Input
from almaflow.workflow_loader import load_text


def declared(**keys: Any) -> Input:
    return Input.model_validate(keys)


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        ("string", "a b", "a b"),
        ("string", Plain("0012", 12), "0012"),
        ("string", Plain("1e3", 1000.0), "1e3"),
        ("string", 7, "7"),
        ("string", True, "true"),
        ("string", date(2026, 3, 2), "2026-03-02"),
        ("integer", " 12 ", 12),
        ("integer", "-3", -3),
        ("integer", 12, 12),
        ("integer", Plain("0012", 12), 12),
        ("number", "1.50", 1.5),
        ("number", "7", 7),
        ("number", 2.5, 2.5),
        ("number", Plain("1.5", 1.5), 1.5),
        ("boolean", "TRUE", True),
        ("boolean", Plain("false", False), False),
        ("boolean", True, True),
        ("date", "2026-02-28", date(2026, 2, 28)),
        ("date", Plain("2026-02-28", "2026-02-28"), date(2026, 2, 28)),
        ("date", date(2026, 2, 28), date(2026, 2, 28)),
        ("date", datetime(2026, 2, 28, 17, 30), date(2026, 2, 28)),
        ("list", "a, b,,c ", ["a", "b", "c"]),
        ("list", "", []),
        ("list", ' ["a", 1, {"b": null}]', ["a", 1, {"b": None}]),
        ("list", [Plain("0012", 12), "b"], ["0012", "b"]),
    ],
)
def test_a_value_is_read_as_its_declared_type(type_: str, given: Any, value: Any) -> None:
    read = read_input(declared(type=type_), given)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("type_", "given", "told"),
    [
        ("string", ["a"], "must be text"),
        ("string", {"a": 1}, "must be text"),
        ("integer", "1.5", "is `1.5`, but must be a whole number"),
        ("integer", "1e3", "is `1e3`, but must be a whole number"),
        ("integer", "", "is ``, but must be a whole number"),
        ("integer", "९", "is `९`, but must be a whole number"),
        ("integer", True, "is `True`, but must be a whole number"),
        ("integer", 1.0, "is `1.0`, but must be a whole number"),
        ("number", "nan", "is `nan`, but must be a number"),
        ("number", "1,5", "is `1,5`, but must be a number such as 1.5"),
        ("number", False, "is `False`, but must be a number"),
        ("boolean", "yes", "is `yes`, but must be `true`"),
        ("boolean", "Nein", "is `Nein`, but must be `false`"),
        ("boolean", "maybe", "is `maybe`, but must be `true` or `false`"),
        ("integer", "1.000", "is `1.000`, but must be a whole number such as 1000"),
        ("boolean", 1, "is `1`, but must be `true` or `false`"),
        ("date", "28.2.2026", "is `28.2.2026`, but must be a date such as 2026-02-28"),
        ("date", "2026-02-30", "is `2026-02-30`, which is not a valid date of the calendar"),
        ("date", 20260228, "is `20260228`, but must be a date such as 2026-12-24"),
        ("list", "[1, 2", 'must be a list: `a,b,c` or JSON (`["a", "b"]`)'),
        ("list", "[" * 100_000, 'must be a list: `a,b,c` or JSON (`["a", "b"]`)'),
        ("list", 7, "is `7`, but must be a list such as `a,b,c`"),
        ("list", {"a": 1}, "is `{…}`, but must be a list such as `a,b,c`"),
        ("integer", [1], "is `[…]`, but must be a whole number"),
        ("integer", "x" * 500, f"is `{'x' * 100}`, but must be a whole number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(type_: str, given: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        read_input(declared(type=type_), given)

    assert str(caught.value) == told


def test_the_whole_value_must_match_the_pattern() -> None:
    month = declared(type="string", pattern=r"\d{4}-\d{2}")

    assert read_input(month, "2026-02") == "2026-02"
    with pytest.raises(ValueError, match=r"is `2026-02-01`, which does not match the pattern"):
        read_input(month, "2026-02-01")


def test_a_value_must_be_one_of_those_listed() -> None:
    size = declared(type="integer", enum=[Plain("1", 1), "5"])

    assert read_input(size, "5") == 5
    with pytest.raises(ValueError, match=r"is `2`, but must be one of `1`, `5`"):
        read_input(size, "2")


def test_of_many_mistakes_and_values_the_first_are_named() -> None:
    choice = declared(type="string", enum=[f"v{n}" for n in range(20_000)])
    workflow = load_text("steps: [{notify: hi}]\n", "w.yaml").workflow

    with pytest.raises(ValueError, match=r"`v19`, and 19,980 more$") as caught:
        read_input(choice, "x" * 100_000)
    with pytest.raises(InputsInvalid, match=r"and 39,980 more\.$"):
        evaluate_inputs(workflow, {f"k{n}": 1 for n in range(40_000)}, {})

    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("0", "is 0, but must be at least 1"),
        ("1234568", "is 1234568, but must be at most 1234567"),
        ("9" * 300, f"is {'9' * 300}, but must be at most 1234567"),
    ],
)
def test_a_number_must_be_within_its_bounds(given: str, told: str) -> None:
    limit = declared(type="integer", minimum=1, maximum=1234567)

    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        read_input(limit, given)

    assert str(caught.value) == told


def test_bounds_are_shown_as_they_are_written() -> None:
    share = declared(type="number", minimum=0.25, maximum=0.75)

    assert read_input(share, "0.5") == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"at least 0\.25"):
        read_input(share, "0")
    assert not math.isnan(read_input(share, "0.75"))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("number", math.nan),
        ("number", math.inf),
        ("integer", 10**78),
        ("integer", "9" * 78),
        ("list", "[NaN]"),
        ("list", '[1, {"a": [Infinity]}]'),
        ("list", [10**300]),
    ],
)
def test_a_number_that_is_not_finite_or_too_large_is_refused(type_: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"a number that is too large|which JSON does not have"):
        read_input(declared(type=type_), value)
