from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from almaflow.cli.schemas import other_schemas, scenario_schema
from almaflow.document import parse_document, read_document
from almaflow.json_schema import (
    first_paragraph,
    project_schema,
    schema_text,
    workflow_schema,
    write_schemas,
)
from almaflow.late_dataclasses import built
from almaflow.model_fields import models_in
from almaflow.model_validation import validate
from almaflow.settings import Settings
from almaflow.snapshot.file_format import snapshot_text
from almaflow.snapshot.model import CounterEntry, JobEntry, ProfileEntry, Snapshot, StatusEntry
from almaflow.steps.create_set import CreateSet
from almaflow.workflow import Workflow, kinds
from tests.snapshot.library import MAIN

ROOT = Path(__file__).parent.parent
WORKFLOWS = [
    *(ROOT / "tests" / "valid").glob("*.yaml"),
    *(file for file in (ROOT / "workflows").glob("*.yaml") if file.name.count(".") == 1),
]
SCHEMAS = {"workflow": workflow_schema(), "project": project_schema()}


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema of a mapping in *schema*."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for key, inner in schema.items():
            if key != "default":
                yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def errors(name: str, yaml: str) -> list[str]:
    validator = jsonschema.Draft7Validator(SCHEMAS[name])
    document = parse_document(yaml, "x.yaml").plain()
    return [error.message for error in validator.iter_errors(document)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_valid(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])

    assert SCHEMAS[name]["$id"] == f"urn:almaflow:schema:{name}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_in_the_repository_are_fresh(name: str) -> None:
    text = (ROOT / "schemas" / f"{name}.schema.json").read_text("utf-8")

    assert text == schema_text(SCHEMAS[name]), "run `almaflow schema --output schemas`"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_valid_workflows_fit_the_schema(file: Path) -> None:
    validator = jsonschema.Draft7Validator(SCHEMAS["workflow"])

    assert [error.message for error in validator.iter_errors(read_document(file).plain())] == []


def test_a_valid_project_file_fits_the_schema() -> None:
    text = (ROOT / "tests" / "broken" / "almaflow.yaml").read_text("utf-8")

    assert errors("project", text) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_described_and_nothing_else_is_allowed(name: str) -> None:
    for schema in objects(SCHEMAS[name]):
        others = schema["additionalProperties"]
        assert others is False or others["description"]
        for key, field in schema["properties"].items():
            assert field.get("description"), key


@pytest.mark.parametrize(("name", "model"), [("workflow", Workflow), ("project", Settings)])
def test_every_key_of_every_model_is_in_the_schema(name: str, model: type[Any]) -> None:
    known = {frozenset(schema["properties"]) for schema in objects(SCHEMAS[name])}

    for one in models_in(model):
        keys = {field.alias or key for key, field in one.model_fields.items()}
        assert frozenset(keys) in known, one.__name__


@pytest.mark.parametrize("name", SCHEMAS)
def test_nothing_is_said_that_helps_nobody(name: str) -> None:
    def walk(schema: Any) -> None:
        if isinstance(schema, list):
            assert {"type": "null"} not in schema
            for inner in schema:
                walk(inner)
        elif isinstance(schema, dict):
            assert not isinstance(schema.get("title"), str)
            assert schema.get("default", "") is not None
            for inner in schema.values():
                walk(inner)

    assert SCHEMAS[name]["title"] in ("almaflow workflow", "almaflow.yaml")
    walk({key: value for key, value in SCHEMAS[name].items() if key != "title"})


def test_an_input_may_be_declared_with_nothing_but_its_name() -> None:
    assert errors("workflow", "inputs: {month: }\nsteps: [{stop: }]\n") == []
    assert errors("project", "null") != []


@pytest.mark.parametrize("name", SCHEMAS)
def test_only_words_of_json_schema_are_used(name: str) -> None:
    words = {
        *("description", "markdownDescription", "type", "properties", "additionalProperties"),
        *("required", "anyOf", "items", "enum", "const", "pattern", "examples", "default"),
        *("minimum", "maximum", "minItems", "maxItems", "minLength", "$ref", "patternProperties"),
        *("minProperties", "maxProperties", "propertyNames"),
    }

    def walk(schema: Any) -> None:
        for one in schema if isinstance(schema, list) else [schema]:
            if not isinstance(one, dict):
                continue
            assert one.keys() <= words
            for key, inner in one.items():
                if key == "properties":
                    for field in inner.values():
                        walk(field)
                elif key in ("anyOf", "items", "additionalProperties"):
                    walk(inner)

    top = {"$schema", "$id", "title", "definitions"}
    walk({key: value for key, value in SCHEMAS[name].items() if key not in top})
    walk(list(SCHEMAS[name]["definitions"].values()))


def test_a_step_is_one_object_with_every_kind_as_a_property() -> None:
    step = SCHEMAS["workflow"]["definitions"]["Step"]

    assert step["type"] == "object"
    for key, kind in kinds().items():
        assert step["properties"][key]["description"] == first_paragraph(kind)
        assert kind.example.rstrip() in step["properties"][key]["markdownDescription"]
    assert {"id", "if", "timeout", "retry", "on_failure"} < step["properties"].keys()
    assert step["properties"]["id"]["pattern"] == "^[A-Za-z][A-Za-z0-9_]*$"


def test_defaults_are_written_as_a_file_would() -> None:
    properties = SCHEMAS["workflow"]["properties"]
    poll = SCHEMAS["workflow"]["definitions"]["PollSettings"]["properties"]
    institution = SCHEMAS["project"]["definitions"]["InstitutionSettings"]["properties"]

    assert properties["timeout"]["default"] == "1d"
    assert properties["overlap"]["default"] == "queue_one"
    assert poll["max"]["default"] == "2m"
    assert institution["environment"]["default"] == "production"


@pytest.mark.parametrize(
    "text",
    [
        "nmae: x\nsteps: [{stop: x}]\n",
        "name: x\n",
        "steps: []\n",
        "steps: [{stpo: x}]\n",
        "steps: [{id: not-good, stop: x}]\n",
        "steps: [{timeout: 5 minutes, stop: x}]\n",
        "steps: [{submit_job: {job: 44}}]\n",
        "steps: [{create_set: {name: n, content: BOOK, query: q}}]\n",
        "steps: [{check: {that: x, otherwise: maybe}}]\n",
        "steps: [{retry: {attempts: 0}, stop: x}]\n",
        "steps: [{parallel: {}}]\n",
        "steps: [{parallel: {left: wait}}]\n",
        "steps: [{parallel: {left: []}}]\n",
        "steps: [{parallel: {not-a-name: [{wait: 1m}]}}]\n",
        "steps: [{for_each: {items: [a], as: 1st, steps: [{wait: 1m}]}}]\n",
        "steps: [{for_each: {items: [a], steps: []}}]\n",
        "steps: [{parallel: {left: [{wiat: 1m}]}}]\n",
        "overlap: never\nsteps: [{stop: x}]\n",
    ],
)
def test_what_the_models_refuse_is_marked_in_the_editor(text: str) -> None:
    assert errors("workflow", text)


@pytest.mark.parametrize(
    "step",
    [
        "wait: 10m",
        "wait: {until: 06:00}",
        "check: true",
        "stop:",
        "parallel: {left: [{wait: 1m}], right: [{stop: }]}",
        "call: other.yaml",
        "approve: go on?",
        "for_each: {items: [a, 1], as: x, max_parallel: 3, steps: [{wait: 1m}]}",
        "delete_set: 12345678901234567",
        "submit_job: {job: M44, parameters: {a: 0012, b: 1e3, c: Null, d: , e: true}}",
        "submit_job: {job: M44, job_name: false, expect: [a > 1, {that: b, message: c}]}",
        "create_set: {name: n, content: ITEM, members: [1, a]}",
        "create_set: {name: n, content: ITEM, members: '{{ inputs.x }}'}",
    ],
)
def test_short_forms_and_bare_values_fit_the_schema(step: str) -> None:
    assert errors("workflow", f"steps:\n  - {step}\n") == []


def test_the_files_are_the_same_text_every_time(tmp_path: Path) -> None:
    files = write_schemas(tmp_path / "new" / "folder")

    again = [file.read_bytes() for file in write_schemas(tmp_path / "new" / "folder")]
    assert [file.name for file in files] == ["workflow.schema.json", "project.schema.json"]
    assert [file.read_bytes() for file in files] == again
    assert again[0].endswith(b"}\n")
    assert json.loads(again[1])["title"] == "almaflow.yaml"


def test_the_schema_of_scenarios_in_the_repository_is_fresh_and_fits_the_examples() -> None:
    schema = scenario_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    text = (ROOT / "schemas" / "scenario.schema.json").read_text("utf-8")

    assert text == schema_text(schema), "run `almaflow schema --output schemas`"
    for file in (ROOT / "workflows").glob("*.scenario.yaml"):
        data = read_document(file, is_data=True).plain()
        assert [one.message for one in jsonschema.Draft7Validator(schema).iter_errors(data)] == []


def test_the_schema_of_tests_in_the_repository_is_fresh_and_fits_the_examples() -> None:
    schema = other_schemas()["tests"]
    jsonschema.Draft7Validator.check_schema(schema)
    text = (ROOT / "schemas" / "tests.schema.json").read_text("utf-8")
    files = list((ROOT / "workflows" / "tests").glob("*.tests.yaml"))

    assert text == schema_text(schema), "run `almaflow schema --output schemas`"
    assert len(files) == len([one for one in WORKFLOWS if one.parent.name == "workflows"])
    validator = jsonschema.Draft7Validator(schema)
    for file in files:
        assert [one.message for one in validator.iter_errors(read_document(file).plain())] == []
    assert [*validator.iter_errors({"tests": [{"nmae": "x"}]})]


ENTRIES: dict[str, type] = {
    "jobs": JobEntry,
    "integration_profiles": ProfileEntry,
    "import_profiles": ProfileEntry,
    "counters_seen": CounterEntry,
    "statuses_seen": StatusEntry,
}


def test_the_schema_of_the_catalog_in_the_repository_is_fresh_and_fits_what_is_written() -> None:
    schema = other_schemas()["catalog"]
    jsonschema.Draft7Validator.check_schema(schema)
    text = (ROOT / "schemas" / "catalog.schema.json").read_text("utf-8")
    section = replace(MAIN, simulated=True, missing=("jobs",))
    written = json.loads(snapshot_text(Snapshot({"main": section})))

    assert text == schema_text(schema), "run `almaflow schema --output schemas`"
    validator = jsonschema.Draft7Validator(schema)
    assert [one.message for one in validator.iter_errors(written)] == []
    described = schema["properties"]["institutions"]["additionalProperties"]["properties"]
    assert written["institutions"]["main"].keys() == described.keys()
    for name, entry in ENTRIES.items():
        of_entry = {one.name for one in fields(built(entry))} - {"kind"}
        assert described[name]["items"]["properties"].keys() == of_entry
    assert [*validator.iter_errors({**written, "institution": {}})]


WORDS = """\
environment: Any
notify:
  - {on: [Failed, WARNING], to: log}
steps:
  - create_set:
      name: a
      content: Item
      combine: {operator: AND, sets: ["1", "2"]}
      if_exists: Reuse
    on_failure: Continue
"""


def test_upper_and_lower_case_of_words_do_not_count_in_models_and_schemas() -> None:
    workflow = validate(parse_document(WORDS, "x.yaml"), Workflow)
    kind = workflow.steps[0].kind

    assert isinstance(kind, CreateSet)
    assert kind.combine is not None
    assert (workflow.environment, kind.content, kind.if_exists) == ("any", "ITEM", "reuse")
    assert (workflow.notify[0].on, kind.combine.operator) == (["failed", "warning"], "and")
    assert errors("workflow", WORDS) == []
    assert errors("workflow", WORDS.replace("Item", "Items"))


def test_patterns_escape_only_what_every_reader_of_schemas_unescapes() -> None:
    """Editors read patterns as ECMAScript with the flag `u`, which refuses other escapes."""
    for file in (ROOT / "schemas").glob("*.json"):
        patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', file.read_text("utf-8"))
        for pattern in map(json.loads, patterns):
            escaped = re.findall(r"\\(.)", pattern, re.DOTALL)
            assert not set(escaped) - set(r"^$\.*+?()[]{}|/dDwWsSbBpPnrtuxk-"), pattern
