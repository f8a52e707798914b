"""`update_set`: members of an itemized set are added, removed or replaced.

Counting and listing members may be repeated, as may the call that replaces them. Each batch that
adds or removes leaves once; the number of members is what a lost one is found by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from almaflow.alma import calls
from almaflow.alma.wire import AlmaSet
from almaflow.field_types import IdTemplate, exactly_one
from almaflow.steps.base import Kind
from almaflow.steps.find_set import SET_OUTPUTS, set_outputs
from almaflow.steps.member_source import MemberSource, recorded_members
from almaflow.steps.result import StepFailed, StepResult
from almaflow.steps.set_member_changes import IdType, MemberChanges, OnInvalid, id_type_problem

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class UpdateSet(Kind):
    """Change the members of an itemized set: add some, remove some, or replace them all.

    Ids that are already members are not added again, and ids that are not members need not be
    removed; neither is a failure. The records themselves do not change.
    """

    key = "update_set"
    foreign: ClassVar[str] = "almaflow.steps.foreign_set_keys:UPDATE_SET"
    names_files = True
    outputs: ClassVar = SET_OUTPUTS
    example = """\
- id: weeding
  find_set: {name: Weeding candidates}
- update_set:
    id: "{{ steps.weeding.set_id }}"
    add: {file: discarded.csv, column: barcode}
    id_type: BARCODE
"""

    id: IdTemplate = Field(description="The id of the itemized set.")
    add: MemberSource | None = Field(
        default=None,
        description="The members to add: a list of ids, a file and a column, or an expression. "
        "More than 1000 members are sent in batches; duplicates and empty lines are omitted.",
    )
    remove: MemberSource | None = Field(
        default=None, description="The members to remove, written as in `add`."
    )
    replace: MemberSource | None = Field(
        default=None,
        description="The complete list of members, written as in `add`: all other members "
        "are removed. An empty list empties the set.",
    )
    id_type: IdType = None
    on_invalid: OnInvalid = Field(
        default="fail",
        description="What happens to an id that Alma does not know: `fail` (default) fails the "
        "step; `skip` omits the id, and `add` and `replace` count it in `rejected`.",
    )

    _exactly_one = exactly_one("add", "remove", "replace")

    async def perform(self, context: StepContext) -> StepResult:
        set_id = context.text(self.id)
        if not set_id:
            raise StepFailed("The `id` of `update_set` is empty. Nothing was changed.")
        found = await context.read(calls.alma_set(set_id))
        self._check(found)
        context.outputs.update(set_outputs(found))
        changes = MemberChanges(
            context,
            set_id,
            found.content,
            id_type=self.id_type,
            on_invalid=self.on_invalid,
            count=found.member_count or 0,
        )
        await self._change(context, changes)
        now = await context.read(calls.alma_set(set_id))
        if (now.member_count or 0) >= changes.certain:
            context.outputs.update(set_outputs(now, changes.rejected))
            self._compare(now, changes)
        return StepResult()

    def _check(self, found: AlmaSet) -> None:
        """Raise `StepFailed` when members of *found* cannot be changed as the step says."""
        if found.type == "LOGICAL":
            raise StepFailed(
                f"The set `{found.name}` ({found.id}) is logical: its query determines its "
                "members, so they cannot be changed. Copy the set with `create_set` and "
                "`from_set`, and change the copy."
            )
        if self.id_type is not None and (why := id_type_problem(found.content, self.id_type)):
            raise StepFailed(f"The set `{found.name}` ({found.id}): {why} Nothing was changed.")

    async def _change(self, context: StepContext, changes: MemberChanges) -> None:
        if self.add is not None:
            await changes.add(await recorded_members(self.add, context))
        elif self.remove is not None:
            await changes.remove(await recorded_members(self.remove, context))
        else:
            assert self.replace is not None
            await changes.replace(await recorded_members(self.replace, context))

    def _compare(self, now: AlmaSet, changes: MemberChanges) -> None:
        """Raise `StepFailed` when a replacement has lost members behind our back."""
        if self.replace is not None and (now.member_count or 0) < changes.count:
            raise StepFailed(
                f"The set `{now.name}` ({now.id}) has {now.member_count} members, but "
                f"{changes.count} were added. Another person or process is changing it at the "
                "same time. Check the set in Alma, and run the step again."
            )
