"""`parallel`: lists of steps that run in parallel. It sends nothing to Alma."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from almaflow.steps.base import Block, Kind, StepBase
from almaflow.steps.result import StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext
    from almaflow.workflow import Step


_NEEDS = "needs branches: a mapping of names to lists of steps."


class Parallel(Kind):
    """Run named lists of steps in parallel, and continue when all have ended.

    The branches do not see each other's steps; later steps see all. If a branch fails, started
    steps in the others are finished and no new one starts, so that no Alma job is left alone.
    """

    key = "parallel"
    composite = True
    example = """\
- parallel:
    titles:
      - submit_job: {job: M44, set: "{{ steps.titles.set_id }}"}
    items:
      - submit_job: {job: M48, set: "{{ steps.items.set_id }}"}
"""

    named_as = "A branch: a name of your choice, and its steps in order."

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[list[Step], Field(min_length=1)]]

    @model_validator(mode="before")
    @classmethod
    def _has_branches(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data:
            raise PydanticCustomError("missing_key", "{told}", {"told": f"`parallel` {_NEEDS}"})
        if isinstance(data, (str, list)):
            raise PydanticCustomError("wrong_type", "{told}", {"told": f"`parallel` {_NEEDS}"})
        return data

    @classmethod
    def complete(cls, step: type[StepBase]) -> None:
        super().complete(step)
        cls.named = list[step]  # type: ignore[valid-type]

    def blocks(self) -> Iterator[Block]:
        for name, steps in self.__pydantic_extra__.items():
            yield Block(name, steps, (name,))

    async def perform(self, context: StepContext) -> StepResult:
        ending, _ = await context.run_blocks(list(self.blocks()))
        return ending
