"""`for_each`: the same steps for each item of a list. It sends nothing to Alma."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from almaflow.expressions import ANYTHING, ListType
from almaflow.field_types import Expression, Template, Text, Whole
from almaflow.steps.base import IDENTIFIER, Block, BlockResult, Kind
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext
    from almaflow.workflow import Step

# More items than this are a list of records, which belongs into a set.
MOST_ITEMS = 10_000


class ForEach(Kind):
    """Run steps for each item of a list, one after the other or several in parallel.

    Within an iteration, `steps.x` is the step of that iteration. From outside, `results` has
    `item`, `outcome` and `steps` (the outputs of its steps with an id) for each item, in order. If
    an iteration fails, started iterations are finished and no new one starts. The list is
    evaluated once, when the step begins.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:FOR_EACH"

    key = "for_each"
    composite = True
    outputs: ClassVar = {"results": ListType(ANYTHING)}
    example = """\
- id: shelves
  for_each:
    items: inputs.libraries
    as: library
    max_parallel: 2
    steps:
      - id: set
        find_set: {name: "Weeding {{ library }}"}
      - submit_job:
          job: M48
          set: "{{ steps.set.set_id }}"
"""

    items: list[Template] | Expression = Field(
        description="The items: a list, or an expression that returns a list."
    )
    as_: Text = Field(
        default="item",
        alias="as",
        pattern=IDENTIFIER,
        description="The name of the item in the inner steps: a letter, then letters, "
        "digits and `_`; default `item`.",
    )
    max_parallel: Whole = Field(
        default=1,
        ge=1,
        le=100,
        description="The number of iterations that may run at the same time; default 1.",
    )
    steps: list[Step] = Field(min_length=1, description="The steps for each item.")

    def blocks(self) -> Iterator[Block]:
        yield Block("*", self.steps, ("steps",), own_scope=True, names={self.as_: None})

    async def perform(self, context: StepContext) -> StepResult:
        items = await context.once("items", lambda: self._items(context), kept=True)
        context.progress(f"{len(items)} items")
        blocks = [
            Block(str(number), self.steps, ("steps",), own_scope=True, names={self.as_: item})
            for number, item in enumerate(items, start=1)
        ]
        ending, ends = await context.run_blocks(blocks, self.max_parallel)
        context.outputs["results"] = [
            _result(item, end) for item, end in zip(items, ends, strict=True)
        ]
        return ending

    async def _items(self, context: StepContext) -> list[Any]:
        if isinstance(self.items, list):
            return [context.value(item) for item in self.items]
        items = context.evaluate(self.items)
        if isinstance(items, str) or not isinstance(items, Sequence):
            raise StepFailed(f"`items` needs a list, but `{self.items.text}` is not a list.")
        if len(items) > MOST_ITEMS:
            raise StepFailed(
                f"`{self.items.text}` has {len(items)} items, but `for_each` allows at most "
                f"{MOST_ITEMS}. Put many records into a set and run one job on it."
            )
        return list(items)


def _result(item: Any, end: BlockResult) -> dict[str, Any]:
    outcome = "skipped" if end.ending is None else end.ending.outcome.value
    return {"item": item, "outcome": outcome, "steps": dict(end.steps)}
