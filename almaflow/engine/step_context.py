"""The context that a step kind uses while it is performed (`steps.context.StepContext`).

The interpreter adds what composite kinds need: the blocks inside a step, and called workflows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import anyio

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.evidence import Trace
from almaflow.alma.wire import JobParameter
from almaflow.engine.alma_writes import submission
from almaflow.engine.alma_writes.adoption import sent_since
from almaflow.engine.external_access import ExternalAccess
from almaflow.expressions.serialization import decode, encode
from almaflow.late_dataclasses import dataclass
from almaflow.runs.job_durations import LONGEST_LEARNED
from almaflow.steps.context import Reply, Submission
from almaflow.store import EntryState
from almaflow.task_groups import raise_one_error
from almaflow.waiting import Waiting, WaitingKind

T = TypeVar("T")


@dataclass(kw_only=True)
class AttemptContext(ExternalAccess):
    """One attempt at one step, with everything that a step without blocks may use."""

    learned: dict[str, Any] | None = None
    """The duration of a job that the attempt observed; recorded with its end."""

    # Alma

    async def write(
        self,
        effect: str,
        call: AlmaRequest[T],
        *,
        trace: Trace | None = None,
        repeatable: bool = False,
    ) -> T:
        await self._verify_identity()
        return await submission.write(self, effect, call, trace=trace, repeatable=repeatable)

    async def submit(
        self, job_id: str, job_name: str, make: Callable[[str], Sequence[JobParameter]]
    ) -> Submission:
        await self._verify_identity()
        entry = await submission.submit(self, job_id, job_name, make)
        at = datetime.fromisoformat(entry.value["sent_at"]).astimezone(self.plan.zone)
        return Submission(entry.value["result"], at)

    async def _verify_identity(self) -> None:
        """Check, before the first write, that the key belongs to the configured institution."""
        if not (self.connection.environment or self.connection.code):
            return
        async with self.connection.proving:
            if not self.connection.proven:
                self.connection.verify_identity(await self.read(calls.general()))

    def earlier(self, effect: str) -> Any:
        for attempt in range(self.number - 1, 0, -1):
            entry = self.journal.get(self.path, attempt, effect)
            if entry is not None and entry.state is EntryState.DONE:
                return entry.value["result"]
        return None

    # The record

    def lost_earlier(self, effect: str) -> datetime | None:
        entries = [self.journal.get(self.path, number, effect) for number in range(1, self.number)]
        ahead = self.connection.client.ahead
        return min(
            (
                # The time of the first sending counts, but the value has the time of the last.
                sent_since(entry.value | {"sent_at": entry.created_at.isoformat()}, ahead)
                for entry in entries
                if entry is not None and entry.value.get("lost")
            ),
            default=None,
        )

    async def once(self, effect: str, make: Callable[[], Awaitable[T]], *, kept: bool = False) -> T:
        entry = self.journal.get(self.path, self.number, effect)
        if entry is None and kept and self.state.history.keeps_inner_work(self.path):
            earlier = (self.journal.get(self.path, n, effect) for n in range(self.number))
            entry = next(filter(None, reversed(list(earlier))), None)
        if entry is None:
            entry = await self.journal.record(
                self.path, self.number, effect, EntryState.DONE, value=encode(await make())
            )
        value: T = decode(entry.value, self.plan.zone)
        return value

    def expected_duration(self, job_id: str) -> timedelta | None:
        return self.services.durations.expected(self.connection.account, job_id)

    def learn_duration(self, job_id: str, duration: timedelta) -> None:
        if not timedelta() <= duration <= LONGEST_LEARNED:
            return
        self.learned = {
            "institution": self.connection.account,
            "job_id": job_id,
            "seconds": duration.total_seconds(),
        }
        self.services.durations.learn(self.learned)

    # People

    async def answer(self, kind: Literal["approve"], question: str) -> Reply:
        people = self.services.people
        waiting = Waiting(WaitingKind.PERSON, question)

        async def ask() -> dict[str, Any]:
            before = await self.once("asked", self._last_answer)
            open_question = await people.expect(self.run_id, self.path, kind, before["after"])
            try:
                with raise_one_error():
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(people.ask_here, open_question, question, self.clock.now())
                        if self.where.limits.passed(self.clock.now()):
                            # A person may have replied while no process executed the run.
                            await people.read_replies()
                        if not open_question.replied.is_set():
                            await self.wait_event(open_question.replied, waiting)
                        tasks.cancel_scope.cancel()
            finally:
                people.forget(open_question)
            assert open_question.answer is not None
            reply = open_question.answer
            return {"by": reply.by, "at": reply.at, "value": dict(reply.value)}

        recorded = await self.once("answer", ask)
        return Reply(recorded["by"], recorded["at"], recorded["value"])

    async def _last_answer(self) -> dict[str, Any]:
        return {"after": await self.services.people.last_answer(self.run_id)}
