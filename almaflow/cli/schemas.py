"""All JSON Schemas by name, also those of parts that the language does not know."""

from __future__ import annotations

from typing import Any

from almaflow.alma.simulator import Scenario
from almaflow.authoring.workflow_tests.models import WorkflowTests
from almaflow.json_schema import DRAFT, Schema, project_schema, schema_of, workflow_schema


def all_schemas() -> dict[str, Schema]:
    """Return every schema by its name, such as `workflow`."""
    return {"workflow": workflow_schema(), "project": project_schema(), **other_schemas()}


def other_schemas() -> dict[str, Schema]:
    """Return the schemas of files that are neither workflows nor almaflow.yaml."""
    from almaflow.cli.catalog_schema import catalog_schema

    tests = schema_of(WorkflowTests, "tests", "almaflow tests")
    return {"scenario": scenario_schema(), "tests": tests, "catalog": catalog_schema()}


def scenario_schema() -> dict[str, Any]:
    """Return the schema of scenario files, in draft 7 as the others."""
    made = Scenario.model_json_schema(ref_template="#/definitions/{model}")
    definitions = made.pop("$defs")
    made |= {"title": "almaflow scenario", "description": "How a simulated Alma is furnished."}
    return {
        "$schema": DRAFT,
        "$id": "urn:almaflow:schema:scenario",
        **made,
        "definitions": definitions,
    }
