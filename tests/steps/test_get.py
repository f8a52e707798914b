"""`get`: any read of Alma's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from almaflow.steps.selection import SelectWrong, compile_select
from tests.harness import Stage

SETS = {
    "sets": [
        {"id": "59317390720001000", "name": "Weeding", "content": "ITEM", "members": 17},
        {"id": "59317390720002000", "name": "It's new", "content": "ITEM", "members": 3},
    ]
}


def test_the_whole_answer_is_kept_as_body_and_value(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(SETS)

    played = stage.run("steps: [{id: it, get: /conf/sets/59317390720001000}]")

    it = played.steps["it"]
    assert it["body"]["number_of_members"]["value"] == 17
    assert it["value"] == it["body"]


def test_with_select_only_what_it_finds_is_kept(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(SETS)

    played = stage.run("""
        steps:
          - id: it
            get: {path: /conf/sets/59317390720001000, select: "{n: name, c: content.value}"}
          - id: nothing
            get: {path: /conf/sets/59317390720001000, select: names}
          - check: steps.it.value.n == 'Weeding' and steps.nothing.value is none
    """)

    assert played.outcome == "succeeded"
    assert played.steps["it"]["value"] == {"n": "Weeding", "c": "ITEM"}
    assert "body" not in played.steps["it"]
    assert played.steps["nothing"]["value"] is None


def test_path_and_query_take_templates(stage: Stage) -> None:
    stage.run("""
        inputs: {table: {default: systemJobStatus}, words: {default: a b&c}}
        steps:
          - get: "/almaws/v1/conf/code-tables/{{ inputs.table }}"
          - get: {path: "/conf/sets?limit=5", query: {q: "name~{{ inputs.words }}", offset: 0}}
    """)

    targets = [one.target for one in stage.alma.received()]
    assert targets == [
        "/almaws/v1/conf/code-tables/systemJobStatus",
        "/almaws/v1/conf/sets?limit=5&q=name~a+b%26c&offset=0",
    ]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "https://example.org/conf",
            "`https://example.org/conf` is not a valid path; write a path such as",
        ),
        ("//example.org/conf", "`//example.org/conf` is not a valid path; write a path such as"),
        (
            "/conf/../users/1",
            "`/conf/../users/1` contains a segment `.` or `..`, which is not allowed",
        ),
        ("/conf?apikey=x", "`/conf` has an API key in its query;"),
    ],
)
def test_a_template_cannot_lead_elsewhere(stage: Stage, path: str, told: str) -> None:
    played = stage.run(f"""
        inputs: {{path: {{default: "{path}"}}}}
        steps: [{{get: "{{{{ inputs.path }}}}"}}]
    """)

    assert played.outcome == "failed"
    assert played.record.error.startswith(f"Step get-1: {told}")
    assert played.record.error.endswith(". Nothing was sent.")
    assert stage.alma.received() == []


def test_select_takes_templates_but_no_quotes_from_them(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(SETS)
    workflow = """
        inputs: {name: {default: Weeding}}
        steps:
          - id: it
            get:
              path: /conf/sets?limit=100
              select: "set[?name=='{{ inputs.name }}'].id | [0]"
    """

    found = stage.run(workflow)
    refused = stage.run(workflow, name="It's new")

    assert found.steps["it"]["value"] == "59317390720001000"
    assert refused.ended == (
        "failed",
        "Step it: The value of a template in `select` contains a quotation mark or backslash, "
        "which would change what is selected. Nothing was sent.",
    )


def test_a_select_that_a_template_breaks_fails_before_anything_is_sent(stage: Stage) -> None:
    played = stage.run("""
        inputs: {field: {default: "a b"}}
        steps: [{get: {path: /conf/sets, select: "set[].{{ inputs.field }}"}}]
    """)

    assert played.ended == (
        "failed",
        "Step get-1: `select` is `set[].a b`. This is not a valid JMESPath expression: `b` is "
        "not allowed here (see jmespath.org). Nothing was sent.",
    )
    assert stage.alma.received() == []


def test_a_select_that_does_not_fit_the_answer_fails(stage: Stage) -> None:
    played = stage.run("steps: [{get: {path: /conf/general, select: length(no_such_field)}}]")

    assert played.outcome == "failed"
    assert played.record.error.startswith(
        "Step get-1: `select` does not fit Alma's response to GET /conf/general: In function "
        "length(), invalid type for value: None"
    )


def test_a_refusal_is_the_step_s_failure(stage: Stage) -> None:
    played = stage.run("steps: [{get: /conf/sets/1}]")

    assert played.outcome == "failed"
    assert "GET /conf/sets/1" in played.record.error
    assert "code 60107" in played.record.error


def test_a_transient_fault_is_waited_out(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"faults": [{"kind": "status", "call": "general", "status": 503, "nth": 1}]})

    played = stage.run("steps: [{id: it, get: {path: /conf/general, select: environment_type}}]")

    assert played.outcome == "succeeded"
    assert stage.sent("general") == 2


def test_an_answer_that_no_record_can_hold_fails_and_says_what_to_do(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.steps.output_size.LARGEST_OUTPUT", 100)

    played = stage.run("steps: [{id: it, get: /conf/general}]")

    assert played.ended == (
        "failed",
        "Step it: The response to GET /conf/general is larger than 16 MiB, the maximum for the "
        "record of a step. Keep less of it with `select`, or request less (`limit`).",
    )
    assert "body" not in played.steps["it"]


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("a[?b=='x'].c | [0]", ""),
        ("sort_by(a, &b)[-1].not_null(c, d, `1`)", ""),
        ("a[1:2]", ""),
        ("max_by(a)", "`max_by` takes 2 values, not 1."),
        ("a.not_null()", "`not_null` takes at least 1 value, not 0."),
        (
            "[" * 5000,
            (
                "This is not a valid JMESPath expression: it is nested too deeply (see "
                "jmespath.org)."
            ),
        ),
    ],
)
def test_a_jmespath_is_read_before_it_is_needed(select: str, told: str) -> None:
    try:
        compile_select(select)
        said = ""
    except SelectWrong as error:
        said = str(error)

    assert said == told
