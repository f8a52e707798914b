"""`notify`: a message to a channel, at least once, with files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from almaflow.field_types import Message, Several, Template, Text
from almaflow.outcome import Outcome
from almaflow.steps.base import Kind
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class Notify(Kind):
    """Send a message to a channel of almaflow.yaml, with files if wanted.

    If it cannot be delivered, or a file cannot be attached, the step ends as warning; the message
    then says which file is missing. The channel `log` always exists and writes the message to the
    log of the run.

    Mail and many chats carry files. Of a channel that does not, the message has only their names,
    and the log names them. A message that is delivered later carries the file as it is then.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:NOTIFY"

    key = "notify"
    names_files = True
    secret_keys = frozenset({"message"})
    short: ClassVar[str | None] = "message"
    example = """\
- notify: {to: catalogers, message: "Look at {{ steps.withdraw.link }}"}
- notify:
    to: catalogers
    message: These items were withdrawn.
    attach: withdrawn.csv
"""

    to: Text = Field(default="log", description="A channel of almaflow.yaml, or `log` (default).")
    message: Message = Field(description="The text of the message.")
    attach: Several[Template] = Field(
        default=[],
        max_length=20,
        description="Files of the project to send with the message, relative to the workflow: "
        "the `files` of a `fetch_files`, or paths such as `exported.csv`. At most 20 files of "
        "10 MiB each, 25 MiB in total.",
    )

    async def perform(self, context: StepContext) -> StepResult:
        from almaflow.connectors.attached_files import take_files

        names = [name for template in self.attach for name in _names(context.value(template))]
        wanted, absent = [], []
        for name in names:
            context.project_path(name)
            try:
                wanted.append((name, context.file_to_read(name)))
            except StepFailed as error:
                absent.append(str(error))
        files, problems = await context.in_thread(take_files, wanted) if wanted else ([], [])
        problems = [*absent, *problems]
        undelivered = await context.notify(self.to, self.message, files, problems)
        if undelivered or problems:
            return StepResult(Outcome.WARNING, " ".join(filter(None, (undelivered, *problems))))
        return StepResult()


def _names(value: Any) -> Iterator[str]:
    """Yield the names of files in what `attach` gives: a text, or a list of texts."""
    names = value if isinstance(value, list) else [value]
    for name in names:
        if not isinstance(name, str):
            raise StepFailed(
                "`attach` needs the path of a file, or a list of paths, such as `{{ "
                "steps.exported.files }}`."
            )
        if name.strip():
            yield name
