"""What a person asks a server to do: the actions of its API."""

from __future__ import annotations

from typing import Any, TypeVar

from almaflow.operations.action_documents import ReplyGiven, RetryPreview
from almaflow.operations.ledger import PauseView
from almaflow.operations.remote_source import read_document
from almaflow.operations.run_list import RunSummary
from almaflow.operations.server_connection import ServerConnection

T = TypeVar("T")


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
        coming: RetryPreview = read_document(RetryPreview, answer.text)
        return coming

    def retry(self, coming: RetryPreview, *, submit_again: bool) -> RunSummary:
        """Queue the new attempt."""
        body = {"attempt": coming.attempt, "start": coming.start, "submit_again": submit_again}
        return self._post(RunSummary, body, "runs", coming.run, "retry")

    def pause(self, workflow: str, until: str | None, note: str) -> PauseView:
        """Pause the timetable of a workflow; *until* is as a person types it."""
        return self._post(PauseView, {"until": until, "note": note}, "workflows", workflow, "pause")

    def unpause(self, workflow: str) -> PauseView:
        """End the pause of a workflow, and return it as it was."""
        return self._post(PauseView, {}, "workflows", workflow, "unpause")

    def _post(self, shape: type[T], body: dict[str, Any], *path: str) -> T:
        document: T = read_document(shape, self._server.post(*path, body=body).text)
        return document
