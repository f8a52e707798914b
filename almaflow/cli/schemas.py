"""All JSON Schemas by name, also those of parts that the language does not know."""

from __future__ import annotations

from almaflow.json_schema import Schema, project_schema, workflow_schema


def all_schemas() -> dict[str, Schema]:
    """Return every schema by its name, such as `workflow`."""
    return {"workflow": workflow_schema(), "project": project_schema(), **other_schemas()}


def other_schemas() -> dict[str, Schema]:
    """Return the schemas of files that are neither workflows nor almaflow.yaml."""
    from almaflow.cli.catalog_schema import catalog_schema
    from almaflow.cli.scenario_schema import scenario_schema, tests_schema

    return {"scenario": scenario_schema(), "tests": tests_schema(), "catalog": catalog_schema()}
