"""The OpenAPI document describes every route, parameter and field in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.pages import site_in

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    site = site_in(Path(tmp_path_factory.mktemp("described")))
    yield site.client.get("/api/openapi.json").json()
    site.store.close()


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def described(document: Any) -> Iterator[tuple[str, str]]:
    """Yield everything that a reader meets, and its description."""
    for name, schema in document["components"]["schemas"].items():
        # Bodies have no class, only fields.
        if not name.startswith("Body_"):
            yield name, schema.get("description", "")
        for field, one in schema.get("properties", {}).items():
            yield f"{name}.{field}", one.get("description", "")
    for name, one in operations(document):
        yield name, one.get("description", "")
        for parameter in one.get("parameters", ()):
            yield f"{name} {parameter['name']}", parameter.get("description", "")


def test_everything_is_described_in_a_sentence(document: Any) -> None:
    found = dict(described(document))

    assert len(found) > 400
    assert [name for name, text in found.items() if not text.strip()] == []
    assert [
        name for name, text in found.items() if not text.rstrip().endswith((".", ":", ")"))
    ] == []
    assert [name for name, text in found.items() if text[0].islower()] == []


def test_what_changes_something_is_asked_for_in_the_body(document: Any) -> None:
    wrong = [
        (name, parameter["name"])
        for name, one in operations(document)
        if name.startswith("POST ")
        for parameter in one.get("parameters", ())
        if parameter["in"] == "query"
    ]

    assert wrong == []
