"""Values of almaflow as JSON data, and as the values of other data classes that are."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from almaflow.late_dataclasses import names_of

T = TypeVar("T")

# What is JSON data as it is: most values, so they are recognised first.
_PLAIN = frozenset({str, int, float, bool, type(None)})


def as_data(value: Any) -> Any:
    """Return *value* with dataclasses as mappings and instants as text, at every depth."""
    kind: type = type(value)
    if kind in _PLAIN:
        return value
    names = _names_of(kind)
    if names is not None:
        return {name: as_data(getattr(value, name)) for name in names}
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {key: as_data(item) for key, item in value.items()}
        case list() | tuple():
            return [as_data(item) for item in value]
    return value


def copied(cls: type[T], source: object, **others: Any) -> T:
    """Return a *cls* with *others*, and with what *source* has under the names of the rest."""
    same = (name for name in names_of(cls) if name not in others)
    return cls(**{name: getattr(source, name) for name in same}, **others)


@cache
def _names_of(kind: type) -> tuple[str, ...] | None:
    """Return the names of the fields of a dataclass; None for another type."""
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else None
