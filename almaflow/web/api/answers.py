"""What the routes of the API share: the form of documents, refusals and parameters."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Query, Request
from starlette.responses import Response

from almaflow.json_data import as_data
from almaflow.late_dataclasses import dataclass
from almaflow.operations.shapes import whole
from almaflow.redaction import REDACTION
from almaflow.visible import json_text
from almaflow.web.personal_data import hidden_data

# Longer names mean nothing: `workflow_names` and the store bound them.
LONGEST_NAME = 100
# A text without control characters, which no name has and which PostgreSQL refuses.
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


@dataclass(frozen=True)
class Refusal:
    """The document of every refusal."""

    error: str
    """A sentence for people: what is wrong, and what to do."""
    code: str
    """What went wrong, for programs, such as `run-not-found`."""


REFUSALS: dict[int | str, dict[str, Any]] = {
    status.value: {"model": whole(Refusal), "description": description}
    for status, description in (
        (HTTPStatus.FORBIDDEN, "Who asks may not do that."),
        (HTTPStatus.NOT_FOUND, "What was asked for is not there."),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "A parameter is wrong."),
        (HTTPStatus.SERVICE_UNAVAILABLE, "The store does not respond."),
    )
}
"""The refusals of every route, for its description."""


def _in_address(description: str) -> Any:
    return Path(min_length=1, max_length=LONGEST_NAME, pattern=_PRINTABLE, description=description)


RunName = Annotated[str, _in_address("A run: any unique part of its id, or `last`.")]
WorkflowName = Annotated[str, _in_address("The name of a workflow.")]
RunOrWorkflow = Annotated[str, _in_address("A part of a run's id, `last`, or a workflow's name.")]
JobName = Annotated[str, _in_address("A job of Alma: its id or exact name.")]
ProfileName = Annotated[str, _in_address("A profile of Alma: its id, code or exact name.")]
SetName = Annotated[str, _in_address("A set of Alma: its id or exact name.")]
WorkflowFilter = Annotated[
    str | None,
    Query(min_length=1, max_length=LONGEST_NAME, pattern=_PRINTABLE, description="Of this one."),
]
Text = Annotated[str | None, Query(min_length=1, max_length=LONGEST_NAME, pattern=_PRINTABLE)]
"""A short text; a filter adds its description."""
Since = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=40,
        pattern=_PRINTABLE,
        description="From this instant on: a date, a date with a time of day, or an age like 2d.",
    ),
]
Until = Annotated[
    str | None,
    Query(
        min_length=1, max_length=40, pattern=_PRINTABLE, description="Up to this instant; as since."
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="The largest number of entries.")]


def answer(document: Any, **headers: str) -> Response:
    """Return *document* as the commands print it with `--json`: without secrets, all visible."""
    return Response(
        json_text(hidden_data(REDACTION.data(as_data(document)))),
        media_type="application/json",
        headers=headers,
    )


def listed(request: Request, document: Any, cursor: str) -> Response:
    """Return a page of a list; the next one begins at *cursor*, which is empty for the last."""
    if not cursor:
        return answer(document)
    others = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    address = f"{request.url.path}?{urlencode([*others, ('cursor', cursor)])}"
    return answer(document, Link=f'<{address}>; rel="next"')
