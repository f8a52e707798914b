"""`no-size-check`: a job that deletes or withdraws everything in its set, however much it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    wanted = [node for node in submissions(subject) if _destroys(node)]
    limits = [node for node in subject.nodes if wanted and _may_limit(node.step)]
    for node in wanted:
        kind = node.step.kind
        assert is_submit_job(kind)
        if _is_limited(limits, node, kind.set) or subject.broken.before(node.keys):
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


def _destroys(node: StepNode) -> bool:
    kind = node.step.kind
    return is_submit_job(kind) and destroys(kind.job)


def _may_limit(step: StepBase) -> bool:
    """Whether a step asks for a size or a person, or creates a set of a known size."""
    return (
        is_approve(step.kind)
        or _creates_few(step)
        or any(_bounds(text) for text in _conditions(step))
    )


def _creates_few(step: StepBase) -> bool:
    """Whether a step creates a set of members that are written out, or a trial."""
    kind = step.kind
    if not is_create_set(kind):
        return False
    members = kind.members.items if kind.members is not None else None
    return kind.first is not None or isinstance(members, list)


def _is_limited(limits: Sequence[StepNode], node: StepNode, given: IdTemplate | None) -> bool:
    for limit in limits:
        is_before = limit.keys[0] == node.keys[0] and _comes_first(limit.keys, node.keys)
        if not is_before and limit.keys != node.keys:
            continue
        few = _creates_few(limit.step)
        if not few or (given is not None and f"steps.{limit.step.id}." in given.text):
            return True
    return False


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
