"""How many steps a run begins at least: the items of loops that are written out, multiplied."""

from __future__ import annotations

from collections.abc import Sequence

from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.steps.base import MOST_STEPS, StepBase
from almaflow.steps.tree import walk
from almaflow.steps.which_kind import is_for_each, is_parallel, is_stop


def check_step_count(notes: ProblemCollector, path: PathTo, steps: Sequence[StepBase]) -> None:
    """Note each step of the list at *path* whose loops begin more steps than a run may begin."""
    for place, step in enumerate(steps):
        count = _begun_by(step)
        if count > MOST_STEPS:
            notes.at_key(
                (*path, place, step.kind.key),
                "too-many-steps",
                f"The loops of this step begin {count:,} steps, but a run may begin at most "
                f"{MOST_STEPS:,}. Shorten the lists, or divide them between several runs.",
            )


def _begun_by(step: StepBase) -> int:
    """Return how many steps begin with *step*, itself included, when nothing fails."""
    kind = step.kind
    if step.if_ is not None:
        return 1
    if is_for_each(kind):
        items = len(kind.items) if isinstance(kind.items, list) else 0
        return 1 + items * _begun_in(kind.steps)
    if is_parallel(kind):
        return 1 + sum(_begun_in(block.steps) for block in kind.blocks())
    return 1


def _begun_in(steps: Sequence[StepBase]) -> int:
    """Return how many steps of a list begin before one that may end the list."""
    count = 0
    for step in steps:
        if any(is_stop(node.step.kind) for node in walk([step])):
            # A loop before its `stop` counts only as itself.
            return count + 1
        count += _begun_by(step)
    return count
