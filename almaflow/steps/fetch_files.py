"""`fetch_files`: files from a server or a folder, once they are there and whole. Only reads there.

Fetching twice changes nothing more, so a crash begins it again.
"""

from __future__ import annotations

import ntpath
import posixpath
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from almaflow.connectors.base import FileSource, RemoteFile, Search, list_files
from almaflow.connectors.download import Download
from almaflow.connectors.errors import FileChanged
from almaflow.expressions import TEXT, ListType
from almaflow.expressions.parsed import replace_templates
from almaflow.field_types import Template, Text, Whole, refused
from almaflow.steps.base import Kind, PollSettings
from almaflow.steps.result import StepFailed, StepResult
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

# Characters; a file's name has at most 255 bytes, `[abc]` is one of them.
_LONGEST_PATTERN = 1000

# Each look comes this much later than the one before, as long as there are too few files.
_GROWTH = 1.5


class FetchFiles(Kind):
    """Wait until files exist and have stopped growing, and download them into the project.

    A file that is already in the target folder, with the same content, counts as downloaded. A
    different file of the same name is not replaced unless `if_exists: replace` is set.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:FETCH_FILES"

    key = "fetch_files"
    names_files = True
    outputs: ClassVar = {"files": ListType(TEXT)}
    example = """\
- id: exported
  fetch_files:
    connection: exports
    pattern: "*{{ steps.withdraw.instance_id }}*"
    to: exported
- fetch_files: {connection: exports, pattern: "full-*.tar.gz", newest: 1, to: exported}
"""

    connection: Text | None = Field(
        default=None, description="A connection of almaflow.yaml: SFTP, FTP, FTPS or S3."
    )
    folder: Template | None = Field(
        default=None,
        description="The folder with the files. With `connection`: a folder below the connection's "
        "folder (from the root with a leading `/`). Without `connection`: a folder of this "
        "machine, absolute or relative to the workflow.",
    )
    pattern: Template = Field(
        description="The names of the files: `*` matches any characters, `?` one "
        "character, `[ab]` one of several. Subfolders are not searched."
    )
    to: Template = Field(
        description="The target folder, relative to the workflow and inside the project. "
        "It is created if it does not exist."
    )
    at_least: Whole = Field(
        default=1,
        ge=1,
        le=100_000,
        description="The number of files that must be there before any file is fetched.",
    )
    newest: Whole | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Fetch at most this many of the files: those that were changed last, of "
        "files with the same time those that are last by name. Default: every file.",
    )
    if_exists: Literal["fail", "replace"] = Field(
        default="fail",
        description="What happens when the target folder has a file with the same name and "
        "different content: `fail` (default) and keep it, or `replace` it.",
    )
    poll: PollSettings | None = Field(
        default=None,
        description="How often almaflow looks for the files; default: the workflow's `defaults`.",
    )

    @field_validator("pattern")
    @classmethod
    def _literal_pattern(cls, template: Template) -> Template:
        why = "" if "{{" in template.text else _no_pattern(template.text)
        if why:
            raise refused("bad_pattern", why)
        return template

    @model_validator(mode="after")
    def _from_somewhere(self) -> FetchFiles:
        if self.connection is None and self.folder is None:
            raise refused("choose_one", "`fetch_files` needs `connection`, `folder` or both.")
        return self

    async def perform(self, context: StepContext) -> StepResult:
        search = self._search(context)
        place = context.outside.file_source(search)
        to = context.text(self.to)
        target = context.outside.to_write(context.project_path(to))
        mark = f"{context.run_id} {context.path}"
        landing = Download(target, mark, replace=self.if_exists == "replace")
        try:
            files = await self._fetch(context, search, place, landing)
        finally:
            # What a thread still writes is of no use to anybody.
            landing.stop()
        folder = posixpath.normpath(to.replace(ntpath.sep, posixpath.sep))
        sizes = {posixpath.join(folder, file.name): file.size for file in files}
        await context.landed(sizes)
        context.outputs["files"] = list(sizes)
        return StepResult()

    def _search(self, context: StepContext) -> Search:
        pattern = context.text(self.pattern)
        if why := _no_pattern(pattern):
            raise StepFailed(why)
        fixed = replace_templates(self.pattern.text, "")
        if pattern == fixed != self.pattern.text:
            raise StepFailed(
                f"The templates of `pattern` are empty, so `{pattern}` would match other files too."
            )
        folder = "" if self.folder is None else context.text(self.folder)
        if self.connection is None and not PurePath(folder).is_absolute():
            folder = str(context.project_path(folder))
        return Search(self.connection, folder, pattern, self.at_least)

    async def _fetch(
        self, context: StepContext, search: Search, place: FileSource, landing: Download
    ) -> Sequence[RemoteFile]:
        """Look until nothing changes between two looks, then fetch; returns what was fetched."""
        poll = self.poll or context.poll
        seen: Sequence[RemoteFile] = ()
        wait = poll.first
        while True:
            there = await context.reach(list_files, place)
            enough = len(there) >= self.at_least
            found = self._wanted(there, place) if enough else there
            if enough and found == seen:
                size = sum(file.size for file in found)
                files = "a file" if len(found) == 1 else f"{len(found)} files"
                context.progress(f"fetching {files} with {size} bytes")
                try:
                    await context.reach(landing.fetch, place, found)
                except FileChanged as error:
                    context.say(f"Checking the files again, because {error}")
                else:
                    return found
            seen = found
            which = f"like `{search.pattern}` at {place.what}"
            if enough:
                wait, reason = poll.first, f"the files {which} may still be growing"
            elif self.at_least == 1:
                reason = f"there is no file {which} yet"
            else:
                reason = f"fewer than {self.at_least} files {which}"
            waiting = Waiting(WaitingKind.OTHER, reason, detail=f"{len(there)} are there")
            await context.wait_until(context.clock.now() + wait, waiting)
            wait = min(wait * _GROWTH, poll.max)

    def _wanted(self, found: Sequence[RemoteFile], place: FileSource) -> Sequence[RemoteFile]:
        """Return the files to fetch, by name; Raises: StepFailed when the newest is not known."""
        if self.newest is None or len(found) <= self.newest:
            return found
        dated = [(file.changed, file.name, file) for file in found if file.changed is not None]
        if len(dated) < len(found):
            raise StepFailed(
                f"{place.what} does not report when each of its files was changed, so `newest` "
                "cannot choose. Write the date of the file into `pattern` instead, such as "
                "`*{{ today | date('%Y%m%d') }}*`."
            )
        newest = sorted(dated, key=lambda one: one[:2])[-self.newest :]
        return sorted((file for *_, file in newest), key=lambda file: file.name)


def _no_pattern(text: str) -> str:
    """Return why *text* cannot be a pattern; empty when it can."""
    if not text.strip():
        return "`pattern` is empty. Use `*` to fetch every file."
    if "/" in text:
        return (
            f"`pattern` matches names, but `{text}` contains a folder. Write the folder as "
            "`folder`."
        )
    if text.startswith("."):
        return f"`{text}` matches hidden files, which are never fetched. Have the files renamed."
    if len(text) > _LONGEST_PATTERN:
        return (
            f"`pattern` has {len(text)} characters, but at most {_LONGEST_PATTERN} are "
            "allowed, because no file name is longer."
        )
    return ""
