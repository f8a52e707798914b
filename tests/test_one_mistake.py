"""One mistake is one problem, and what it says to write is valid when it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from almaflow.document import Document, PathTo, parse_document
from almaflow.model_fields import place_of
from almaflow.problems import Severity
from almaflow.timetable import words_of_cron
from almaflow.workflow import Workflow
from tests.test_check import problems_of

FIND = "steps:\n  - id: titles\n    find_set: {name: Reserve collection}\n"
KEY = "l8xx0123456789abcdef0123456789abcdef01"
EVERYTHING = Path(__file__).parent / "valid" / "everything.yaml"


def codes(text: str) -> list[str]:
    return [one.code for one in problems_of(f"name: case\n{text}")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate(1 day)", "every: 1d"),
        ("rate(5 minutes)", "every: 5m"),
        ("cron(0 3 * * ? *)", 'daily: "03:00"'),
        ("cron(15 10 ? * 6L *)", 'cron: "15 10 * * friL"'),
        ("cron(0 8 1 * ? 2026)", "monthly: 1 08:00, starts: 2026-01-01, ends: 2027-01-01"),
        ("cron(0 18 ? * MON-FRI *)", "weekly: mon-fri 18:00"),
        ("cron(0/10 * ? * 2-6 *)", ""),
        ("0 0 3 * * ?", 'daily: "03:00"'),
        ("0 0 12 1/1 * ? *", 'daily: "12:00"'),
        ("0 0 12 ? * 2,4", 'weekly: "mon,wed 12:00"'),
        ("0 0 6 L * ?", "monthly: last 06:00"),
        ("0 15 10 ? * 6#3", 'cron: "15 10 * * fri#3"'),
        ("0 3 * * ?", 'daily: "03:00"'),
        ("H 2 * * 1-5", "weekly: mon-fri 02:00, jitter: 1h"),
        ("0 3 * * ? 2020-2030", ""),
        ("30 2 * * *", ""),
        ("? ? ?", ""),
    ],
)
def test_an_expression_of_another_scheduler_is_put_into_our_words(text: str, words: str) -> None:
    assert words_of_cron(text) == words


PARTS = [
    ("{weekly: [mon, thu], time: '06:00'}", 'weekly: "mon,thu 06:00"'),
    ("{weekly: mon, at: 6am}", "weekly: mon 06:00"),
    ("{weekly: [mon 06:00, thu 06:00]}", 'weekly: "mon,thu 06:00"'),
    ("{weekly: {days: [mon, thu], at: '06:00'}}", 'weekly: "mon,thu 06:00"'),
    ("{weekly: [mon, thu]}", 'weekly: "mon,thu 06:00"'),
    ("{monday: '06:00', thursday: '06:00'}", 'weekly: "mon,thu 06:00"'),
    ("{day_of_week: mon, hour: 6, minute: 5}", "weekly: mon 06:05"),
    ("{daily: true, time: '06:00'}", 'daily: "06:00"'),
    ("{minute: 0, hour: 3}", 'daily: "03:00"'),
    ("{type: daily, time: '06:00'}", 'daily: "06:00"'),
    ("{monthly: {day: 1, time: '06:00'}}", "monthly: 1 06:00"),
    ("{frequency: monthly, day_of_month: 15, time: '06:00'}", "monthly: 15 06:00"),
    ("cron(0 3 * * ? *)", 'daily: "03:00"'),
    ("{cron: 0 0 12 ? * MON-FRI}", "weekly: mon-fri 12:00"),
    ("daily", 'daily: "02:30"'),
    ("'06:00'", 'daily: "06:00"'),
]


@pytest.mark.parametrize(("entry", "words"), PARTS)
def test_a_schedule_in_another_form_is_one_problem_with_the_entry_to_write(
    entry: str, words: str
) -> None:
    (problem,) = problems_of(f"schedule: {entry}\nsteps: [{{wait: 1m}}]\n")

    assert re.search(rf"`\{{?{re.escape(words)}\}}?`", problem.message)
    assert codes(f"schedule: {{{words}}}\nsteps: [{{wait: 1m}}]\n") == []


@pytest.mark.parametrize(
    "entry", ["{monday: '06:00', friday: '07:00'}", "{type: hourly, minute: 5}", "{hour: 99}"]
)
def test_parts_that_are_not_one_entry_keep_their_own_problems(entry: str) -> None:
    assert codes(f"schedule: {entry}\nsteps: [{{wait: 1m}}]\n")


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("get: /conf/sets/${{ github.x }}", "unknown-name"),
        ("fail: ${{ github.x }}", "unknown-name"),
        ('find_set: {name: "x ${{ github.x }}"}', "unknown-name"),
        (f"get: {{path: {{apikey: {KEY}, path: /conf/libraries}}}}", "alma-key"),
        (f"get:\n      path:\n        /conf/libraries: {KEY}", "alma-key"),
        (f"get: {{path: /conf/libraries, apikey: {KEY}}}", "alma-key"),
        ("for_each: [1]\n    steps: [{wait: 1m}]", "unknown-key"),
        ("read_report: {report: /shared/x}", "unknown-key"),
        ("check: {condition: 1 == 1}", "unknown-key"),
        ("stop: {text: x}", "unknown-key"),
    ],
)
def test_one_mistake_is_one_problem(step: str, code: str) -> None:
    assert codes(f"{FIND}  - {step}\n") == [code]


@pytest.mark.parametrize(
    ("step", "wrong", "right"),
    [
        ("find_set: {@}", "title: x", "name: x"),
        ("delete_set: {@}", 'set: "123456"', 'id: "123456"'),
        ("delete_set: {@, older_than: 1d}", "starts_with: x", "prefix: x"),
        ("delete_set: {@, prefix: x}", "days: 30", "older_than: 30d"),
        ("update_set: {@, add: ['1']}", 'set: "123456"', 'id: "123456"'),
        ("update_set: {@, id: '123456'}", 'delete: ["1"]', 'remove: ["1"]'),
        ("set_members: {@}", "set: x", "name: x"),
        ("wait: {@}", "minutes: 5", "for: 5m"),
        ("wait: {@}", 'at: "06:00"', 'until: "06:00"'),
        (
            "check: {@, message: x}",
            "if: steps.titles.member_count > 0",
            "that: steps.titles.member_count > 0",
        ),
        ("approve: {@}", "question: x", "message: x"),
        ("get: {@}", "url: /conf/libraries", "path: /conf/libraries"),
        ("read_report: {@}", "name: /shared/x", "path: /shared/x"),
        ("@", "parallel: [{wait: 1m}]", "parallel: {first: [{wait: 1m}]}"),
    ],
)
def test_what_other_tools_call_a_key_of_a_step_leads_to_what_to_write(
    step: str, wrong: str, right: str
) -> None:
    [problem] = problems_of(f"{FIND}  - {step.replace('@', wrong)}\n")

    assert f"`{right}`" in problem.message
    assert codes(f"{FIND}  - {step.replace('@', right)}\n") == []


def paths(data: Any, path: PathTo = ()) -> Iterator[PathTo]:
    """Yield the path of each key in *data*."""
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in entries:
        if isinstance(key, str):
            yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


def renamed(document: Document, path: PathTo, name: str) -> str:
    """Return the text of *document* with the key at *path* called *name*."""
    place, lines = document.key_location(path), list(document.lines)
    line, begin = lines[place.line - 1], place.column - 1
    lines[place.line - 1] = f"{line[:begin]}{name}{line[begin + len(str(path[-1])) :]}"
    return "\n".join(lines)


def required() -> Iterator[PathTo]:
    """Yield a path of each required key of each model that the workflow with everything uses."""
    seen = set()
    for path in paths(parse_document(EVERYTHING.read_text("utf-8"), "w").data):
        place = place_of(Workflow, path[:-1])
        field = place.keys.get(str(path[-1]))
        if field is not None and field.is_required() and (place.models, path[-1]) not in seen:
            seen.add((place.models, path[-1]))
            yield path


@pytest.mark.parametrize("path", list(required()), ids=lambda path: ".".join(map(str, path)))
def test_a_slip_in_a_required_key_is_one_problem(path: PathTo) -> None:
    document = parse_document(EVERYTHING.read_text("utf-8"), "w")
    key = str(path[-1])

    for slip in (key[:-1], f"{key}s", f"the_{key}", key.upper(), key[::-1], "qqq"):
        found = problems_of(renamed(document, path, slip))
        errors = [one for one in found if one.severity is Severity.ERROR]
        assert [one.code for one in errors] == ["unknown-key"], [str(one) for one in errors]


def test_what_one_mistake_causes_is_not_counted_among_the_problems_that_are_left_out() -> None:
    pairs = "".join(f"        - p{number}: v\n" for number in range(300))
    job = "steps:\n  - submit_job:\n      job: M1\n      set: '123456789012345'\n"

    assert codes(f"{job}      parameters:\n{pairs}") == ["unknown-key"]
