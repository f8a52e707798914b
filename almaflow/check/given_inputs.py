"""The inputs that a schedule entry or a trigger gives to the runs that it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.problems import did_you_mean
from almaflow.workflow import Workflow


def check_given_inputs(
    notes: ProblemCollector,
    path: PathTo,
    given: Mapping[str, Any],
    workflow: Workflow,
    *,
    lacking: str,
    check_value: Callable[[PathTo, str, Any], object] = lambda *_: None,
) -> None:
    """Note given inputs that the workflow does not have, and those without which no run can start.

    *lacking* is the sentence about the latter; `{}` in it is their names. *check_value* checks the
    value of an input that there is.
    """
    for name, value in given.items():
        if name in workflow.inputs:
            check_value((*path, "inputs", name), name, value)
        else:
            notes.at_key(
                (*path, "inputs", name),
                "unknown-input",
                f"The workflow has no input `{name}`{did_you_mean(name, workflow.inputs) or '.'}",
            )
    missing = [f"`{name}`" for name in workflow.missing_inputs(given)]
    if missing:
        notes.at(path, "missing-input", lacking.format(", ".join(missing)))
