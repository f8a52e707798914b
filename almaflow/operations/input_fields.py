"""The inputs of a workflow as fields of a form, and what people wrote into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from almaflow.errors import RequestWrong
from almaflow.expressions import ExpressionFailed, to_text
from almaflow.field_types import Plain, Template
from almaflow.inputs import read_input
from almaflow.late_dataclasses import dataclass
from almaflow.operations.typed_text import check_typed
from almaflow.workflow import Input, Workflow


@dataclass(frozen=True)
class InputField:
    """One input as a form asks for it."""

    name: str
    type: str
    """`string`, `integer`, `number`, `boolean`, `date` or `list`."""
    description: str
    is_required: bool
    default: str
    """What it is without a value, as written in the file; a template is evaluated when it runs."""
    choices: Sequence[str]
    """The allowed values; empty: any."""
    pattern: str
    minimum: str
    maximum: str


def fields_of(workflow: Workflow) -> list[InputField]:
    """Return a field for each input, in the order of the file."""
    return [_field(name, declared) for name, declared in workflow.inputs.items()]


def _field(name: str, declared: Input) -> InputField:
    choices = [_text(one) for one in declared.enum or ()]
    if declared.type == "boolean" and not choices:
        choices = ["true", "false"]
    return InputField(
        name=name,
        type=declared.type,
        description=declared.description or "",
        is_required=declared.is_required,
        default="" if declared.is_required else _text(declared.default),
        choices=choices,
        pattern=declared.pattern or "",
        minimum=_number(declared.minimum),
        maximum=_number(declared.maximum),
    )


def _number(bound: float | None) -> str:
    return "" if bound is None else f"{bound:.15g}"


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case Plain() | Template():
            return value.text
        case list():
            return ", ".join(map(_text, value))
    try:
        return to_text(value)
    except ExpressionFailed:
        return str(value)


def read_fields(
    workflow: Workflow, written: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the inputs that people gave, and what is wrong, by the name of the input.

    *written* are texts by name. An empty one counts as not given. Values are texts or lists, as
    `make_plan` takes them.
    """
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, declared in workflow.inputs.items():
        text = written.get(name, "")
        if not text.strip():
            if declared.is_required:
                wrong[name] = "It needs a value."
            continue
        try:
            check_typed(name, text)
            values[name] = _value(declared, text)
            read_input(declared, values[name])
        except RequestWrong as error:
            wrong[name] = str(error)
        except ValueError as error:
            wrong[name] = f"It {str(error).rstrip('.')}."
    return values, wrong


def _value(declared: Input, text: str) -> Any:
    """Return the value of a field; several lines are the values of a list, one each."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if declared.type == "list" and len(lines) > 1 and not lines[0].startswith("["):
        return lines
    return text
