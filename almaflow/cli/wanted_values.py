"""What a workflow's conditions ask of counters and of the sizes of sets, and columns of reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from almaflow.alma.simulator.wanted import Bound, WantedCounter
from almaflow.check.traversal import fields_of, sources
from almaflow.expressions import (
    ExpressionFailed,
    ExpressionSyntax,
    Parsed,
    evaluate,
    parse_expression,
    parse_template,
)
from almaflow.expressions.mentions import Mention, attributes, comparisons, mentions
from almaflow.field_types import Expression, Source
from almaflow.steps.base import StepBase
from almaflow.steps.check import Check
from almaflow.steps.for_each import ForEach
from almaflow.steps.job_step import JobStep
from almaflow.steps.submit_job import SubmitJob
from almaflow.steps.wait_for_run import WaitForRun
from almaflow.workflow import Workflow

Names = Mapping[str, Any]


@dataclass
class Conditions:
    """What conditions ask for, as they are found."""

    members: list[Bound] = field(default_factory=list)
    found: dict[tuple[str, str | int], list[Bound]] = field(default_factory=dict)
    """By job (`*`: any) and key or position of a counter."""

    def counters(self) -> tuple[WantedCounter, ...]:
        return tuple(
            WantedCounter(job, key, tuple(bounds)) for (job, key), bounds in self.found.items()
        )

    def read(self, workflow: Workflow, names: Names) -> None:
        """Go through all expressions of *workflow*; *names* are what is known before its run."""
        jobs = {node.step.id: _job_of(node.step) for node in workflow.all_steps() if node.step.id}
        for step, source in all_sources(workflow):
            parsed = parsed_source(source)
            if parsed is None:
                continue
            own = _job_of(step) if step is not None else "*"
            for mention in mentions(parsed):
                if mention.counter is not None:
                    self.found.setdefault((_job(mention, jobs, own), mention.counter), [])
        for step, source in _conditions(workflow):
            self._read_condition(source, names, jobs, _job_of(step))

    def _read_condition(
        self, source: Source, names: Names, jobs: Mapping[str, str], own: str
    ) -> None:
        parsed = parsed_source(source)
        for comparison in comparisons(parsed) if parsed is not None else ():
            mention, other = comparison.mention, _value(comparison.other, names)
            if other is None:
                continue
            bound = Bound(comparison.operator, other)
            if mention.counter is not None:
                self.found.setdefault((_job(mention, jobs, own), mention.counter), []).append(bound)
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


def _value(text: str, names: Names) -> float | str | None:
    """Return what a condition compares with, where that is known before the run."""
    try:
        value = evaluate(parse_expression(text), names)
    except (ExpressionFailed, ExpressionSyntax):
        return None
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _conditions(workflow: Workflow) -> Iterator[tuple[StepBase, Source]]:
    for node in workflow.all_steps():
        kind = node.step.kind
        if isinstance(kind, Check):
            yield node.step, kind.that
        elif isinstance(kind, JobStep):
            for expectation in kind.expect:
                yield node.step, expectation.that


def all_sources(workflow: Workflow) -> Iterator[tuple[StepBase | None, Source]]:
    """Yield every text of a workflow that is evaluated, with the step that it belongs to."""
    for node in workflow.all_steps():
        # A kind's fields: what steps inside hold comes with those steps.
        for _, source in sources(node.step.kind, None, ()):
            yield node.step, source
        for key, value in fields_of(node.step):
            if key != node.step.kind.key:
                for _, source in sources(value, None, ()):
                    yield node.step, source
    for value in (workflow.outputs, workflow.vars, workflow.notify):
        for _, source in sources(value, None, ()):
            yield None, source


def parsed_source(source: Source) -> Parsed | None:
    """Return a text of the file as parsed; None where it is not valid."""
    try:
        is_expression = isinstance(source, Expression)
        return parse_expression(source.text) if is_expression else parse_template(source.text)
    except ExpressionSyntax:
        return None


def columns_read(workflow: Workflow, step_id: str) -> tuple[str, ...]:
    """Return the columns that the workflow reads of the rows of the step *step_id*, in order."""
    rows = ("steps", step_id, "rows")
    found: dict[str, None] = {}
    items = _item_names(workflow, rows)
    for _, source in all_sources(workflow):
        parsed = parsed_source(source)
        if parsed is None:
            continue
        for path, name in attributes(parsed):
            if path[:3] == rows:
                found[name] = None
        for mention in mentions(parsed):
            path = mention.path
            if path[:3] == rows:
                found |= dict.fromkeys(part for part in path[3:4] if not part.isdecimal())
                found |= dict.fromkeys(path[4:5] if path[3:4] and path[3].isdecimal() else ())
            elif path[0] in items:
                found |= dict.fromkeys(path[1:2])
    return tuple(found)


def _item_names(workflow: Workflow, rows: tuple[str, ...]) -> set[str]:
    """Return what loops over *rows* call their items."""
    names = set()
    for node in workflow.all_steps():
        kind = node.step.kind
        if isinstance(kind, ForEach) and isinstance(kind.items, Expression):
            parsed = parsed_source(kind.items)
            if parsed and any(mention.path[:3] == rows for mention in mentions(parsed)):
                names.add(kind.as_)
    return names
