"""How recorded values appear on pages: inputs, parameters of requests, outputs of steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from almaflow.web.personal_data import hidden_value


def shown_value(value: Any, name: str = "") -> str:
    """Return a recorded value as the text that pages show; *name* is that of its field.

    Every value of a run comes through here, so that a rule can hide what belongs to a person.
    """
    value = hidden_value(value, name)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def shown_fields(body: Any) -> list[tuple[str, str]]:
    """Return the body of a request to Alma as names and values, the parameters of a job each.

    A body that is a list, or a single value, has one entry without a name.
    """
    if body in (None, "", {}, []):
        return []
    if not isinstance(body, Mapping):
        return [("", shown_value(body))]
    fields = []
    for name, value in body.items():
        if name == "parameter" and isinstance(value, list):
            fields += [_parameter(one) for one in value]
        else:
            fields.append((str(name), shown_value(value, str(name))))
    return fields


def _parameter(one: Any) -> tuple[str, str]:
    """Return a parameter of a job, `{"name": {"value": …}, "value": …}`, as name and value."""
    if not isinstance(one, Mapping):
        return "", shown_value(one)
    name = one.get("name")
    text = name.get("value", "") if isinstance(name, Mapping) else name
    return shown_value(text), shown_value(one.get("value", ""), shown_value(text))
