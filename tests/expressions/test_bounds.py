"""No expression takes the machine down: what would explode is refused before it is done."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from almaflow.expressions import (
    Budget,
    ExpressionFailed,
    evaluate,
    parse_expression,
    parse_template,
    render_message,
    render_text,
)
from almaflow.expressions.budget import CHARACTERS, DEEPEST_VALUE

BOMBS = [
    "[1] * 10 ** 9",
    "'a' * 10 ** 10",
    "10 ** 10 * 'a'",
    "'' * 10 ** 70",
    "9 ** (9 ** 9)",
    "2.0 ** 100000",
    "7 ** -99999999",
    "'%1000000000d' % 1",
    "'%.1000000000f' % 1",
    "'%*d' % (1000000000, 1)",
    "'%1000000000d' | format(1)",
    "'x' | center(10 ** 9)",
    "'x'.ljust(10 ** 9)",
    "'x'.zfill(10 ** 9)",
    "'x' | indent(10 ** 9)",
    "'{:>1000000000}'.format(1)",
    "1 | round(10 ** 9)",
    "1 | round(-(10 ** 9))",
    "('a' * 10 ** 6) | replace('a', 'a' * 1000)",
    "('a' * 10 ** 6).replace('', 'a' * 1000)",
    "('a' * 10 ** 6) | list | join('b' * 1000)",
    "['a' * 10 ** 6] * 1000",
    "[['a' * 10 ** 4] * 100] * 100",
    "[[[[[[[1] * 9] * 9] * 9] * 9] * 9] * 9] * 9",
    "[[1] * 1000] * 5000",
    "['a' * 10 ** 7, 'a' * 10 ** 7]",
    "{'a': 'b' * 10 ** 7, 'c': 'b' * 10 ** 7}",
    "([1] * 900000) + ([1] * 900000)",
    "('a\n' * 10 ** 6).splitlines() | map('center', 5000)",
    "('a ' * 10 ** 6).split()",
    "('a,' * 10 ** 6).split(',')",
    "('a\n' * 10 ** 6) | indent(5000)",
    "('a,' * 10 ** 6) | csv_column('a')",
    "('a' * 10 ** 7) ~ ('a' * 10 ** 7)",
    "('a' * 10 ** 7)[0:] + ('a' * 10 ** 7)[1:]",
    "('ü' * 10 ** 7) | urlencode",
    "('a' * 10 ** 7) | upper | lower | title",
    "([[1] * 100] * 5000) | select('in', [[2] * 100] * 5000)",
    "([2] * 1000) | select('in', [1] * 5000)",
    "([1] * 10) | batch(10 ** 9, 0)",
    "hours(10 ** 9)",
    "days(1) * 10 ** 60",
    "('1' * 5000) | int",
    "('9' * 300) | int",
    "today | date('%1000000000d')",
    "('a' * 8000000) | tojson | tojson | tojson",
    "('%5000d' * 5000) % ([1] * 5000)",
    "('%' ~ '0' * 5000000) % 1",
    "(deep * 30000) | tojson(16)",
    "([0] * 900000) | tojson(16)",
    "('\\x01' * 8000000) | tojson",
    "([1] * 900000) | map('string')",
    "(['a'] * 500000) | map('tojson')",
    "([days(1)] * 300000) | join",
    "('ab ' * 2000000) | wordcount",
    "('\n' * 5000000).splitlines()",
    "('a' * 8000000).strip('b' * 10000)",
    "10 ** 100000",
    "10 ** 70 * 10 ** 70",
    "today + days(9999999)",
    "today + months(10 ** 9)",
    "today + days(300000) * 20",
]
DEEP: list[Any] = [[]]
for _ in range(40):
    DEEP = [DEEP]
NAMES = {"today": date(2026, 1, 1), "deep": DEEP}
REFUSED = (
    "not allowed|too long|too large|beyond|can be added|at most|At most|"
    "Write a letter|outside of the years|nested too deep|is not a method|has no meaning|"
    "cannot be evaluated"
)


@pytest.mark.parametrize("source", BOMBS)
def test_what_would_explode_is_refused(source: str) -> None:
    with pytest.raises(ExpressionFailed, match=REFUSED):
        evaluate(parse_expression(source), NAMES)


def test_all_of_it_is_refused_within_little_memory_and_time() -> None:
    script = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (700 * 2**20, 700 * 2**20))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from datetime import date
from almaflow.expressions import ExpressionFailed, evaluate, parse_expression, parse_template
from almaflow.expressions import check, RecordType, render_text, ExpressionSyntax
deep = [[]]
for _ in range(40):
    deep = [deep]
names = {"today": date(2026, 1, 1), "deep": deep}
for source in sys.stdin.read().split("\\x00"):
    check(parse_expression(source), RecordType({}, "name"))
    for use in (evaluate, render_text):
        try:
            use(parse_expression(source), names)
        except ExpressionFailed as error:
            assert "nested too deeply, or" not in error.message, source
        else:
            sys.exit(f"not refused: {source}")
print("all refused")
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        input="\x00".join(BOMBS),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )

    assert done.stdout == "all refused\n", done.stderr


def test_evaluations_without_a_pause_share_a_budget() -> None:
    budget, parsed = Budget(), parse_expression("([1] * 1_500_000) | length")
    evaluate(parsed, {}, budget)
    evaluate(parsed, {}, budget)

    with pytest.raises(ExpressionFailed, match="more than 1,000,000 elements"):
        evaluate(parsed, {}, budget)


def test_a_value_nested_too_deep_is_refused_with_its_place() -> None:
    deep: list[Any] = []
    for _ in range(DEEPEST_VALUE):
        deep = [deep]

    with pytest.raises(ExpressionFailed, match="nested too deep") as caught:
        evaluate(parse_expression(" it"), {"it": deep})
    assert caught.value.offset == 1
    assert evaluate(parse_expression("it[0]"), {"it": deep}) == deep[0]


def test_json_is_charged_at_least_its_length() -> None:
    values = [1, -(2**80), 1.5e300, 'a\n"', "é\\", True, None, date(2026, 1, 1), [], {}, [[1]]]
    for value in [*values, values, {"k": values, "a\tb": {"c": values}}]:
        for indent in (0, 1, 16):
            budget = Budget()
            text = evaluate(parse_expression(f"it | tojson({indent or 'none'})"), {"it": value})

            budget.json(value, indent)

            assert CHARACTERS - budget.characters >= len(text)


def test_a_budget_is_for_the_whole_template() -> None:
    parts = parse_template("{{ it }}" * 10)

    with pytest.raises(ExpressionFailed, match="more than 16,777,216 characters"):
        render_text(parts, {"it": "a" * 2_000_000})


def test_a_message_beyond_the_budget_says_so_in_its_place() -> None:
    message = render_message(parse_template("{{ 'a' * 10 ** 9 }}!"), {})

    assert message == (
        "('a' * 10 ** 9: This creates more than 16,777,216 characters of text, which "
        "is not allowed)!"
    )


def test_a_value_with_too_many_elements_inside_is_refused_with_its_place() -> None:
    with pytest.raises(ExpressionFailed, match="more than 1,000,000 elements") as caught:
        evaluate(parse_expression("  it"), {"it": [[0] * 1000] * 5000})

    assert (caught.value.offset, caught.value.length) == (2, 2)


@pytest.mark.parametrize(
    ("source", "length"),
    [
        ("it | map('int') | list", 20_000),
        ("it | join(',')", 108_889),
        ("it | sort | unique", 20_000),
        ("it | batch(1000)", 20),
        ("it", 20_000),
    ],
)
def test_large_lists_of_real_work_are_fine(source: str, length: int) -> None:
    barcodes = [str(number) for number in range(20_000)]

    value: Any = evaluate(parse_expression(source), {"it": barcodes})

    assert len(value) == length
