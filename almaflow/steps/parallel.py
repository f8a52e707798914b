"""`parallel`: lists of steps that go on beside each other. No calls of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from almaflow.steps.base import Body, Kind
from almaflow.steps.context import StepContext
from almaflow.steps.endings import Ending

if TYPE_CHECKING:
    from almaflow.workflow import Step


class Parallel(Kind):
    """Run named lists of steps beside each other; go on when all have ended.

    The branches do not see each other's steps; what follows sees all. When a branch fails, what
    has begun in the others is finished and nothing new begins: no Alma job is left alone because
    its neighbour failed.
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

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[Step]]

    @model_validator(mode="after")
    def _some_branch(self) -> Parallel:
        if not self.__pydantic_extra__:
            raise PydanticCustomError(
                "missing_key", "`parallel` needs branches: a name, and under it a list of steps."
            )
        return self

    def bodies(self) -> Iterator[Body]:
        for name, steps in self.__pydantic_extra__.items():
            yield Body(name, steps, (name,))

    async def perform(self, context: StepContext) -> Ending:
        ending, _ = await context.run_bodies(list(self.bodies()))
        return ending


def branches_of(kind: Any) -> dict[str, list[Any]]:
    """Return the branches of a `parallel`, by name."""
    assert isinstance(kind, Parallel)
    return dict(kind.__pydantic_extra__)
