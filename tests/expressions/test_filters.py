"""Filters, tests and methods: what each gives, and how each refuses."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from almaflow.expressions import Counters, ExpressionFailed, NotDefined, evaluate, parse_expression

ROWS = [{"name": "b", "n": 2, "x": {"y": 1}}, {"name": "A", "n": 1}, {"name": "c", "n": 3}]
NAMES: dict[str, Any] = {
    "rows": ROWS,
    "table": [["Barcode", " Title "], ["1", "One"], ["2"]],
    "csv": '\ufeffBarcode;Title\n1;One\n\n2;"Two;\n2"\n',
    "today": date(2026, 3, 31),
    "counters": Counters([{"key": "a", "label": "A", "value": "1"}]),
    "none": None,
}


def value_of(source: str) -> Any:
    return evaluate(parse_expression(source), NAMES)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'Äpfel & Öl — groß' | slug", "apfel-ol-gross"),
        ("2026 | slug", "2026"),
        ("5.0 | string", "5"),
        ("'aB' | lower ~ 'aB' | upper ~ 'aB' | capitalize", "abABAb"),
        ("'the end' | title", "The End"),
        ("' a ' | trim ~ 'xax' | trim('x')", "aa"),
        ("'banana' | replace('a', 'o', 2)", "bonona"),
        ("'banana' | replace('a', 1)", "b1n1n1"),
        ("'a' | center(3)", " a "),
        ("'a\nb' | indent(2, first=true)", "  a\n  b"),
        ("'a\n\nb' | indent('> ', blank=true)", "a\n> \n> b"),
        ("'one two three' | truncate(11, leeway=0)", "one two..."),
        ("'one two three' | truncate(9, true, '…', 0)", "one two …"),
        ("'one two' | wordcount", 2),
        ("'a b/ü' | urlencode", "a%20b/%C3%BC"),
        ("'%s of %03d' | format('a', 7)", "a of 007"),
        ("{'a': [today, none]} | tojson", '{"a": ["2026-03-31", null]}'),
        ("[1] | tojson(indent=1)", "[\n 1\n]"),
        ("'12' | int + '1.5' | float", 13.5),
        ("'x' | int", 0),
        ("'x' | int(-1)", -1),
        ("'ff' | int(base=16)", 255),
        ("'x' | float(2)", 2),
        ("'1e400' | float(3)", 3),
        ("'1e400' | int(3)", 3),
        ("2.5 | round", 2.0),
        ("1234 | round(-2)", 1200),
        ("1.234 | round(1, 'ceil')", 1.3),
        ("-3 | abs", 3),
        ("1500 | filesizeformat", "1.5 kB"),
        ("rows | length + 'ab' | count", 5),
        ("(rows | first).n + (rows | last).n", 5),
        ("'ab' | first ~ 'ab' | last", "ab"),
        ("[3] | one", 3),
        ("[1, 'a', true] | join(', ')", "1, a, true"),
        ("rows | join(d='-', attribute='n')", "2-1-3"),
        ("'ab' | list + {'c': 1} | list", ["a", "b", "c"]),
        ("[1, 2] | reverse + ['ab' | reverse]", [2, 1, "ba"]),
        ("rows | sum('n')", 6),
        ("[[1], [2]] | sum(start=[])", [1, 2]),
        ("(rows | min(attribute='n')).name ~ (rows | max(attribute='n')).name", "Ac"),
        ("['b', 'A'] | min", "A"),
        ("['b', 'A', 'c'] | sort", ["A", "b", "c"]),
        ("['b', 'A', 'c'] | sort(true, true)", ["c", "b", "A"]),
        ("rows | sort(attribute='n') | map(attribute='name') | join", "Abc"),
        ("['a', 'A', 'b', 1, true, 1.0] | unique", ["a", "b", 1, True]),
        ("[[1], {'a': 1}, [1]] | unique | length", 2),
        ("[1, 2, 3] | batch(2)", [[1, 2], [3]]),
        ("[1, 2, 3] | batch(2, 0)", [[1, 2], [3, 0]]),
        ("[] | batch(2, 0)", []),
        ("{'b': 1, 'a': 2} | items", [["b", 1], ["a", 2]]),
        ("{'b': 1, 'a': 2} | dictsort", [["a", 2], ["b", 1]]),
        ("{'b': 1, 'a': 2} | dictsort(by='value', reverse=true)", [["a", 2], ["b", 1]]),
        ("['a', 'b'] | map('upper')", ["A", "B"]),
        ("['a'] | map('replace', 'a', new='b')", ["b"]),
        ("rows | map(attribute='x.y', default=0)", [1, 0, 0]),
        ("table | map(attribute=0)", ["Barcode", "1", "2"]),
        ("table | map(attribute='0')", ["Barcode", "1", "2"]),
        ("[0, 1, '', 'a'] | select", [1, "a"]),
        ("[0, 1, '', 'a'] | reject", [0, ""]),
        ("[1, 2, 3] | select('gt', 1) | reject('odd')", [2]),
        ("rows | selectattr('n', 'ge', 2) | map(attribute='n')", [2, 3]),
        ("rows | rejectattr('n', 'ge', 2) | map(attribute='n')", [1]),
        ("rows | selectattr('x', 'defined') | map(attribute='n')", [2]),
        ("rows | selectattr('x', 'undefined') | map(attribute='n')", [1, 3]),
        ("rows | selectattr('n') | length", 3),
        ("csv | csv_column('Title', ';')", ["One", "Two;\n2"]),
        ("'a,b\n1' | csv_column('b')", [""]),
        ("table | csv_column('Title')", ["One", ""]),
        ("rows | csv_column('x')", [{"y": 1}, "", ""]),
        ("[] | csv_column('x')", []),
        ("[] | group_by('x')", []),
        (
            "[{'a': 1, 'b': 2}, {'a': '1'}, {'a': 1}] | group_by('a')",
            [
                {"key": 1, "items": [{"a": 1, "b": 2}, {"a": 1}]},
                {"key": "1", "items": [{"a": "1"}]},
            ],
        ),
        (
            "[{'a': 'x'}, {}] | group_by('a', default='none') | map(attribute='key') | list",
            ["x", "none"],
        ),
        ("[[1, 2], [1, 3]] | group_by(0) | map(attribute='items') | first", [[1, 2], [1, 3]]),
    ],
)
def test_a_filter_gives_what_it_says(source: str, value: Any) -> None:
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[] | one", "Exactly one element is expected, but the list is empty."),
        ("[1, 2] | one", "Exactly one element is expected, but the list has 2."),
        ("1 | first", "`first` needs text or a list, but this is a number."),
        (
            "none | int(1) ~ none | upper",
            "`upper` needs text, a number, true or false, a date with time, a date or a "
            "duration, but this is nothing.",
        ),
        ("[1] | join(1)", "Text is expected as the separator, not a number."),
        (
            "[none] | join",
            (
                "This is nothing, which cannot be written as text. Add `| default('…', "
                "true)`, or `| tojson`."
            ),
        ),
        (
            "today | date('%Q')",
            "`%Q` has no meaning in a date's format. Write, for example, `%Y-%m-%d`, "
            "`%d.%m.%Y` or `%H:%M`.",
        ),
        ("today | date(1)", "Text is expected as the format, not a number."),
        ("'2026' | date('%Y')", "`date` needs a date with time or a date, but this is text."),
        ("today | date", "`date` is written `date(format)`."),
        ("'a' | truncate(2)", "A text shortened to 2 characters has no room for `...`."),
        ("1 | round(1, 'up')", "A number can be rounded only by 'common', 'ceil' or 'floor'."),
        ("1 | int(base=99)", "A base must be a number from 2 to 36."),
        ("[1, 'a'] | sort", "The elements are of different kinds, so they have no order."),
        ("rows | max", "The elements have no order. Specify what to compare: `attribute='…'`."),
        ("rows | map('uper')", "There is no filter `uper`; did you mean `upper`?"),
        ("rows | map", "Text is expected as the name of a filter, not nothing."),
        ("['a'] | map('replace')", "`replace` is written `replace(old, new, count=…)`."),
        ("rows | map(attribute=none)", "Text is expected as the name of a filter, not nothing."),
        ("rows | map(attribute=1.5)", "`attribute` needs a name in quotes, not a number."),
        ("rows | select('odd', 1)", "`odd` takes no arguments."),
        ("rows | select('strange')", "There is no test `strange`; did you mean `string`?"),
        ("[1] | batch(0)", "A batch must have at least one element."),
        ("{} | dictsort(by='x')", "A mapping can be sorted only by 'key' or by 'value'."),
        (
            "csv | csv_column('Titel', ';')",
            "There is no column `Titel`; did you mean `Title`? The columns are `Barcode`, `Title`.",
        ),
        (
            "csv | csv_column('Title', ';;')",
            "The delimiter of a CSV must be one character, such as `,` or `;`.",
        ),
        ("'' | csv_column('a')", "This CSV is empty. It needs at least a header line."),
        ("[{'b': 1}] | group_by('a')", "`the element.a` is not defined."),
        ("[1] | csv_column('a')", "A row must be a mapping or a list, but this is a number."),
        ("2 is divisibleby(0)", "A number cannot be divided by zero."),
        ("'a'.center(5, '--')", "The fill character must be one character."),
        ("'a'.split('')", "A text cannot be split at an empty text."),
        ("','.join('ab')", "A list of texts is expected here, not text."),
    ],
)
def test_a_filter_refuses_what_it_does_not_take(source: str, message: str) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        value_of(source)

    assert caught.value.message == message


def test_numbers_from_outside_that_are_too_large_give_the_default() -> None:
    names = {"endless": float("inf"), "huge": 10**400}

    assert evaluate(parse_expression("endless | int(3) + huge | float(4)"), names) == 7
    with pytest.raises(ExpressionFailed, match="too large"):
        evaluate(parse_expression("1e100 | round(300, 'ceil')"), names)
    with pytest.raises(ExpressionFailed, match="not a finite number"):
        evaluate(parse_expression("endless | string"), names)


def test_any_mapping_can_be_written_as_json() -> None:
    names = {"it": MappingProxyType({"a": 1})}

    assert evaluate(parse_expression("it | tojson"), names) == '{"a": 1}'


def test_what_python_refuses_behind_a_filter_fails_with_its_place() -> None:
    with pytest.raises(ExpressionFailed, match="cannot be evaluated: Python int") as it:
        evaluate(parse_expression("1 ~ ('aa' | replace('a', 'b', 10 ** 30))"), NAMES)

    assert it.value.offset == 5


def test_csv_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ExpressionFailed, match="not valid CSV:"):
        evaluate(parse_expression("it | csv_column('a')"), {"it": "a\n" + "x" * 200_000})


@pytest.mark.parametrize(
    "source",
    ["[] | first", "'' | last", "[] | min", "rows | map(attribute='q')", "rows | selectattr('q')"],
)
def test_what_is_not_there_is_not_defined(source: str) -> None:
    with pytest.raises(NotDefined):
        value_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "none is none",
        "'a' is string",
        "1 is number",
        "1 is integer",
        "1.5 is float",
        "true is boolean",
        "true is not integer",
        "true is true",
        "false is false",
        "{} is mapping",
        "[] is sequence",
        "counters is iterable",
        "1 is odd",
        "2 is even",
        "4 is divisibleby 2",
        "'a' is lower",
        "'A' is upper",
        "1 is in [1]",
        "1 is eq 1",
        "1 is equalto(1)",
        "1 is ne 2",
        "1 is lt 2",
        "1 is lessthan 2",
        "1 is le 1",
        "2 is gt 1",
        "2 is greaterthan 1",
        "1 is ge 1",
        "1 is not sequence",
    ],
)
def test_a_question_is_answered(source: str) -> None:
    assert value_of(source) is True


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'aB'.lower() ~ 'aB'.upper() ~ 'ab c'.title() ~ 'aB'.capitalize()", "abABAb CAb"),
        ("' a '.strip() ~ '  a'.lstrip() ~ 'a '.rstrip() ~ 'xax'.strip('x')", "aaaa"),
        ("['ab'.startswith('a'), 'ab'.endswith('a')]", [True, False]),
        ("'ab'.removeprefix('a') ~ 'ab'.removesuffix('b')", "ba"),
        ("'a-b'.replace('-', '+')", "a+b"),
        ("'a b  c'.split() + 'a,b,c'.split(',', 1)", ["a", "b", "c", "a", "b,c"]),
        ("'a b c'.split(maxsplit=1)", ["a", "b c"]),
        ("'a\nb'.splitlines()", ["a", "b"]),
        ("','.join(['a', 1])", "a,1"),
        ("['abc'.find('c'), 'aba'.count('a')]", [2, 2]),
        ("['1'.isdigit(), '²'.isdigit(), 'a'.isalpha(), '1'.isalnum()]", [True, False, True, True]),
        ("['a'.isupper(), 'a'.islower(), ' '.isspace()]", [False, True, True]),
        ("'7'.zfill(3) ~ 'a'.ljust(2) ~ 'a'.rjust(2, '.') ~ 'a'.center(3, '*')", "007a .a*a*"),
    ],
)
def test_a_method_of_text_gives_what_it_says(source: str, value: Any) -> None:
    assert value_of(source) == value
