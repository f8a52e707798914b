"""Checking expressions against types: what is reported, how it is named, where it points."""

from __future__ import annotations

import pytest

from almaflow.expressions import (
    ANYTHING,
    BOOLEAN,
    COUNTERS,
    DATE,
    DURATION,
    INSTANT,
    NOTHING,
    NUMBER,
    TEXT,
    ListType,
    MaybeMissing,
    RecordType,
    Type,
    check,
    guards_of,
    parse_expression,
    parse_template,
    type_of,
)

WITHDRAW = RecordType(
    {
        "outcome": TEXT,
        "status": MaybeMissing(TEXT, "withdraw", "step `withdraw` has an `if`"),
        "link": MaybeMissing(TEXT, "withdraw", "step `withdraw` has an `if`"),
        "counters": COUNTERS,
        "members": NUMBER,
        "rejected": ListType(TEXT),
        "results": ListType(
            RecordType(
                {
                    "item": TEXT,
                    "size": NUMBER,
                    "shelves": ListType(TEXT),
                    "job": RecordType(
                        {
                            "id": TEXT,
                            "status": MaybeMissing(TEXT, "withdraw", "it may have ended."),
                        },
                        "output of submit_job",
                    ),
                    "set": MaybeMissing(
                        RecordType({"name": TEXT}, "output"), "withdraw", "it has an `if`"
                    ),
                },
                "part of a result",
            )
        ),
        "ended_at": INSTANT,
    },
    "output of submit_job",
)
SCOPE = RecordType(
    {
        "inputs": RecordType({"month": TEXT, "limit": NUMBER, "really": BOOLEAN}, "input"),
        "steps": RecordType(
            {
                "withdraw": WITHDRAW,
                "read": RecordType({"body": ANYTHING, "empty": NOTHING}, "output"),
            },
            "step",
            absent={"later": "step `later` comes later (line 12)"},
        ),
        "vars": RecordType({"known": TEXT}, "variable", open=True),
        "now": INSTANT,
        "today": DATE,
        "it": ANYTHING,
    },
    "name",
)


def found(
    source: str, *, condition: bool = False, guards: frozenset[str] = frozenset()
) -> list[tuple[str, str, str]]:
    findings = check(parse_expression(source), SCOPE, condition=condition, guards=guards)
    return [(f.code, source[f.offset : f.offset + f.length], f.message) for f in findings]


def codes(source: str, *, condition: bool) -> list[str]:
    return [code for code, _, _ in found(source, condition=condition)]


@pytest.mark.parametrize(
    ("source", "code", "part", "message"),
    [
        (
            "input.month",
            "unknown-name",
            "input",
            "`input` is not known here; did you mean `inputs`?",
        ),
        (
            "inputs.mont",
            "unknown-input",
            "mont",
            "There is no input `mont`; did you mean `month`?",
        ),
        (
            "inputs['mont']",
            "unknown-input",
            "'mont'",
            "There is no input `mont`; did you mean `month`?",
        ),
        (
            "steps.withdrw.link",
            "unknown-step",
            "withdrw",
            "There is no step `withdrw`; did you mean `withdraw`?",
        ),
        (
            "steps.later.link",
            "not-usable-here",
            "later",
            "`steps.later` cannot be used here: step `later` comes later (line 12).",
        ),
        (
            "steps.withdraw.outcom",
            "unknown-output",
            "outcom",
            "There is no output of submit_job `outcom`; did you mean `outcome`?",
        ),
        (
            "steps.withdraw.link",
            "may-not-have-run",
            "steps.withdraw.link",
            "`steps.withdraw.link` may be missing, because step `withdraw` has an `if`. Write "
            "`steps.withdraw.link | default(…)`, or check `steps.withdraw.link is defined` in "
            "an `if` first.",
        ),
        (
            "inputs.month | uper",
            "unknown-filter",
            "uper",
            "There is no filter `uper`; did you mean `upper`?",
        ),
        (
            "['a'] | map('uper')",
            "unknown-filter",
            "'uper'",
            "There is no filter `uper`; did you mean `upper`?",
        ),
        (
            "['a'] | select('strng')",
            "unknown-test",
            "'strng'",
            "There is no test `strng`; did you mean `string`?",
        ),
        (
            "inputs.month is strng",
            "unknown-test",
            "strng",
            "There is no test `strng`; did you mean `string`?",
        ),
        (
            "inputs.month is not strng",
            "unknown-test",
            "strng",
            "There is no test `strng`; did you mean `string`?",
        ),
        (
            "hour(3)",
            "unknown-function",
            "hour",
            "There is no function `hour`; did you mean `hours`?",
        ),
        ("now - hours", "unknown-name", "hours", "`hours` is written `hours(n)`."),
        (
            "inputs.month.uper()",
            "unknown-function",
            "uper",
            "Text has no `.uper`; did you mean `upper`?",
        ),
        (
            "inputs.items()",
            "unknown-function",
            "items",
            "`items` is not a method. Only keys of a mapping can follow a dot.",
        ),
        (
            "now.yeer",
            "unknown-attribute",
            "yeer",
            "A date with time has no `.yeer`; did you mean `year`?",
        ),
        (
            "now['year']",
            "unknown-attribute",
            "now['year']",
            "`now` is a date with time and has no elements.",
        ),
        (
            "steps.withdraw.rejected['a']",
            "unknown-attribute",
            "'a'",
            "Select an element of a list by its number. The first is `[0]`.",
        ),
        (
            "steps.withdraw.results[0].siz",
            "unknown-part",
            "siz",
            "There is no part of a result `siz`; did you mean `size`?",
        ),
        (
            "steps.withdraw.counters[0].ky",
            "unknown-part",
            "ky",
            "There is no part of a counter `ky`; did you mean `key`?",
        ),
        ("now | date", "wrong-arguments", "date", "`date` is written `date(format)`."),
        (
            "now | date('%Q')",
            "bad-format",
            "'%Q'",
            "`%Q` has no meaning in a date's format. Write, for example, `%Y-%m-%d`, "
            "`%d.%m.%Y` or `%H:%M`.",
        ),
        (
            "inputs.month | date('%Y')",
            "wrong-operands",
            "date",
            "`date` needs a date with time or a date, but this is text.",
        ),
        (
            "inputs.month + 1",
            "arithmetic-on-text",
            "inputs.month + 1",
            (
                "Text cannot be added to a number. Use `~` to join texts, or `| int` to turn "
                "digits into a number."
            ),
        ),
        (
            "inputs.month * inputs.limit",
            "arithmetic-on-text",
            "inputs.month * inputs.limit",
            "Text cannot be multiplied by a number. Use `| int` to turn digits into a number.",
        ),
        (
            "-inputs.month",
            "arithmetic-on-text",
            "-inputs.month",
            "Only a number can have a sign, but this is text.",
        ),
        (
            "-now",
            "wrong-operands",
            "-now",
            "Only a number can have a sign, but this is a date with time.",
        ),
        (
            "now + 1",
            "wrong-operands",
            "now + 1",
            "A date with time cannot be added to a number. Write `days(…)`, `hours(…)` or "
            "`months(…)`.",
        ),
        (
            "inputs.limit > '3'",
            "text-compared-with-number",
            "inputs.limit > '3'",
            "A number cannot be compared with text. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            "1 < 2 == inputs.month",
            "text-compared-with-number",
            "2 == inputs.month",
            "A number cannot be compared with text. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            "inputs.month in [1, 2]",
            "text-compared-with-number",
            "inputs.month in [1, 2]",
            "Text cannot be compared with a number. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            "1 in inputs.month",
            "text-compared-with-number",
            "1 in inputs.month",
            "A number cannot be compared with text. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            "inputs.month is eq 3",
            "text-compared-with-number",
            "inputs.month is eq 3",
            "Text cannot be compared with a number. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            "1 in inputs.limit",
            "wrong-operands",
            "1 in inputs.limit",
            "Only a list, a text or a mapping can contain something, not a number.",
        ),
        (
            "inputs.really == 'true'",
            "compared-different-kinds",
            "inputs.really == 'true'",
            "True or false cannot be compared with text. Write `true` and `false` without quotes.",
        ),
        (
            "today < now",
            "compared-different-kinds",
            "today < now",
            "A date cannot be compared with a date with time. Use `.date()` to get the date of "
            "a date with time.",
        ),
        (
            "'a' ~ steps.withdraw.rejected",
            "not-a-text",
            "steps.withdraw.rejected",
            "`steps.withdraw.rejected` is a list, which cannot be written as text.",
        ),
        (
            "steps.withdraw.rejected()",
            "unknown-function",
            "rejected",
            "`rejected` is not a method. Only keys of a mapping can follow a dot.",
        ),
        (
            "(inputs.month)(1)",
            "unknown-function",
            "month",
            "`month` is not a method. Only keys of a mapping can follow a dot.",
        ),
        ("it[0:1, 2]", "not-allowed", "0:1", "`0:1` is not allowed here."),
        ("hours(1)(2)", "unknown-function", "hours(1)", "`hours(1)` cannot be called."),
    ],
)
def test_what_is_wrong_is_reported_with_code_place_and_advice(
    source: str, code: str, part: str, message: str
) -> None:
    assert found(source) == [(code, part, message)]


@pytest.mark.parametrize(
    "source",
    [
        "inputs.month ~ inputs.limit ~ inputs.really ~ now ~ today",
        "vars.anything.at.all + 1",
        "it.a.b.c('x') if false else it.method(1)",
        "it > 3 and it + 'a' and -it and it['x'] and it[it] and it | sum > 3",
        "inputs[it]",
        "now - months(1) > now - hours(2) and today - today < days(1)",
        "(now | date('%Y')) == '2026' and now | epoch_ms > 0",
        "now.year == today.month and now.date() == today",
        "inputs.month[0:2] ~ inputs.month[0] ~ inputs.month.split('-')[0].upper()",
        "steps.withdraw.rejected[1:it] | length > 0",
        "steps.withdraw.counters.number('a') == 0 and steps.withdraw.counters.text(1) == 'a'",
        "steps.withdraw.results | map(attribute='size') | sum > 3",
        "steps.read.empty == none and inputs.month != none",
        "'x' * 3 ~ '%03d' % inputs.limit",
        "{'a': 1}.a > 0 and {it: 1}.b == 2 and (1, 'a')[0] == it",
        "inputs.limit if inputs.really else 'none'",
        "inputs.month in steps.withdraw.rejected and 'a' in inputs and 'a' in it",
        "inputs.month is in ['a'] and inputs.limit is lt 3 and it is eq 4",
        "steps.withdraw.rejected | map('upper') | first == 'A'",
        "[1, 2] | sum > 2",
        "'x' if inputs.really",
        "steps.withdraw.rejected == steps.withdraw.counters",
        "[1] + steps.withdraw.rejected",
        "'a' | replace('b', new='c') | default(1, boolean=true) == it",
        "[it] | select('defined') | reject('string') | selectattr('x', it) and 1",
    ],
)
def test_what_is_right_or_not_certain_is_not_reported(source: str) -> None:
    assert found(source) == []


RESULTS = "steps.withdraw.results"


@pytest.mark.parametrize(
    ("source", "code", "part", "message"),
    [
        (
            f"{RESULTS} | map(attribute='itm') | list",
            "unknown-part",
            "'itm'",
            "There is no part of a result `itm`; did you mean `item`?",
        ),
        (
            f"{RESULTS} | selectattr('job.statsu', 'equalto', 'x') | list",
            "unknown-output",
            "'job.statsu'",
            "There is no output of submit_job `statsu`; did you mean `status`?",
        ),
        (
            f"{RESULTS} | sum('item.x')",
            "unknown-attribute",
            "'item.x'",
            "Text has no `.x`.",
        ),
        (
            f"{RESULTS} | map(attribute='size') | first == 'x'",
            "text-compared-with-number",
            f"{RESULTS} | map(attribute='size') | first == 'x'",
            "A number cannot be compared with text. Use `| int` to turn digits into a number, "
            "or quotes to write a text.",
        ),
        (
            f"{RESULTS} | map(attribute='job.status') | list",
            "may-not-have-run",
            "'job.status'",
            "Some elements may not have `job.status`, because it may have ended. Write "
            "`map(attribute='job.status', default=…)`, or `selectattr('job.status', "
            "'defined')` before.",
        ),
        (
            f"{RESULTS} | sort(attribute='set.name') | list",
            "may-not-have-run",
            "'set.name'",
            "Some elements may not have `set.name`, because it has an `if`. Write "
            "`selectattr('set.name', 'defined')` before.",
        ),
        (
            f"{RESULTS} | selectattr('job.status', 'eq', 'FAILED') | list",
            "may-not-have-run",
            "'job.status'",
            "Some elements may not have `job.status`, because it may have ended. Write "
            "`selectattr('job.status', 'defined')` before.",
        ),
    ],
)
def test_a_part_of_each_element_is_looked_at(
    source: str, code: str, part: str, message: str
) -> None:
    assert found(source) == [(code, part, message)]


@pytest.mark.parametrize(
    "source",
    [
        f"{RESULTS} | map(attribute='job.status', default='') | list",
        f"{RESULTS} | map(attribute='shelves.0.upper') | list".replace(".upper", ""),
        f"{RESULTS} | selectattr('job.status', 'defined') | map(attribute='job.status') | list",
        f"{RESULTS} | rejectattr('item', 'eq', 'a') | sort(attribute='size')"
        " | map(attribute='set.name') | list",
        f"{RESULTS} | map(attribute='job.status') | list | default([])",
        f"steps.withdraw.outcome == 'failed' and {RESULTS} | sum('size') > 1"
        f" and {RESULTS} | map(attribute='job.status') | list",
        f"{RESULTS} | map(attribute=it) | list",
        f"{RESULTS} | map(attribute=1) | list",
        "it | map(attribute='a.b') | list",
    ],
)
def test_a_part_that_each_element_has_or_that_is_asked_about_is_fine(source: str) -> None:
    assert found(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "steps.withdraw.link | default('x')",
        "(steps.withdraw.link ~ '!') | d('x')",
        "steps.withdraw.link is defined",
        "steps.withdraw.link is not defined or steps.withdraw.status == 'a'",
        "steps.withdraw.outcome == 'succeeded' and steps.withdraw.status == 'a'",
        "steps.withdraw.outcome in ['succeeded', 'warning'] and steps.withdraw.status == 'a'",
        "steps['withdraw']['outcome'] == 'succeeded' and steps.withdraw.status == 'a'",
    ],
)
def test_an_output_of_a_step_that_may_not_have_run_is_fine_when_asked_about(source: str) -> None:
    assert found(source) == []


def test_a_guard_around_the_expression_counts() -> None:
    guards = guards_of(parse_expression("steps.withdraw.status is defined"))

    assert found("steps.withdraw.link", guards=guards) == []
    assert [code for code, _, _ in found("steps.withdraw.link", guards=frozenset({"other"}))] == [
        "may-not-have-run"
    ]


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        ("steps.a.x is defined and steps.b.outcome != 'failed'", {"a", "b"}),
        ("steps.a is defined", {"a"}),
        ("steps.a.rows[n].x is undefined", {"a"}),
        ("steps.a.x == 1 and inputs.outcome == 'x' and inputs.a is defined", set()),
        ("steps is defined and (1 + 1) is defined", set()),
        ("'x' in steps.a.outcome | upper", {"a"}),
    ],
)
def test_the_steps_that_an_expression_asks_about_are_its_guards(
    source: str, steps: set[str]
) -> None:
    assert guards_of(parse_expression(source)) == steps


def test_each_occurrence_is_reported_at_its_own_place() -> None:
    source = "inputs.mont == 'mont' or inputs.mont == inputs.month and 'x' in inputs.mont"

    findings = check(parse_expression(source), SCOPE)

    first = source.index("mont")
    second = source.index("mont", source.index("or"))
    assert [one.offset for one in findings] == [first, second, source.rindex("mont")]


def test_a_finding_in_a_template_points_into_the_whole_text() -> None:
    source = "über {{ inputs.month }}\nund {{ inputs.mont }} {{ steps.withdraw.rejected }}"

    findings = check(parse_template(source), SCOPE)

    assert [(one.code, source[one.offset : one.offset + one.length]) for one in findings] == [
        ("unknown-input", "mont"),
        ("not-a-text", "steps.withdraw.rejected"),
    ]
    assert findings[1].message == (
        "`steps.withdraw.rejected` is a list, which cannot be written as text. Write `| "
        "join(', ')`, or `| tojson`."
    )


def test_a_template_of_one_expression_may_be_a_list() -> None:
    assert check(parse_template("{{ steps.withdraw.rejected }}"), SCOPE) == []
    assert check(parse_template("no expression"), SCOPE) == []


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("inputs.month", ["inputs.month"]),
        ("inputs.limit and inputs.really", ["inputs.limit"]),
        ("inputs.really or not steps.withdraw.rejected", ["steps.withdraw.rejected"]),
        ("steps.withdraw.counters", ["steps.withdraw.counters"]),
        ("inputs.limit | default(3)", ["inputs.limit | default(3)"]),
        ("(inputs.limit + 1) * 2", ["(inputs.limit + 1) * 2"]),
        ("steps.withdraw", ["steps.withdraw"]),
        ("inputs.really", []),
        ("it", []),
        ("it and inputs.limit > 3 and 'a' in inputs.month", []),
    ],
)
def test_a_condition_that_is_certainly_not_true_or_false_is_reported(
    source: str, parts: list[str]
) -> None:
    findings = found(source, condition=True)

    assert [part for _, part, _ in findings] == parts
    assert {code for code, _, _ in findings} <= {"not-a-condition"}


def test_a_condition_is_told_how_to_compare() -> None:
    [(_, _, message)] = found("inputs.month", condition=True)

    assert message == (
        "A condition must be true or false, but `inputs.month` is text. Compare it: `… == 'text'`."
    )


def test_a_wrong_part_of_a_condition_is_not_reported_twice() -> None:
    assert codes("inputs.nope", condition=True) == ["unknown-input"]
    assert codes("inputs.month + 1", condition=True) == ["arithmetic-on-text"]


@pytest.mark.parametrize(
    ("source", "type_"),
    [
        ("inputs.limit + 1", NUMBER),
        ("inputs.month ~ 1", TEXT),
        ("now - now", DURATION),
        ("now + days(1)", INSTANT),
        ("today - days(1)", DATE),
        ("steps.withdraw.link", TEXT),
        ("steps.withdraw.rejected", ListType(TEXT)),
        ("steps.withdraw.rejected | sort | first", TEXT),
        ("steps.withdraw.rejected | map('length')", ListType(NUMBER)),
        ("inputs.month.split('-')", ListType(TEXT)),
        ("inputs.month | first ~ inputs.month | reverse", TEXT),
        ("[1, 2]", ListType(NUMBER)),
        ("[1, 'a']", ListType(ANYTHING)),
        ("[1, 2] | batch(1)", ListType(ListType(NUMBER))),
        ("[1] | batch(1) | reverse | first", ListType(NUMBER)),
        ("1 if it else 2", NUMBER),
        ("1 if it else 'a'", ANYTHING),
        ("inputs.limit | default(3)", NUMBER),
        ("not it", BOOLEAN),
        ("it is defined", BOOLEAN),
        ("none", NOTHING),
        ("-hours(1)", DURATION),
        (
            "steps.withdraw.counters | first",
            RecordType({"key": TEXT, "label": TEXT, "value": TEXT}, "part of a counter"),
        ),
        ("it.x", ANYTHING),
    ],
)
def test_the_type_of_an_expression_is_known_as_far_as_it_is_certain(
    source: str, type_: Type
) -> None:
    assert type_of(parse_expression(source), SCOPE) == type_


def test_a_template_around_expressions_is_text() -> None:
    assert type_of(parse_template("a {{ inputs.limit }}"), SCOPE) == TEXT
    assert type_of(parse_template("{{ inputs.limit }}"), SCOPE) == NUMBER
