"""What the engine offers to one attempt at one step: `steps.context.StepContext`, made real."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

import anyio

from almaflow import expressions
from almaflow.alma import calls
from almaflow.alma.calls import Call
from almaflow.alma.directory import Directory
from almaflow.alma.errors import AlmaBusy, AlmaError, AlmaRefused, NotAccepted, ResponseLost
from almaflow.alma.evidence import Trace
from almaflow.alma.wire import JobParameter
from almaflow.engine.alma_writes import submission
from almaflow.engine.alma_writes.adoption import sent_since
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.engine.alma_writes.own_submissions import OwnSubmissions
from almaflow.engine.external_access import ExternalAccess
from almaflow.engine.journal import RunJournal
from almaflow.engine.resources import Services
from almaflow.engine.retry import (
    NEVER_ANSWERED,
    as_lost,
    never_answered,
    pause,
    waiting_for,
)
from almaflow.engine.scope import Where
from almaflow.expressions import Budget, Parsed, parse_expression, parse_template
from almaflow.expressions.serialization import decode, encode
from almaflow.field_types import Condition, Expression, Message, Source, Template
from almaflow.plan import Plan
from almaflow.redaction import show_placeholders
from almaflow.runs.events import EventKind
from almaflow.runs.job_durations import LONGEST_LEARNED
from almaflow.steps.base import Body, BodyEnd, PollSettings
from almaflow.steps.context import Reply, Submission
from almaflow.steps.result import Ending
from almaflow.store import EntryState
from almaflow.task_groups import alone
from almaflow.waiting import Waiting, WaitingKind

T = TypeVar("T")

# A wait shorter than this is not worth a line in the log and a commit.
WORTH_TELLING = timedelta(seconds=3)


class RunAround(Protocol):
    """What an attempt needs of the run it is part of; `interpreter.py` makes it real."""

    async def run_body(self, body: Body, path: str, where: Where) -> Ending:
        """Run the steps of a body in order."""
        ...

    async def run_bodies(
        self, bodies: Sequence[Body], path: str, where: Where, max_parallel: int | None
    ) -> tuple[Ending, list[BodyEnd]]:
        """Run blocks in parallel."""
        ...

    async def call_workflow(
        self, name: str, inputs: Mapping[str, Any], context: Context
    ) -> tuple[Ending, Mapping[str, Any]]:
        """Run another workflow as part of the run, for the step of *context*."""
        ...

    def keeps_inside(self, path: str) -> bool:
        """Whether a new attempt at the run keeps something that was done inside a step."""
        ...

    def heard_from(self, institution: str) -> bool:
        """Whether a write of this run has reached Alma, perhaps an earlier process's."""
        ...

    def why_ended(self, where: Where) -> Ending | None:
        """Return how a step ends that is cancelled from outside; None for Ctrl-C."""
        ...


@dataclass
class Context(ExternalAccess, OwnSubmissions):
    """One attempt at one step."""

    run: RunAround
    services: Services
    journal: RunJournal
    connection: InstitutionConnection
    path: str
    attempt: int
    now: datetime
    poll: PollSettings
    where: Where
    outputs: dict[str, Any] = field(default_factory=dict)
    last_wait: str = ""
    """The text of the last wait, so that each is logged once."""
    waits: int = 0  # of this attempt, in this process
    learned: dict[str, Any] | None = None
    """What the attempt taught about a job's duration; recorded with its end."""

    def __post_init__(self) -> None:
        self.plan: Plan = self.where.plan
        self.clock = self.services.clock
        self.chance = self.services.chance
        self.admission = self.services.admission
        self.institution = self.connection.name
        self.run_id = self.plan.run_id
        self.workflow_name = self.plan.name
        self.budget = Budget()
        """For all expressions of the attempt, between which it may never pause."""
        self.directory = Directory(
            self.read, self.clock, self.connection.name, kept=self.connection.kept
        )

    # Expressions

    def evaluate(self, expression: Expression, *, by_alma: bool = False) -> Any:
        return expressions.evaluate(
            parse_expression(expression.text), self._names(by_alma=by_alma), self.budget
        )

    def holds(self, condition: Condition, *, own: bool = False) -> bool:
        parsed = parse_expression(condition.text)
        return expressions.evaluate_condition(parsed, self._names(own), self.budget)

    def value(self, template: Template, *, by_alma: bool = False) -> Any:
        return expressions.render(self._parsed(template), self._names(by_alma=by_alma), self.budget)

    def text(self, template: Template) -> str:
        return expressions.render_text(self._parsed(template), self._names(), self.budget)

    def message(self, message: Message, *, own: bool = False) -> str:
        rendered = expressions.render_message(self._parsed(message), self._names(own), self.budget)
        return str(show_placeholders(rendered))

    def _names(self, own: bool = False, *, by_alma: bool = False) -> dict[str, Any]:
        more = {**self.where.more, **self.outputs} if own else self.where.more
        ahead = self.connection.client.ahead if by_alma else timedelta()
        return self.where.names.at(self.now, self.where.scope, more, ahead=ahead)

    @staticmethod
    def _parsed(source: Source) -> Parsed:
        return parse_template(source.text)

    # Alma

    async def read(self, call: Call[T], *, poll: bool = False, again: bool = True) -> T:
        since = self.clock.now()
        tries = 0
        self.tell_request(call)
        while True:
            if not poll:
                await self._wait_until_open()
            try:
                answer = await self.connection.client.send(call)
            except (NotAccepted, ResponseLost, AlmaRefused) as error:
                passing = self._passing(error)
                if isinstance(passing, ResponseLost) and not again:
                    raise passing from error
                tries += 1
                await self.be_patient(passing, tries, since)
            else:
                self.connection.answered = True
                if text := self.connection.half_is_gone():
                    self.say(text)
                return answer

    def _passing(
        self, error: NotAccepted | ResponseLost | AlmaRefused
    ) -> NotAccepted | ResponseLost:
        """Return *error* as one that may pass; raises it when it will not.

        A web page or a redirection is an outage where Alma has answered before; with a status of
        success it may be one anywhere.
        """
        if not isinstance(error, AlmaRefused):
            return error
        if not error.foreign:
            self.connection.answered = True
            raise error
        is_success = error.http_status is not None and error.http_status < 300
        if not (is_success or self._has_answered()):
            raise error
        return as_lost(error)

    def _has_answered(self) -> bool:
        """Whether Alma has answered as Alma: to this process, or to an earlier one's write."""
        return self.connection.answered or self.run.heard_from(self.institution)

    async def write(
        self, effect: str, call: Call[T], *, trace: Trace | None = None, repeatable: bool = False
    ) -> T:
        await self._prove()
        return await submission.write(self, effect, call, trace=trace, repeatable=repeatable)

    async def submit(
        self, job_id: str, job_name: str, make: Callable[[str], Sequence[JobParameter]]
    ) -> Submission:
        await self._prove()
        entry = await submission.submit(self, job_id, job_name, make)
        at = datetime.fromisoformat(entry.value["sent_at"]).astimezone(self.plan.zone)
        return Submission(entry.value["result"], at)

    async def _prove(self) -> None:
        """See to it that Alma is the institution that is meant, before the first write."""
        if not (self.connection.environment or self.connection.code):
            return
        async with self.connection.proving:
            if not self.connection.proven:
                self.connection.prove(await self.read(calls.general()))

    async def ready(self) -> None:
        await self._wait_until_open()
        await self.connection.client.ready()
        # After a restart an expired time allows one poll, and nothing new.
        await self.where.limits.enforce(self.clock.now())

    async def _wait_until_open(self) -> None:
        """Wait while Alma is being maintained, or only the reserve of the day's calls is left."""
        while (closed := self.connection.closed(self.clock.now(), self.chance)) is not None:
            assert closed.until is not None
            await self.wait_until(closed.until, closed)

    def is_sparing(self) -> bool:
        return self.connection.is_sparing(self.clock.now())

    def may_leave(self) -> bool:
        return self.services.lease.holds()

    def is_ending(self) -> bool:
        return self.run.why_ended(self.where) is not None

    def tell_request(self, call: Call[Any]) -> None:
        """Tell onlookers what is sent, secrets as names."""
        request = show_placeholders(call.rendering())
        self.journal.tell(EventKind.REQUEST, self.path, call.name, request=request)

    async def be_patient(self, error: AlmaError, tries: int, since: datetime) -> None:
        if error.messages or isinstance(error, AlmaBusy):
            # Alma's own words, even when they are of no use.
            self.connection.answered = True
        is_up = tries > 1 and self.clock.now() - since >= NEVER_ANSWERED
        if is_up and not self._has_answered():
            raise never_answered(error, self.institution) from error
        wait = pause(error, tries, self.alma_time(self.clock.now()), self.chance)
        await self.sleep(wait, waiting_for(error, self.institution))

    def earlier(self, effect: str) -> Any:
        for attempt in range(self.attempt - 1, 0, -1):
            entry = self.journal.get(self.path, attempt, effect)
            if entry is not None and entry.state is EntryState.DONE:
                return entry.value["result"]
        return None

    def alma_time(self, instant: datetime) -> datetime:
        return instant + self.connection.client.ahead

    def link(self, href: str) -> str:
        return self.connection.link(href)

    # The record

    def lost_earlier(self, effect: str) -> datetime | None:
        entries = [self.journal.get(self.path, number, effect) for number in range(1, self.attempt)]
        ahead = self.connection.client.ahead
        return min(
            (
                # The first sending counts; the value has the last one's instant.
                sent_since(entry.value | {"sent_at": entry.created_at.isoformat()}, ahead)
                for entry in entries
                if entry is not None and entry.value.get("lost")
            ),
            default=None,
        )

    async def once(
        self, effect: str, make: Callable[[], Awaitable[Any]], *, kept: bool = False
    ) -> Any:
        entry = self.journal.get(self.path, self.attempt, effect)
        if entry is None and kept and self.run.keeps_inside(self.path):
            earlier = (self.journal.get(self.path, n, effect) for n in range(self.attempt))
            entry = next(filter(None, reversed(list(earlier))), None)
        if entry is None:
            entry = await self.journal.record(
                self.path, self.attempt, effect, EntryState.DONE, value=encode(await make())
            )
        return decode(entry.value, self.plan.zone)

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

    # Time and people

    async def wait_until(self, instant: datetime, waiting: Waiting, detail: str = "") -> None:
        now = self.clock.now()
        if instant > now:
            await self.where.limits.enforce(now)
        if (bound := self.services.simulated_waits) is not None:
            instant = bound.next_look(self.path, self.waits, self.now, now, instant)
        self.waits += 1
        if instant - now >= WORTH_TELLING:
            await self._tell_wait(waiting.at(self.path, detail), until=instant.isoformat())
        try:
            await self.clock.sleep_until(instant)
        finally:
            self.journal.goes_on(self.path)

    async def wait_event(self, event: anyio.Event, waiting: Waiting) -> None:
        await self.where.limits.enforce(self.clock.now())
        if not event.is_set():
            await self._tell_wait(waiting.at(self.path))
            try:
                await event.wait()
            finally:
                self.journal.goes_on(self.path)

    async def _tell_wait(self, waiting: Waiting, **data: Any) -> None:
        if waiting.summary != self.last_wait:
            value = replace(waiting, path="", detail="").to_json()
            self.journal.tell(EventKind.WAITING, self.path, waiting.summary, waiting=value, **data)
            self.last_wait = waiting.summary
        await self.journal.waits(waiting)

    async def answer(self, kind: Literal["approve"], question: str) -> Reply:
        people = self.services.people
        waiting = Waiting(WaitingKind.PERSON, question)

        async def ask() -> dict[str, Any]:
            asked = await self.once("asked", self._last_answer)
            asked_of = await people.expect(self.run_id, self.path, kind, asked["after"])
            try:
                with alone():
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(people.ask_here, asked_of, question, self.clock.now())
                        if self.where.limits.passed(self.clock.now()):
                            # A person may have replied while no process executed the run.
                            await people.hear()
                        if not asked_of.given.is_set():
                            await self.wait_event(asked_of.given, waiting)
                        tasks.cancel_scope.cancel()
            finally:
                people.forget(asked_of)
            assert asked_of.answer is not None
            reply = asked_of.answer
            return {"by": reply.by, "at": reply.at, "value": dict(reply.value)}

        recorded = await self.once("answer", ask)
        return Reply(recorded["by"], recorded["at"], recorded["value"])

    async def _last_answer(self) -> dict[str, Any]:
        return {"after": await self.services.people.last_answer(self.run_id)}

    async def sleep(self, duration: timedelta, waiting: Waiting) -> None:
        await self.wait_until(self.clock.now() + duration, waiting)

    def progress(
        self,
        text: str,
        percent: float | None = None,
        counters: Sequence[Mapping[str, str]] = (),
    ) -> None:
        counted = [dict(one) for one in counters]
        self.journal.tell(EventKind.PROGRESS, self.path, text, percent=percent, counters=counted)

    def say(self, text: str) -> None:
        self.journal.tell(EventKind.SAID, self.path, str(show_placeholders(text)))

    # Bodies

    async def run_body(self, body: Body) -> Ending:
        return await self.run.run_body(body, self.path, self._inside())

    async def run_bodies(
        self, bodies: Sequence[Body], max_parallel: int | None = None
    ) -> tuple[Ending, list[BodyEnd]]:
        return await self.run.run_bodies(bodies, self.path, self._inside(), max_parallel)

    async def call_workflow(
        self, name: str, inputs: Mapping[str, Any]
    ) -> tuple[Ending, Mapping[str, Any]]:
        return await self.run.call_workflow(name, inputs, self)

    def _inside(self) -> Where:
        return replace(self.where, institution=self.institution)
