"""The routes of the API, from its own description: how programs ask what people read here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.late_dataclasses import dataclass
from almaflow.web.rendering import render

router = APIRouter()


@dataclass(frozen=True)
class ValueEntry:
    """A parameter of a route, or a field of a document."""

    name: str
    type: str
    text: str


@dataclass(frozen=True)
class Route:
    """One route; *document* names what it answers with."""

    method: str
    path: str
    text: str
    parameters: tuple[ValueEntry, ...]
    document: str


@dataclass(frozen=True)
class Document:
    """The fields of a document."""

    name: str
    text: str
    fields: tuple[ValueEntry, ...]
    values: tuple[str, ...]
    """Of an enumeration, which has no fields."""


@router.get("/documentation/api")
def api_reference(request: Request) -> Response:
    """Show every route with its parameters, and every document with its fields."""
    description = request.app.openapi()
    return render(
        request,
        "api_reference.html",
        routes=list(_routes(description)),
        documents=list(_documents(description)),
    )


def _routes(description: Mapping[str, Any]) -> Iterator[Route]:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            good = next(
                one for status, one in operation["responses"].items() if status.startswith("2")
            )
            content = good.get("content", {}).get("application/json", {})
            yield Route(
                method.upper(),
                path,
                operation.get("description", ""),
                tuple(map(_parameter, operation.get("parameters", ()))),
                type_of(content.get("schema", {})),
            )


def _parameter(parameter: Mapping[str, Any]) -> ValueEntry:
    schema = parameter["schema"]
    text = parameter.get("description") or schema.get("description", "")
    default = schema.get("default")
    if default is not None:
        text = f"{text} Default: {default}."
    return ValueEntry(parameter["name"], type_of(schema), text.strip())


def _documents(description: Mapping[str, Any]) -> Iterator[Document]:
    for name, schema in sorted(description["components"]["schemas"].items()):
        fields = (
            ValueEntry(field, type_of(one), one.get("description", ""))
            for field, one in schema.get("properties", {}).items()
        )
        values = tuple(map(str, schema.get("enum", ())))
        yield Document(name, schema.get("description", ""), tuple(fields), values)


def type_of(schema: Mapping[str, Any]) -> str:
    """Return what a schema of the description allows, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(map(type_of, schema[key])))
    if "const" in schema:
        return f"“{schema['const']}”"
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "instant"
    return str(schema.get("type", "any value"))
