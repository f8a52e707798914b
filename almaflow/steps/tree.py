"""The one walk over the steps of a file, those inside others included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from almaflow.document import PathTo
from almaflow.steps.base import StepBase


class StepNode(NamedTuple):
    """A step where it is written."""

    step: StepBase
    path: str
    """Its address in a run, such as `branch-5/case-2/notify-1`."""
    keys: PathTo = ()
    """Where its document has it."""
    around: tuple[StepNode, ...] = ()
    """The steps around it, the outermost first."""

    def walk(self, *, shared: bool = False) -> Iterator[StepNode]:
        """Yield this step and those inside it; see `walk`."""
        yield self
        for block in self.step.kind.blocks():
            if not (shared and block.own_scope):
                keys = (*self.keys, self.step.kind.key, *block.keys)
                prefix, around = f"{self.path}/{block.name}/", (*self.around, self)
                yield from walk(block.steps, prefix, keys, around, shared=shared)


def walk(
    steps: Sequence[StepBase],
    prefix: str = "",
    keys: PathTo = (),
    around: tuple[StepNode, ...] = (),
    *,
    shared: bool = False,
) -> Iterator[StepNode]:
    """Yield every step of a list and those inside them, in the order of the file.

    *prefix* and *keys* are where the list is. With *shared*, steps that are seen only from inside
    of one of these, as those of an iteration are, are left out.
    """
    for place, step in enumerate(steps):
        node = StepNode(step, prefix + step.label(place + 1), (*keys, place), around)
        yield from node.walk(shared=shared)
