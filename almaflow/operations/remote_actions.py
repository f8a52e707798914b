"""What a person asks a server to do: the actions of its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import uuid4

from almaflow.operations.action_documents import QueuedRun, ReplyGiven, RetryPreview, Unconfirmed
from almaflow.operations.coming_ticks import ComingTick
from almaflow.operations.ledger import PauseView, TickView
from almaflow.operations.remote_source import read_document
from almaflow.operations.run_list import RunSummary
from almaflow.operations.server_connection import ServerConnection

T = TypeVar("T")

# Coming ticks among which the next one that will run is: those on days off are listed too.
_TICKS = 200


class RemoteActions:
    """Each method raises `RequestWrong`, or `ServerRefused`, when the server does not do it."""

    def __init__(self, server: ServerConnection) -> None:
        self._server = server

    def cancel(self, run: str) -> RunSummary:
        """Ask for a run to be cancelled."""
        return self._post(RunSummary, {}, "runs", run, "cancel")

    def reply(self, run: str, step: str | None, *, approved: bool, comment: str) -> ReplyGiven:
        """Approve or reject a step; None: the only one that waits."""
        body = {"approved": approved, "step": step, "comment": comment}
        return self._post(ReplyGiven, body, "runs", run, "approve")

    def preview_retry(self, run: str, start: str | None) -> RetryPreview:
        """Return what a new attempt would be."""
        answer = self._server.get("runs", run, "retry", start=start)
        return read_document(RetryPreview, answer.text)

    def retry(self, coming: RetryPreview, *, submit_again: bool) -> RunSummary:
        """Queue the new attempt."""
        body = {"attempt": coming.attempt, "start": coming.start, "submit_again": submit_again}
        return self._post(RunSummary, body, "runs", coming.run, "retry")

    def start(self, workflow: str, inputs: Mapping[str, Any]) -> QueuedRun:
        """Queue a run of a workflow; *inputs* are JSON data."""
        key, path = str(uuid4()), ("workflows", workflow, "runs")
        answer = self._server.post(*path, body={"inputs": inputs}, key=key)
        return read_document(QueuedRun, answer.text)

    def preview_resolve(self, run: str, step: str) -> Unconfirmed:
        """Return a submission whose response was lost, with what Alma lists."""
        answer = self._server.get("runs", run, "resolve", step=step)
        return read_document(Unconfirmed, answer.text)

    def resolve(self, run: str, step: str, instance: str | None) -> RunSummary:
        """Record the instance of a submission; None: Alma did not accept it."""
        return self._post(RunSummary, {"step": step, "instance": instance}, "runs", run, "resolve")

    def next_tick(self, workflow: str, entry: str | None) -> ComingTick | None:
        """Return the next tick that will run, of *entry* or of any; None: none is near."""
        answer = self._server.get("next", workflow=workflow, limit=_TICKS)
        coming = read_document(list[ComingTick], answer.text)
        fitting = (one for one in coming if one.skipped is None and entry in (None, one.entry))
        return next(fitting, None)

    def skip_next(self, tick: ComingTick, note: str) -> TickView:
        """Skip a tick that is the next one of its workflow."""
        body = {"at": tick.at.isoformat(), "entry": tick.entry, "note": note}
        return self._post(TickView, body, "workflows", tick.workflow, "skip-next")

    def pause(self, workflow: str, until: str | None, note: str) -> PauseView:
        """Pause the timetable of a workflow; *until* is as a person types it."""
        return self._post(PauseView, {"until": until, "note": note}, "workflows", workflow, "pause")

    def unpause(self, workflow: str) -> PauseView:
        """End the pause of a workflow, and return it as it was."""
        return self._post(PauseView, {}, "workflows", workflow, "unpause")

    def _post(self, shape: type[T], body: dict[str, Any], *path: str) -> T:
        return read_document(shape, self._server.post(*path, body=body).text)
