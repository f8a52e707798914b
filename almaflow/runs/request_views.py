"""The writes of a run to Alma, for people: what was sent, when, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.redaction import show_placeholders
from almaflow.store import EntryState, JournalEntry


@dataclass(frozen=True)
class RequestView:
    """One write to Alma: what was sent, when, and the outcome."""

    effect: str
    """Names the write among those of its step."""
    attempt: int
    """The step's attempt that sent it."""
    request: Mapping[str, Any]
    """Method, path, query and body, with secrets as names."""
    state: EntryState
    """How far it is known what happened to it."""
    told: str
    """The state as a sentence for people; `show --json` has it under this name."""
    sent_at: datetime
    """When it was sent first."""
    changed_at: datetime
    """When its state changed last."""
    sends: int = 1
    """How many times it was sent: more than once only if Alma certainly did not accept it, or if
    sending it twice changes nothing more.
    """
    result: Any = None
    """The result from Alma; None when it is not known."""
    found: bool = False
    """Whether the response was lost and the result was found by a search in Alma."""
    candidates: tuple[str, ...] = ()
    """The instances in Alma that could be this submission, if there are several."""

    @property
    def line(self) -> str:
        """The request on one line, `POST /conf/jobs/M44?op=run`."""
        query = urlencode([tuple(pair) for pair in self.request.get("query", ())])
        target = f"{self.request['path']}?{query}" if query else self.request["path"]
        return f"{self.request['method']} {target}"


@dataclass(frozen=True)
class ViewPoint:
    """The point of view for writes.

    *worked_on* says whether a live process executes the run, so that a request without a response
    is still in progress; *over* that reconciliation has stopped: the run has ended, or waits for a
    person.
    """

    zone: tzinfo
    worked_on: bool
    over: bool


def intents_of(entries: Sequence[JournalEntry], look: ViewPoint) -> tuple[RequestView, ...]:
    """Return the writes among the entries of one step, in the order in which they were sent."""
    writes = [entry for entry in entries if entry.request_hash]
    sent = {(entry.attempt, entry.effect) for entry in writes}
    return tuple(
        _intent(entry, look, again=(entry.attempt, next_submission(entry.effect)) in sent)
        for entry in writes
    )


def is_submission(effect: str) -> bool:
    """Whether an effect of a step submits a job."""
    return effect == "submit" or effect.startswith("resubmit")


def next_submission(effect: str) -> str:
    """Return the effect under which a submission that Alma did not accept is sent once more."""
    if effect == "submit":
        return "resubmit"
    number = effect.removeprefix("resubmit").removeprefix("-") or "1"
    return f"resubmit-{int(number) + 1}" if is_submission(effect) else ""


def is_lost(entry: JournalEntry, *, worked_on: bool) -> bool:
    """Whether the outcome of a write is unknown, so that a person has to check it."""
    return (
        bool(entry.request_hash)
        and not entry.value["repeatable"]
        and (entry.state is EntryState.LOST or (entry.state is EntryState.INTENT and not worked_on))
    )


def _intent(entry: JournalEntry, look: ViewPoint, *, again: bool) -> RequestView:
    value = show_placeholders(entry.value)
    return copied(
        RequestView,
        entry,
        request=value["request"],
        told=_describe(entry, value, look, again=again),
        sent_at=datetime.fromisoformat(value["sent_at"]),
        result=value.get("result"),
        found=bool(value.get("found")),
        candidates=tuple(value.get("candidates") or ()),
    )


def _describe(
    entry: JournalEntry, value: Mapping[str, Any], look: ViewPoint, *, again: bool
) -> str:
    lost = f"the response was lost ({value.get('error') or 'almaflow stopped meanwhile'})"
    at = _clock(entry.changed_at, datetime.fromisoformat(value["sent_at"]), look.zone)
    match entry.state:
        case EntryState.DONE if value.get("found"):
            name, by = name_of(value.get("result")), value.get("resolved_by")
            if by:
                return f"{lost}; {by} confirmed at {at} that Alma runs it as {name}"
            return f"{lost}; found in Alma at {at}" + (name and f" as {name}")
        case EntryState.DONE:
            name = name_of(value.get("result"))
            return "Alma accepted it" + (name and f": {name}")
        case EntryState.REFUSED:
            return f"Alma refused it: {value['refusal']['text']}"
        case EntryState.UNTAKEN if value.get("absent"):
            by = value.get("resolved_by")
            why = (
                f"{by} confirmed at {at} that Alma did not accept it"
                if by
                else f"not found in Alma by {at}"
            )
            return f"{lost}; {why}, so it {'was' if again else 'may be'} sent once more"
        case EntryState.UNTAKEN:
            return f"Alma did not accept it, so it may be sent again: {value['error']}"
        case EntryState.INTENT if look.worked_on:
            return "sent, no response yet"
        case EntryState.INTENT if not look.over:
            return "almaflow stopped while sending it, so it has to search Alma for it"
        case EntryState.INTENT:
            return "almaflow stopped while sending it, so it is not known whether Alma accepted it"
    return f"{lost}{_next_move(value, look, at)}"


def _next_move(value: Mapping[str, Any], look: ViewPoint, at: str) -> str:
    """Return what almaflow does about a lost response."""
    if value["repeatable"]:
        return ", so it is sent again"
    candidates = list(value.get("candidates") or ())
    if len(candidates) == 1:
        return f"; Alma lists an instance that could be it or another user's: {candidates[0]}"
    if candidates:
        return f"; Alma lists several instances that could be it: {', '.join(candidates)}"
    why = str(value.get("unknown", ""))
    if why:
        return f"; {why}, so it is not known whether Alma accepted it"
    if look.over:
        return "; it is not known whether Alma accepted it"
    return f"; being searched for in Alma since {at}"


def name_of(result: Any) -> str:
    """Return the id of the object that a write created; empty when it created none."""
    if isinstance(result, str):
        return result
    return str(result.get("set_id", "")) if isinstance(result, dict) else ""


def _clock(at: datetime, beside: datetime, zone: tzinfo) -> str:
    """Return a time of day, with the date if it differs from that of *beside*."""
    here = at.astimezone(zone)
    same = here.date() == beside.astimezone(zone).date()
    return f"{here:%H:%M:%S}" if same else f"{here:%Y-%m-%d %H:%M:%S}"
