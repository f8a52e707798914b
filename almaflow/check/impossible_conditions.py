"""Conditions that can never hold: a comparison with a status or outcome that does not exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from almaflow.check.collector import Notes
from almaflow.check.status_codes import OUTCOMES, outcome_problem, status_problem
from almaflow.check.traversal import data_at, sources
from almaflow.document import PathTo
from almaflow.expressions import Comparison, compared_texts
from almaflow.field_types import Source
from almaflow.steps.base import StepBase
from almaflow.steps.job_step import JobStep


def check_conditions(
    notes: Notes, path: PathTo, step: StepBase, steps: Mapping[str, StepBase]
) -> None:
    """Note the comparisons of *step* that can never hold; *steps* are those with an id."""
    inside = (*path, step.kind.key)
    # Of `expect`, the step's own status.
    own = {id(scoped.source) for scoped in step.kind.scoped() if isinstance(step.kind, JobStep)}
    if step.if_ is not None:
        _check_source(notes, (*path, "if"), step.if_, steps, own=False)
    for place, source in sources(step.kind, data_at(notes.document.data, inside), inside):
        _check_source(notes, place, source, steps, own=id(source) in own)


def check_values_of(
    notes: Notes, path: PathTo, value: object, steps: Mapping[str, StepBase]
) -> None:
    """Note such comparisons in the templates of the *value* at *path*."""
    for place, source in sources(value, None, path):
        _check_source(notes, place, source, steps, own=False)


def _check_source(
    notes: Notes, path: PathTo, source: Source, steps: Mapping[str, StepBase], *, own: bool
) -> None:
    parsed = notes.parse(path, source)
    for comparison in compared_texts(parsed) if parsed is not None else ():
        kind = _kind(comparison.path, steps, own)
        if kind == "outcome":
            _note_outcome(notes, path, comparison)
        elif kind == "status" and not comparison.is_part:
            problem = status_problem(comparison.text)
            if problem is not None:
                place = comparison.offset, comparison.length
                notes.within(path, *place, "unknown-status", *problem)


def _note_outcome(notes: Notes, path: PathTo, comparison: Comparison) -> None:
    if comparison.is_part and any(comparison.text in outcome for outcome in OUTCOMES):
        # A part of an outcome's name, such as 'fail', is found in a text.
        return
    message = outcome_problem(comparison.text)
    if message:
        notes.within(path, comparison.offset, comparison.length, "unknown-outcome", message)


def _kind(names: Sequence[str], steps: Mapping[str, StepBase], own: bool) -> str:
    """Return `outcome` or `status` when *names* lead to one of a step or run; else empty."""
    if own and list(names) == ["status"]:
        return "status"
    if list(names) == ["run", "outcome"]:
        return "outcome"
    if len(names) != 3 or names[0] != "steps" or names[1] not in steps:
        return ""
    if names[2] == "outcome":
        return "outcome"
    is_job = isinstance(steps[names[1]].kind, JobStep)
    return "status" if is_job and names[2] == "status" else ""
