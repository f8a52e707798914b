"""`check`: continues only when an expression holds. No calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from almaflow.field_types import Condition, Message
from almaflow.outcome import Outcome
from almaflow.steps.base import Kind
from almaflow.steps.result import BlockExit, StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class Check(Kind):
    """Continue only if an expression is true; otherwise fail, or end as skipped."""

    key = "check"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:CHECK"
    short: ClassVar[str | None] = "that"
    example = """\
- check:
    that: steps.discarded.member_count <= 500
    message: "{{ steps.discarded.member_count }} items, at most 500 expected"
"""

    that: Condition = Field(description="The expression that must be true.")
    message: Message | None = Field(
        default=None, description="The message when it is not true; default: the expression."
    )
    otherwise: Literal["fail", "skip"] = Field(
        default="fail",
        description="What happens when it is not true: `fail` (default), or `skip`, which ends the "
        "run (or the iteration, or the called workflow) as skipped because there is nothing to do.",
    )

    def may_end_block(self) -> bool:
        return self.otherwise == "skip"

    async def perform(self, context: StepContext) -> StepResult:
        if context.holds(self.that):
            return StepResult()
        message = context.message(self.message) if self.message else f"`{self.that.text}` is false"
        if self.otherwise == "skip":
            return StepResult(Outcome.SKIPPED, message, BlockExit.SKIP)
        raise StepFailed(message)
