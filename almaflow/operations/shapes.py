"""The shapes of documents: their data classes, built with all that they hold."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from almaflow.late_dataclasses import built

C = TypeVar("C", bound=type)


def whole(cls: C) -> C:
    """Return the data class *cls*, built, and so are those that its fields name."""
    _build(cls, set())
    return cls


def _build(kind: Any, seen: set[type]) -> None:
    for argument in typing.get_args(kind):
        _build(argument, seen)
    if not isinstance(kind, type) or not kind.__module__.startswith("almaflow.") or kind in seen:
        return
    seen.add(kind)
    if dataclasses.is_dataclass(built(kind)):
        for field in typing.get_type_hints(kind).values():
            _build(field, seen)


def read_json(cls: Any, text: bytes) -> Any:
    """Return the value of the type *cls* that *text* is the document of; Raises: ValueError."""
    _build(cls, set())
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} values do not fit") from error
