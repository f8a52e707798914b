"""What a workflow's conditions ask of counters and of the sizes of sets, and columns of reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from almaflow.alma.simulator.wanted import MEMBERS, Bound, WantedCounter
from almaflow.check.traversal import fields_of, sources
from almaflow.document import PathTo
from almaflow.expressions import (
    ExpressionFailed,
    ExpressionSyntax,
    Parsed,
    evaluate,
    parse_expression,
    parse_template,
)
from almaflow.expressions.mentions import Mention, comparisons, mentions
from almaflow.field_types import Expression, TemplateText
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import StepBase
from almaflow.steps.check import Check
from almaflow.steps.job_step import JobStep
from almaflow.steps.submit_job import SubmitJob
from almaflow.steps.wait_for_run import WaitForRun
from almaflow.workflow import Workflow

Names = Mapping[str, Any]


@dataclass
class Conditions:
    """What conditions ask for, as they are found."""

    members: list[Bound] = field(default_factory=list)
    bounds: dict[tuple[str, str | int], list[Bound]] = field(default_factory=dict)
    """By job (`*`: any) and key or position of a counter."""

    def counters(self) -> tuple[WantedCounter, ...]:
        return tuple(
            WantedCounter(job, key, tuple(bounds)) for (job, key), bounds in self.bounds.items()
        )

    def read(self, workflow: Workflow, names: Names) -> None:
        """Go through all expressions of *workflow*; *names* are what is known before its run."""
        jobs = {node.step.id: _job_of(node.step) for node in workflow.all_steps() if node.step.id}
        for step, source, _ in all_sources(workflow):
            parsed = parsed_source(source)
            if parsed is None:
                continue
            own = _job_of(step) if step is not None else "*"
            for mention in mentions(parsed):
                if mention.counter is not None:
                    self.bounds.setdefault((_job(mention, jobs, own), mention.counter), [])
        for step, source in _conditions(workflow):
            self._read_condition(source, names, jobs, _job_of(step))

    def _read_condition(
        self, source: TemplateText, names: Names, jobs: Mapping[str, str], own: str
    ) -> None:
        parsed = parsed_source(source)
        for comparison in comparisons(parsed) if parsed is not None else ():
            mention, other = comparison.mention, _value(comparison.other, names)
            if other is None and mention.counter is not None and _is_size(comparison.other):
                other = MEMBERS
            if other is None:
                continue
            bound = Bound(comparison.operator, other)
            if mention.counter is not None:
                self.bounds.setdefault((_job(mention, jobs, own), mention.counter), []).append(
                    bound
                )
            elif mention.path[-1] == "member_count" and not isinstance(other, str):
                self.members.append(bound)


def _job(mention: Mention, jobs: Mapping[str, str], own: str) -> str:
    """Return the job whose counter is read: of the step that is named, else of the step itself."""
    if mention.path[0] != "steps":
        return own
    return jobs.get(mention.path[1], "*") if len(mention.path) > 2 else "*"


def _job_of(step: StepBase) -> str:
    kind = step.kind
    reference = kind.job if isinstance(kind, (SubmitJob, WaitForRun)) else None
    if reference is None or (isinstance(kind, WaitForRun) and kind.integration is not None):
        return "*"
    return reference.id or reference.name or "*"


def known_value(text: str, names: Names) -> Any:
    """Return what an expression gives where that is known before the run, else None."""
    try:
        return evaluate(parse_expression(text), names)
    except (ExpressionFailed, ExpressionSyntax):
        return None


def _value(text: str, names: Names) -> float | str | None:
    """Return what a condition compares with, where that is known before the run."""
    value = known_value(text, names)
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _is_size(text: str) -> bool:
    """Tell whether an expression is the size of a set, which is the one that the job works on."""
    parsed = parsed_source(Expression(text))
    found = [] if parsed is None else [mention.path for mention in mentions(parsed)]
    return bool(found) and found[0][0] == "steps" and found[0][-1] == "member_count"


def _conditions(workflow: Workflow) -> Iterator[tuple[StepBase, TemplateText]]:
    for node in workflow.all_steps():
        kind = node.step.kind
        if isinstance(kind, Check):
            yield node.step, kind.that
        elif isinstance(kind, JobStep):
            for expectation in kind.expect:
                yield node.step, expectation.that


def all_sources(
    workflow: Workflow, only: StepBase | None = None
) -> Iterator[tuple[StepBase | None, TemplateText, PathTo]]:
    """Yield every text of a workflow that is evaluated, with the step and the field that it is of.

    *only*: the texts of that step.
    """
    steps = (only,) if only is not None else [node.step for node in workflow.all_steps()]
    for step in steps:
        # A kind's fields: what steps inside hold comes with those steps.
        for path, source in sources(step.kind, None, ()):
            yield step, source, path
        for key, value in fields_of(step):
            if key != step.kind.key:
                for path, source in sources(value, None, (key,)):
                    yield step, source, path
    if only is None:
        for value in (workflow.outputs, workflow.vars, workflow.notify):
            for path, source in sources(value, None, ()):
                yield None, source, path


def parsed_source(source: TemplateText) -> Parsed | None:
    """Return a text of the file as parsed; None where it is not valid."""
    try:
        is_expression = isinstance(source, Expression)
        return parse_expression(source.text) if is_expression else parse_template(source.text)
    except ExpressionSyntax:
        return None
