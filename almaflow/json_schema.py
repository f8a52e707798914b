"""The JSON Schemas of workflow files and of `almaflow.yaml`, made from the models.

Draft 7, which the YAML language server understands best. A step is one object with every kind as
a property, because a union of the kinds would offer each key many times.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from almaflow.field_types import Model, format_duration
from almaflow.model_fields import MODEL_REFERENCE, fields_of, models_in, models_of
from almaflow.settings import Settings
from almaflow.steps.base import IDENTIFIER, Kind, StepBase
from almaflow.whole_files import write_whole
from almaflow.workflow import Workflow

DRAFT = "http://json-schema.org/draft-07/schema#"

Schema = dict[str, Any]

_REFERENCE = "#/definitions/{model}"

# Bounds of a field with a separate validator, as pydantic writes them → as JSON Schema does.
_BOUNDS = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
    "min_length": "minLength",
    "max_length": "maxLength",
}

# What unquoted scalars of each type look like; a pattern excludes them from texts.
_LOOKS = {"number": "0", "integer": "0", "boolean": "true", "null": "null"}


def workflow_schema() -> Schema:
    """Return the schema of workflow files, with the kinds that are installed."""
    return schema_of(Workflow, "workflow", "almaflow workflow")


def project_schema() -> Schema:
    """Return the schema of `almaflow.yaml`."""
    return schema_of(Settings, "project", "almaflow.yaml")


def write_schemas(folder: Path, others: Mapping[str, Schema] | None = None) -> list[Path]:
    """Write both schemas into *folder*, which is made when it is missing; return the files.

    *others* are further schemas by their names, which are written too.

    Raises:
        OSError: the disk refuses; older files are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    schemas = {"workflow": workflow_schema(), "project": project_schema(), **(others or {})}
    for name, schema in schemas.items():
        file = folder / f"{name}.schema.json"
        write_whole(file, schema_text(schema).encode())
        files.append(file)
    return files


def schema_text(schema: Schema) -> str:
    """Return *schema* as its file holds it: the same text for the same models."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def first_paragraph(model: type[BaseModel]) -> str:
    """Return the first paragraph of a model's docstring, on one line."""
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())


def schema_of(model: type[Model], name: str, title: str) -> Schema:
    """Return the schema of the files that *model* describes; *name* is the schema's."""
    models = {one.__name__: one for one in models_in(model)}
    definitions = _definitions(models.values())
    raw = definitions.pop(model.__name__)
    clean = {
        key: _object(definitions[key], models[key]) for key in sorted(definitions) if key in models
    }
    # What is not a model of ours, such as an enumeration, is taken as it is.
    clean |= {key: _bare(one) for key, one in sorted(definitions.items()) if key not in models}
    return {
        "$schema": DRAFT,
        "$id": f"urn:almaflow:schema:{name}",
        "title": title,
        **_object(raw, model),
        "definitions": dict(sorted(clean.items())),
    }


def _definitions(models: Iterable[type[BaseModel]]) -> Schema:
    """Return the schemas of *models*, and of what else they hold, as pydantic makes them."""
    inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(one, "validation") for one in models]
    _, whole = models_json_schema(inputs, ref_template=_REFERENCE)
    definitions: Schema = whole["$defs"]
    return definitions


def _object(schema: Schema, model: type[BaseModel]) -> Schema:
    """Return the cleaned schema of a model, with its short form when it has one."""
    long = schema["anyOf"][0] if "properties" not in schema else schema
    properties = {
        key: _property(long["properties"][key], field) for key, field in fields_of(model).items()
    }
    whole: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if issubclass(model, Model) and model.named is not None:
        named = {"description": model.named_as, **_bare(long["additionalProperties"])}
        names = {"additionalProperties": named, "propertyNames": {"pattern": IDENTIFIER}}
        return {"description": first_paragraph(model), **whole, **names, "minProperties": 1}
    if "required" in long:
        whole["required"] = long["required"]
    described = {"description": first_paragraph(model)}
    short = getattr(model, "short", None)
    if short is None:
        if "required" not in whole and not issubclass(model, Settings | StepBase):
            # `month:` declares an input without further details.
            whole["type"] = ["object", "null"]
        return {**described, **whole}
    forms = dict(properties[short])
    described_short = {"description": forms.pop("description")}
    return {**described, "anyOf": [whole, {**described_short, **forms}]}


def _property(schema: Schema, field: FieldInfo) -> Schema:
    """Return the cleaned schema of a field."""
    clean = _without_null(_bare(schema))
    described = {"description": field.description or _kind_description(field)}
    pattern = next((one.pattern for one in field.metadata if getattr(one, "pattern", None)), None)
    if pattern is not None and "type" in clean:
        looks = {name: look for name, look in _LOOKS.items() if not re.search(pattern, look)}
        clean["pattern"] = pattern
        types = [clean["type"]] if isinstance(clean["type"], str) else clean["type"]
        clean["type"] = [name for name in types if name not in looks]
    default = _default(field)
    if default is not None:
        clean["default"] = default
    kind = next(iter(models_of(field)), None)
    if kind is not None and issubclass(kind, Kind):
        described["markdownDescription"] = _in_markdown(kind)
    return {**described, **clean}


def _bare(schema: Any) -> Any:
    """Return *schema* without titles and defaults, the step called `Step`."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    clean = {
        _BOUNDS.get(key, key): _bare(value)
        for key, value in schema.items()
        if key not in ("title", "default", "description")
    }
    if MODEL_REFERENCE in clean:
        return {"$ref": _REFERENCE.format(model=clean[MODEL_REFERENCE])}
    if isinstance(clean.get("enum"), list):
        # Not the field `enum` of an input, which is a schema.
        words = clean.pop("enum")
        return {**clean, **_in_any_case(words)}
    return clean


def _in_any_case(words: list[Any]) -> Schema:
    """Return what makes of a list of *words* one whose case does not count.

    Editors offer the words of `enum`; JSON Schema knows no patterns that ignore the case.
    """
    letters = "|".join("".join(map(_either_case, word)) for word in words if isinstance(word, str))
    return {"anyOf": [{"enum": words}, {"type": "string", "pattern": f"^({letters})$"}]}


def _either_case(letter: str) -> str:
    both = letter.upper() + letter.lower()
    # Readers of schemas take escapes of these characters only; `re.escape` has more.
    return f"[{both}]" if letter.isalpha() else re.sub(r"[\^$\\.*+?()\[\]{}|/]", r"\\\g<0>", letter)


def _without_null(schema: Schema) -> Schema:
    """Return *schema* without `null` as an alternative: an optional key is left out."""
    forms = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if not forms:
        return rest
    return {**rest, **forms[0]} if len(forms) == 1 else {**rest, "anyOf": forms}


def _default(field: FieldInfo) -> Any:
    """Return the default as a file would write it; None when there is none worth showing."""
    match field.default:
        case Enum():
            return field.default.value
        case timedelta():
            return format_duration(field.default)
        case bool() | int() | float():
            return field.default
        case str() if field.default:
            return field.default
    return None


def _kind_description(field: FieldInfo) -> str:
    return next((first_paragraph(one) for one in models_of(field)), "")


def _in_markdown(kind: type[Kind]) -> str:
    return f"{inspect.cleandoc(kind.__doc__ or '')}\n\n```yaml\n{kind.example.rstrip()}\n```"
