"""The first page: was the night good, and what waits for a person."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.web.context import Context
from almaflow.web.rendering import render

router = APIRouter()


@router.get("/")
def today(request: Request, context: Context) -> Response:
    """Show the runs."""
    return render(request, "today.html", runs=context.store.runs(20), health=context.health())
