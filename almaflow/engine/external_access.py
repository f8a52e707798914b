"""A step's access to file servers and to notification channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from almaflow.connectors.attached_files import AttachedFile, in_words
from almaflow.connectors.errors import TemporaryFailure, Unreachable
from almaflow.engine.data_files import DataFiles
from almaflow.engine.message_keys import MESSAGE, message_key
from almaflow.engine.notifications import TRIED_LATER
from almaflow.engine.retry import LONGEST, NEVER_ANSWERED, SHORTEST, Retries, back_off, with_jitter
from almaflow.expressions import parse_template, render_message
from almaflow.field_types import Message
from almaflow.late_dataclasses import dataclass
from almaflow.redaction import show_placeholders
from almaflow.runs.events import EventKind
from almaflow.settings.project import LOG_CHANNEL
from almaflow.store import EntryState, NewNotification
from almaflow.store.locks import NOTICES
from almaflow.waiting import Waiting, WaitingKind

T = TypeVar("T")


@dataclass(kw_only=True)
class ExternalAccess(DataFiles):
    """The part of an attempt's context that is about file servers and notifications."""

    reached: bool = False
    """Whether a file server has responded to this attempt yet."""

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self.services.threads.run(function, *arguments)

    async def reach(self, function: Callable[..., T], *arguments: Any) -> T:
        retries = Retries(self.clock.now())
        while True:
            try:
                result = await self.in_thread(function, *arguments)
            except TemporaryFailure as error:
                retries.failures += 1
                self.reached = self.reached or not isinstance(error, Unreachable)
                if not self.reached and self.clock.now() - retries.since >= NEVER_ANSWERED:
                    raise
                wait = with_jitter(
                    back_off(retries.failures, SHORTEST, LONGEST), SHORTEST, self.chance
                )
                await self.sleep(wait, Waiting(WaitingKind.OTHER, str(error).rstrip(".")))
            else:
                self.reached = True
                return result

    async def notify(
        self,
        channel: str,
        message: Message,
        files: Sequence[AttachedFile] = (),
        problems: Sequence[str] = (),
    ) -> str:
        if channel == LOG_CHANNEL or self.journal.get(self.path, self.number, MESSAGE) is None:
            await self._put_message(channel, message, files, problems)
        if channel == LOG_CHANNEL:
            return ""
        outbox = self.services.outbox
        while True:
            progress = await outbox.progress(self._message_key, channel)
            if progress.is_over:
                if progress.remark:
                    self.say(progress.remark)
                return f"{progress.error} {TRIED_LATER}" if progress.error else ""
            if progress.error:
                again = f"the notice is sent again ({progress.error.rstrip('.')})"
                await self.wait_event(progress.changed, Waiting(WaitingKind.OTHER, again))
            else:
                await progress.changed.wait()

    @property
    def _message_key(self) -> str:
        return message_key(self.plan.run_id, self.path, self.number)

    async def _put_message(
        self, channel: str, message: Message, files: Sequence[AttachedFile], problems: Sequence[str]
    ) -> None:
        """Log a message and put it into the outbox; secrets in it are names until it is sent.

        Of *files* the names and sizes are logged.
        """
        text = render_message(parse_template(message.text), self._names())
        what = "Files" if channel == LOG_CHANNEL else "Attached"
        if about := in_words(files, problems, what):
            text += f"\n\n{about}"
        self.journal.report(EventKind.NOTICE, self.path, str(show_placeholders(text)), to=channel)
        if channel == LOG_CHANNEL:
            return
        notice = NewNotification(
            key=self._message_key,
            event=MESSAGE,
            workflow=self.plan.name,
            run_id=self.plan.run_id,
            channel=channel,
            title=f"almaflow: {self.plan.name} at {self.institution}",
            text=self.journal.masked(text),
        )
        await self.journal.record(
            self.path,
            self.number,
            MESSAGE,
            EntryState.DONE,
            value={"to": channel, **({"files": [one.to_json() for one in files]} if files else {})},
            also=lambda: self.services.store.add_notices([notice]),
            locks=[NOTICES],
        )
        self.services.outbox.wake()
