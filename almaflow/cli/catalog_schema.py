"""The JSON Schema of alma-catalog.json, which `almaflow snapshot` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from almaflow.json_schema import DRAFT
from almaflow.snapshot.file_format import FORMAT
from almaflow.snapshot.model import FROM_ALMA, FROM_PAYLOAD, MIXED, NUMBER, PARTS, TEXT

Schema = dict[str, Any]

_JOB: Mapping[str, str | Schema] = {
    "id": "The id of the job, such as `M44`.",
    "name": "Its name in Alma; a workflow may use it in place of the id.",
    "description": "What Alma says about it.",
    "type": "MANUAL, SCHEDULED or OTHER.",
    "category": "The code of its category.",
    "content": "The code of the content that a set for it has, such as BIB_MMS.",
    "content_label": "The content in words.",
    "schedule": "When Alma starts it, for a scheduled job.",
    "profile": "The id of the profile of a scheduled job.",
    "parameters": {
        "type": "array",
        "items": {"type": "string"},
        "description": "The names of its parameters, without their values.",
    },
    "parameters_from": {
        "enum": [FROM_ALMA, FROM_PAYLOAD],
        "description": "Where these names were read: in Alma, or in a payload of a workflow.",
    },
}
_PROFILE: Mapping[str, str | Schema] = {
    "id": "The id of the profile.",
    "code": "Its code; import profiles have none.",
    "name": "Its name.",
    "type": "Its type.",
    "jobs": {"type": "array", "items": {"type": "string"}, "description": "The ids of its jobs."},
}
_COUNTER: Mapping[str, str | Schema] = {
    "job": "The id of the job whose instances reported the counter.",
    "key": "The key of the counter, as `counters.number('…')` takes it.",
    "label": "The counter in words.",
    "form": {"enum": [NUMBER, TEXT, MIXED], "description": "What its values are."},
}
_STATUS: Mapping[str, str | Schema] = {
    "job": "The id of the job.",
    "status": "A status with which one of its instances was seen.",
}
_SECTION: Mapping[str, str | Schema] = {
    "taken": {"type": "string", "format": "date", "description": "The day, such as 2026-11-29."},
    "simulated": {"type": "boolean", "description": "Whether it is that of the simulated Alma."},
    "code": "Alma's code of the institution.",
    "environment": "Alma's environment: production or sandbox.",
    "missing": {
        "type": "array",
        "items": {"enum": list(PARTS)},
        "description": "What the API key may not read; it is from an earlier day.",
    },
}
_LISTS = {
    "jobs": (_JOB, ("id",), "The jobs."),
    "integration_profiles": (_PROFILE, ("id",), "The integration profiles."),
    "import_profiles": (_PROFILE, ("id",), "The import profiles."),
    "counters_seen": (_COUNTER, ("job", "key"), "The counters that instances of jobs reported."),
    "statuses_seen": (_STATUS, ("job", "status"), "The statuses that instances of jobs had."),
}
_TABLES = {
    "statuses": "Alma's codes of the status of an instance, with their words.",
    "contents": "Alma's codes of the content of a set, with their words.",
    "categories": "Alma's codes of the category of a job, with their words.",
}


def catalog_schema() -> Schema:
    """Return the schema of alma-catalog.json, in draft 7 as the others."""
    lists = {
        name: {"type": "array", "items": _object(entry, needed), "description": description}
        for name, (entry, needed, description) in _LISTS.items()
    }
    tables = {
        name: {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": description,
        }
        for name, description in _TABLES.items()
    }
    section = _object({**_SECTION, **lists, **tables}, ("taken",))
    whole = _object(
        {
            "about": "What the file is.",
            "format": {
                "type": "integer",
                "minimum": 1,
                "maximum": FORMAT,
                "description": "The version of the format.",
            },
            "almaflow": "The version of almaflow that wrote it.",
            "institutions": {
                "type": "object",
                "additionalProperties": section,
                "description": "What each institution of almaflow.yaml has, by its name there.",
            },
        },
        ("format", "institutions"),
    )
    return {
        "$schema": DRAFT,
        "$id": "urn:almaflow:schema:catalog",
        "title": "alma-catalog.json",
        "description": "What Alma has, as `almaflow snapshot` writes it for checks without a "
        "network. Do not edit it; run `almaflow snapshot` again.",
        **whole,
    }


def _object(properties: Mapping[str, str | Schema], needed: tuple[str, ...]) -> Schema:
    """Return the schema of a mapping; a text is the description of a property that is a text."""
    described = {
        name: {"type": "string", "description": one} if isinstance(one, str) else one
        for name, one in properties.items()
    }
    return {
        "type": "object",
        "properties": described,
        "required": list(needed),
        "additionalProperties": False,
    }
