"""What waits for a person, over all runs."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.operations.for_people import for_people
from almaflow.web.context import Context
from almaflow.web.forms import run_address
from almaflow.web.live import cached
from almaflow.web.rendering import render

router = APIRouter()


@router.get("/approvals")
def approvals(request: Request, context: Context) -> Response:
    """Show the questions, the submissions of unknown outcome, and the runs on hold."""

    def page() -> Response:
        waiting = for_people(context.store)
        return render(request, "approvals.html", waiting=waiting, action=action_address)

    return cached(request, page)


def action_address(run_id: str, action: str, step: str = "") -> str:
    """Return the address of the confirmation of an action on a run, or on a step of it."""
    query = f"?{urlencode({'step': step})}" if step else ""
    return f"{run_address(run_id)}/{action}{query}"
