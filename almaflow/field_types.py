"""The field types that the models of workflow files and of `almaflow.yaml` are made of.

A document (`document/`) gives an unquoted scalar as `Plain`: its characters and what YAML 1.2
makes of them. The field decides which counts: a text field takes the characters (`0012`, `1e3`,
`true`, `Null` and 17-digit ids survive), a number field takes the value.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from almaflow.durations import format_duration as format_duration
from almaflow.durations import parse_duration as parse_duration
from almaflow.foreign_words import value_meant
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.model_fields import Several as Several
from almaflow.model_fields import alternatives, fields_of, words_of
from almaflow.model_fields import checked as checked
from almaflow.model_fields import choose_one as choose_one
from almaflow.model_fields import exactly_one as exactly_one
from almaflow.model_fields import refused as refused
from almaflow.rounded_numbers import rounded_number


@dataclass(frozen=True)
class Plain:
    """An unquoted scalar that is not simply text.

    *text* is what is in the file; *value* is an int, float, bool, None, or, for what looks
    like a date or time, the same text. An empty value is `Plain("", None)`.
    """

    text: str
    value: int | float | bool | str | None

    @property
    def is_empty(self) -> bool:
        """Whether the value is empty."""
        return not self.text


def plain_value(data: Any) -> Any:
    """Return *data* with every `Plain`, however deep, replaced by its value."""
    match data:
        case Plain():
            return data.value
        case dict():
            return {key: plain_value(value) for key, value in data.items()}
        case list():
            return [plain_value(value) for value in data]
    return data


class _TextMark:
    """Marks a field type that is built from the characters in the file."""


def as_text(data: Any) -> Any:
    """Take the characters of an unquoted scalar; refuse what is not a scalar."""
    if isinstance(data, Plain):
        return data.text
    if isinstance(data, (dict, list)):
        shape = "a mapping" if isinstance(data, dict) else "a list"
        raise refused("wrong_type", f"Text is expected here, not {shape}.")
    return data


class _IdMark:
    """Marks a field whose text is an id of Alma's."""


def _as_id(data: Any) -> Any:
    """Take the characters of an id; refuse what YAML reads as something else, and nothing."""
    text = as_text(data)
    if isinstance(text, str) and (why := rounded_number(text, _QUOTED_ID)):
        raise refused("id_rounded", why)
    if isinstance(data, Plain) and data.text and not _is_whole(data.value):
        raise PydanticCustomError(
            "id_unquoted",
            "`{text}` reads as {kind}, but an id is expected. Put it in quotes if it is an id.",
            {"text": data.text, "kind": _kind(data.value)},
        )
    if isinstance(text, str) and not text.strip():
        raise refused("id_empty", "An id is expected here.")
    # A template keeps the spaces in front of it, so that its places stay right.
    return text.strip() if isinstance(text, str) and "{{" not in text else text


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """Return what YAML takes an unquoted scalar for, when it is not text."""
    match value:
        case float():
            return "a number with a fraction or exponent"
        case bool():
            return "`true` or `false`"
        case None:
            return "nothing"
    return "a date or a time"


_QUOTED_ID = "Copy all digits of the id from Alma, and put them in quotes."


def _as_value(kind: type, noun: str) -> BeforeValidator:
    def take(data: Any) -> Any:
        value = data.value if isinstance(data, Plain) else data
        fits = isinstance(value, kind) and isinstance(value, bool) is (kind is bool)
        if kind is float:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not fits:
            why = f"{noun} is expected here{value_meant(kind, value)}."
            raise refused("wrong_type", why)
        return value

    return BeforeValidator(take)


_SCALAR = ["string", "number", "boolean"]

Text = Annotated[
    str, _TextMark(), BeforeValidator(as_text), WithJsonSchema({"type": [*_SCALAR, "null"]})
]
"""Text, built from the characters in the file."""

AlmaId = Annotated[
    str,
    _TextMark(),
    _IdMark(),
    BeforeValidator(_as_id),
    WithJsonSchema({"type": ["string", "integer"]}),
]
"""An id of Alma's; quotes are not needed, but a float or a date is refused."""


Whole = Annotated[int, _as_value(int, "A whole number")]
Number = Annotated[float, _as_value(float, "A number")]
Flag = Annotated[bool, _as_value(bool, "`true` or `false`")]

_DURATION_PATTERN = r"^(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"


def _as_duration(data: Any) -> Any:
    if isinstance(data, timedelta):
        return data
    text = as_text(data)
    try:
        return parse_duration(text)
    except ValueError as error:
        raise refused("bad_duration", str(error)) from None


Duration = Annotated[
    timedelta,
    _TextMark(),
    BeforeValidator(_as_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN, "examples": ["10m", "1h30m"]}),
]
"""A length of time."""


@dataclass(frozen=True)
class TemplateText:
    """Text of the file that is evaluated when a step runs; see `expressions`."""

    text: str

    json_schema: ClassVar[dict[str, Any]] = {"type": [*_SCALAR, "null"]}

    @classmethod
    def characters(cls, data: Any) -> Any:
        """Return the text that *data* is; Raises: PydanticCustomError."""
        return as_text(data)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def make(data: Any) -> TemplateText:
            if isinstance(data, cls):
                return data
            text = cls.characters(data)
            if not isinstance(text, str):
                raise refused("wrong_type", "Text is expected here.")
            return cls(text)

        return core_schema.no_info_plain_validator_function(
            make, serialization=core_schema.plain_serializer_function_ser_schema(lambda it: it.text)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(cls.json_schema)


class Template(TemplateText):
    """Text in which each `{{ … }}` is an expression."""


class IdTemplate(Template):
    """A template whose text is an id of Alma's: a float, a date or nothing is refused."""

    json_schema: ClassVar[dict[str, Any]] = {"type": ["string", "integer"]}

    @classmethod
    def characters(cls, data: Any) -> Any:
        return _as_id(data)


class MemberId(IdTemplate):
    """One of a list of ids, in which an empty one is left out."""

    @classmethod
    def characters(cls, data: Any) -> Any:
        text = as_text(data)
        is_empty = isinstance(text, str) and not text.strip()
        return text if is_empty else super().characters(data)


class Message(Template):
    """A template for people: it never fails, what is missing is named in its place."""


class Expression(TemplateText):
    """A bare expression; braces around the whole are allowed."""


class Condition(Expression):
    """An expression that must be true or false."""


def _as_templates(data: Any) -> Any:
    """Let every text in *data* be a template; `Plain` stays for code that knows the type."""
    match data:
        case str():
            return Template(data)
        case dict():
            return {key: _as_templates(value) for key, value in data.items()}
        case list():
            return [_as_templates(value) for value in data]
    return data


VALUE = BeforeValidator(_as_templates)
"""Marks a field that may hold a value of any type, its texts being templates."""

Value = Annotated[Any, VALUE, WithJsonSchema({})]
"""A value of any type; its texts are templates."""


class Model(BaseModel):
    """The base of all models of files: unknown keys are refused, an empty value is missing."""

    # Modules of models that every command imports have no `from __future__ import annotations`:
    # pydantic would compile their annotations again, and those of this class for every model.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    short: ClassVar[str | None] = None
    """The key that a value other than a mapping is short for, such as `for` in `wait: 10m`."""
    shows_values: ClassVar[bool] = False
    """Whether messages about a file of this model may repeat what is in it: nothing is secret."""
    foreign: ClassVar[str] = ""
    """The table of what people of other tools write as a key, as `module:name`; empty: none."""
    named: ClassVar[Any] = None
    """What is under keys that the file chooses itself, such as the branches of `parallel`;
    None when all keys are fields."""
    named_as: ClassVar[str] = ""
    """What such a key and its value are, in a sentence."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if isinstance(data, Plain) and data.is_empty:
            return {}
        if cls.short is not None and not isinstance(data, (Mapping, BaseModel)):
            _refuse_pair(cls, data)
            return {cls.short: data}
        if isinstance(data, dict):
            empty, null = _emptied(cls)
            words = _words(cls)
            return {
                key: _in_its_case(words[key], value) if key in words else value
                for key, value in data.items()
                if not isinstance(value, Plain)
                or not ((key in empty and value.is_empty) or (key in null and value.value is None))
            }
        if isinstance(data, BaseModel):
            return data
        raise refused("wrong_type", "A mapping (`key: value` lines) is expected here.")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        whole = handler(schema)
        if cls.short is None:
            return whole
        target = handler.resolve_ref_schema(whole)
        short = target["properties"][cls.short]
        long = dict(target)
        target.clear()
        target.update({"anyOf": [long, short], "description": long.pop("description", "")})
        return whole


_PAIR = late_pattern(r"([a-z_]+)(?:[:=](?=[^\s:/=])|:\s+(?=\S))")


def _refuse_pair(model: type[Model], data: Any) -> None:
    """Raise the error of a text that is a key of *model* and its value: `name:x`, `"name: x"`."""
    match = _PAIR.match(data) if isinstance(data, str) else None
    fields = fields_of(model)
    # Texts for people and expressions may begin so.
    if match is None or match[1] not in fields or not _is_plain_text(fields[str(model.short)]):
        return
    raise PydanticCustomError("wrong_type", "A mapping (`key: value` lines) is expected here.")


def _is_plain_text(field: Any) -> bool:
    forms = [one for one in alternatives(field) if isinstance(one, type)]
    return not any(issubclass(one, Message | Expression) for one in forms)


@cache
def _emptied(model: type[Model]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys whose value is missing when it is empty, and those where `null` is missing.

    An empty id does not count as missing, and `null` is text where text is expected.
    """
    fields = {key: list(alternatives(field)) for key, field in fields_of(model).items()}
    empty = {key for key, forms in fields.items() if not any(map(_is_id, forms))}
    null = {key for key in empty if not any(map(_is_text, fields[key]))}
    return frozenset(empty), frozenset(null)


@cache
def _words(model: type[Model]) -> Mapping[str, Mapping[str, str]]:
    """Return the keys whose value is one of several words, each with the words by themselves in
    lower case: upper and lower case do not count.
    """
    fields = {key: set(words_of(field)) for key, field in fields_of(model).items()}
    return {key: {one.casefold(): one for one in words} for key, words in fields.items() if words}


def _in_its_case(words: Mapping[str, str], value: Any) -> Any:
    """Return a word, or a list of words, in upper or lower case as the model has them."""
    match value:
        case str():
            return words.get(value.casefold(), value)
        case list():
            return [_in_its_case(words, one) for one in value]
    return value


def _is_text(form: Any) -> bool:
    """Whether a field of this type, or with this mark, takes the characters of a scalar."""
    return isinstance(form, _TextMark) or (
        isinstance(form, type) and issubclass(form, TemplateText)
    )


def _is_id(form: Any) -> bool:
    return isinstance(form, _IdMark) or (isinstance(form, type) and issubclass(form, IdTemplate))
