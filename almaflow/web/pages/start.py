"""Starting a run by hand: a form made from the inputs, a confirmation, and the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.expressions.serialization import encode
from almaflow.late_dataclasses import dataclass
from almaflow.operations.input_fields import InputField, fields_of, read_fields
from almaflow.operations.starting import check_secrets, plan_run, queue_once, request_key
from almaflow.plan import Plan
from almaflow.runs.planned_steps import request_lines
from almaflow.runs.step_tree import StepTree
from almaflow.runs.step_views import display_value
from almaflow.visible import json_text
from almaflow.web.api.answers import WorkflowName
from almaflow.web.context import Context, WebContext, Workflows
from almaflow.web.forms import (
    Button,
    Field,
    Form,
    Operator,
    Written,
    done,
    run_address,
    workflow_address,
)
from almaflow.web.named import workflow_to_run
from almaflow.web.rendering import render, sentence
from almaflow.workflow_loader import LoadedWorkflow

router = APIRouter()

# More steps, and requests of one step, than anyone reads before starting a run.
_STEPS, _REQUESTS = 100, 10

INPUT = "input."
"""What the names of fields of inputs begin with, so that an input may be called `key`."""


@router.get("/workflows/{name}/run")
def run_form(
    request: Request, context: Context, workflows: Workflows, who: Operator, name: WorkflowName
) -> Response:
    """Show a field for each input."""
    loaded = workflow_to_run(context, workflows, name)
    if not loaded.workflow.inputs:
        return _confirm(request, context, loaded, {}, Form())
    return _form(request, loaded, Form(), {})


@router.post("/workflows/{name}/run")
def start_run(
    request: Request,
    context: Context,
    workflows: Workflows,
    who: Operator,
    form: Written,
    name: WorkflowName,
) -> Response:
    """Show the form again, the confirmation, or start the run: as far as the form is filled in."""
    loaded = workflow_to_run(context, workflows, name)
    written = {key[len(INPUT) :]: text for key, text in form.items() if key.startswith(INPUT)}
    values, wrong = read_fields(loaded.workflow, written)
    if wrong or form.get("go") == "edit":
        return _form(request, loaded, form, wrong)
    try:
        if form.get("go") != "start":
            return _confirm(request, context, loaded, values, form)
        key = request_key(loaded.name, form.get("key", ""))
        plan = _plan(context, loaded, values, key)
        check_secrets(context.project(), plan)
        record, _ = queue_once(context.store, plan, values.keys(), who.by)
    except RequestWrong as error:
        return _form(request, loaded, form, wrong, str(error))
    context.wake()
    return done(run_address(record.id))


def _plan(
    context: WebContext, loaded: LoadedWorkflow, values: Mapping[str, Any], key: str | None = None
) -> Plan:
    project, clock, chance = context.project(), context.clock, context.chance
    return plan_run(loaded, project, values, clock, chance, key=key)


def _form(
    request: Request, loaded: LoadedWorkflow, form: Form, wrong: Mapping[str, str], error: str = ""
) -> Response:
    fields = [
        replace(field_of(one), value=form.get(INPUT + one.name, ""), error=wrong.get(one.name, ""))
        for one in fields_of(loaded.workflow)
    ]
    address = workflow_address(loaded.name)
    status = HTTPStatus.BAD_REQUEST if wrong or error else HTTPStatus.OK
    values = {"loaded": loaded, "fields": fields, "address": address, "error": error}
    return render(request, "start.html", status, **values)


def field_of(one: InputField) -> Field:
    """Return the field of a form in which people give an input."""
    choices: list[tuple[str, str]] = []
    if one.choices and one.type != "list":
        first = "choose" if one.is_required else f"default: {one.default}"
        choices = [("", first), *((choice, choice) for choice in one.choices)]
    return Field(
        name=INPUT + one.name,
        label=one.name,
        kind="choice" if choices else _KINDS[one.type],
        help=_help(one),
        is_required=one.is_required,
        choices=choices,
        minimum=one.minimum,
        maximum=one.maximum,
        step={"integer": "1", "number": "any"}.get(one.type, ""),
    )


_KINDS = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "choice",
    "date": "date",
    "list": "lines",
}


def _help(one: InputField) -> str:
    """Return what a person has to know about an input."""
    description = one.description.strip()
    sentences = [sentence(description) if description else ""]
    if one.type == "list":
        sentences.append("One value a line, or separated by commas on one line.")
        if one.choices:
            sentences.append(f"Allowed: {', '.join(one.choices)}.")
    if one.minimum and one.maximum:
        sentences.append(f"From {one.minimum} to {one.maximum}.")
    elif one.minimum or one.maximum:
        sentences.append(f"At least {one.minimum}." if one.minimum else f"At most {one.maximum}.")
    if one.pattern:
        sentences.append(f"It has to match the pattern {one.pattern} as a whole.")
    if not one.is_required:
        sentences.append(f"Left empty: {one.default or 'no value'}.")
    return " ".join(filter(None, sentences))


def _confirm(
    request: Request,
    context: WebContext,
    loaded: LoadedWorkflow,
    values: Mapping[str, Any],
    form: Form,
) -> Response:
    """Show what would be run.

    Raises:
        RequestWrong: it cannot be run with these values.
    """
    plan = _plan(context, loaded, values)
    check_secrets(context.project(), plan)
    address = workflow_address(loaded.name)
    # A form that is sent twice, by a second click or a reload, starts one run.
    key = f"{context.chance.getrandbits(128):032x}"
    hidden = {name: text for name, text in form.items() if name.startswith(INPUT)} | {"key": key}
    buttons = [Button("Start the run", "go", "start")]
    if loaded.workflow.inputs:
        buttons.append(Button("Change the inputs", "go", "edit", is_quiet=True))
    encoded = encode(dict(plan.inputs))
    return render(
        request,
        "start_confirm.html",
        loaded=loaded,
        plan=plan,
        inputs={
            name: value if isinstance(value, str) else json_text(value)
            for name, value in display_value(encoded).items()
        },
        preview=_preview(context, loaded, values),
        hidden=hidden,
        buttons=buttons,
        address=address,
    )


@dataclass(frozen=True)
class PreviewedStep:
    """A step with its requests as lines; *more* of them are left out."""

    path: str
    kind: str
    line: str
    """Where the file has it, `weed.yaml:12`."""
    is_taken: bool
    requests: Sequence[str]
    more: int


@dataclass(frozen=True)
class ShownPreview:
    """What the confirmation shows of a simulated run."""

    steps: Sequence[PreviewedStep]
    more: int
    """How many steps are left out."""
    outcome: str
    problem: str


def _preview(
    context: WebContext, loaded: LoadedWorkflow, values: Mapping[str, Any]
) -> ShownPreview:
    found = context.preview(context.project(), loaded, values)
    tree = StepTree.of_loaded(loaded)
    steps = [
        PreviewedStep(
            step.path,
            step.kind,
            place.line if (place := tree.place(step.path)) else "",
            step.on_path,
            ["\n".join(request_lines(one)) for one in step.requests[:_REQUESTS]],
            max(0, len(step.requests) - _REQUESTS),
        )
        for step in found.steps[:_STEPS]
    ]
    more = max(0, len(found.steps) - _STEPS)
    return ShownPreview(steps, more, found.outcome, found.problem)
