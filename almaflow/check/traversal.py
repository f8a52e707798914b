"""Walking a workflow and its document in parallel: which text is where, and its meaning."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

from almaflow import model_fields
from almaflow.document import PathTo
from almaflow.field_types import VALUE, Model, Plain, Template, TemplateText
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import StepBase


def sources(value: Any, data: Any, path: PathTo) -> Iterator[tuple[PathTo, TemplateText]]:
    """Yield everything in *value* that is evaluated, with its path; not that of steps inside.

    *data* is what the document has at *path*: a short form puts a field at its model's own path.
    """
    match value:
        case TemplateText():
            yield path, value
        case StepBase():
            return
        case Model():
            for key, inner in fields_of(value):
                yield from sources(inner, *below(value, key, data, path))
        case dict():
            for key, inner in value.items():
                yield from sources(inner, _child(data, key), (*path, key))
        case list():
            for place, inner in enumerate(value):
                yield from sources(inner, _child(data, place), (*path, place))


def fields_of(model: Model) -> Iterator[tuple[str, Any]]:
    """Yield the fields of *model* that are given, each with its key in files."""
    for name, field in type(model).model_fields.items():
        if name in model.model_fields_set:
            yield field.alias or name, getattr(model, name)
    yield from (model.model_extra or {}).items()


def below(model: Model, key: str, data: Any, path: PathTo) -> tuple[Any, PathTo]:
    """Return data and path of the field *key* of *model*, which is at *path*."""
    if key == type(model).short and not isinstance(data, dict):
        return data, path
    return _child(data, key), (*path, key)


def data_at(data: Any, path: PathTo) -> Any:
    """Return what *data* has at *path*; None when there is nothing."""
    for key in path:
        data = _child(data, key)
    return data


def _child(data: Any, key: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(str(key))
    if isinstance(data, list) and isinstance(key, int) and key < len(data):
        return data[key]
    # One entry may be in the place of a list.
    return None if isinstance(data, list) or key != 0 else data


def texts_in(data: Any, path: PathTo = ()) -> Iterator[tuple[PathTo, str]]:
    """Yield every text in *data* that is not a key, with its path below *path*."""
    match data:
        case str():
            yield path, data
        case Plain():
            yield path, data.text
        case dict():
            for key, value in data.items():
                yield from texts_in(value, (*path, key))
        case list():
            for index, value in enumerate(data):
                yield from texts_in(value, (*path, index))


@dataclass(frozen=True)
class WrittenText:
    """A text of a document, or a key of a mapping in it, and the field it belongs to.

    *source* is the class when it is evaluated, else None.
    """

    path: PathTo
    text: str
    source: type[TemplateText] | None
    is_key: bool = False


@dataclass(frozen=True)
class _Forms:
    """What a field may hold: each way of writing it is one of the types."""

    source: type[TemplateText] | None = None
    models: tuple[type[Model], ...] = ()
    items: _Forms | None = None
    values: _Forms | None = None
    free: bool = False
    """Whether any value is allowed there, with templates in its texts."""

    @property
    def allows_one(self) -> bool:
        """Whether it is a list only, and not one of steps."""
        others = self.free or self.source or self.models or self.values
        inner = self.items.models if self.items is not None else (StepBase,)
        return not others and not any(issubclass(model, StepBase) for model in inner)


def written(model: type[Model], data: Any) -> Iterator[WrittenText]:
    """Yield every text with braces in *data* by the field of *model* it belongs to.

    Works on documents that do not fit the model; what has no place in it is left out.
    """
    return (one for one in _visit_model(model, data, ()) if isinstance(one, WrittenText))


def written_steps(model: type[Model], data: Any) -> Iterator[tuple[PathTo, dict[str, Any]]]:
    """Yield every mapping of *data* that is in the place of a step, with its path."""
    return (one for one in _visit_model(model, data, ()) if not isinstance(one, WrittenText))


_Visited = WrittenText | tuple[PathTo, dict[str, Any]]
"""A text, or a mapping in the place of a step."""


def _visit_model(model: type[Model], data: Any, path: PathTo) -> Iterator[_Visited]:
    if not isinstance(data, dict):
        if model.short is not None:
            yield from _visit(_forms_at(model, model.short), data, path)
        return
    if issubclass(model, StepBase):
        yield path, data
    fields = model_fields.fields_of(model)
    for key, value in data.items():
        if key not in fields:
            if model.named is None:
                continue
            yield WrittenText((*path, key), key, None, is_key=True)
        yield from _visit(_forms_at(model, key), value, (*path, key))


def _visit(forms: _Forms, data: Any, path: PathTo) -> Iterator[_Visited]:
    if forms.allows_one and isinstance(data, str | dict):
        # One entry in place of a list.
        forms = forms.items or forms
    match data:
        case str() if forms.free or not forms.models or forms.source is not None:
            yield WrittenText(path, data, Template if forms.free else forms.source)
        case dict() if forms.models and not forms.free:
            for model in forms.models:
                yield from _visit_model(model, data, path)
        case dict() if (inner := forms if forms.free else forms.values) is not None:
            for key, value in data.items():
                if not forms.free:
                    yield WrittenText((*path, key), key, None, is_key=True)
                yield from _visit(inner, value, (*path, key))
        case list() if (inner := forms if forms.free else forms.items) is not None:
            for place, value in enumerate(data):
                yield from _visit(inner, value, (*path, place))
        case str() | list() if forms.models:
            yield from _visit_model(forms.models[0], data, path)


@cache
def _forms_at(model: type[Model], key: str) -> _Forms:
    """Return what the field *key* of *model* may hold, or what is under other keys."""
    field = model_fields.fields_of(model).get(key)
    if field is None:
        return _forms_of(model.named)
    if VALUE in field.metadata:
        return _Forms(free=True)
    return _forms_of(next(model_fields.later_models_of(field), field.annotation))


def _forms_of(annotation: Any) -> _Forms:
    """Return what a value of the type *annotation* may be."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _Forms(free=True) if VALUE in annotation.__metadata__ else _forms_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        several = [_forms_of(argument) for argument in arguments]
        return _Forms(
            next((one.source for one in several if one.source), None),
            tuple(model for one in several for model in one.models),
            next((one.items for one in several if one.items is not None), None),
            next((one.values for one in several if one.values is not None), None),
            any(one.free for one in several),
        )
    if origin is list:
        return _Forms(items=_forms_of(arguments[0]))
    if origin is dict:
        return _Forms(values=_forms_of(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, TemplateText):
        return _Forms(source=annotation)
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return _Forms(models=(annotation,))
    return _Forms()
