"""`no-size-check`: a job that deletes or withdraws everything in its set, however much it is."""

from __future__ import annotations

from collections.abc import Iterator

from almaflow.check.lints.jobs import destroys, job_words, submissions
from almaflow.check.lints.subject import Subject
from almaflow.document import PathTo
from almaflow.expressions import ExpressionSyntax, parse_expression
from almaflow.field_types import Expression, IdTemplate
from almaflow.problems import Severity
from almaflow.steps.base import StepBase
from almaflow.steps.tree import StepNode
from almaflow.steps.which_kind import is_approve, is_create_set, is_submit_job


def lint_size_checks(subject: Subject) -> None:
    """Note each destructive job in front of which nothing limits the size of its set."""
    for node in submissions(subject):
        kind = node.step.kind
        assert is_submit_job(kind)
        if not destroys(kind.job) or _is_limited(subject, node, kind.set):
            continue
        subject.notes.at(
            (*node.keys, kind.key, "job"),
            "no-size-check",
            f"The job {job_words(kind.job)} changes every record of its set for good, and no step "
            "before it limits the size of the set. Check it first, such as `check: {that: "
            "steps.titles.member_count <= 500}`, so that a wrong query or file cannot empty the "
            "catalog.",
            Severity.WARNING,
        )


def _is_limited(subject: Subject, node: StepNode, given: IdTemplate | None) -> bool:
    for other in _before(subject, node):
        kind = other.kind
        if is_approve(kind) or any(_bounds(text) for text in _conditions(other)):
            return True
        # A trial, or members that are written out, cannot be more than expected.
        if is_create_set(kind) and given is not None and f"steps.{other.id}." in given.text:
            members = kind.members.items if kind.members is not None else None
            if kind.first is not None or isinstance(members, list):
                return True
    return False


def _before(subject: Subject, node: StepNode) -> Iterator[StepBase]:
    """Yield the steps that come before *node* or are around it, and its own."""
    for other in subject.nodes:
        if other.keys[0] == node.keys[0] and _comes_first(other.keys, node.keys):
            yield other.step
    yield node.step


def _comes_first(other: PathTo, node: PathTo) -> bool:
    """Whether the step at *other* is on the way to *node*: around it, or earlier in a list."""
    for mine, its in zip(other, node, strict=False):
        if mine != its:
            return isinstance(mine, int) and isinstance(its, int) and mine < its
    return len(other) < len(node)


def _conditions(step: StepBase) -> Iterator[str]:
    if step.if_ is not None:
        yield step.if_.text
    for value in vars(step.kind).values():
        if isinstance(value, Expression):
            yield value.text


def _bounds(text: str) -> bool:
    from almaflow.expressions.size_bounds import bounds_a_size

    try:
        return bounds_a_size(parse_expression(text))
    except ExpressionSyntax:
        return False
