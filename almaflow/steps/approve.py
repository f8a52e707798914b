"""`approve`: waits for a person. No calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from almaflow.expressions import TEXT
from almaflow.field_types import Message
from almaflow.outcome import Outcome
from almaflow.steps.base import Kind
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class Approve(Kind):
    """Wait until a person approves, at the terminal or with `almaflow approve RUN STEP`.

    Give the step a `timeout`; without one it waits until the timeout of the run.
    """

    key = "approve"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:APPROVE"
    short: ClassVar[str | None] = "message"
    outputs: ClassVar = {"by": TEXT, "comment": TEXT}
    example = """\
- approve: "Delete {{ steps.unused.member_count }} titles?"
  timeout: 8h
"""

    message: Message = Field(description="The question that a person answers.")
    on_timeout: Literal["fail", "continue"] = Field(
        default="fail",
        description="What happens when nobody has answered within the step's `timeout`: "
        "`fail` (default) ends the step as timed_out; `continue` ends it as a "
        "warning, and the run continues as if it was approved.",
    )

    async def perform(self, context: StepContext) -> StepResult:
        question = context.message(self.message)
        context.outputs.update(by="", comment="")
        answer = await context.answer("approve", question)
        context.outputs.update(by=answer.by, comment=answer.value.get("comment", ""))
        comment = f": {context.outputs['comment']}" if context.outputs["comment"] else ""
        if not answer.value.get("approved", True):
            raise StepFailed(f"{answer.by} did not approve{comment or '.'}")
        context.say(f"{answer.by} approved{comment or '.'}")
        return StepResult()

    def timed_out(self, error: str) -> StepResult:
        if self.on_timeout == "fail":
            return super().timed_out(f"{error} Nobody has approved.")
        return StepResult(
            Outcome.WARNING, f"{error} Nobody has approved; the run continues without approval."
        )
