"""`fail`: ends with a failure. No calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from almaflow.field_types import Message
from almaflow.steps.base import Kind
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class Fail(Kind):
    """End the run as failed, with a message."""

    key = "fail"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:STOP"
    short: ClassVar[str | None] = "message"
    example = """\
- fail: "withdraw ended as {{ steps.withdraw.outcome }}"
"""

    message: Message = Field(description="The reason, shown in reports and notifications.")

    async def perform(self, context: StepContext) -> StepResult:
        raise StepFailed(context.message(self.message))
