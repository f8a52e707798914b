"""Workflow documents generated from the language's models: valid, nearly valid and absurd ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from almaflow.check import CheckContext, check_document
from almaflow.document import parse_document
from almaflow.errors import DocumentsInvalid
from almaflow.problems import MOST_PROBLEMS, Problem
from almaflow.settings import Project, Settings
from almaflow.steps.base import StepBase
from almaflow.workflow import Workflow, kinds
from tests.examples import examples

NOWHERE = CheckContext(Project(Path(), Settings(), None), None, False)

SCALARS = [
    *("", "~", "null", "true", "No", "0", "-1", "1.5", "3.9E+13", "1e999", ".inf", ".nan", "0x1F"),
    *("0o17", "2026-03-01", "2026-02-30", "12:30", "10m", "1h30m", "0s", "9" * 30, "'9'", '"x"'),
    *("'{{ run.id }}'", "'{{ steps.a.x }}'", "'{{ inputs.x + 1 }}'", "'{{'", "steps.a.outcome"),
    *("inputs.x > 1", "not", "'* * * * *'", "'@daily'", "UTC", "failed", "COMPLETED_FAILED"),
    *("stop", "M44", "ITEM", "/conf/jobs", "a", "b", "x y", "|\n%|\n", "'\u202e'", r'"\ud800"'),
    *("l8xx" + "0" * 32, "x" * 5000, "'" + "(" * 300 + "'", "!x y", "*a", "*b"),
]


@cache
def keys() -> list[str]:
    """Return every key of the language, and some that are not."""
    models: list[Any] = [Workflow, StepBase, *kinds().values()]
    found = {field.alias or name for model in models for name, field in model.model_fields.items()}
    more = ["cron", "every", "dates", "file", "column", "type", "default", "on", "to", "<<", "x"]
    return sorted(found | kinds().keys() | set(more))


def written(value: Any) -> str:
    """Return *value* as YAML in flow style."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {written(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
    text = str(value)
    return "'|'" if text.startswith("|") else text


SCALAR = st.sampled_from(SCALARS)
ANCHORED = st.builds("&{} {}".format, st.sampled_from("ab"), st.sampled_from(["1.5", "x", "[*a]"]))
VALUE: st.SearchStrategy[Any] = st.recursive(
    SCALAR | ANCHORED,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.deferred(lambda: st.dictionaries(st.sampled_from(keys()), inner, max_size=4))
    ),
    max_leaves=12,
)
STEP: st.SearchStrategy[Any] = st.deferred(
    lambda: st.builds(
        lambda kind, body, more: {**more, kind: body},
        st.sampled_from(sorted(kinds())),
        st.dictionaries(st.sampled_from(keys()), VALUE | st.lists(STEP, max_size=2), max_size=5)
        | VALUE,
        st.dictionaries(st.sampled_from(sorted(StepBase.common_keys())), VALUE, max_size=3),
    )
)
TOP: st.SearchStrategy[Any] = st.deferred(
    lambda: st.dictionaries(
        st.sampled_from([field.alias or name for name, field in Workflow.model_fields.items()]),
        VALUE,
        max_size=5,
    )
)


def check(text: str) -> list[Problem]:
    """Return the problems of *text*; `python -m tests.fuzz` bounds the time that this takes."""
    try:
        return list(check_document(parse_document(text, "w.yaml"), NOWHERE).problems)
    except DocumentsInvalid as error:
        return list(error.problems)


def assert_inside(problems: list[Problem], text: str) -> None:
    lines = text.split("\n")
    assert len(problems) <= MOST_PROBLEMS + 1
    for problem in problems:
        place = problem.location
        assert place.file == "w.yaml"
        assert 1 <= place.line <= len(lines), problem
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1, problem
        assert "0" * 30 not in problem.message + problem.line_text


@settings(deadline=None, max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(TOP, st.lists(STEP, max_size=4), st.lists(STEP, max_size=2))
def test_a_generated_document_has_problems_with_a_place_and_nothing_worse(
    top: dict[str, Any], steps: list[Any], last: list[Any]
) -> None:
    top = {**top, "steps": steps, **({"finally": last} if last else {})}
    flow = "\n".join(f"{key}: {written(value)}" for key, value in top.items())

    assert_inside(check(flow), flow)


@settings(deadline=None, max_examples=examples(8), suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(kinds())), SCALAR, st.integers(1, 120))
def test_a_deep_document_is_checked_or_refused(kind: str, scalar: str, depth: int) -> None:
    inner = f"{{{kind}: {written(scalar)}}}"
    for level in range(depth):
        way = ("parallel: {a: [%s]}", "branch: {on: a, cases: {}, default: [%s]}")[level % 2]
        inner = f"{{{way % inner}}}"

    text = f"steps: [{inner}]\n"

    assert_inside(check(text), text)


@pytest.mark.slow
@settings(deadline=None, max_examples=examples(6), suppress_health_check=list(HealthCheck))
@given(STEP, SCALAR, st.sampled_from([50, 400]))
def test_very_many_entries_are_checked(step: Any, scalar: str, count: int) -> None:
    steps = "".join(f"- {written(step)}\n" for _ in range(count))
    others = "".join(f"k{number}: {written(scalar)}\n" for number in range(count))

    text = f"{others}steps:\n{steps}"

    assert_inside(check(text), text)
