"""`approve`: waits for a person. No calls."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from almaflow.expressions import TEXT
from almaflow.field_types import Message
from almaflow.outcome import Outcome
from almaflow.steps.base import Kind
from almaflow.steps.context import StepContext
from almaflow.steps.result import Ending, StepFailed


class Approve(Kind):
    """Wait until a person says yes: at the terminal, or with `almaflow approve RUN STEP`.

    Give the step a `timeout`; without one it waits as long as the run may take.
    """

    key = "approve"
    short: ClassVar[str | None] = "message"
    outputs: ClassVar = {"by": TEXT, "comment": TEXT}
    example = """\
- approve: "Delete {{ steps.unused.member_count }} titles?"
  timeout: 8h
"""

    message: Annotated[Message, Field(description="What is asked.")]
    on_timeout: Annotated[
        Literal["fail", "continue"],
        Field(
            description="When nobody has answered in time: `fail` (default) ends the step as "
            "timed_out; `continue` goes on as if it was approved, as a warning."
        ),
    ] = "fail"

    async def perform(self, context: StepContext) -> Ending:
        question = context.message(self.message)
        context.outputs.update(by="", comment="")
        answer = await context.answer("approve", question)
        context.outputs.update(by=answer.by, comment=answer.value.get("comment", ""))
        comment = f": {context.outputs['comment']}" if context.outputs["comment"] else ""
        if not answer.value.get("approved", True):
            raise StepFailed(f"{answer.by} did not approve{comment or '.'}")
        context.say(f"{answer.by} approved{comment or '.'}")
        return Ending()

    def timed_out(self, told: str) -> Ending:
        if self.on_timeout == "fail":
            return super().timed_out(f"{told} Nobody has approved.")
        return Ending(Outcome.WARNING, f"{told} Nobody has approved; it goes on all the same.")
