"""Notifications about the end of a run; `outbox` delivers them to their channels."""

from __future__ import annotations

from almaflow.engine.journal import RunJournal
from almaflow.engine.resources import Services
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.runs.events import EventKind
from almaflow.settings.project import LOG_CHANNEL
from almaflow.steps.result import StepResult
from almaflow.store import NewNotification

TRIED_LATER = (
    "almaflow keeps it, and tries again for a day whenever `almaflow serve` or a run is active."
)
"""What happens to a notification that is not delivered yet, for people."""

# The largest number of cancelled runs to skip when the previous outcome is searched for.
_PASSED_OVER = 20


class RunNotifications:
    """Makes the notifications about the end of a run, for the outbox."""

    def __init__(
        self, plan: Plan, journal: RunJournal, services: Services, path: str, attempt: int
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._services = services
        self._path = path
        self._attempt = attempt

    async def about(self, ending: StepResult) -> list[NewNotification]:
        """Return the notification for each channel that is subscribed, and log them all."""
        rules = self._plan.workflow.notify
        before = ""
        if any("recovered" in notice.on for notice in rules):
            before = await self._recovered_from(ending.outcome)
        events = events_of(ending.outcome) | ({"recovered"} if before else set())
        channels: dict[str, set[str]] = {}
        for notice in rules:
            if events & set(notice.on):
                channels.setdefault(notice.to, set()).update(notice.on)
        for channel, on in channels.items():
            after = before if "recovered" in on else ""
            text = f"{self._plan.name} ended as {ending.outcome}. {after}{ending.error}".strip()
            self._journal.report(EventKind.NOTICE, text=text, to=channel)
        return [
            self._notice(channel, ending, before if "recovered" in on else "")
            for channel, on in channels.items()
            if channel != LOG_CHANNEL
        ]

    def _notice(self, channel: str, ending: StepResult, after: str) -> NewNotification:
        title, text = self._compose(ending, after)
        notice = NewNotification(
            key=f"ended/{self._plan.run_id}/{self._attempt}",
            event=ending.outcome.value,
            workflow=self._plan.name,
            run_id=self._plan.run_id,
            channel=channel,
            title=title,
            text=text,
        )
        return self._services.outbox.masked([notice])[0]

    async def _recovered_from(self, outcome: Outcome) -> str:
        """Return a sentence about the bad outcome before a good one; empty when there is none.

        That is the outcome of the previous attempt at this run, else of the workflow's previous
        run. Cancelled ones are skipped, because they say nothing about the workflow's state.
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

    def _compose(self, ending: StepResult, after: str) -> tuple[str, str]:
        """Return title and text: what happened, where, and what to do.

        *after* is the sentence about the bad outcome that the run has recovered from, or empty.
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
    """Return the events of the end of a run, as `notify` names them."""
    failed = {"failed"} if outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN) else set()
    return {outcome.value} | failed


def _is_failure(outcome: Outcome) -> bool:
    """Whether people would call the outcome failed."""
    return "failed" in events_of(outcome)


def link_of(journal: RunJournal, outcome: Outcome) -> str:
    """Return Alma's address for the job that a notification concerns; empty when there is none.

    After a good outcome that is the last job, else the last job that did not end well.
    """
    ends = [entry.value for entry in journal.entries() if entry.effect == "end" and entry.path]
    bad = [
        end for end in ends if Outcome(end["outcome"]) not in (Outcome.SUCCEEDED, Outcome.SKIPPED)
    ]
    if outcome is not Outcome.SUCCEEDED and bad:
        ends = bad
    links = [str(end["facts"].get("link", "")) for end in ends]
    return next(filter(None, reversed(links)), "")


_ENDED = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.SKIPPED: "had nothing to do",
    Outcome.WARNING: "ended with a warning",
    Outcome.FAILED: "failed",
    Outcome.TIMED_OUT: "timed out",
    Outcome.CANCELLED: "was cancelled",
    Outcome.UNKNOWN: "ended with an unknown outcome",
}
"""The outcomes as phrases for people."""

_NEXT = {
    Outcome.SUCCEEDED: "You do not need to do anything.",
    Outcome.SKIPPED: "You do not need to do anything.",
    Outcome.WARNING: (
        "Check whether something has to be done by hand; nothing continues automatically."
    ),
    Outcome.FAILED: (
        "Correct the problem above, then run `almaflow retry {run}` to retry the step that failed."
    ),
    Outcome.TIMED_OUT: (
        "A job that was started may still be running in Alma: check there first. `almaflow "
        "retry {run}` retries the step whose time limit expired."
    ),
    Outcome.CANCELLED: ("A job that was started may keep running in Alma; nothing else continues."),
    Outcome.UNKNOWN: ("Check in Alma whether the job ran before you start anything of this again."),
}
"""What a person can do after each outcome."""
