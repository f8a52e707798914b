"""The first page: was the night good, and what waits for a person."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.operations.today import today as read_today
from almaflow.web.context import Context, Workflows
from almaflow.web.live import cached
from almaflow.web.rendering import render

router = APIRouter()


@router.get("/")
def today(request: Request, context: Context, workflows: Workflows) -> Response:
    """Show the night; htmx asks for the part that changes."""
    return cached(request, lambda: _render(request, context, workflows))


def _render(request: Request, context: Context, workflows: Workflows) -> Response:
    project = context.project()
    seen = read_today(
        project, context.store, workflows.snapshot(project), context.remaining_calls(), context.now
    )
    return render(request, "today.html", today=seen, health=context.health())
