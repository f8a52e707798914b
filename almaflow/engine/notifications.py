"""Notices to people: what a run's end is told in, and how a notice gets to its channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import anyio

from almaflow.connectors.errors import NotNow
from almaflow.engine.journal import RunJournal
from almaflow.engine.resources import Services
from almaflow.errors import AlmaflowError
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.runs.events import Told
from almaflow.settings.project import LOG_CHANNEL
from almaflow.steps.result import Ending
from almaflow.store import EntryState
from almaflow.thread_pool import ThreadPool
from almaflow.waiting import Waiting, WaitingKind

# The waits after attempts that failed: about a minute in all, with the attempts themselves.
WAITS = (timedelta(seconds=5), timedelta(seconds=15))

# Seconds for one attempt; what hangs longer may still arrive, and then arrives twice.
_ATTEMPT = 20.0

# So many cancelled runs before one are passed over to see how the workflow went before.
_PASSED_OVER = 20

# Channels that hang must not keep a thread from whoever fetches files.
_threads = ThreadPool("notices", 4)

Pause = Callable[[timedelta, Waiting], Awaitable[None]]
"""Waits; the value says for what."""


async def deliver(services: Services, pause: Pause, channel: str, title: str, text: str) -> str:
    """Send a notice, a few times when it does not get there.

    Returns why it was not delivered, a sentence; empty when it was.
    """
    reason = ""
    for wait in (*WAITS, None):
        try:
            with anyio.fail_after(_ATTEMPT):
                await _threads.run(services.outside.send_notice, channel, title, text)
        except TimeoutError:
            reason = f"The channel `{channel}` did not answer within {_ATTEMPT:g} seconds."
        except NotNow as error:
            reason = str(error)
        except AlmaflowError as error:
            return str(error)
        else:
            return ""
        if wait is not None:
            again = f"the notice is sent again ({reason.rstrip('.')})"
            await pause(wait, Waiting(WaitingKind.OTHER, again))
    return reason


class RunNotices:
    """The notices about how a run ended, each sent at least once."""

    def __init__(
        self, plan: Plan, journal: RunJournal, services: Services, path: str, attempt: int
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._services = services
        self._path = path
        self._attempt = attempt

    async def send(self, ending: Ending) -> None:
        """Tell whoever wants to hear of it; what does not get there is in the log."""
        asked = self._plan.workflow.notify
        before = ""
        if any("recovered" in notice.on for notice in asked):
            before = await self._recovered_from(ending.outcome)
        events = events_of(ending.outcome) | ({"recovered"} if before else set())
        for number, notice in enumerate(asked, start=1):
            key = (self._path, self._attempt, f"notice-{number}")
            if not events & set(notice.on):
                continue
            if self._journal.get(*key) is not None:
                continue
            after = before if "recovered" in notice.on else ""
            said = f"{self._plan.name} ended as {ending.outcome}. {after}{ending.error}".strip()
            self._journal.tell(Told.NOTICE, text=said, to=notice.to)
            undelivered = ""
            if notice.to != LOG_CHANNEL:
                undelivered = await self._send(notice.to, ending, after)
            if undelivered:
                self._journal.tell(Told.SAID, text=f"A notice was not delivered: {undelivered}")
            value = {"undelivered": undelivered}
            await self._journal.record(*key, EntryState.DONE, value=value)

    async def _recovered_from(self, outcome: Outcome) -> str:
        """Return a sentence about the bad end before a good one; empty when there is nothing.

        That is the end of the attempt at this run before, else of the workflow's run before. Those
        that were cancelled are passed over: that tells nothing about how it goes.
        """
        if not outcome.is_good:
            return ""
        body = self._journal.get(self._path, self._attempt - 1, "body")
        if body is not None and _is_failure(Outcome(body.value["outcome"])):
            return f"Its attempt before {_ENDED[Outcome(body.value['outcome'])]}. "
        runs = await self._services.writer.call(
            self._services.store.runs_before, self._plan.name, self._plan.run_id, _PASSED_OVER
        )
        last = next((run for run in runs if run.outcome is not Outcome.CANCELLED), None)
        if last is None or last.outcome is None or not _is_failure(last.outcome):
            return ""
        return f"The run before, {last.id}, {_ENDED[last.outcome]}. "

    async def _send(self, channel: str, ending: Ending, after: str) -> str:
        title, text = self._told(ending, after)
        masked = self._journal.masked
        return await deliver(self._services, self._pause, channel, masked(title), masked(text))

    async def _pause(self, duration: timedelta, waiting: Waiting) -> None:
        await self._services.clock.sleep_until(self._services.clock.now() + duration)

    def _told(self, ending: Ending, after: str) -> tuple[str, str]:
        """Return title and text: what happened, where to look, what to do.

        *after* is a sentence about the bad end that it has recovered from; empty for none.
        """
        plan = self._plan
        ended = _ENDED[ending.outcome] + (" and has recovered" if after else "")
        link = link_of(self._journal, ending.outcome)
        paragraphs = [
            f"{plan.name} {ended} at {plan.institution}. {after}".strip(),
            ending.error,
            f"What happened: almaflow show {plan.run_id}",
            f"In Alma: {link}" if link else "",
            _NEXT[ending.outcome].format(run=plan.run_id),
        ]
        title = f"almaflow: {plan.name} {ended} ({plan.institution})"
        return title, "\n\n".join(filter(None, paragraphs))


def events_of(outcome: Outcome) -> set[str]:
    """Return the events that the end of a run is, as `notify` names them."""
    failed = {"failed"} if outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN) else set()
    return {outcome.value} | failed


def _is_failure(outcome: Outcome) -> bool:
    """Whether an end is one that people call failed."""
    return "failed" in events_of(outcome)


def link_of(journal: RunJournal, outcome: Outcome) -> str:
    """Return Alma's address for the run that a notice is about; empty when there is none.

    After a good end that is the last job's, else the last that did not end well.
    """
    ends = [entry.value for entry in journal.entries() if entry.effect == "end" and entry.path]
    bad = [
        end for end in ends if Outcome(end["outcome"]) not in (Outcome.SUCCEEDED, Outcome.SKIPPED)
    ]
    if outcome is not Outcome.SUCCEEDED and bad:
        ends = bad
    return _last(str(end["facts"].get("link", "")) for end in ends)


def _last(links: Iterable[str]) -> str:
    return next((link for link in reversed(list(links)) if link), "")


_ENDED = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.SKIPPED: "had nothing to do",
    Outcome.WARNING: "ended with a warning",
    Outcome.FAILED: "failed",
    Outcome.TIMED_OUT: "timed out",
    Outcome.CANCELLED: "was cancelled",
    Outcome.UNKNOWN: "ended, and nobody can tell how",
}
"""How runs end, as people say it."""

_NEXT = {
    Outcome.SUCCEEDED: "There is nothing to do.",
    Outcome.SKIPPED: "There is nothing to do.",
    Outcome.WARNING: "Look whether something has to be done by hand; nothing goes on by itself.",
    Outcome.FAILED: "Correct what is said above; then `almaflow retry {run}` goes on with the step "
    "that failed.",
    Outcome.TIMED_OUT: "A job that was started may go on in Alma: look there first. `almaflow "
    "retry {run}` goes on with the step whose time was up.",
    Outcome.CANCELLED: "A job that was started may go on in Alma; nothing else goes on.",
    Outcome.UNKNOWN: "Look in Alma what came of the job, before anything of this is started again.",
}
"""What is to be done after a run."""
