"""The service itself: its state, and the processes that share its store."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from almaflow.late_dataclasses import dataclass
from almaflow.operations.processes import ProcessView, list_processes
from almaflow.operations.shapes import whole
from almaflow.web.api.answers import answer
from almaflow.web.context import Context

router = APIRouter()


@dataclass(frozen=True)
class ServiceHealth:
    """The state of the `serve` that answers."""

    version: str
    """The version of almaflow."""
    timezone: str
    """The project's, in which people read instants."""
    leading: bool
    """Whether this process keeps the timetables; otherwise another one does, or none."""
    alive: bool
    """Whether it checked them recently."""


@router.get("/health", response_model=whole(ServiceHealth))
def health(context: Context) -> Response:
    """Show whether the scheduler works."""
    state = context.health()
    return answer(
        ServiceHealth(context.version, context.zone.key, leading=state.leading, alive=state.alive)
    )


@router.get("/workers", response_model=list[whole(ProcessView)])  # type: ignore[misc]
def workers(context: Context) -> Response:
    """List the processes that work with the store, and what they run."""
    return answer(list_processes(context.store))
