"""Scenarios of the simulator among workflow files: whether a file is one, and of which workflow.

`weekly.scenario.yaml` belongs to `weekly.yaml`, next to it; others are known by their keys.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from almaflow.document import MAX_BYTES
from almaflow.late_patterns import late_pattern
from almaflow.text_files import FileUnreadable, display_path, read_text
from almaflow.workflow_folder import ENDINGS, SCENARIO

# Keys at the top of a scenario that no workflow has.
KEYS = (
    *("alma", "approvals", "everything_exists", "faults", "files", "jobs", "library", "members"),
    *("known_members", "other_runs", "reports", "responses", "sets", "starts_at"),
    *("unknown_members", "webhooks"),
)
_OF_SCENARIOS = late_pattern(rf"^(?:{'|'.join(KEYS)})[ \t]*:", re.MULTILINE)
# Also those that people of other tools write.
_OF_WORKFLOWS = late_pattern(
    r"^(?:steps|schedule|inputs|finally|name|on|env|vars|tasks|stages|notify)[ \t]*:", re.MULTILINE
)

_STEPS = late_pattern(r"^(?:steps|[\"']steps[\"'])[ \t]*:", re.MULTILINE)


def is_scenario(path: Path) -> bool:
    """Whether the file at *path* is a scenario; False when it cannot be read."""
    if path.name.casefold().endswith(SCENARIO):
        return True
    try:
        text = read_text(path, MAX_BYTES)
    except FileUnreadable:
        return False
    return bool(_OF_SCENARIOS.search(text)) and not _OF_WORKFLOWS.search(text)


def has_steps(text: str) -> bool:
    """Whether *text* is that of a workflow, whatever else is wrong in it: it has `steps`."""
    return _STEPS.search(text) is not None


def is_workflow_text(path: Path) -> bool:
    """Whether the file at *path* is a workflow by its text; False when it cannot be read."""
    try:
        return has_steps(read_text(path, MAX_BYTES))
    except FileUnreadable:
        return False


def scenario_message(path: Path, name: str) -> str:
    """Return what a person who gives the scenario at *path* as a workflow reads; *name* is its."""
    what = "This is a scenario for the simulator, not a workflow."
    workflow = _workflow_of(path)
    if workflow is None:
        return (
            f"{what} Give it after a workflow: `almaflow run --simulate WORKFLOW {name}`. "
            "`almaflow explain scenario` describes it."
        )
    shown_path = display_path(workflow)
    return (
        f"{what} It belongs to the workflow {shown_path}; name that one. `almaflow run --simulate "
        f"{shown_path}` and `almaflow plan {shown_path}` read the scenario next to it."
    )


def tests_message(name: str) -> str:
    """Return what a person who gives a file of tests, called *name*, as a workflow reads."""
    return (
        f"This file has tests of a workflow, it is not a workflow. Run them with `almaflow test "
        f"{name}`. `almaflow explain tests` describes them."
    )


def _workflow_of(path: Path) -> Path | None:
    """Return the workflow next to a scenario; None when there is none."""
    if not path.name.casefold().endswith(SCENARIO):
        return None
    stem = path.name[: -len(SCENARIO)]
    candidates = (path.with_name(stem + ending) for ending in ENDINGS)
    return next((one for one in candidates if os.path.isfile(one)), None)
