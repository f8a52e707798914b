"""Conditions that can never hold: a comparison with a status or outcome that does not exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from almaflow.alma.job_status import KNOWN_STATUSES
from almaflow.check.collector import ProblemCollector
from almaflow.check.status_codes import OUTCOMES, outcome_problem, status_problem
from almaflow.check.traversal import data_at, sources
from almaflow.document import PathTo
from almaflow.expressions import CASES, Comparison, compared_texts, is_constant
from almaflow.field_types import Condition, TemplateText
from almaflow.problems import Severity
from almaflow.steps.base import StepBase
from almaflow.steps.which_kind import is_for_each, is_job_step


def check_conditions(
    notes: ProblemCollector, path: PathTo, step: StepBase, steps: Mapping[str, StepBase]
) -> None:
    """Note the comparisons of *step* that can never hold; *steps* are those with an id."""
    inside = (*path, step.kind.key)
    # Of `expect`, the step's own status.
    own = {id(scoped.source) for scoped in step.kind.scoped() if is_job_step(step.kind)}
    if step.if_ is not None:
        _check_source(notes, (*path, "if"), step.if_, steps, own=False)
    for place, source in sources(step.kind, data_at(notes.document.data, inside), inside):
        _check_source(notes, place, source, steps, own=id(source) in own)


def check_values_of(
    notes: ProblemCollector, path: PathTo, value: object, steps: Mapping[str, StepBase]
) -> None:
    """Note such comparisons in the templates of the *value* at *path*."""
    for place, source in sources(value, None, path):
        _check_source(notes, place, source, steps, own=False)


def _check_source(
    notes: ProblemCollector,
    path: PathTo,
    source: TemplateText,
    steps: Mapping[str, StepBase],
    *,
    own: bool,
) -> None:
    parsed = notes.parse(path, source)
    for comparison in compared_texts(parsed) if parsed is not None else ():
        kind = _kind(comparison.path, steps, own)
        if kind == "status" and comparison.text in notes.statuses:
            continue
        problem = _problem(comparison, kind) if kind else _case_problem(comparison)
        if problem is not None:
            place = comparison.offset, comparison.length
            notes.within(path, *place, f"unknown-{kind}" if kind else "never-equal", *problem)
    if parsed is not None and isinstance(source, Condition) and is_constant(parsed):
        notes.at(
            path,
            "constant-condition",
            "This condition uses no value of the run, so it always has the same result. Write what "
            "it depends on, such as `steps.titles.member_count > 0`; names are not in quotes.",
            Severity.WARNING,
        )


def _case_problem(comparison: Comparison) -> tuple[str, Severity] | None:
    """Return why any value, its case changed, never equals the text of a *comparison*."""
    change = CASES.get(comparison.case)
    if change is None or comparison.is_around or change(comparison.text) == comparison.text:
        return None
    if comparison.is_part and comparison.case == "capitalize":
        return None
    return _after_case(comparison, change(comparison.text)), Severity.ERROR


def _problem(comparison: Comparison, kind: str) -> tuple[str, Severity] | None:
    """Return why a *comparison* with an outcome or status never holds; None: it may."""
    known = OUTCOMES if kind == "outcome" else list(KNOWN_STATUSES)
    change = CASES.get(comparison.case, str)
    texts = [change(one) for one in known]
    text = comparison.text
    if comparison.is_part or comparison.is_around:
        return _problem_of_part(comparison, kind, texts)
    if text in texts:
        return None
    if change(text) in texts:
        return _after_case(comparison, change(text)), Severity.ERROR
    if change(text) != text:
        # Its like in Alma is not known, but in this case it is never equal.
        return _after_case(comparison, change(text)), Severity.ERROR
    if kind == "status":
        return status_problem(text.upper() if comparison.case else text)
    message = outcome_problem(text.lower() if comparison.case else text)
    return (message, Severity.ERROR) if message else None


def _problem_of_part(
    comparison: Comparison, kind: str, texts: Sequence[str]
) -> tuple[str, Severity] | None:
    """Return why no text of *texts* has the compared one in it, or is in it."""
    text = comparison.text

    def fits(wanted: str, known: Sequence[str]) -> bool:
        if comparison.is_around:
            return any(one in wanted for one in known)
        return any(wanted in one for one in known)

    if fits(text, texts):
        return None
    if fits(text.casefold(), [one.casefold() for one in texts]):
        written = "upper case" if texts[0].isupper() else "lower case"
        return (
            f"`{text}` never fits, because upper and lower case count: the {kind} is in {written}, "
            f"such as `{texts[0]}`.",
            Severity.ERROR,
        )
    if kind == "status":
        # Alma may have statuses that are not known here.
        return None
    if comparison.is_around:
        listed = ", ".join(f"`{one}`" for one in texts)
        return f"None of the outcomes ({listed}) is in `{text}`.", Severity.ERROR
    message = outcome_problem(text)
    return (message, Severity.ERROR) if message else None


def _after_case(comparison: Comparison, right: str) -> str:
    return (
        f"`{comparison.text}` never fits, because `{comparison.case}` changes the value first. "
        f"Compare it with `{right}`."
    )


def _kind(names: Sequence[str], steps: Mapping[str, StepBase], own: bool) -> str:
    """Return `outcome` or `status` when *names* lead to one of a step or run; else empty."""
    if own and list(names) == ["status"]:
        return "status"
    if list(names) == ["run", "outcome"]:
        return "outcome"
    if len(names) < 3 or names[0] != "steps" or names[1] not in steps:
        return ""
    step, rest = steps[names[1]], names[2:]
    if is_for_each(step.kind) and rest[0] == "results":
        # Of one result, of each, or of a step of it.
        rest = [one for one in rest[1:] if not one.lstrip("-").isdecimal()]
        return "outcome" if list(rest) == ["outcome"] else _kind(rest, steps, own=False)
    if list(rest) == ["outcome"]:
        return "outcome"
    return "status" if is_job_step(step.kind) and list(rest) == ["status"] else ""
