"""`call`: another workflow, as a step. It sends nothing to Alma itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from almaflow.field_types import Plain, Template, Text, Value, plain_value
from almaflow.steps.base import Kind
from almaflow.steps.result import StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class Call(Kind):
    """Run another workflow as part of this run; its `outputs` become those of this step.

    Its `finally` runs; its `schedule`, `overlap` and `notify` are ignored. The called file is
    recorded with the run, so a later edit does not change an active run.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:CALL"

    key = "call"
    composite = True
    short: ClassVar[str | None] = "workflow"
    example = """\
- id: cleanup
  call:
    workflow: cleanup.yaml
    inputs: {prefix: "almaflow {{ today }}"}
"""

    workflow: Text = Field(
        description="The file of the other workflow, relative to this file; `.yaml` may be "
        "omitted. Templates are not allowed, because the file must be known before the run."
    )
    inputs: dict[str, Value] = Field(default={}, description="The inputs for the called workflow.")

    async def perform(self, context: StepContext) -> StepResult:
        inputs = await context.once("inputs", lambda: self._inputs(context))
        ending, outputs = await context.call_workflow(self.workflow, inputs)
        context.outputs.update(outputs)
        return ending

    async def _inputs(self, context: StepContext) -> Mapping[str, Any]:
        # A bare value is built from its characters (`0012`), as one on the command line is.
        return {
            name: value.text if isinstance(value, Plain) else _evaluated(value, context)
            for name, value in self.inputs.items()
        }


def _evaluated(value: Any, context: StepContext) -> Any:
    match value:
        case Template():
            return context.value(value)
        case dict():
            return {key: _evaluated(item, context) for key, item in value.items()}
        case list():
            return [_evaluated(item, context) for item in value]
    return plain_value(value)
