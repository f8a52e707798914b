"""The JSON Schemas of what the simulator plays: scenarios, and tests of workflows."""

from __future__ import annotations

from typing import Any

from almaflow.alma.simulator import Scenario
from almaflow.authoring.workflow_tests.models import WorkflowTests
from almaflow.json_schema import DRAFT, schema_of


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


def tests_schema() -> dict[str, Any]:
    """Return the schema of files of tests."""
    return schema_of(WorkflowTests, "tests", "almaflow tests")
