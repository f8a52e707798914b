"""`set_members`: the members of a set, as a list. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import MOST_LISTED, read_pages
from almaflow.alma.wire import AlmaSet, Member, Page
from almaflow.expressions import NUMBER, TEXT, ListType, RecordType
from almaflow.steps.find_set import FindSet
from almaflow.steps.output_size import fitting
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class SetMembers(FindSet):
    """Read all members of a set, at most 100,000: `ids`, and `members` with `id` and `description`.

    The description is what Alma shows: the barcode of an item, the name of a user, a title. Each
    100 members are one API call, and a logical set takes Alma seconds for each.
    """

    key = "set_members"
    foreign: ClassVar[str] = "almaflow.steps.foreign_set_keys:SET_MEMBERS"
    short: ClassVar[str | None] = "id"
    outputs: ClassVar = {
        "set_id": TEXT,
        "name": TEXT,
        "ids": ListType(TEXT),
        "members": ListType(RecordType({"id": TEXT, "description": TEXT}, "part of a member")),
        "count": NUMBER,
    }
    example = """\
- id: yesterday
  set_members: {name: New titles of yesterday}
- check: steps.yesterday.count > 0
"""

    async def perform(self, context: StepContext) -> StepResult:
        found = await self.find(context)
        members = await _members(context, found)
        context.outputs.update(
            fitting(
                {
                    "set_id": found.id,
                    "name": found.name,
                    "ids": [member.id for member in members],
                    "members": [
                        {"id": member.id, "description": member.description} for member in members
                    ],
                    "count": len(members),
                },
                f"The list of the members of the set `{found.name}` ({found.id})",
                "Use a smaller set.",
            )
        )
        return StepResult()


async def _members(context: StepContext, alma_set: AlmaSet) -> list[Member]:
    count = alma_set.member_count or 0
    # Before a thousand pages are read for nothing.
    if count > MOST_LISTED:
        raise StepFailed(
            f"The set `{alma_set.name}` ({alma_set.id}) has {count:,} members, but at most "
            f"{MOST_LISTED:,} can be listed. Use a smaller set."
        )

    def page_at(offset: int) -> AlmaRequest[Page[Member]]:
        if offset:
            context.progress(f"{offset} of {count} members read")
        return calls.set_members(alma_set.id, offset=offset)

    return await read_pages(context.read, page_at)
