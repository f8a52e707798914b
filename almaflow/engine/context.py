"""What the engine offers to one attempt at one step: `steps.base.StepContext`, made real."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from almaflow.alma import calls
from almaflow.alma.calls import Call
from almaflow.alma.directory import Directory
from almaflow.alma.errors import AlmaError, AlmaRefused, AlmaUnreachable, AnswerLost, NotTaken
from almaflow.clock import Clock
from almaflow.engine import submission
from almaflow.engine.durations import Durations
from almaflow.engine.institutions import Door
from almaflow.engine.journal import RunJournal
from almaflow.engine.limits import Limits
from almaflow.engine.names import Names, Scope
from almaflow.engine.patience import NEVER_ANSWERED, pause, reason
from almaflow.engine.telling import Told
from almaflow.errors import RequestWrong
from almaflow.expressions import (
    Parsed,
    evaluate,
    evaluate_condition,
    parse_expression,
    parse_template,
    render,
    render_message,
    render_text,
)
from almaflow.expressions.encoding import decode, encode
from almaflow.fields import Condition, Expression, Message, Source, Template
from almaflow.masking import show_placeholders
from almaflow.outcome import Status
from almaflow.plan import Plan
from almaflow.settings import path_inside
from almaflow.steps.base import Body, PollSettings, StepBase
from almaflow.steps.endings import Ending, StepFailed
from almaflow.store import EntryState

T = TypeVar("T")

# A wait shorter than this is not worth a line in the log and a commit.
WORTH_TELLING = timedelta(seconds=3)


@dataclass(frozen=True)
class Where:
    """Where in a run a list of steps stands: what its steps see and what bounds them."""

    scope: Scope
    limits: Limits
    institution: str


class RunAround(Protocol):
    """What an attempt needs of the run it is part of; `interpreter.py` makes it real."""

    durations: Durations

    async def run_list(self, steps: Sequence[StepBase], prefix: str, where: Where) -> Ending:
        """Run steps in order until one ends what stands around it."""
        ...

    def jobs_on(self, set_id: str) -> list[tuple[str, str | None]]:
        """Return (job id, instance id) of what this run submitted with *set_id*."""
        ...

    def heard_from(self, institution: str) -> bool:
        """Whether Alma has answered a write of this run, perhaps to an earlier process."""
        ...


@dataclass
class Context:
    """One attempt at one step."""

    run: RunAround
    plan: Plan
    journal: RunJournal
    names: Names
    clock: Clock
    door: Door
    chance: random.Random
    path: str
    attempt: int
    now: datetime
    poll: PollSettings
    where: Where
    limits: Limits
    outputs: dict[str, Any] = field(default_factory=dict)
    waiting_for: str = ""
    """The reason of the last wait, so that each is logged once."""
    learned: dict[str, Any] | None = None
    """What the attempt taught about a job's duration; recorded with its end."""

    def __post_init__(self) -> None:
        self.institution = self.door.name
        self.run_id = self.plan.run_id
        self.workflow_name = self.plan.name
        self.directory = Directory(self.read, self.clock, self.door.name, kept=self.door.kept)

    # Expressions

    def evaluate(self, expression: Expression) -> Any:
        return evaluate(parse_expression(expression.text), self._names())

    def holds(self, condition: Condition, *, own: bool = False) -> bool:
        return evaluate_condition(parse_expression(condition.text), self._names(own))

    def value(self, template: Template) -> Any:
        return render(self._parsed(template), self._names())

    def text(self, template: Template) -> str:
        return render_text(self._parsed(template), self._names())

    def message(self, message: Message, *, own: bool = False) -> str:
        rendered = render_message(self._parsed(message), self._names(own))
        return str(show_placeholders(rendered))

    def _names(self, own: bool = False) -> dict[str, Any]:
        return self.names.at(self.now, self.where.scope, self.outputs if own else None)

    @staticmethod
    def _parsed(source: Source) -> Parsed:
        return parse_template(source.text)

    # Alma

    async def read(self, call: Call[T], *, again: bool = True) -> T:
        since = self.clock.now()
        tries = 0
        self.tell_request(call)
        while True:
            try:
                answer = await self.door.client.send(call)
            except (NotTaken, AnswerLost) as error:
                if isinstance(error, AnswerLost) and not again:
                    raise
                tries += 1
                await self.be_patient(error, tries, since)
            except AlmaRefused:
                self.door.answered = True
                raise
            else:
                self.door.answered = True
                return answer

    async def write(self, effect: str, call: Call[T], *, repeatable: bool = False) -> T:
        if not self.door.proven and (self.door.environment or self.door.code):
            self.door.prove(await self.read(calls.general()))
        return await submission.write(self, effect, call, repeatable=repeatable)

    def tell_request(self, call: Call[Any]) -> None:
        """Tell onlookers what is sent, secrets as names."""
        request = show_placeholders(call.rendering())
        self.journal.tell(Told.REQUEST, self.path, call.name, request=request)

    async def be_patient(self, error: AlmaError, tries: int, since: datetime) -> None:
        if not isinstance(error, AlmaUnreachable):
            self.door.answered = True
        answered = self.door.answered or self.run.heard_from(self.institution)
        if not answered and self.clock.now() - since >= NEVER_ANSWERED:
            raise error
        wait = pause(error, tries, self.clock.now(), self.chance)
        await self.sleep(wait, reason(error, self.institution))

    def earlier(self, effect: str) -> Any:
        for attempt in range(self.attempt - 1, 0, -1):
            entry = self.journal.get(self.path, attempt, effect)
            if entry is not None and entry.state is EntryState.DONE:
                return entry.value["result"]
        return None

    def sent_at(self, effect: str) -> datetime:
        entry = self.journal.get(self.path, self.attempt, effect)
        assert entry is not None, f"{effect} was not sent"
        sent_at = datetime.fromisoformat(entry.value["sent_at"])
        return sent_at.astimezone(self.plan.zone)

    async def jobs_on(self, set_id: str) -> list[tuple[str, str | None]]:
        return self.run.jobs_on(set_id)

    def job_name_marker(self, effect: str) -> str:
        told = "\0".join((self.run_id, self.path, str(self.attempt), effect))
        return f" [af-{hashlib.sha256(told.encode()).hexdigest()[:10]}]"

    def link(self, href: str) -> str:
        return self.door.link(href)

    # The record

    async def once(self, effect: str, make: Callable[[], Awaitable[Any]]) -> Any:
        entry = self.journal.get(self.path, self.attempt, effect)
        if entry is None:
            entry = await self.journal.record(
                self.path, self.attempt, effect, EntryState.DONE, value=encode(await make())
            )
        return decode(entry.value, self.plan.zone)

    def expected_duration(self, job_id: str) -> timedelta | None:
        return self.run.durations.expected(self.institution, job_id)

    def learn_duration(self, job_id: str, duration: timedelta) -> None:
        self.learned = {
            "institution": self.institution,
            "job_id": job_id,
            "seconds": duration.total_seconds(),
        }
        self.run.durations.learn(self.learned)

    # Time and people

    async def wait_until(self, instant: datetime, reason: str, detail: str = "") -> None:
        now = self.clock.now()
        if instant > now:
            await self.limits.enforce(now)
        if instant - now >= WORTH_TELLING:
            if reason != self.waiting_for:
                self.journal.tell(Told.WAITING, self.path, reason, until=instant.isoformat())
                self.waiting_for = reason
            shown = f"{self.path}: {reason}" + (detail and f", {detail}")
            await self.journal.set_status(Status.WAITING, shown)
            await self.journal.flush()
        await self.clock.sleep_until(instant)

    async def sleep(self, duration: timedelta, reason: str) -> None:
        await self.wait_until(self.clock.now() + duration, reason)

    def progress(
        self,
        text: str,
        percent: float | None = None,
        counters: Sequence[Mapping[str, str]] = (),
    ) -> None:
        counted = [dict(one) for one in counters]
        self.journal.tell(Told.PROGRESS, self.path, text, percent=percent, counters=counted)

    def say(self, text: str) -> None:
        self.journal.tell(Told.SAID, self.path, str(show_placeholders(text)))

    async def notify(self, channel: str, message: str) -> str:
        self.journal.tell(Told.NOTICE, self.path, message, to=channel)
        return ""

    # Files

    def payload(self, name: str) -> str:
        try:
            return str(self.plan.definition["payloads"][name])
        except KeyError:
            raise StepFailed(f"The payload {name} was not recorded with the run.") from None

    def read_file(self, name: str) -> str:
        folder = Path(self.plan.definition["folder"])
        try:
            path = path_inside(Path(self.plan.definition["root"]), name, beside=folder)
            return path.read_text(encoding="utf-8-sig")
        except RequestWrong as error:
            raise StepFailed(str(error)) from error
        except UnicodeDecodeError as error:
            raise StepFailed(f"{name} is not UTF-8 text ({error.reason}).") from error
        except OSError as error:
            raise StepFailed(f"{name} cannot be read: {error.strerror}.") from error

    # Bodies

    async def run_body(self, body: Body) -> Ending:
        inside = replace(self.where, limits=self.limits, institution=self.institution)
        return await self.run.run_list(body.steps, f"{self.path}/{body.name}/", inside)
