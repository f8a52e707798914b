"""The whole-document checks of one workflow: what no single field can show.

walking        which text stands where, as what
scopes         the names that can be used at each place, with their types
declarations   inputs and `vars`            schedules      the timetable
steps          every step, in order         endings        status codes and outcomes
surroundings   names of almaflow.yaml, payloads, files
templates      braces where nothing is worked out
repair         what is left of a file that does not fit the models
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from almaflow.check.declarations import Declared
from almaflow.check.endings import check_retry
from almaflow.check.notes import Notes, check_length, check_poll
from almaflow.check.repair import repair
from almaflow.check.schedules import check_schedule, check_zone
from almaflow.check.steps import StepChecks
from almaflow.check.surroundings import Surroundings, check_channel, check_main_institution
from almaflow.check.templates import TEMPLATE_NOT_ALLOWED, check_templates
from almaflow.document import Document
from almaflow.errors import DocumentsInvalid
from almaflow.problems import Problem
from almaflow.validation import validate
from almaflow.workflow import Workflow

__all__ = ["Surroundings", "check_workflow", "read_workflow"]


def read_workflow(
    document: Document, around: Surroundings
) -> tuple[Workflow | None, list[Problem]]:
    """Return the workflow in *document*, None when it does not fit, and all problems, sorted."""
    try:
        workflow = validate(document, Workflow)
    except DocumentsInvalid as error:
        problems = {*error.problems, *_problems_of_the_rest(document, around)}
        return None, _without_echoes(problems)
    return workflow, _without_echoes(check_workflow(workflow, document, around))


def _problems_of_the_rest(document: Document, around: Surroundings) -> set[Problem]:
    """Return what is wrong in the parts of *document* that fit the models."""
    rest = repair(document)
    if rest is None:
        notes = Notes(document)
        check_templates(notes)
        return notes.problems
    problems = check_workflow(
        rest.workflow,
        document,
        around,
        lost_steps=rest.lost_steps,
        lost_inputs=rest.lost_inputs,
    )
    replaced = {document.place(path) for path in rest.replaced}
    return {one for one in problems if one.location not in replaced}


def _without_echoes(problems: Iterable[Problem]) -> list[Problem]:
    """Return *problems*, sorted; of a template where none is allowed only that is told."""
    problems = list(problems)
    templates = {one.location for one in problems if one.code == TEMPLATE_NOT_ALLOWED}
    return sorted(
        one for one in problems if one.location not in templates or one.code == TEMPLATE_NOT_ALLOWED
    )


def check_workflow(
    workflow: Workflow,
    document: Document,
    around: Surroundings,
    *,
    lost_steps: Collection[str] = (),
    lost_inputs: Collection[str] = (),
) -> set[Problem]:
    """Return the problems of a workflow that fits the models.

    *lost_steps* and *lost_inputs* are ids and names that the file has but *workflow* does not,
    because they did not fit: nothing is said about what refers to them.
    """
    notes = Notes(document)
    check_templates(notes)
    check_zone(notes, ("timezone",), workflow.timezone)
    declared = Declared(workflow, notes, lost_inputs)
    declared.check()
    check_schedule(workflow, notes, around, declared)
    _check_defaults(workflow, notes)
    if workflow.institution is not None:
        notes.check(("institution",), workflow.institution, declared.scope())
    check_main_institution(notes, around, workflow)
    for place, notice in enumerate(workflow.notify):
        check_channel(notes, around, ("notify", place, "to"), notice.to)
    StepChecks(workflow, notes, around, declared, lost_steps).check()
    return notes.problems


def _check_defaults(workflow: Workflow, notes: Notes) -> None:
    check_length(notes, ("timeout",), workflow.timeout)
    check_length(notes, ("defaults", "timeout"), workflow.defaults.timeout)
    check_poll(notes, ("defaults", "poll"), workflow.defaults.poll)
    check_retry(notes, ("defaults", "retry"), workflow.defaults.retry)
