"""`first` of `create_set`: a trial with the first members of a list, or of another set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from almaflow.alma import calls
from almaflow.alma.calls import PAGE
from almaflow.field_types import Template
from almaflow.steps.literals import literal
from almaflow.steps.result import StepFailed
from almaflow.steps.set_sources import source_set

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

MOST_FIRST = 100_000
"""The largest number of `first`; pages of a set are read until there are as many."""

NEEDS_A_LIST = (
    "`first` needs `members` or `from_set`, because Alma itself fills a set from a query, two sets "
    "or an import, always with all members. Create that set without `first`, then a second one "
    "with its id as `from_set`, and `first`."
)
"""What is wrong with `first` next to any other source."""

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def whole_first(text: str) -> int:
    """Return the number that *text* is.

    Raises: ValueError when it is none; with the remedy.
    """
    if not _NUMBER.fullmatch(text.strip()) or not 0 < int(text) <= MOST_FIRST:
        raise ValueError(
            f"`first` is the number of members of a trial, from 1 to {MOST_FIRST:,}, not `{text}`. "
            "Omit it to take all members."
        )
    return int(text)


First = Annotated[Template, literal("bad_value", whole_first)]
"""How many members a trial has; a template is evaluated when the step runs."""


def rendered_first(first: Template, context: StepContext) -> int:
    """Return the number with its templates filled in; Raises: StepFailed, ExpressionFailed."""
    try:
        return whole_first(context.text(first))
    except ValueError as error:
        raise StepFailed(f"{error} Nothing was created.") from error


async def recorded_first(context: StepContext, set_id: str, content: str, number: int) -> list[str]:
    """Return the ids of the first members of a set, recorded: they may change meanwhile."""

    return await context.once("members", lambda: _first_of_set(context, set_id, content, number))


async def _first_of_set(context: StepContext, set_id: str, content: str, number: int) -> list[str]:
    """Return the ids of the first members of a set, in the order in which Alma lists them.

    Raises: StepFailed when the set contains something other than *content*.
    """
    source = await source_set(context, set_id, content)
    ids: dict[str, None] = {}
    offset = 0
    while len(ids) < number:
        limit = min(PAGE, number)
        page = await context.read(calls.set_members(source.id, limit=limit, offset=offset))
        before = len(ids)
        # A list may shift between two pages: what comes twice counts once.
        ids |= {member.id: None for member in page.items}
        offset += len(page.items)
        if len(ids) == before or (page.total is not None and offset >= page.total):
            break
        context.progress(f"{len(ids)} of {number} members read")
    return list(ids)[:number]
