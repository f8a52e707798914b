"""`branch`: one of several lists of steps, chosen by a value. It sends nothing to Alma."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from almaflow.expressions import to_text
from almaflow.field_types import Expression
from almaflow.steps.base import Block, Kind
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext
    from almaflow.workflow import Step


ENDING = re.compile(r"^\s*(?:\{\{)?\s*steps\.(\w+)\.(status|outcome)\s*(?:\}\})?\s*$")
"""An expression that is the status or the outcome of a step."""


class Branch(Kind):
    """Run the steps of the case that matches a value.

    Cases are compared as text, exactly; only of a step's `status` or `outcome` upper and lower case
    do not count. `A | B` matches either. The step fails if no case matches
    and there is no `default`.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:BRANCH"

    key = "branch"
    composite = True
    example = """\
- branch:
    on: steps.sync.status
    cases:
      COMPLETED_SUCCESS: []
      COMPLETED_WARNING | COMPLETED_FAILED:
        - notify: "Look at {{ steps.sync.link }}"
    default:
      - fail: "the synchronization ended as {{ steps.sync.status }}"
"""

    on: Expression = Field(description="The value to compare, such as `steps.withdraw.status`.")
    cases: dict[str, list[Step]] = Field(
        description="Values and the steps for each. `A | B` matches either value; an empty "
        "list does nothing, and the run continues."
    )
    default: list[Step] | None = Field(default=None, description="The steps for any other value.")

    def blocks(self) -> Iterator[Block]:
        for place, (values, steps) in enumerate(self.cases.items(), start=1):
            yield Block(f"case-{place}", steps, ("cases", values))
        if self.default is not None:
            yield Block("default", self.default, ("default",))

    def arms(self) -> Mapping[str, Block]:
        """Return the block for each value that has a case."""
        blocks = list(self.blocks())
        return {
            value: block
            for values, block in zip(self.cases, blocks, strict=False)
            for value in split_case(values)
        }

    def _arm(self, value: str) -> Block | None:
        arms = self.arms()
        if value not in arms and ENDING.search(self.on.text):
            arms = {one.casefold(): block for one, block in arms.items()}
            value = value.casefold()
        return arms.get(value)

    async def perform(self, context: StepContext) -> StepResult:
        value = to_text(context.evaluate(self.on))
        block = self._arm(value)
        if block is None and self.default is not None:
            block = next(block for block in self.blocks() if block.name == "default")
        if block is None:
            raise StepFailed(
                f"`{self.on.text}` is `{value}`, but there is no case for it and no `default`. "
                f"The cases are {', '.join(f'`{one}`' for one in self.arms())}."
            )
        context.say(f"`{self.on.text}` is `{value}`: {block.name}.", arm=block.name)
        return await context.run_block(block)


def split_case(values: str) -> list[str]:
    """Return the values that the key of a case means, in order."""
    return [value.strip() for value in values.split("|")]
