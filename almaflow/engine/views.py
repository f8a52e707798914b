"""A run as people and programs look at it: what its record, journal and log say, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from almaflow.engine.telling import Told
from almaflow.expressions.encoding import plain
from almaflow.masking import show_placeholders
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan, workflow_steps
from almaflow.steps.base import COMMON_OUTPUTS
from almaflow.store import Entry, EntryState, Event, RunRecord


@dataclass(frozen=True)
class IntentView:
    """One write to Alma: what was sent, when, and what is known of it."""

    effect: str
    request: Mapping[str, Any]
    """Method, path, query and body, secrets as names."""
    state: EntryState
    told: str
    """The state in plain words."""
    sent_at: datetime
    changed_at: datetime
    result: Any = None
    """What Alma gave back; None when nothing is known."""

    @property
    def line(self) -> str:
        """The request on one line, `POST /conf/jobs/M44?op=run`."""
        query = urlencode([tuple(pair) for pair in self.request.get("query", ())])
        target = f"{self.request['path']}?{query}" if query else self.request["path"]
        return f"{self.request['method']} {target}"


@dataclass(frozen=True)
class StepView:
    """One step of a run, or of its `finally`."""

    path: str
    kind: str
    name: str
    """What the file calls it for people; empty when it does not."""
    status: Status
    outcome: Outcome | None = None
    """None until it has ended; `skipped` for one that was never reached."""
    error: str = ""
    reason: str = ""
    """What it waits for; empty when it does not."""
    institution: str = ""
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What later steps see of it, besides what every step has."""
    intents: tuple[IntentView, ...] = ()


@dataclass(frozen=True)
class MessageView:
    """Something that the run had to say; *path* is a step's, or empty."""

    at: datetime
    path: str
    text: str
    to: str = ""
    """The channel of a notice; empty for a line of the log."""


@dataclass(frozen=True)
class RunView:
    """One run, from its recording to where it is now."""

    id: str
    workflow: str
    file: str
    institution: str
    trigger: str
    status: Status
    reason: str
    outcome: Outcome | None
    error: str
    held: bool
    """Interrupted by a person; it waits for `resume`."""
    worked_on: bool
    """Whether a live process works on it."""
    requested_at: datetime
    scheduled_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    seconds: float | None
    """From begin to end; None until it has ended."""
    cancel_requested_at: datetime | None
    cancel_requested_by: str
    inputs: Mapping[str, Any]
    vars: Mapping[str, Any]
    outputs: Mapping[str, Any] | None
    commit: str | None
    """The git commit of the file, None outside a checkout or when not known."""
    timezone: str
    steps: tuple[StepView, ...]
    messages: tuple[MessageView, ...]

    def as_data(self) -> dict[str, Any]:
        """Return it JSON-able; instants as ISO 8601 text."""
        data: dict[str, Any] = _as_data(self)
        return data


def view_of(
    record: RunRecord,
    plan: Plan | None,
    entries: Sequence[Entry],
    events: Iterable[Event],
    *,
    worked_on: bool = False,
) -> RunView:
    """Put together what is known of a run.

    *plan* names the steps; without it, for a run recorded by another version, those count that
    the journal knows. *worked_on* says whether a live process works on the run: then a request
    without an answer is still under way.
    """
    steps = _Steps(record, entries, worked_on)
    named = {} if plan is None else dict(_named(plan))
    for entry in entries:
        if entry.effect == "begin" and entry.path != "finally":
            named.setdefault(entry.path, (_kind_in(entry.path), ""))
    return RunView(
        id=record.id,
        workflow=record.workflow,
        file=record.path,
        institution=record.institution,
        trigger=record.trigger,
        status=record.status,
        reason=record.reason,
        outcome=record.outcome,
        error=record.error,
        held=record.held,
        worked_on=worked_on,
        requested_at=record.requested_at,
        scheduled_at=record.scheduled_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        deadline_at=record.deadline_at,
        seconds=_seconds(record.started_at, record.ended_at),
        cancel_requested_at=record.cancel_requested_at,
        cancel_requested_by=record.cancel_requested_by,
        inputs=_shown(record.inputs),
        vars=_shown(record.vars),
        outputs=None if record.outputs is None else _shown(record.outputs),
        commit=None if plan is None else plan.definition.get("commit"),
        timezone="UTC" if plan is None else str(plan.zone),
        steps=tuple(steps.view(path, kind, name) for path, (kind, name) in named.items()),
        messages=tuple(_messages(events)),
    )


def lost_steps(view: RunView) -> list[StepView]:
    """Return the steps of which nobody can tell whether Alma took what they sent."""
    return [step for step in view.steps if step.outcome is Outcome.UNKNOWN]


class _Steps:
    """The journal of a run by step."""

    def __init__(self, record: RunRecord, entries: Sequence[Entry], worked_on: bool) -> None:
        self._record = record
        self._worked_on = worked_on
        self._by_path: dict[str, list[Entry]] = {}
        for entry in entries:
            self._by_path.setdefault(entry.path, []).append(entry)
        self._body_ended = any(entry.effect == "body" for entry in self._by_path.get("", ()))

    def view(self, path: str, kind: str, name: str) -> StepView:
        entries = self._by_path.get(path, [])
        begins = [entry for entry in entries if entry.effect == "begin"]
        if not begins:
            return self._never_begun(path, kind, name)
        begin = max(begins, key=lambda entry: entry.attempt)
        end = self._last_end(entries)
        intents = tuple(self._intent(entry) for entry in entries if entry.request_hash)
        reason = self._reason(path)
        if end is not None and end.attempt == begin.attempt and not reason:
            return self._ended(path, kind, name, end, intents)
        lost = self._is_lost(entries)
        over = self._record.status is Status.FINISHED
        if lost and self._record.status is Status.WAITING:
            # The whole run waits for a person, and says why.
            reason = self._record.reason
        started_at = datetime.fromisoformat(begins[0].value["now"])
        return StepView(
            path=path,
            kind=kind,
            name=name,
            status=Status.FINISHED if over else Status.WAITING if reason else Status.RUNNING,
            outcome=Outcome.UNKNOWN if lost else self._record.outcome if over else None,
            error=end.value["error"] if end is not None else "",
            reason=reason,
            institution=begin.value["institution"],
            attempts=begin.attempt,
            started_at=started_at,
            intents=intents,
        )

    def _ended(
        self, path: str, kind: str, name: str, end: Entry, intents: tuple[IntentView, ...]
    ) -> StepView:
        facts = _shown(end.value["facts"])
        started, ended = facts.get("started_at"), facts.get("ended_at")
        return StepView(
            path=path,
            kind=kind,
            name=name,
            status=Status.FINISHED,
            outcome=Outcome(end.value["outcome"]),
            error=end.value["error"],
            institution=self._by_path[path][0].value["institution"],
            attempts=facts["attempts"],
            started_at=datetime.fromisoformat(started) if started else None,
            ended_at=datetime.fromisoformat(ended) if ended else None,
            seconds=facts.get("seconds"),
            outputs={key: value for key, value in facts.items() if key not in COMMON_OUTPUTS},
            intents=intents,
        )

    def _never_begun(self, path: str, kind: str, name: str) -> StepView:
        if self._is_over(path):
            return StepView(path, kind, name, Status.FINISHED, Outcome.SKIPPED)
        return StepView(path, kind, name, Status.QUEUED)

    def _is_over(self, path: str) -> bool:
        """Whether a step that has not begun cannot begin any more."""
        if self._record.status is Status.FINISHED:
            return True
        if self._body_ended and not path.startswith("finally/"):
            return True
        parts = path.split("/")
        around = ("/".join(parts[:length]) for length in range(1, len(parts)))
        return any(self._last_end(self._by_path.get(one, ())) is not None for one in around)

    @staticmethod
    def _last_end(entries: Iterable[Entry]) -> Entry | None:
        ends = [entry for entry in entries if entry.effect == "end"]
        return max(ends, key=lambda entry: entry.attempt, default=None)

    def _reason(self, path: str) -> str:
        """Return what the step waits for; a run's reason begins with the path of a step."""
        if self._record.status is not Status.WAITING:
            return ""
        waits, _, reason = self._record.reason.partition(": ")
        return reason if waits == path else ""

    def _is_lost(self, entries: Iterable[Entry]) -> bool:
        return any(
            not entry.value["repeatable"]
            and (
                entry.state is EntryState.LOST
                or (entry.state is EntryState.INTENT and not self._worked_on)
            )
            for entry in entries
            if entry.request_hash
        )

    def _intent(self, entry: Entry) -> IntentView:
        value = show_placeholders(entry.value)
        return IntentView(
            effect=entry.effect,
            request=value["request"],
            state=entry.state,
            told=self._told(entry.state, value),
            sent_at=datetime.fromisoformat(value["sent_at"]),
            changed_at=entry.changed_at,
            result=value.get("result"),
        )

    def _told(self, state: EntryState, value: Mapping[str, Any]) -> str:
        match state:
            case EntryState.DONE:
                result = value.get("result")
                return f"Alma took it: {result}" if isinstance(result, str) else "Alma took it"
            case EntryState.REFUSED:
                return f"Alma refused it: {value['refusal']['text']}"
            case EntryState.UNTAKEN:
                return f"Alma did not take it, so it may be sent again: {value['error']}"
            case EntryState.LOST if value["repeatable"]:
                return f"the answer was lost, so it is sent again: {value['error']}"
            case EntryState.LOST:
                return f"nobody can tell whether Alma took it: {value['error']}"
        if self._worked_on:
            return "sent, no answer yet"
        return "almaflow ended while it was being sent, so nobody can tell whether Alma took it"


def _named(plan: Plan) -> Iterable[tuple[str, tuple[str, str]]]:
    for path, step in workflow_steps(plan.workflow):
        yield path, (step.kind.key, step.name or "")


def _kind_in(path: str) -> str:
    """Return the kind that a label of a step without id tells; empty for an id."""
    kind, hyphen, _ = path.rsplit("/", 1)[-1].rpartition("-")
    return kind if hyphen else ""


def _messages(events: Iterable[Event]) -> Iterable[MessageView]:
    for event in events:
        if event.kind in (Told.SAID, Told.NOTICE):
            to = (event.data or {}).get("to", "")
            yield MessageView(event.at, event.path, event.text, to)


def _shown(value: Any) -> Any:
    return show_placeholders(plain(value))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start) / timedelta(seconds=1), 3)


def _as_data(value: Any) -> Any:
    """Return *value* with dataclasses as mappings and instants as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _as_data(getattr(value, one.name)) for one in fields(value)}
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {key: _as_data(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_data(item) for item in value]
    return value
