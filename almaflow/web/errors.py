"""What went wrong becomes a page, or JSON under /api, with a sentence and a status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from almaflow.alma.errors import NotInAlma
from almaflow.errors import AlmaflowError, DocumentsInvalid, RequestWrong, StoreError
from almaflow.redaction import REDACTION
from almaflow.store import RunNotFound, StoreTrouble
from almaflow.visible import visible
from almaflow.web.context import context_of
from almaflow.web.personal_data import hidden_text
from almaflow.web.rendering import render

_SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is no page at this address. Use the navigation above.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not accept that kind of request.",
}


# What people call it; the others are words that people know, such as "Not Found".
_TITLES = {
    HTTPStatus.BAD_REQUEST: "This was not done",
    HTTPStatus.CONFLICT: "This was not done",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.BAD_GATEWAY: "Alma did not answer as expected",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available now",
    HTTPStatus.INTERNAL_SERVER_ERROR: "This page failed",
}


def refuse(request: Request, status: int, sentence: str, code: str = "") -> Response:
    """Return a refusal with its sentence, as a page or as JSON.

    *code* is for programs; without one it is the name of the status, such as `not-found`.
    """
    if is_api(request):
        code = code or HTTPStatus(status).name.lower().replace("_", "-")
        return JSONResponse(
            {"error": visible(hidden_text(REDACTION.text(sentence))), "code": code}, status
        )
    title = _TITLES.get(HTTPStatus(status), HTTPStatus(status).phrase)
    return render(request, "error.html", status, title=title, sentence=sentence)


def add_error_pages(app: FastAPI) -> None:
    """Let *app* answer every error with a refusal."""

    @app.exception_handler(HTTPException)
    def wrong_address(request: Request, error: HTTPException) -> Response:
        sentence = _SENTENCES.get(HTTPStatus(error.status_code), str(error.detail))
        if is_api(request) and error.status_code == HTTPStatus.NOT_FOUND:
            sentence = "There is nothing at this address; /api/openapi.json describes the API."
        return refuse(request, error.status_code, sentence)

    @app.exception_handler(RequestValidationError)
    def wrong_values(request: Request, error: RequestValidationError) -> Response:
        sentences = " ".join(map(_sentence, error.errors()))
        return refuse(request, _wrong(request), sentences, "parameter-wrong")

    @app.exception_handler(AlmaflowError)
    def refused(request: Request, error: AlmaflowError) -> Response:
        status = status_of(error)
        if status == HTTPStatus.BAD_REQUEST:
            status = _wrong(request)
        return refuse(request, status, str(error), code_of(error))


def is_api(request: Request) -> bool:
    """Whether a program asks, which is answered with JSON."""
    return request.url.path.startswith("/api/")


def _wrong(request: Request) -> int:
    """Return the status of a request that is wrong; programs expect that of the specification."""
    return HTTPStatus.UNPROCESSABLE_ENTITY if is_api(request) else HTTPStatus.BAD_REQUEST


def code_of(error: AlmaflowError) -> str:
    """Return what went wrong, for programs: the name of the error, such as `run-not-found`."""
    return re.sub("(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


def answer_defect(request: Request, error: Exception) -> Response:
    """Log a defect and return a page that shows nothing of it."""
    context_of(request).log(
        f"The page {request.url.path} failed because of a defect of almaflow: "
        f"{type(error).__name__}: {error}",
        level="error",
    )
    return refuse(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "This page failed because of a defect of almaflow. Runs and timetables are not affected. "
        "The log of `almaflow serve` has the details.",
    )


def status_of(error: AlmaflowError) -> int:
    """Return the status with which an error of ours is answered."""
    match error:
        case RunNotFound() | NotInAlma():
            return HTTPStatus.NOT_FOUND
        case StoreTrouble():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case RequestWrong() | DocumentsInvalid():
            return HTTPStatus.BAD_REQUEST
        case StoreError():
            # Such as a run that ended meanwhile.
            return HTTPStatus.CONFLICT
    return HTTPStatus.BAD_GATEWAY


# By the library's kind of error: what is wrong, with the bounds that it names.
_ABOUT_VALUES: Mapping[str, str] = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "string_pattern_mismatch": "has a character that a name cannot have",
    "greater_than_equal": "is smaller than {ge}",
    "less_than_equal": "is larger than {le}",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of this size",
    "bool_parsing": "is not true or false",
    "enum": "is not one of {expected}",
    "literal_error": "is not one of {expected}",
    "too_long": "has more than {max_length} values",
}


def _sentence(one: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in one["loc"][1:]) or "the body"
    text = _ABOUT_VALUES.get(one["type"])
    if text is None:
        return f"`{name}` is not valid: {one['msg']}."
    return f"`{name}` {text.format_map(one.get('ctx', {}))}."
