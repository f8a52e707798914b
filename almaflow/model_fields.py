"""What the models of files are made of: their fields, what a value of a field may be, refusals."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from almaflow.late_dataclasses import dataclass


class _OneOrSeveral:
    """Marks a list of which a single entry may be written without the list."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def as_list(data: Any) -> Any:
            return data if isinstance(data, list) else [data]

        return core_schema.no_info_before_validator_function(as_list, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several, several["items"]]}


T = TypeVar("T")
Several = Annotated[list[T], _OneOrSeveral()]
"""A list; one entry alone is a list of one."""

M = TypeVar("M", bound=BaseModel)


class ModelLater(Generic[M]):
    """Marks a field whose model is built when a file uses it, or when someone asks for it.

    A file uses few of the models, and building all of them takes longer than reading it. Where
    *load* also imports the model, that is put off too.
    """

    def __init__(self, load: Callable[[], type[M]]) -> None:
        self._load = load

    @cached_property
    def model(self) -> type[M]:
        """What the field holds."""
        return self._load()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        # Pydantic adds the problems that a nested model reports to its own, at their locations.
        read = core_schema.no_info_plain_validator_function(
            lambda data: self.model.model_validate(data)
        )
        return core_schema.nullable_schema(read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {MODEL_REFERENCE: self.model.__name__}


MODEL_REFERENCE = "almaflow_model"
"""In a JSON Schema of pydantic's, the name of the model that belongs there."""


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of *model* by their keys in files."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def alternatives(annotation: Any) -> Iterator[Any]:
    """Yield the types that a value of the type *annotation* may have, and the marks on them."""
    if isinstance(annotation, FieldInfo):
        yield from annotation.metadata
        yield from alternatives(annotation.annotation)
    elif typing.get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
        yield from alternatives(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for argument in typing.get_args(annotation):
            yield from alternatives(argument)
    else:
        yield annotation


def words_of(annotation: Any) -> Iterator[str]:
    """Yield the words that a value of the type *annotation*, or an entry of it, may be."""
    for form in alternatives(annotation):
        if isinstance(form, type) and issubclass(form, Enum):
            yield from (one.value for one in form if isinstance(one.value, str))
        elif typing.get_origin(form) is typing.Literal:
            yield from (one for one in typing.get_args(form) if isinstance(one, str))
        elif typing.get_origin(form) is list:
            yield from words_of(typing.get_args(form)[0])


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value of a type or a field, *annotation*, may hold, each once."""
    if isinstance(annotation, FieldInfo):
        return list(later_models_of(annotation)) or models_of(annotation.annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    models = (model for one in typing.get_args(annotation) for model in models_of(one))
    return list(dict.fromkeys(models))


def later_models_of(field: FieldInfo) -> Iterator[type[BaseModel]]:
    """Yield the model of a field that is marked with `ModelLater`."""
    return (mark.model for mark in field.metadata if isinstance(mark, ModelLater))


def models_in(model: type[BaseModel], *, with_later: bool = True) -> list[type[BaseModel]]:
    """Return *model* and every model that is somewhere in its fields.

    *with_later*: also those of fields that are marked with `ModelLater`.
    """
    models = [model]
    for current in models:
        held: list[Any] = [
            field if with_later else field.annotation for field in current.model_fields.values()
        ]
        for annotation in (*held, getattr(current, "named", None)):
            models.extend(inner for inner in models_of(annotation) if inner not in models)
    return models


def _short_entries(models: Sequence[type[BaseModel]]) -> tuple[type[BaseModel], ...]:
    """Return the models of the entries of a list that is short for a field of one of *models*."""
    shorts = ((one, getattr(one, "short", None)) for one in models)
    fields = [fields_of(one)[key] for one, key in shorts if key is not None]
    return tuple(model for field in fields for model in models_of(field))


@dataclass(frozen=True)
class ModelPlace:
    """What the models declare for a place: the models of a mapping there, and its field."""

    models: tuple[type[BaseModel], ...]
    field: FieldInfo | None = None

    @property
    def keys(self) -> dict[str, FieldInfo]:
        """The fields of a mapping there by their keys."""
        return {key: field for one in self.models for key, field in fields_of(one).items()}


def place_of(model: type[BaseModel], path: Sequence[str | int]) -> ModelPlace:
    """Return what *model* declares for *path*, keys and positions from its top."""
    place = ModelPlace((model,))
    for element in path:
        field = next(
            (found for one in place.models if (found := fields_of(one).get(str(element)))), None
        )
        named = [found for one in place.models if (found := getattr(one, "named", None))]
        if field is not None:
            place = ModelPlace(tuple(models_of(field)), field)
        elif named and isinstance(element, str):
            place = ModelPlace(tuple(models_of(named[0])))
        elif isinstance(element, int) and (entries := _short_entries(place.models)):
            place = ModelPlace(entries)
        # What is neither is an entry of a list or mapping: its models are those of the whole.
    return place


# --- refusals -----------------------------------------------------------------------------------


def choose_one(sentence: str, *keys: str) -> PydanticCustomError:
    """Return the error of a mapping of whose *keys* not exactly one is given.

    *sentence* says which are needed; where the document has them is found out when it is shown.
    """
    return PydanticCustomError("choose_one", "{sentence}", {"sentence": sentence, "choices": keys})


def exactly_one(*names: str, of: str = "") -> Any:
    """Return the validator of a model that needs exactly one of the fields *names*.

    Messages call the model *of*; by default by its key, for a kind of step.
    """
    keys = [name.rstrip("_") for name in names]
    *most, last = (f"`{key}`" for key in keys)
    few = len(keys) == 2
    needed = (
        f"either {most[0]} or {last}" if few else f"exactly one of {', '.join(most)} and {last}"
    )

    def check(model: Any) -> Any:
        if sum(getattr(model, name) is not None for name in names) != 1:
            raise choose_one(f"{of or f'`{model.key}`'} needs {needed}.", *keys)
        return model

    return model_validator(mode="after")(check)


def refused(code: str, why: str, key: str = "") -> PydanticCustomError:
    """Return the error of a value that a model refuses; *why* is its message, in whole sentences.

    *key* names the key of a mapping that it is about.
    """
    return PydanticCustomError(code, "{why}", {"why": why, **({"key": key} if key else {})})


def checked(code: str, read: Callable[[str], object]) -> AfterValidator:
    """Return the validator that keeps a text which *read* does not refuse with a ValueError."""

    def keep(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            raise refused(code, str(error)) from None
        return text

    return AfterValidator(keep)
