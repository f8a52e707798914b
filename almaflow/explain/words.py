"""What a field takes and an output is, in words."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from almaflow.expressions import ListType, Type
from almaflow.expressions.types import KINDS
from almaflow.field_types import (
    VALUE,
    Condition,
    Expression,
    IdTemplate,
    MemberId,
    Message,
    Model,
    Template,
    TemplateText,
    format_duration,
)
from almaflow.steps.base import StepBase

_SOURCES: Mapping[type[TemplateText], str] = {
    Template: "text, templates (`{{ … }}`) allowed",
    IdTemplate: "an id of Alma's, templates (`{{ … }}`) allowed",
    MemberId: "an id of Alma's, templates (`{{ … }}`) allowed",
    Message: (
        "text for people, templates allowed; if a value is missing, the text says which, and "
        "nothing fails"
    ),
    Expression: "an expression",
    Condition: "an expression that is true or false",
}


def type_of_field(field: FieldInfo) -> str:
    """Return what a value of *field* is, in words."""
    return "any value, templates allowed" if VALUE in field.metadata else words_of(field.annotation)


def words_of(annotation: Any) -> str:
    """Return what a value of the type *annotation* is, in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        free = VALUE in annotation.__metadata__
        return "any value, templates allowed" if free else words_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        words = [words_of(one) for one in arguments if one is not type(None)]
        return ", or ".join(dict.fromkeys(words))
    if origin is Literal:
        return _one_of(arguments)
    if origin in (list, tuple):
        return f"a list; each entry is {words_of(arguments[0])}"
    if origin is dict:
        return f"a mapping of names; each value is {words_of(arguments[1])}"
    return "any value" if annotation is Any else _class_words(annotation)


def _class_words(annotation: type) -> str:
    if issubclass(annotation, TemplateText):
        return _SOURCES[annotation]
    if issubclass(annotation, StepBase):
        return "a step"
    if issubclass(annotation, Model):
        short = annotation.short
        return "a mapping" + (f", or its `{short}` alone" if short else "")
    if issubclass(annotation, BaseModel):
        return "a mapping"
    if issubclass(annotation, Enum):
        return _one_of([one.value for one in annotation])
    words = {str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`"}
    if annotation is timedelta:
        return "a duration (`90s`, `10m`, `4h`, `2d`, `1h30m`)"
    return words.get(annotation, "text")


def _one_of(values: Iterable[Any]) -> str:
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    literals = [f"`{text}`".replace("\t", "\\t") for text in texts]
    return f"{', '.join(literals[:-1])} or {literals[-1]}" if len(literals) > 1 else literals[0]


def default_of(field: FieldInfo) -> str:
    """Return the default as a file would write it; empty when there is none worth showing."""
    match field.default:
        case Enum():
            return str(field.default.value)
        case timedelta():
            return format_duration(field.default)
        case bool():
            return str(field.default).lower()
        case str() | int() | float():
            return str(field.default)
    return ""


def output_words(type_: Type) -> str:
    """Return what an output of this type is, in words."""
    if isinstance(type_, ListType):
        return KINDS["list"]
    return KINDS.get(type_.kind, "a value")
