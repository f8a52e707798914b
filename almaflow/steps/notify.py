"""`notify`: a message to a channel, at least once."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from almaflow.field_types import Message, Text
from almaflow.outcome import Outcome
from almaflow.steps.base import Kind
from almaflow.steps.context import StepContext
from almaflow.steps.result import Ending


class Notify(Kind):
    """Send a message to a channel of almaflow.yaml.

    If it cannot be delivered, the step ends as warning. The channel `log` always exists and writes
    the message to the log of the run.
    """

    key = "notify"
    secret_keys = frozenset({"message"})
    short: ClassVar[str | None] = "message"
    example = """\
- notify: {to: catalogers, message: "Look at {{ steps.withdraw.link }}"}
"""

    to: Annotated[Text, Field(description="A channel of almaflow.yaml, or `log` (default).")] = (
        "log"
    )
    message: Annotated[Message, Field(description="The text of the message.")]

    async def perform(self, context: StepContext) -> Ending:
        undelivered = await context.notify(self.to, self.message)
        if undelivered:
            return Ending(Outcome.WARNING, undelivered)
        return Ending()
