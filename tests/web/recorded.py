"""Runs in the store of a page, as they are recorded when nothing executed them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from almaflow.plan import make_plan
from almaflow.workflow_loader import load_text
from tests.web.pages import NOW, Site

TEXT = "steps: [{wait: 1m}]\n"


def record_run(site: Site, number: int = 1, **fields: Any) -> str:
    """Record a run that was requested *number* hours ago, and return its id."""
    at = fields.get("requested_at", NOW - timedelta(hours=number))
    loaded = load_text(fields.pop("text", TEXT), "workflows/nightly.yaml")
    run_id = f"{at:%Y%m%d-%H%M%S}-aa{number:03}"
    plan = make_plan(loaded, site.project, {}, now=at, run_id=run_id, key=run_id)
    record = replace(plan.record(), **({"requested_at": at, "scheduled_at": at} | fields))
    return site.store.add_run(plan.definition, record).id
