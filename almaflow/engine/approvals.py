"""Waits for people's replies, from the terminal or through the store from another command."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, Literal, Protocol

import anyio

from almaflow.late_dataclasses import dataclass
from almaflow.steps.context import Reply
from almaflow.store import Decision, Store
from almaflow.store.writer import StoreWriter


@dataclass(frozen=True)
class TerminalReply:
    """A reply from the terminal; *value* depends on the kind of question."""

    by: str
    value: dict[str, Any]


class ApprovalPrompt(Protocol):
    """Asks a person directly, for example at the terminal."""

    async def ask(self, run_id: str, path: str, question: str) -> TerminalReply | None:
        """Ask the question and return the reply; None when no person can be asked here."""
        ...


class NoPrompt:
    """Asks no person: replies come only through the store."""

    async def ask(self, run_id: str, path: str, question: str) -> TerminalReply | None:
        return None


@dataclass
class Question:
    """The question of one waiting step. Only replies with a higher number than *after* count."""

    run_id: str
    path: str
    kind: str
    after: int
    replied: anyio.Event = field(default_factory=anyio.Event)
    answer: Reply | None = None


class PendingQuestions:
    """The open questions of the steps in this process."""

    def __init__(self, store: Store, writer: StoreWriter, asker: ApprovalPrompt) -> None:
        self._store = store
        self._writer = writer
        self._asker = asker
        self._open: list[Question] = []
        self._heard = 0

    async def last_answer(self, run_id: str) -> int:
        """Return the number of the last reply to a run; 0 when there is none."""
        answers = await self._writer.call(self._store.answers, [run_id])
        return answers[-1].id if answers else 0

    async def expect(
        self, run_id: str, path: str, kind: Literal["approve"], after: int
    ) -> Question:
        """Open a question. The next `read_replies` applies a reply that exists."""
        question = Question(run_id, path, kind, after)
        self._open.append(question)
        # The next `read_replies` also reads replies from before the question was opened.
        self._heard = min(self._heard, after)
        if self._store.in_memory:
            await self.read_replies()
        return question

    def forget(self, question: Question) -> None:
        """Close a question."""
        self._open.remove(question)

    async def ask_here(self, question: Question, text: str, now: datetime) -> None:
        """Ask the person at the terminal, if any; otherwise the question stays open."""
        reply = await self._asker.ask(question.run_id, question.path, text)
        if reply is not None and question.answer is None:
            question.answer = Reply(reply.by, now, reply.value)
            question.replied.set()

    async def read_replies(self) -> None:
        """Read the replies that are new in the store and give them to their questions."""
        if not self._open:
            return
        for answer in await self._writer.call(self._store.answers, None, self._heard):
            self._heard = answer.id
            self._give(answer)

    def _give(self, answer: Decision) -> None:
        for question in self._open:
            question_key = (question.run_id, question.path, question.kind)
            if (
                question_key != (answer.run_id, answer.path, answer.kind)
                or answer.id <= question.after
            ):
                continue
            if question.answer is None:
                question.answer = Reply(answer.by, answer.at, answer.value)
                question.replied.set()
