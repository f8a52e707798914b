"""The reference of the language, made from its models: what `almaflow explain` prints."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.explain import explain, topics
from almaflow.web.errors import refuse
from almaflow.web.rendering import render

router = APIRouter()

_LONGEST = 200


@router.get("/documentation")
def documentation(request: Request) -> Response:
    """List the kinds of steps and the other topics."""
    return render(request, "documentation.html", groups=_topics())


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
