"""The shapes of documents: their data classes, built with all that they hold."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from almaflow.late_dataclasses import built

C = TypeVar("C", bound=type)
T = TypeVar("T")


# Lets pydantic describe each field with the text below it in the class.
_DESCRIBED = ConfigDict(use_attribute_docstrings=True)


def whole(cls: C) -> C:
    """Return the data class *cls*, built and described, and so are those that its fields name."""
    for kind in _build(cls, set()):
        if "__pydantic_config__" not in vars(kind):
            kind.__pydantic_config__ = _DESCRIBED
            _describe_inherited(kind)
    return cls


def _describe_inherited(kind: Any) -> None:
    """Keep the descriptions that *kind* has from its bases: pydantic reads its own text only."""
    for base in kind.__mro__[1:]:
        if _is_ours(base):
            known = TypeAdapter(whole(base)).json_schema().get("properties", {})
            for field in dataclasses.fields(kind):
                description = known.get(field.name, {}).get("description")
                if description and "description" not in field.metadata:
                    field.metadata = MappingProxyType({"description": description})


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("almaflow.") and dataclasses.is_dataclass(kind)


def _build(kind: Any, seen: set[type]) -> Iterable[Any]:
    """Build the data classes in *kind*, and return them."""
    for argument in typing.get_args(kind):
        _build(argument, seen)
    is_ours = isinstance(kind, type) and kind.__module__.startswith("almaflow.")
    if is_ours and kind not in seen and dataclasses.is_dataclass(built(kind)):
        seen.add(kind)
        for field in typing.get_type_hints(kind).values():
            _build(field, seen)
    return seen


def read_json(cls: type[T], text: bytes) -> T:
    """Return the value of the type *cls* that *text* is the document of; Raises: ValueError."""
    _build(cls, set())
    try:
        return TypeAdapter(cls).validate_json(text)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} values do not fit") from error
