"""The notices: what was sent to whom, and what could not be delivered."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.web.context import Context
from almaflow.web.forms import run_address
from almaflow.web.live import cached
from almaflow.web.rendering import render

router = APIRouter()

_ROWS = 100


@router.get("/notices")
def notices(request: Request, context: Context) -> Response:
    """Show the newest notices, newest first."""

    def page() -> Response:
        rows = context.store.notices(limit=_ROWS)
        return render(request, "notices.html", notices=rows, most=_ROWS, address=run_address)

    return cached(request, page)
