"""What went wrong becomes a page, or JSON under /api, with a sentence and a status."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from almaflow.errors import AlmaflowError, DocumentsInvalid, RequestWrong, StoreError
from almaflow.redaction import REDACTION
from almaflow.store import RunNotFound, StoreTrouble
from almaflow.visible import visible
from almaflow.web.context import context_of
from almaflow.web.rendering import render

_SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is no page at this address. Use the navigation above.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not accept that kind of request.",
}


def refuse(request: Request, status: int, sentence: str) -> Response:
    """Return a refusal with its sentence, as a page or as JSON."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": visible(REDACTION.text(sentence))}, status)
    title = HTTPStatus(status).phrase
    return render(request, "error.html", status, title=title, sentence=sentence)


def add_error_pages(app: FastAPI) -> None:
    """Let *app* answer every error with a refusal."""

    @app.exception_handler(HTTPException)
    def wrong_address(request: Request, error: HTTPException) -> Response:
        sentence = _SENTENCES.get(HTTPStatus(error.status_code), str(error.detail))
        return refuse(request, error.status_code, sentence)

    @app.exception_handler(RequestValidationError)
    def wrong_values(request: Request, error: RequestValidationError) -> Response:
        return refuse(request, HTTPStatus.BAD_REQUEST, _fields(error))

    @app.exception_handler(AlmaflowError)
    def refused(request: Request, error: AlmaflowError) -> Response:
        return refuse(request, status_of(error), str(error))


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
        case RunNotFound():
            return HTTPStatus.NOT_FOUND
        case StoreTrouble():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case RequestWrong() | DocumentsInvalid():
            return HTTPStatus.BAD_REQUEST
        case StoreError():
            # Such as a run that ended meanwhile.
            return HTTPStatus.CONFLICT
    return HTTPStatus.BAD_GATEWAY


def _fields(error: RequestValidationError) -> str:
    """Return a sentence for each value of a request that is wrong."""
    return " ".join(
        f"`{'.'.join(str(part) for part in one['loc'][1:])}` is not valid: {one['msg']}."
        for one in error.errors()
    )
