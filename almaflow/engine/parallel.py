"""Runs blocks in parallel: the branches of `parallel` and the iterations of `for_each`.

After a failure no new block begins, and blocks that have begun are finished; then the first failure
counts. No Alma job is abandoned because a parallel block failed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field, replace
from datetime import datetime

import anyio

from almaflow.engine.history import EarlyEnd
from almaflow.engine.journal import RunJournal
from almaflow.engine.scope import ExecutionScope, Halt, Halted
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, worst
from almaflow.steps.base import Block, BlockResult
from almaflow.steps.result import BlockExit, OutcomeUnknown, StepResult
from almaflow.steps.tree import walk
from almaflow.task_groups import raise_one_error

RunBody = Callable[[Block, str, ExecutionScope], Awaitable[StepResult]]
"""Runs the steps of a block of the step at a path."""

FindEarlyEnd = Callable[[Block, bool], EarlyEnd | None]
"""Finds the recorded step that ended a block; the second argument is *is_over* of
`RunHistory.early_end`.
"""


@dataclass
class ParallelBlocks:
    """The blocks of the composite step at *path*, while they run."""

    run_block: RunBody
    early_end: FindEarlyEnd
    journal: RunJournal
    blocks: Sequence[Block]
    path: str
    where: ExecutionScope
    unknown: OutcomeUnknown | None = None
    ends: dict[str, BlockResult] = field(default_factory=dict)

    async def run(self, max_parallel: int | None) -> tuple[StepResult, list[BlockResult]]:
        """Run them, at most *max_parallel* at a time, started in their order.

        Raises:
            Halted: an outer parallel block failed before all of these had begun or ended.
            OutcomeUnknown: the outcome of a write in one of them is not known.
        """
        halt = Halt(self.where.halt)
        if any(self._stops_others(block) for block in self.blocks):
            # An earlier process was finishing the blocks that had begun.
            halt.set()
        todo = iter(self.blocks)

        async def work() -> None:
            for block in todo:
                if not halt.is_set or self.journal.at(self._first_step(block)):
                    self.ends[block.name] = await self._one(block, halt)

        with raise_one_error():
            async with anyio.create_task_group() as tasks:
                for _ in range(min(max_parallel or len(self.blocks), len(self.blocks))):
                    tasks.start_soon(work)
        if self.unknown is not None:
            raise self.unknown
        ends = [self.ends.get(block.name) or BlockResult(block, None, {}) for block in self.blocks]
        return self._ending(ends), ends

    async def _one(self, block: Block, halt: Halt) -> BlockResult:
        where = replace(self.where, halt=halt, more={**self.where.more, **block.names})
        if block.own_scope:
            where = replace(where, scope=self.where.scope.inner(block.steps))
        try:
            ending = await self.run_block(block, self.path, where)
        except Halted:
            return BlockResult(block, None, _outputs_of(block, where))
        except OutcomeUnknown as error:
            self.unknown = self.unknown or error
            ending = StepResult(Outcome.UNKNOWN, str(error))
        if block.own_scope and ending.ends is not None:
            # `stop` and `skip` end the iteration only.
            skipped = ending.ends is BlockExit.SKIP and ending.outcome is not Outcome.WARNING
            outcome = Outcome.SKIPPED if skipped else ending.outcome
            ending = StepResult(outcome, ending.error, at=ending.at)
        if not ending.outcome.is_good or ending.ends is not None:
            halt.set()
        return BlockResult(block, ending, _outputs_of(block, where))

    def _ending(self, ends: Sequence[BlockResult]) -> StepResult:
        """Return the result of all blocks together; Raises: Halted."""
        endings = [(end.block, end.ending) for end in ends if end.ending is not None]
        failed = [(block, ending) for block, ending in endings if not ending.outcome.is_good]
        if failed:
            _, first = min(failed, key=lambda failure: self._when_failed(failure[0]))
            return first
        ended = next((ending for _, ending in endings if ending.ends is not None), None)
        if ended is not None:
            outcome = worst([ended.outcome, *(ending.outcome for _, ending in endings)])
            return replace(ended, outcome=outcome)
        if len(endings) < len(ends):
            raise Halted(self.where.halt.why(self._not_begun(ends)))
        outcomes = [ending.outcome for _, ending in endings]
        warned = Outcome.WARNING in outcomes
        return StepResult(Outcome.WARNING if warned else Outcome.SUCCEEDED)

    def _first_step(self, block: Block) -> str:
        return f"{self.path}/{block.name}/{block.steps[0].label(1)}"

    def _not_begun(self, ends: Sequence[BlockResult]) -> str:
        """Return the path of the first step of the first block that has not ended."""
        return next(self._first_step(end.block) for end in ends if end.ending is None)

    def _stops_others(self, block: Block) -> bool:
        """Whether a recorded step has ended the block so that no other block may begin."""
        stop = self.early_end(block, False)
        return stop is not None and not (block.own_scope and stop.is_good)

    def _when_failed(self, block: Block) -> tuple[bool, datetime]:
        """Return the sort key of a failed block.

        A block whose step would have been retried comes after all others.
        """
        stop = self.early_end(block, True)
        assert stop is not None, "a body fails with one of its steps"
        return self.early_end(block, False) is None, stop.at


def _outputs_of(block: Block, where: ExecutionScope) -> dict[str, dict[str, object]]:
    """Return the outputs of the steps of a block with a separate scope, by id."""
    if not block.own_scope:
        return {}
    return {
        one.step.id: dict(where.scope.steps[one.step.id])
        for one in walk(block.steps, shared=True)
        if one.step.id is not None
    }
