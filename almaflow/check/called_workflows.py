"""The workflows that a workflow calls: whether they can be, and whether they are given what they
need.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from almaflow.check.collector import ProblemCollector
from almaflow.check.declarations import literal_problem
from almaflow.check.loader import CheckContext, CheckedFile
from almaflow.check.project_files import find_file
from almaflow.check.scopes import value_type
from almaflow.check.traversal import below, data_at, sources
from almaflow.document import PathTo
from almaflow.expressions import MaybeMissing, RecordType, Type
from almaflow.expressions.types import KINDS
from almaflow.field_types import Template
from almaflow.problems import Problem, Severity, did_you_mean
from almaflow.steps.base import StepBase
from almaflow.steps.common_outputs import COMMON_OUTPUTS
from almaflow.steps.which_kind import is_call
from almaflow.workflow import Input, Workflow

if TYPE_CHECKING:
    from almaflow.steps.call import Call

# How many files a chain of calls may have in addition to the first, and how many files in all a
# run may record. A larger tree of calls is beyond what a person can follow.
MOST_DEEP = 20
MOST_FILES = 500

CALL_OF_INVALID = "call-of-invalid"

ENDINGS = (".yaml", ".yml")


def calls_in(
    steps: Mapping[PathTo, StepBase], notes: ProblemCollector, around: CheckContext
) -> dict[PathTo, CheckedFile]:
    """Return the files that *steps* call, by the paths of the steps; notes those that cannot be.

    They are read before any step is checked, so that what is nested in files is not nested in
    this program as well.
    """
    checked: dict[PathTo, CheckedFile] = {}
    if around.folder is None or around.shelf is None:
        return checked
    for path, step in steps.items():
        if is_call(step.kind) and "{{" not in step.kind.workflow:
            called = _read(notes, around, _place(notes, path, step.kind), step.kind.workflow)
            if called is not None:
                checked[path] = called
    return checked


def _place(notes: ProblemCollector, path: PathTo, call: Call) -> PathTo:
    """Return where the called workflow is named."""
    inside = (*path, call.key)
    return below(call, "workflow", data_at(notes.document.data, inside), inside)[1]


def _read(
    notes: ProblemCollector, around: CheckContext, place: PathTo, name: str
) -> CheckedFile | None:
    assert around.folder is not None
    assert around.shelf is not None
    target = find_file(notes, around, place, name, Severity.ERROR, ENDINGS)
    if target is None:
        return None
    subject = _display_path(notes.document.file, name, target)
    chain = [*around.chain.values(), subject]
    if target in around.chain:
        chain = chain[list(around.chain).index(target) :]
        notes.at(
            place,
            "calls-in-a-circle",
            f"This call would never end: {' → '.join(chain)}. Remove one of these calls.",
        )
        return None
    if len(around.chain) > MOST_DEEP:
        _note_too_deep(notes, place, chain[0])
        return None
    called = around.shelf.read(target, subject, around)
    if len(around.chain) + called.depth > MOST_DEEP + 1:
        _note_too_deep(notes, place, chain[0])
        return None
    if called.files > MOST_FILES:
        notes.at(
            place,
            "too-many-calls",
            f"`{name}` and the workflows that it calls have {called.files} files, which every "
            f"run would have to record. At most {MOST_FILES} are allowed. Call fewer "
            "workflows, or call one with `for_each`.",
        )
        return None
    if not called.is_valid:
        notes.at(place, CALL_OF_INVALID, _invalid(subject, called.everything()))
    return called


def _display_path(caller: str, name: str, target: Path) -> str:
    """Return what messages call the file *target*, which the file *caller* calls *name*."""
    beside = os.path.normpath(os.path.join(os.path.dirname(caller), name))
    ending = target.suffix if not beside.endswith(ENDINGS) else ""
    return beside + ending


def _note_too_deep(notes: ProblemCollector, place: PathTo, first: str) -> None:
    notes.at(
        place,
        "calls-too-deep",
        f"Workflows call one another more than {MOST_DEEP} levels deep here, starting at "
        f"{first}. Put steps that belong together into one file.",
    )


def _invalid(subject: str, problems: list[Problem]) -> str:
    # Of a chain of calls only what is wrong at its end counts.
    errors = [
        one for one in problems if one.severity is Severity.ERROR and one.code != CALL_OF_INVALID
    ]
    first = errors[0].location
    if len(errors) == 1:
        return f"{subject} cannot be called, because it has an error at {first}."
    return (
        f"{subject} cannot be called, because it has {len(errors)} errors. The first is at {first}."
    )


def check_call(
    notes: ProblemCollector,
    around: CheckContext,
    path: PathTo,
    step: StepBase,
    called: CheckedFile,
    caller: Workflow,
    institution: str | None,
    scope: RecordType,
) -> None:
    """Check what the call at *path*, which sees *scope*, gives to a workflow that was read.

    *institution* is where the call is made; None when only the run will know.
    """
    call, workflow = step.kind, called.workflow
    assert is_call(call)
    if workflow is None or called.document is None:
        return
    file = called.document.file
    inside, place = (*path, call.key), _place(notes, path, call)
    for name, value in call.inputs.items():
        here = (*inside, "inputs", name)
        if name not in workflow.inputs:
            hint = did_you_mean(name, workflow.inputs) or "."
            notes.at_key(here, "unknown-input", f"{file} has no input `{name}`{hint}")
        elif called.fits:
            problem = _misfit(workflow.inputs[name], value, scope)
            if problem is not None:
                notes.at(here, "bad-input", f"`{name}` {problem}.")
    missing = [f"`{name}`" for name in workflow.missing_inputs(call.inputs)]
    if missing:
        notes.at(
            place,
            "missing-input",
            f"{file} needs a value for {', '.join(missing)}. Specify it under `inputs`.",
        )
    _check_environment(notes, around, place, workflow, file, caller, institution)
    for name in sorted(COMMON_OUTPUTS.keys() & called.outputs.keys() if step.id else ()):
        notes.at(
            place,
            "hidden-output",
            f"The output `{name}` of {file} is not visible here, because every step has an "
            f"output `{name}`. Rename the output in that file.",
            Severity.WARNING,
        )


# What a value may be, besides text, to be read as an input of each type.
_FITTING: Mapping[str, frozenset[str]] = {
    "string": frozenset({"number", "boolean", "date", "instant", "duration"}),
    "integer": frozenset({"number"}),
    "number": frozenset({"number"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "instant"}),
    "list": frozenset({"list", "counters"}),
}


def _misfit(declared: Input, value: Any, scope: RecordType) -> str | None:
    """Return why *value* cannot be read as an input, after its name; None: it may be."""
    if not any("{{" in text.text for _, text in sources(value, None, ())):
        return literal_problem(declared, value)
    kind = value_type(value, scope).kind
    if kind in ("", "text") or kind in _FITTING[declared.type]:
        return None
    subject = f"`{value.text}`" if isinstance(value, Template) else "this"
    return f"is declared as {declared.type}, but {subject} is {KINDS[kind]}"


def _check_environment(
    notes: ProblemCollector,
    around: CheckContext,
    place: PathTo,
    workflow: Workflow,
    file: str,
    caller: Workflow,
    institution: str | None,
) -> None:
    """Note a workflow that would refuse to run where it is called."""
    environment = workflow.environment
    if environment == "any":
        return
    if caller.environment not in ("any", environment):
        notes.at(
            place,
            "wrong-environment",
            f"{file} is for {environment}, but this workflow is for {caller.environment}, so "
            "almaflow refuses to run it from here.",
        )
        return
    if workflow.institution is not None or not around.settings_count:
        return
    known = around.project.institutions.get(institution or "")
    if known is not None and known.environment != environment:
        notes.at(
            place,
            "wrong-environment",
            f"{file} is for {environment}, but it is called at `{institution}`, which is a "
            f"{known.environment} in {around.file}, so almaflow refuses to run it there.",
        )


def outputs_of_call(called: CheckedFile | None, step_id: str) -> RecordType:
    """Return what `steps.x` of a call is; of what could not be read anything may be asked."""
    if called is None or called.document is None or not called.fits:
        return RecordType(COMMON_OUTPUTS, "output of call", open=True)
    own: Mapping[str, Type] = {
        name: MaybeMissing(type_.of, step_id, type_.why)
        if isinstance(type_, MaybeMissing)
        else type_
        for name, type_ in called.outputs.items()
    }
    return RecordType({**own, **COMMON_OUTPUTS}, f"output of {called.document.file}")
