"""`warning-unnoticed`: failures are reported to people, and warnings of jobs are not."""

from __future__ import annotations

from almaflow.check.lints.subject import Subject
from almaflow.problems import Severity
from almaflow.steps.which_kind import is_job_step

_WARNING = "COMPLETED_WARNING"
# Who reads one of these decides what a warning means.
_LOOKED_AT = ("status", "outcome", "counters", "alerts")


def lint_unnoticed(subject: Subject) -> None:
    """Note the first rule that reports failures when no rule reports warnings that may come."""
    rules = subject.workflow.notify
    events = {event for rule in rules for event in rule.on}
    if "failed" not in events or "warning" in events or not _may_warn(subject):
        return
    if subject.broken.at_top("notify"):
        return
    place = next(place for place, rule in enumerate(rules) if "failed" in rule.on)
    subject.notes.at_key(
        ("notify", place, "on"),
        "warning-unnoticed",
        "Nobody is notified when a job ends with COMPLETED_WARNING, which means that Alma did a "
        "part of its work: the run then ends as `warning`, not as `failed`. Add `warning` here, or "
        f"write `accept: [{_WARNING}]` at the job if that is good enough.",
        Severity.NOTE,
    )


def _may_warn(subject: Subject) -> bool:
    """Whether a job is followed whose warning nothing in the workflow decides about."""
    for node in subject.nodes:
        kind, id = node.step.kind, node.step.id
        if not is_job_step(kind) or not kind.wait or kind.expect or _WARNING in kind.accept:
            continue
        if subject.broken.in_step(node.keys):
            continue
        if id is None or not subject.reads(id, _LOOKED_AT):
            return True
    return False
