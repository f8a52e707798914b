"""`warning-undecided` and `no-default`: endings for which a branch has no arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from almaflow.check.lints.subject import Subject
from almaflow.outcome import Outcome
from almaflow.problems import Severity
from almaflow.steps.tree import StepNode
from almaflow.steps.which_kind import is_branch

if TYPE_CHECKING:
    from almaflow.steps.branch import Branch

# What a job that did its work, and one that did not, is called by Alma and by almaflow.
_WELL = {"COMPLETED_SUCCESS": "COMPLETED_WARNING", "succeeded": "warning"}
_BADLY = {"COMPLETED_FAILED", "FAILED", "COMPLETED_WITH_ERRORS", "failed"}


def lint_decisions(subject: Subject) -> None:
    """Note the branches that say nothing about a warning, or about anything unforeseen."""
    for node in subject.nodes:
        kind = node.step.kind
        if not is_branch(kind) or subject.broken.in_step(node.keys):
            continue
        cases = _cases(kind)
        missing = _undecided(kind, cases)
        if missing:
            _note_undecided(subject, node, missing, has_default=_has_default(subject, node))
        elif not (
            _has_default(subject, node)
            or _is_complete(subject, kind, cases)
            or subject.broken.at_top("inputs")
        ):
            subject.notes.at_key(
                (*node.keys, kind.key),
                "no-default",
                "This branch has no `default`, so the run fails when no case fits. If that is "
                "meant, say what is wrong: `default: [{fail: …}]`; otherwise `default: []`.",
                Severity.NOTE,
            )


def _cases(kind: Branch) -> set[str]:
    from almaflow.steps.branch import split_case

    return {value for values in kind.cases for value in split_case(values)}


def _has_default(subject: Subject, node: StepNode) -> bool:
    return subject.document.has((*node.keys, node.step.kind.key, "default"))


def _undecided(kind: Branch, cases: set[str]) -> str:
    """Return the ending with a warning that *cases* leave out; empty: they do not."""
    from almaflow.steps.branch import ENDING

    if not ENDING.search(kind.on.text) or not cases & _BADLY:
        return ""
    return next((w for well, w in _WELL.items() if well in cases and w not in cases), "")


def _note_undecided(subject: Subject, node: StepNode, missing: str, *, has_default: bool) -> None:
    effect = "the `default` runs" if has_default else "the run fails because no case fits"
    subject.notes.at_key(
        (*node.keys, node.step.kind.key),
        "warning-undecided",
        f"A job that ends with a warning did a part of its work, and this branch has no case for "
        f"`{missing}`: {effect}. Decide what happens then: add `{missing}` to the case of success "
        "or of failure, or write a separate case.",
        Severity.NOTE if has_default else Severity.WARNING,
    )


def _is_complete(subject: Subject, kind: Branch, cases: set[str]) -> bool:
    """Whether *cases* are all values that there can be: outcomes, or those of an input."""
    if kind.on.text.strip().endswith(".outcome"):
        return {str(one) for one in Outcome if one is not Outcome.MISSED} <= cases
    name = kind.on.text.strip().removeprefix("{{").removesuffix("}}").strip()
    declared = subject.workflow.inputs.get(name.removeprefix("inputs."))
    if declared is None or not name.startswith("inputs."):
        return False
    if declared.type == "boolean":
        return {"true", "false"} <= cases
    allowed = {getattr(one, "text", str(one)) for one in declared.enum or []}
    return bool(allowed) and allowed <= cases
