from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from almaflow.fields import Plain
from almaflow.inputs import read_input
from almaflow.workflow import Input


def declared(type_: str = "string", **bounds: Any) -> Input:
    return Input.model_validate({"type": type_, **bounds})


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        ("string", "0012", "0012"),
        ("string", Plain("1e3", 1000.0), "1e3"),
        ("string", 5, "5"),
        ("string", date(2026, 1, 2), "2026-01-02"),
        ("integer", " 42 ", 42),
        ("integer", "-7", -7),
        ("integer", Plain("42", 42), 42),
        ("integer", 42, 42),
        ("number", "1.5", 1.5),
        ("number", "2", 2),
        ("number", 2.5, 2.5),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("boolean", True, True),
        ("date", "2026-12-24", date(2026, 12, 24)),
        ("date", datetime(2026, 12, 24, 18, tzinfo=UTC), date(2026, 12, 24)),
        ("date", date(2026, 12, 24), date(2026, 12, 24)),
        ("list", "a, b,,c", ["a", "b", "c"]),
        ("list", '["a", 1]', ["a", 1]),
        ("list", ["a", Plain("0012", 12)], ["a", "0012"]),
    ],
)
def test_a_value_is_read_as_the_declared_type(type_: str, given: Any, value: Any) -> None:
    read = read_input(declared(type_), given)

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("type_", "given", "message"),
    [
        ("string", ["a"], "must be text"),
        ("integer", "4.2", "is `4.2`, but must be a whole number"),
        ("integer", "1" * 400, f"is `{'1' * 100}`, but must be a whole number"),
        ("integer", True, "is `True`, but must be a whole number"),
        ("integer", {"a": 1}, "is `{…}`, but must be a whole number"),
        ("number", "many", "is `many`, but must be a number"),
        ("number", False, "is `False`, but must be a number"),
        ("boolean", "yes", "is `yes`, but must be `true` or `false`"),
        ("boolean", 1, "is `1`, but must be `true` or `false`"),
        ("date", "24.12.2026", "is `24.12.2026`, but must be a date such as 2026-12-24"),
        ("date", "2026-02-30", "is `2026-02-30`, which is not a day of the calendar"),
        ("date", 5, "is `5`, but must be a date such as 2026-12-24"),
        ("list", "[a", 'must be a list: `a,b,c` or JSON (`["a", "b"]`)'),
        ("list", "[" * 100_000, 'must be a list: `a,b,c` or JSON (`["a", "b"]`)'),
        ("list", 5, "is `5`, but must be a list such as `a,b,c`"),
    ],
)
def test_a_value_of_another_type_is_refused(type_: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the whole text is compared)
        read_input(declared(type_), given)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("input_", "given", "message"),
    [
        (declared(pattern="[a-z]+"), "ab1", "is `ab1`, which does not match the pattern `[a-z]+`"),
        (declared(enum=["a", "b"]), "c", "is `c`, but must be one of `a`, `b`"),
        (declared("integer", enum=[1, 2]), "3", "is `3`, but must be one of `1`, `2`"),
        (declared("integer", minimum=1), "0", "is 0, but must be at least 1"),
        (declared("number", maximum=1.5), "2", "is 2, but must be at most 1.5"),
    ],
)
def test_a_value_out_of_bounds_is_refused(input_: Input, given: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the whole text is compared)
        read_input(input_, given)

    assert str(refused.value) == message


def test_a_value_within_its_bounds_is_taken() -> None:
    assert read_input(declared(pattern="[a-z]+", enum=["ab", "cd"]), "cd") == "cd"
    assert read_input(declared("integer", minimum=1, maximum=3, enum=[1, 3]), "3") == 3
