"""Values of almaflow as JSON data."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any


def as_data(value: Any) -> Any:
    """Return *value* with dataclasses as mappings and instants as text, at every depth."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_data(getattr(value, one.name)) for one in fields(value)}
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {key: as_data(item) for key, item in value.items()}
        case list() | tuple():
            return [as_data(item) for item in value]
    return value
