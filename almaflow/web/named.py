"""The workflow that an address names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from almaflow.errors import RequestWrong
from almaflow.operations.catalog import Catalog
from almaflow.web.api.answers import WorkflowName
from almaflow.web.context import Context, WebContext, catalog_of
from almaflow.workflow_loader import LoadedWorkflow


def workflow_to_run(context: WebContext, workflows: Catalog, name: str) -> LoadedWorkflow:
    """Return the workflow *name* as its file is now.

    Raises:
        RequestWrong: there is none, or its file is not valid now.
    """
    active = workflows.workflow(context.project(), name)
    if active.problem:
        raise RequestWrong(
            f"The file {active.path} is not valid now, so {name} cannot be started by hand: "
            f"{active.problem}"
        )
    return active.loaded


def known_workflow(request: Request, context: Context, name: WorkflowName) -> str:
    """Return *name*; Raises: RequestWrong when the project has no such workflow."""
    if not context.store.schedules(workflow=name):
        catalog_of(request).workflow(context.project(), name)
    return name


Known = Annotated[str, Depends(known_workflow)]
"""The parameter of a handler that receives the name of a workflow that exists."""
