"""One attempt at one step: its identity, its values, its waits and its reads from Alma.

`alma_writes` sends the writes of an attempt, and `step_context` completes it to what a step kind is
given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import anyio

from almaflow import expressions
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import Directory
from almaflow.alma.errors import AlmaBusy, AlmaError, AlmaRefused, NotAccepted, ResponseLost
from almaflow.engine.alma_writes.own_submissions import OwnSubmissions
from almaflow.engine.history import RunHistory
from almaflow.engine.journal import RunJournal
from almaflow.engine.resources import Services
from almaflow.engine.retry import Retries, as_lost, never_answered, retry_delay, waiting_for
from almaflow.engine.scope import ExecutionScope
from almaflow.expressions import Budget, Parsed, parse_expression, parse_template
from almaflow.field_types import Condition, Expression, IdTemplate, Message, Template, TemplateText
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.redaction import show_placeholders
from almaflow.runs.events import EventKind
from almaflow.steps.result import StepResult
from almaflow.waiting import Waiting

T = TypeVar("T")

# A wait shorter than this is not worth a line in the log and a commit.
WORTH_LOGGING = timedelta(seconds=3)


@dataclass
class RunState:
    """What all attempts of one claimed run share."""

    services: Services
    journal: RunJournal
    history: RunHistory
    cancelled_by: str = ""
    """Who cancelled the run; empty while it is not cancelled."""

    def why_ended(self, where: ExecutionScope) -> StepResult | None:
        """Return the result of a step that a cancellation or a deadline ends; None for Ctrl-C."""
        if self.cancelled_by:
            return StepResult(Outcome.CANCELLED, f"Cancelled by {self.cancelled_by}.")
        limit = where.limits.expired()
        if limit is not None:
            return StepResult(Outcome.TIMED_OUT, f"The time limit of {limit.what} expired.")
        return None


@dataclass(kw_only=True)
class Attempt(OwnSubmissions):
    """One attempt at one step of a run."""

    state: RunState
    path: str
    number: int
    """The first attempt at a step is number 1."""
    now: datetime
    """The instant recorded with the attempt's begin; in the workflow's zone once it is made."""
    where: ExecutionScope
    outputs: dict[str, Any] = field(default_factory=dict)
    last_wait: str = ""
    """The text of the last wait, so that each is logged once."""
    unanswered: str = ""
    """Why the request under way has no result yet, as a clause; empty when none is."""
    waits: int = 0
    """How many waits the attempt has had in this process."""

    def __post_init__(self) -> None:
        self.services: Services = self.state.services
        self.journal: RunJournal = self.state.journal
        self.plan: Plan = self.where.plan
        self.now = self.now.astimezone(self.plan.zone)
        self.poll = self.plan.workflow.defaults.poll
        self.connection = self.services.institutions.connection(self.where.institution)
        self.clock = self.services.clock
        self.chance = self.services.chance
        self.institution = self.connection.name
        self.run_id = self.plan.run_id
        self.workflow_name = self.plan.name
        self.budget = Budget()
        """One budget for all expressions of the attempt, because the attempt may never pause
        between them.
        """
        self.directory = Directory(
            self.read, self.clock, self.connection.name, cache=self.connection.directory_cache
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
        text = expressions.render_text(self._parsed(template), self._names(), self.budget)
        # A cell of a table, or a copied id, brings spaces that no id has.
        return text.strip() if isinstance(template, IdTemplate) else text

    def message(self, message: Message, *, own: bool = False) -> str:
        rendered = expressions.render_message(self._parsed(message), self._names(own), self.budget)
        return str(show_placeholders(rendered))

    def _names(self, own: bool = False, *, by_alma: bool = False) -> dict[str, Any]:
        more = {**self.where.more, **self.outputs} if own else self.where.more
        ahead = self.connection.client.ahead if by_alma else timedelta()
        return self.where.names.at(self.now, self.where.scope, more, ahead=ahead)

    @staticmethod
    def _parsed(source: TemplateText) -> Parsed:
        return parse_template(source.text)

    # Alma

    async def read(self, call: AlmaRequest[T], *, poll: bool = False, again: bool = True) -> T:
        retries = Retries(self.clock.now())
        self.report_request(call)
        while True:
            if not poll:
                await self._wait_until_open()
            if not self.unanswered:
                self.unanswered = f"Alma at {self.institution} has not responded to {call.what}"
            try:
                result = await self.connection.client.send(call)
            except (NotAccepted, ResponseLost, AlmaRefused) as error:
                self.unanswered = ""
                passing = self._passing(error)
                if isinstance(passing, ResponseLost) and not again:
                    raise passing from error
                await self.wait_to_retry(passing, retries)
            else:
                self.connection.answered = True
                self.unanswered = ""
                if text := self.connection.half_is_used():
                    self.say(text)
                return result

    def _passing(
        self, error: NotAccepted | ResponseLost | AlmaRefused
    ) -> NotAccepted | ResponseLost:
        """Return *error* as a transient one; raise it when it is permanent.

        What is not recognisably Alma's counts as an outage if Alma has responded before, or if its
        status is a success.
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
        """Whether Alma has responded as Alma: to this process, or to an earlier one's write."""
        return self.connection.answered or self.state.history.has_reached(self.institution)

    async def ready(self) -> None:
        """Return when one more request may be sent.

        The rate of calls, the reserve of the day and the hours of maintenance allow it then.
        """
        await self._wait_until_open()
        await self.connection.client.ready()
        # After a restart, an expired deadline allows one poll but no new request.
        await self.where.limits.enforce(self.clock.now())

    async def _wait_until_open(self) -> None:
        """Wait while Alma is being maintained, or only the reserve of the day's calls is left."""
        while (closed := self.connection.closed(self.clock.now(), self.chance)) is not None:
            assert closed.until is not None
            await self.wait_until(closed.until, closed)

    def saves_calls(self) -> bool:
        return self.connection.saves_calls(self.clock.now())

    def reports_arrive(self) -> bool:
        return self.services.job_ends.arrive(self.connection.account)

    def may_send(self) -> bool:
        """Whether this process still has the right to act. Any thread may ask."""
        return self.services.lease.holds()

    def is_ending(self) -> bool:
        """Whether a cancellation or a deadline ends the step, unlike Ctrl-C."""
        return self.state.why_ended(self.where) is not None

    def report_request(self, call: AlmaRequest[Any]) -> None:
        """Report to listeners what is sent, with secrets as names."""
        request = show_placeholders(call.rendering())
        self.journal.report(EventKind.REQUEST, self.path, call.name, request=request)

    async def wait_to_retry(self, error: AlmaError, retries: Retries) -> None:
        """Count *error* and wait before the request is sent again.

        Raises *error* when the host has never responded as Alma does: it is probably the wrong one.
        """
        retries.failures += 1
        if error.messages or isinstance(error, AlmaBusy):
            # The response comes from Alma, even if it is an error.
            self.connection.answered = True
        if retries.are_hopeless(self.clock.now()) and not self._has_answered():
            raise never_answered(error, self.institution) from error
        wait = retry_delay(error, retries.failures, self.alma_time(self.clock.now()), self.chance)
        waiting = waiting_for(error, self.institution)
        self.unanswered = waiting.summary
        await self.sleep(wait, waiting)

    def alma_time(self, instant: datetime) -> datetime:
        return instant + self.connection.client.ahead

    def link(self, href: str) -> str:
        return self.connection.link(href)

    # Waits

    async def wait_until(
        self, instant: datetime, waiting: Waiting, detail: str = "", *, instance_id: str = ""
    ) -> bool:
        now = self.clock.now()
        if instant > now:
            await self.where.limits.enforce(now)
        if (bound := self.services.simulated_waits) is not None:
            instant = bound.next_look(self.path, self.waits, self.now, now, instant)
        self.waits += 1
        if instant - now >= WORTH_LOGGING:
            await self._report_wait(waiting.at(self.path, detail), until=instant.isoformat())
        try:
            if instance_id:
                account = self.connection.account
                return await self.services.job_ends.sleep_until(instant, account, instance_id)
            await self.clock.sleep_until(instant)
            return False
        finally:
            self.journal.clear_wait(self.path)

    async def wait_event(self, event: anyio.Event, waiting: Waiting) -> None:
        """Wait until *event* is set; *waiting* is shown meanwhile."""
        await self.where.limits.enforce(self.clock.now())
        if not event.is_set():
            await self._report_wait(waiting.at(self.path))
            try:
                await event.wait()
            finally:
                self.journal.clear_wait(self.path)

    async def sleep(self, duration: timedelta, waiting: Waiting) -> None:
        await self.wait_until(self.clock.now() + duration, waiting)

    async def _report_wait(self, waiting: Waiting, **data: Any) -> None:
        if waiting.summary != self.last_wait:
            value = replace(waiting, path="", detail="").to_json()
            self.journal.report(
                EventKind.WAITING, self.path, waiting.summary, waiting=value, **data
            )
            self.last_wait = waiting.summary
        await self.journal.waits(waiting)

    # The log

    def progress(
        self, text: str, percent: float | None = None, counters: Sequence[Mapping[str, str]] = ()
    ) -> None:
        counted = [dict(one) for one in counters]
        self.journal.report(EventKind.PROGRESS, self.path, text, percent=percent, counters=counted)

    def say(self, text: str, **data: str) -> None:
        self.journal.report(EventKind.SAID, self.path, str(show_placeholders(text)), **data)
