"""`get`: any read of Alma's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from almaflow.steps.selection import SelectWrong, compile_select
from tests.harness import Stage

SETS = {
    "sets": [
        {"id": "59317390720001276", "name": "Weeding", "content": "ITEM", "members": 17},
        {"id": "59317390720002276", "name": "It's new", "content": "ITEM", "members": 3},
    ]
}


def test_the_whole_answer_is_kept_as_body_and_value(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(SETS).run("steps: [{id: it, get: /conf/sets/59317390720001276}]")

    it = played.steps["it"]
    assert it["body"]["number_of_members"]["value"] == 17
    assert it["value"] == it["body"]


def test_with_select_only_what_it_finds_is_kept(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(SETS).run("""
        steps:
          - id: it
            get: {path: /conf/sets/59317390720001276, select: "{n: name, c: content.value}"}
          - id: nothing
            get: {path: /conf/sets/59317390720001276, select: names}
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

    assert found.steps["it"]["value"] == "59317390720001276"
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


MANY = {"sets": [{"name": f"Set {number}", "content": "ITEM"} for number in range(250)]}


def test_all_joins_the_pages_and_each_page_is_a_read(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(MANY)

    played = stage.run("""
        steps:
          - id: whole
            get: {path: /conf/sets, query: {q: name~Set}, all: true}
          - id: names
            get: {path: "/conf/sets?limit=50", all: true, select: "set[].name"}
    """)

    whole = played.steps["whole"]["body"]
    assert played.outcome == "succeeded"
    assert len({one["id"] for one in whole["set"]}) == whole["total_record_count"] == 250
    assert len(played.steps["names"]["value"]) == 257
    assert stage.sent("list_sets") == 3 + 6
    assert stage.alma.received()[1].target == "/almaws/v1/conf/sets?q=name~Set&limit=100&offset=100"


@pytest.mark.parametrize("path", ["/conf/sets?q=name~None", "/conf/md-import-profiles"])
def test_all_of_a_list_with_one_page_is_that_page(stage: Stage, path: str) -> None:
    played = stage.run(f"""
        steps:
          - {{id: all, get: {{path: "{path}", all: true}}}}
          - {{id: it, get: {{path: "{path}"}}}}
    """)

    assert played.outcome == "succeeded"
    assert played.steps["all"]["body"] == played.steps["it"]["body"]


def test_all_of_what_is_not_a_list_fails(stage: Stage) -> None:
    played = stage.run("steps: [{get: {path: /conf/general, all: true}}]")

    assert played.ended == (
        "failed",
        "Step get-1: Alma's response to GET /conf/general is not a list with pages, so its pages "
        "cannot be joined. Omit `all`.",
    )


@pytest.mark.parametrize("query", ["limit: 0", "limit: 101", "limit: many", "offset: 5"])
def test_all_refuses_a_size_that_no_page_has_before_it_sends(stage: Stage, query: str) -> None:
    name, value = query.split(": ")
    played = stage.run(f"""
        inputs: {{query: {{default: "{name}={value}"}}}}
        steps: [{{get: {{path: "/conf/sets?{{{{ inputs.query }}}}", all: true}}}}]
    """)

    assert played.outcome == "failed"
    assert played.record.error.endswith("Nothing was sent.")
    assert stage.alma.received() == []


@pytest.mark.parametrize("bound", ["MOST_LISTED", "LARGEST_JOINED"])
def test_all_stops_at_its_bounds(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(f"almaflow.steps.joined_pages.{bound}", 120)
    stage = set_stage(MANY)

    played = stage.run("steps: [{get: {path: /conf/sets, all: true}}]")

    assert played.outcome == "failed"
    assert stage.sent("list_sets") == 1
