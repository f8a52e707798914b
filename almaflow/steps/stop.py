"""`stop`: ends well before the last step. No calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from almaflow.field_types import Message
from almaflow.steps.base import Kind
from almaflow.steps.result import BlockExit, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class Stop(Kind):
    """End the run (or the iteration, or the called workflow) well; what follows is skipped."""

    key = "stop"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:STOP"
    short: ClassVar[str | None] = "message"
    example = """\
- if: steps.report.member_count == 0
  stop: nothing was returned this week
"""

    message: Message | None = Field(
        default=None, description="The reason, shown in reports; optional."
    )

    async def perform(self, context: StepContext) -> StepResult:
        if self.message is not None:
            context.say(context.message(self.message))
        return StepResult(ends=BlockExit.STOP)
