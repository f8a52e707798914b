"""The whole-document checks of one workflow: what no single field can show.

loader             the files that are read          called_workflows   the files that one calls
traversal          which text is where, and what it is read as
scopes             the names that can be used at each place, with their types
declarations       inputs and `vars`                schedules          the timetable
steps              every step, in order             status_codes       Alma's codes and outcomes
step_counts        how many steps the loops begin
references         names of almaflow.yaml           named_files        files of the project
misplaced_templates  braces where nothing is evaluated
partial_documents  what is left of a file that does not fit the models
echoes             problems that one mistake causes twice
against_snapshot  names, ids and codes of Alma, as `alma-catalog.json` has them
ignored_problems   problems that a comment or almaflow.yaml leaves out
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from almaflow.check.collector import ProblemCollector, check_length, check_poll
from almaflow.check.declarations import DeclaredNames
from almaflow.check.echoes import without_echoes
from almaflow.check.ignored_problems import bad_comments, sift
from almaflow.check.loader import CheckContext, CheckedFile, WorkflowLoader
from almaflow.check.misplaced_templates import check_templates
from almaflow.check.references import (
    check_channel,
    check_file_name,
    check_main_institution,
    check_ping,
)
from almaflow.check.status_codes import check_retry
from almaflow.check.step_counts import check_step_count
from almaflow.check.steps import StepChecks
from almaflow.check.typographic_quotes import TYPOGRAPHIC_QUOTES, check_characters
from almaflow.document import Document
from almaflow.errors import DocumentsInvalid
from almaflow.expressions import ANYTHING
from almaflow.model_validation import validate
from almaflow.problems import MOST_PROBLEMS, Problem, at_most
from almaflow.snapshot.place import has_snapshot
from almaflow.workflow import Workflow

__all__ = ["CheckContext", "CheckedFile", "WorkflowLoader", "as_entry", "check_document"]


def check_document(document: Document, around: CheckContext) -> CheckedFile:
    """Return the workflow in *document* with what is wrong in it, whoever runs or calls it."""
    checked = _checked(document, around)
    problems = at_most((*checked.problems, *bad_comments(document, checked.problems)))
    sifted = sift(problems, document, around.project.settings.lint)
    return replace(checked, problems=tuple(sorted(sifted.kept)), ignored=sifted.ignored)


def _checked(document: Document, around: CheckContext) -> CheckedFile:
    try:
        workflow = validate(document, Workflow)
    except DocumentsInvalid as error:
        return _checked_rest(document, around, set(error.problems))
    checks = check_workflow(workflow, document, around)
    every = (*checks.notes.problems, *document.findings)
    problems = tuple(at_most(without_echoes(every), checks.notes.left_out))
    return CheckedFile(document, workflow, True, problems, checks.outputs, checks.calls)


def _checked_rest(document: Document, around: CheckContext, problems: set[Problem]) -> CheckedFile:
    """Return what of *document* fits the models, with what is wrong there added to *problems*."""
    if len(problems) >= MOST_PROBLEMS:
        return CheckedFile(document, None, False, tuple(sorted(problems)))
    from almaflow.check.partial_documents import repair  # late: a valid file needs no repair

    rest = repair(document)
    if rest is None:
        notes = ProblemCollector(document)
        check_templates(notes)
        problems = problems | notes.problems
        reported = at_most(without_echoes(problems), notes.left_out)
        return CheckedFile(document, None, False, tuple(reported))
    checks = check_workflow(
        rest.workflow,
        document,
        around,
        lost_steps=rest.lost_steps,
        lost_inputs=rest.lost_inputs,
        foreign_names=rest.foreign_names,
    )
    replaced = {document.location_of(path) for path in rest.replaced}
    problems |= {
        one
        for one in checks.notes.problems
        if one.location not in replaced or one.code == TYPOGRAPHIC_QUOTES
    }
    problems_shown = tuple(at_most(without_echoes(problems), checks.notes.left_out))
    return CheckedFile(document, rest.workflow, False, problems_shown, checks.outputs, checks.calls)


def as_entry(checked: CheckedFile, around: CheckContext) -> CheckedFile:
    """Return *checked* as a workflow that is run directly: it needs an institution."""
    if checked.document is None or checked.workflow is None:
        return checked
    notes = ProblemCollector(checked.document)
    check_main_institution(notes, around, checked.workflow)
    if not checked.document.has(("name",)):
        check_file_name(notes, checked.workflow)
    found, ignored = {*checked.problems, *notes.problems}, checked.ignored
    if has_snapshot(around.project.folder):
        from almaflow.check.against_snapshot import check_against_snapshot

        sifted = check_against_snapshot(checked, around.project)
        found, ignored = found.union(sifted.kept), (*ignored, *sifted.ignored)
    return replace(checked, problems=tuple(at_most(without_echoes(found))), ignored=ignored)


def check_workflow(
    workflow: Workflow,
    document: Document,
    around: CheckContext,
    *,
    lost_steps: Collection[str] = (),
    lost_inputs: Collection[str] = (),
    foreign_names: Collection[str] = (),
) -> StepChecks:
    """Check a workflow that fits the models; the answer has the notes, its outputs and its calls.

    *lost_steps* and *lost_inputs* are ids and names that the file has but *workflow* does not,
    because they did not fit, *foreign_names* are names in a form of other tools: nothing is said
    about what refers to them.
    """
    notes = ProblemCollector(document)
    notes.foreign_names = foreign_names
    notes.wrong_names.add("", [one for one in foreign_names if "-" in one])
    notes.step_names = frozenset(filter(None, (one.step.name for one in workflow.all_steps())))
    lost_steps = (*lost_steps, *notes.wrong_names.add("steps", lost_steps))
    if around.folder is not None and has_snapshot(around.project.folder):
        from almaflow.snapshot.files import snapshot_in

        snapshot = snapshot_in(around.project.folder)
        notes.statuses = snapshot.statuses if snapshot is not None else frozenset()
    check_templates(notes)
    check_characters(notes)
    declared = DeclaredNames(workflow, notes, lost_inputs)
    if notes.is_too_long:
        # What the expressions mean is not asked any more: that takes many times as long.
        checks = StepChecks(workflow, notes, around, declared, lost_steps)
        checks.outputs.update(dict.fromkeys(workflow.outputs, ANYTHING))
        return checks
    declared.check()
    if workflow.timezone is not None or workflow.schedule:
        from almaflow.check.schedules import check_schedule, check_zone

        check_zone(notes, ("timezone",), workflow.timezone)
        check_schedule(workflow, notes, around, declared)
    if workflow.on is not None:
        from almaflow.check.triggers import check_triggers

        check_triggers(workflow.on, workflow, notes, around)
    _check_defaults(workflow, notes)
    if workflow.institution is not None:
        notes.check(("institution",), workflow.institution, declared.scope())
    for place, notice in enumerate(workflow.notify):
        check_channel(notes, around, ("notify", place, "to"), notice.to)
    if workflow.ping is not None:
        check_ping(notes, around, ("ping",), workflow.ping)
    checks = StepChecks(workflow, notes, around, declared, lost_steps)
    checks.check()
    check_step_count(notes, ("steps",), workflow.steps)
    check_step_count(notes, ("finally",), workflow.finally_)
    return checks


def _check_defaults(workflow: Workflow, notes: ProblemCollector) -> None:
    check_length(notes, ("timeout",), workflow.timeout)
    check_length(notes, ("defaults", "timeout"), workflow.defaults.timeout)
    check_poll(notes, ("defaults", "poll"), workflow.defaults.poll)
    check_retry(notes, ("defaults", "retry"), workflow.defaults.retry)
