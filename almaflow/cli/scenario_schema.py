"""The JSON Schema of scenario files, made from the simulator's models."""

from __future__ import annotations

from typing import Any

from almaflow.alma.simulator import Scenario
from almaflow.json_schema import DRAFT


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
