"""Working expressions out: values, names that are data, and failures with their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.expressions import (
    Counters,
    ExpressionFailed,
    NotDefined,
    Period,
    evaluate,
    evaluate_condition,
    parse_expression,
    parse_template,
    render,
    render_message,
    render_text,
)

ZURICH = ZoneInfo("Europe/Zurich")
NAMES: dict[str, Any] = {
    "inputs": {"month": "2026-03", "limit": 500, "really": True},
    "now": datetime(2026, 3, 31, 14, 5, tzinfo=ZURICH),
    "today": date(2026, 3, 31),
    "nothing": None,
    "steps": {
        "items": {"keys": 3, "values": [10, 20, 30], "outcome": "succeeded"},
        "read": {"body": {"title": None, "rows": [{"a": 1}, {"a": 2}]}},
    },
    "counters": Counters([{"key": "c.done", "label": "Done", "value": "12"}]),
}


def value_of(source: str) -> Any:
    return evaluate(parse_expression(source), NAMES)


def failure_of(source: str) -> ExpressionFailed:
    with pytest.raises(ExpressionFailed) as caught:
        value_of(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("inputs.limit + 1", 501),
        ("inputs['limit'] - 1.5", 498.5),
        ("7 // 2 * 2 + 7 % 2", 7),
        ("2 ** 10 / 4", 256.0),
        ("-2 ** 2", 4),
        ("+inputs.limit", 500),
        ("'a' + 'b' ~ 1 ~ true", "ab1true"),
        ("'-' * 3 + 2 * 'ab'", "---abab"),
        ("[1] + [2] * 2", [1, 2, 2]),
        ("2 * (1, 'a')", [1, "a", 1, "a"]),
        ("'%03d: %s' % (7, true)", "007: true"),
        ("'%.2f %%' % 1.005", "1.00 %"),
        ("{'a': 1, 'b': [none]}", {"a": 1, "b": [None]}),
        ("steps.items.values[1:]", [20, 30]),
        ("steps.items.values[-1]", 30),
        ("steps.items.values.0", 10),
        ("'abcdef'[1:5:2]", "bd"),
        ("counters[0:1]", [{"key": "c.done", "label": "Done", "value": "12"}]),
        ("'b'", "b"),
        ("inputs.limit if inputs.really else 0", 500),
        ("0 if not inputs.really else 1", 1),
        ("nothing or 'x'", "x"),
        ("1 < 2 < 3", True),
        ("1 < 2 > 2", False),
        ("1 <= 1 and 2 >= 2 and 1 != 2", True),
        ("true == 1", False),
        ("[1, 2] == (1, 2)", True),
        ("(1, 2) == [1, 3]", False),
        ("'1' == 1", False),
        ("2 in [1, 2]", True),
        ("true in [1]", False),
        ("'a' in ['a'] and 'a' < 'b'", True),
        ("'a' not in 'bcd'", True),
        ("'limit' in inputs and 3 not in inputs", True),
        ("today in [now.date()]", True),
        ("counters", NAMES["counters"]),
        ("hours(1)", Period(elapsed=timedelta(hours=1))),
    ],
)
def test_an_expression_has_the_value_that_is_written(source: str, value: Any) -> None:
    assert value_of(source) == value


@pytest.mark.parametrize("name", ["keys", "values", "items", "outcome"])
def test_a_name_is_a_key_and_never_a_method(name: str) -> None:
    names = {"steps": {"keys": "k", "values": "v", "items": "i", "outcome": "o"}}

    value = evaluate(parse_expression(f"steps.{name}"), names)

    assert value == name[0]


class Word(StrEnum):
    """Text of a type of its own, as outcomes are."""

    DONE = "done"


class Lazy(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __getitem__(self, key: str) -> Any:
        return {"a": Word.DONE}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


def test_values_of_kindred_types_are_what_they_are_like() -> None:
    names = {"one": Lazy(), "many": range(3), "much": timedelta(hours=1), "pair": (1, 2)}

    assert evaluate(parse_expression("one.a ~ '!'"), names) == "done!"
    assert evaluate(parse_expression("many[2]"), names) == 2
    assert evaluate(parse_expression("pair == [1, 2] and [1, 2] in [pair]"), names) is True
    assert evaluate(parse_expression("much == hours(1) and much + hours(1) > much"), names) is True
    with pytest.raises(NotDefined, match=r"^`one.b` is not defined.$"):
        evaluate(parse_expression("one.b"), names)


def test_an_object_of_any_other_type_is_refused() -> None:
    with pytest.raises(ExpressionFailed, match="A value of the type object cannot be used"):
        evaluate(parse_expression("it.a"), {"it": object()})


@pytest.mark.parametrize(
    ("source", "part", "message"),
    [
        ("input.month", "input", "`input` is not defined; did you mean `inputs`?"),
        (
            "1 + inputs.limt * 2",
            "inputs.limt",
            "`inputs.limt` is not defined; did you mean `limit`?",
        ),
        ("inputs.x + inputs.x.y", "inputs.x", "`inputs.x` is not defined."),
        ("inputs['x y']", "inputs['x y']", "`inputs.x y` is not defined."),
        (
            "steps.read.body.title.a",
            "steps.read.body.title.a",
            "`steps.read.body.title` is nothing (null), so it has no `a`.",
        ),
        ("nothing[0]", "nothing[0]", "`nothing` is nothing (null), so it has no elements."),
        (
            "steps.items.values[3]",
            "steps.items.values[3]",
            "`steps.items.values` has no element 3: it has 3, and the first is number 0.",
        ),
        ("'a' if false", "'a' if false", "The condition is false, and there is no `else`."),
    ],
)
def test_what_is_not_defined_is_named_with_its_place(source: str, part: str, message: str) -> None:
    failed = failure_of(source)

    assert isinstance(failed, NotDefined)
    assert failed.message == message
    assert source[failed.offset : failed.offset + failed.length] == part


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "steps.items.values.append(1)",
            "A list has no `.append`. Select an element by its number (`[0]`), or use a filter.",
        ),
        ("steps.items.values.length", "A list has no `.length`. Write `| length`."),
        ("inputs.keys()", "`keys` is not a method. Only keys of a mapping can follow a dot."),
        ("''.__class__", "Text has no `.__class__`."),
        ("now.tzinfo", "A date with time has no `.tzinfo`."),
        ("now.date", "`date` needs brackets: `date()`."),
        ("now.year()", "Use `year` without brackets: `.year`."),
        ("'a'.uper()", "Text has no `.uper`; did you mean `upper`?"),
        (
            "'{}'.format(1)",
            "`format` is not a method of text here. Write `'%s of %s' | format(a, b)`.",
        ),
        ("'a'.upper(1)", "`upper` takes no arguments."),
        ("'a'.replace('b')", "`replace` is written `replace(old, new, count=…)`."),
        ("inputs.month['a']", "Select an element by its number (the first is 0), not by text."),
        ("inputs[0]", "A key is text in quotes, but this is a number."),
        ("today['a']", "`today` is a date and has no elements."),
        ("today[1:]", "Only a list or a text has parts, but this is a date."),
        ("'abc'[::0]", "The third number of a part cannot be 0."),
        ("'abc'['a':]", "A whole number is expected as a place, not text."),
        ("range(3)", "There is no function `range`."),
        ("hour(3)", "There is no function `hour`; did you mean `hours`?"),
        ("steps.items.values[0:1, 2]", "`0:1` is not allowed here."),
        ("(1)(2)", "`1` cannot be called."),
        ("hours", "`hours` is written `hours(n)`."),
        ("hours()", "`hours` is written `hours(n)`."),
        ("hours('a')", "A number of hours is expected, not text."),
        ("days(10 ** 9)", "At most 366,000 days can be added or subtracted."),
        ("days(1.5)", "A whole number is expected as a number of days, not a number."),
        (
            "1 + 'a'",
            (
                "A number cannot be added to text. Use `~` to join texts, or `| int` to turn "
                "digits into a number."
            ),
        ),
        (
            "'a' - 1",
            ("A number cannot be subtracted from text. Use `| int` to turn digits into a number."),
        ),
        ("true + 1", "True or false cannot be added to a number."),
        (
            "now + 1",
            "A date with time cannot be added to a number. Write `days(…)`, `hours(…)` or "
            "`months(…)`.",
        ),
        (
            "now - today",
            "A date cannot be subtracted from a date with time. Use `.date()` to get the date "
            "of a date with time.",
        ),
        ("today + hours(1)", "Hours cannot be added to a date without a time. Use `days(…)`."),
        ("today - months(12000) * 3", "The date is outside of the years 1 to 9999."),
        ("1 / 0", "This divides by zero."),
        ("1 // 0.0", "This divides by zero."),
        ("0 ** -1", "This divides by zero."),
        ("(-8) ** 0.5", "The result is too large or not a number."),
        ("1.0e308 * 10", "The result is too large or not a number."),
        ("-'a'", "Only a number can have a sign, but this is text."),
        (
            "'a' < 1",
            "Text cannot be compared with a number. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            "'a' > true",
            "True or false cannot be compared with text. Write `true` and `false` without quotes.",
        ),
        (
            "today < now",
            "A date cannot be compared with a date with time. Use `.date()` to get the date of "
            "a date with time.",
        ),
        ("[1] < [2]", "A list cannot be compared with `<` or `>`."),
        ("months(1) > days(1)", "A month has no fixed length. Add `months(…)` to a date."),
        ("1 in 'a1'", "A text can contain only text, but this is a number. Put it in quotes."),
        ("1 in 2", "Only a list, a text or a mapping can contain something, but this is a number."),
        ("{1: 2}", "A key is text in quotes, but this is a number."),
        (
            "'a' ~ [1]",
            (
                "This is a list, which cannot be written as text. Use `| join(…)` or `| "
                "first`, or `| tojson`."
            ),
        ),
        (
            "'%d' % 'a'",
            "The values do not fit the format: %d format: a real number is required, not str.",
        ),
        ("'%y' % 1", "Write a letter after each `%` in a format: `%s`, `%05d`, `%.2f`."),
        ("counters.number('c.don')", "There is no counter `c.don`. The run has `c.done` (12)."),
        ("1 | uper", "There is no filter `uper`; did you mean `upper`?"),
        ("1 is numbr", "There is no test `numbr`; did you mean `number`?"),
        ("today is in(1, 2)", "`in` is written `in(seq)`."),
    ],
)
def test_what_cannot_be_worked_out_is_explained(source: str, message: str) -> None:
    assert failure_of(source).message == message


def test_a_failure_points_at_the_innermost_part_of_several_equal_ones() -> None:
    source = "'a' ~ 1 ~ (inputs.limit + 'a') ~ (inputs.limit + 'a')"

    failed = failure_of(source)

    assert failed.offset == source.index("inputs.limit")
    assert failed.length == len("inputs.limit + 'a'")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("inputs.nope is defined", False),
        ("inputs.nope.deeper is undefined", True),
        ("inputs.limit is defined", True),
        ("inputs.nope is not defined", True),
        ("inputs.nope | default('x')", "x"),
        ("inputs.nope.deeper | default(default_value=3)", 3),
        ("inputs.nope | default", ""),
        ("inputs.limit | default(3)", 500),
        ("nothing | default('x')", None),
        ("nothing | d('x', true)", "x"),
        ("(inputs.nope | upper) | default('x')", "x"),
        ("[] | first | default('none')", "none"),
        ("counters.number('c.none') | default(0)", 0),
    ],
)
def test_what_is_missing_can_be_asked_about_and_replaced(source: str, value: Any) -> None:
    assert value_of(source) == value


def test_a_wrong_value_is_not_replaced_by_a_default() -> None:
    assert failure_of("('a' + 1) | default('x')").message.startswith("Text cannot be added")


def test_what_is_not_needed_is_not_worked_out() -> None:
    assert value_of("true or inputs.nope") is True
    assert value_of("false and inputs.nope") is False
    assert value_of("1 if true else inputs.nope") == 1


def test_a_condition_is_true_or_false() -> None:
    assert evaluate_condition(parse_expression("inputs.limit > 1"), NAMES) is True
    assert evaluate_condition(parse_expression("{{ not inputs.really }}"), NAMES) is False


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("inputs.limit", "a number (`500`)"),
        ("steps.items.outcome", "text (`succeeded`)"),
        ("'" + "x" * 200 + "'", "text (`" + "x" * 100 + "…`)"),
        ("steps.items.values", "a list"),
        ("nothing", "nothing"),
        ("months(1) + hours(3)", "a duration (`1 months 3h`)"),
    ],
)
def test_a_condition_that_is_merely_truthy_fails(source: str, what: str) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        evaluate_condition(parse_expression(f"  {source}"), NAMES)

    assert caught.value.message == (
        f"A condition must be true or false, but `{source}` is {what}. Compare it with something."
    )
    assert (caught.value.offset, caught.value.length) == (2, len(source))


def test_a_template_of_one_expression_keeps_its_type() -> None:
    assert render(parse_template("{{ inputs.limit }}"), NAMES) == 500
    assert render(parse_template("{{ steps.items.values }}\n"), NAMES) == [10, 20, 30]
    assert render(parse_template("{{ inputs.limit }}!"), NAMES) == "500!"
    assert render_text(parse_template("{{ inputs.limit }}"), NAMES) == "500"


def test_values_in_a_text_are_written_as_alma_reads_them() -> None:
    template = parse_template(
        "{{ true }} {{ 5.0 }} {{ 0.1 }} {{ 1e-7 }} {{ now }} {{ today }} {{ hours(1.5) }} "
        "{{ hours(0) }} {{ now - now - days(1) }}"
    )

    assert render_text(template, NAMES) == (
        "true 5 0.1 0.0000001 2026-03-31T14:05:00+02:00 2026-03-31 1h30m 0s -1d"
    )


@pytest.mark.parametrize("name", ["nothing", "steps.items.values", "inputs", "counters"])
def test_what_has_no_form_as_text_fails_with_its_place(name: str) -> None:
    with pytest.raises(ExpressionFailed, match="cannot be written as text") as caught:
        render_text(parse_template(f"see {{{{ {name} }}}}"), NAMES)

    assert (caught.value.offset, caught.value.length) == (7, len(name))


def test_a_message_never_fails_and_names_what_is_missing() -> None:
    template = parse_template(
        "{{ steps.x.link }} {{ inputs.limit }} {{ 1 / 0 }} {{ nothing }} {{ inputs.month | uper }} "
        "{{ steps.items.values }} {{ it }}"
    )

    assert render_message(template, {**NAMES, "it": object()}) == (
        "(steps.x.link: not known) 500 (1 / 0: This divides by zero) null "
        "(inputs.month | uper: There is no filter `uper`; did you mean `upper`?) [10, 20, 30] "
        "(it: A value of the type object cannot be used in an expression)"
    )


def test_a_template_of_several_parts_is_no_expression() -> None:
    with pytest.raises(ExpressionFailed, match="One expression is expected here"):
        evaluate(parse_template("{{ 1 }} {{ 2 }}"), {})


def test_values_nested_too_deep_to_be_compared_are_refused() -> None:
    deep: list[Any] = []
    other: list[Any] = []
    for _ in range(20_000):
        deep, other = [deep], [other]

    with pytest.raises(ExpressionFailed, match="nested too deep"):
        evaluate(parse_expression("a == b"), {"a": deep, "b": other})
    with pytest.raises(ExpressionFailed, match="nested too deeply to be written as JSON"):
        evaluate(parse_expression("a | tojson"), {"a": deep})
