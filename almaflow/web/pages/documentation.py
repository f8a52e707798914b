"""The documentation: what `almaflow docs` shows, and the topics of `almaflow explain`."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow import docs
from almaflow.errors import RequestWrong
from almaflow.explain import explain, topics
from almaflow.web.errors import refuse
from almaflow.web.markdown import html_of
from almaflow.web.rendering import render

router = APIRouter()

_LONGEST = 200


@router.get("/documentation")
def documentation(request: Request) -> Response:
    """List the pages, the recipes, the kinds of steps and the other topics."""
    return render(
        request, "documentation.html", pages=docs.pages(), recipes=docs.recipes(), groups=_topics()
    )


@router.get("/documentation/pages/{name}")
def page(name: str, request: Request) -> Response:
    """Show a page or a recipe."""
    try:
        found = docs.find_page(name[:_LONGEST])
    except RequestWrong as error:
        return refuse(request, HTTPStatus.NOT_FOUND, str(error))
    return render(request, "documentation_page.html", title=found.title, text=html_of(found.text))


@router.get("/documentation/language/{topic}")
def topic(topic: str, request: Request) -> Response:
    """Explain a kind of step, a key or a path to a field."""
    try:
        text = explain(topic[:_LONGEST])
    except RequestWrong as error:
        return refuse(request, HTTPStatus.NOT_FOUND, str(error))
    return render(request, "topic.html", topic=topic[:_LONGEST], text=text)


@cache
def _topics() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    return tuple((title, tuple(rows)) for title, rows in topics().items())
