"""`create_set`: a logical or itemized set, or an itemized copy of a logical one.

Looking for the name and counting members may be repeated. Creating and each batch of members leave
once; the unique name is what a lost creation is found by.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from almaflow.alma import calls
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.new_sets import CopyOf, create_set
from almaflow.alma.wire import AlmaSet
from almaflow.fields import Flag, Template, Text
from almaflow.steps.base import Kind
from almaflow.steps.context import StepContext
from almaflow.steps.delete_set import remove_set
from almaflow.steps.endings import Ending, StepFailed
from almaflow.steps.find_set import SET_OUTPUTS, set_outputs
from almaflow.steps.members import Members, read_members

# "The set name already exists" (alma-api: T2).
NAME_TAKEN = "402263"

# How often the number of members is looked at until it stands still, and for how long it may
# stand still before the set counts as filled although it has fewer members than its source.
LOOK = timedelta(seconds=10)
STILL = timedelta(minutes=2)

ContentType = Literal[
    "AUTHORITY_MMS",
    "BIB_MMS",
    "BIB_MMS_DISCOVERY",
    "COURSE",
    "FILE",
    "HOLDING",
    "IE",
    "IEC",
    "IED",
    "IEE",
    "IEP",
    "IEPA",
    "IER",
    "ITEM",
    "PO_LINE",
    "PORTFOLIO",
    "READING_LIST",
    "READING_LIST_CITATION",
    "REMOTE_REPRESENTATION",
    "REPRESENTATION",
    "RESEARCHERS",
    "USER",
    "VENDOR",
]
"""Alma's code table SetContentType."""


class CreateSet(Kind):
    """Create a set in Alma and wait until it is filled.

    Logical from a `query`, itemized from `members`, or an itemized copy (`from_set`) of a logical
    set. Set names are unique in an institution: put `{{ run.id }}` or a date into the name.
    """

    key = "create_set"
    secret_keys = frozenset({"description", "query"})
    outputs = SET_OUTPUTS
    example = """\
- id: discarded
  create_set:
    name: "almaflow withdraw {{ run.id }}"
    content: ITEM
    members: {file: discarded.csv, column: barcode}
    id_type: BARCODE
"""

    name: Annotated[Template, Field(description="The set's name, unique in the institution.")]
    content: Annotated[
        ContentType,
        Field(description="What the members are: ITEM, BIB_MMS (all titles), USER, …"),
    ]
    query: Annotated[
        Template | None,
        Field(
            description="The query of a logical set, as Alma writes it: build the set once in "
            "Alma, look at its query with `almaflow sets show`, paste it here. The value of a "
            'template may not bring a `"` into it.'
        ),
    ] = None
    members: Annotated[
        Members | None,
        Field(
            description="The members of an itemized set: a list of ids, a file and a column, or "
            "an expression. More than 1000 go in batches; repeats and blank lines are dropped."
        ),
    ] = None
    from_set: Annotated[
        Template | None, Field(description="The id of a logical set to copy as an itemized one.")
    ] = None
    id_type: Annotated[
        Text | None,
        Field(
            description="What the ids are when they are not Alma's own: BARCODE for items; "
            "SYSTEM_NUMBER, OCLC_NUMBER, ISBN, ISSN for titles."
        ),
    ] = None
    on_invalid: Annotated[
        Literal["fail", "skip"],
        Field(
            description="What a member that Alma does not know does: `fail` (default) the step, "
            "or be left out and counted as `rejected`."
        ),
    ] = "fail"
    if_exists: Annotated[
        Literal["fail", "reuse", "replace"],
        Field(
            description="When there is a set of that name: `fail` (default), `reuse` it as it is, "
            "or `replace` it by a new one."
        ),
    ] = "fail"
    description: Annotated[Template | None, Field(description="The set's description in Alma.")] = (
        None
    )
    private: Annotated[
        Flag,
        Field(description="`true`: only the API sees the set; `false` (default): staff do too."),
    ] = False

    @model_validator(mode="after")
    def _exactly_one(self) -> CreateSet:
        given = [one for one in (self.query, self.members, self.from_set) if one is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "choose_one",
                "`create_set` needs exactly one of `query`, `members` and `from_set`.",
            )
        if self.members is None and self.id_type is not None:
            raise PydanticCustomError("choose_one", "`id_type` goes with `members`.")
        return self

    async def perform(self, context: StepContext) -> Ending:
        name = context.text(self.name)
        made = context.earlier("create")
        if made is not None:
            # An earlier attempt may have filled it by half.
            await remove_set(context, "remove-earlier", made["set_id"])
        existing = await context.once("existing", lambda: self._existing(context, name))
        if existing and self.if_exists == "fail":
            raise StepFailed(
                f"A set named `{name}` exists already ({existing}). Put `{{{{ run.id }}}}` into "
                "the name, or say `if_exists: reuse` or `if_exists: replace`."
            )
        if existing and self.if_exists == "reuse":
            found = await context.read(calls.alma_set(existing))
            self._check_kind(found)
            context.outputs.update(set_outputs(found))
            return Ending()
        if existing:
            await remove_set(context, "remove", existing)
        created = await self._create(context, name)
        context.outputs.update(created, rejected=0)
        if self.members is not None:
            await self._fill(context, created["set_id"])
        else:
            await self._until_filled(context, created["set_id"])
        return Ending()

    @staticmethod
    async def _existing(context: StepContext, name: str) -> str:
        found = await context.directory.set_named(name)
        return found.id if found is not None else ""

    def _check_kind(self, found: AlmaSet) -> None:
        wanted = "LOGICAL" if self.query is not None else "ITEMIZED"
        if (found.type, found.content) != (wanted, self.content):
            raise StepFailed(
                f"The set `{found.name}` ({found.id}) exists, but as {found.type} of "
                f"{found.content}, not {wanted} of {self.content}."
            )

    async def _create(self, context: StepContext, name: str) -> dict[str, Any]:
        call = create_set(
            name,
            self.content,
            query=None if self.query is None else render_query(self.query, context),
            origin=None if self.from_set is None else CopyOf(context.text(self.from_set)),
            description="" if self.description is None else context.text(self.description),
            private=self.private,
        )
        try:
            return await context.write(
                "create",
                call.then(
                    lambda it: {
                        "set_id": it.id,
                        "name": it.name,
                        "member_count": it.member_count or 0,
                    }
                ),
            )
        except AlmaRefused as error:
            if NAME_TAKEN in error.codes:
                raise StepFailed(
                    f"Alma has a set named `{name}` that the search does not show, perhaps a "
                    "private one. Choose another name."
                ) from error
            raise

    async def _fill(self, context: StepContext, set_id: str) -> None:
        """Add the members, a batch at a time."""
        assert self.members is not None
        members = self.members

        async def read() -> list[str]:
            return read_members(members, context)

        ids: list[str] = await context.once("members", read)
        count = 0
        for number, start in enumerate(range(0, len(ids), calls.MEMBERS_IN_ONE_CALL), start=1):
            batch = ids[start : start + calls.MEMBERS_IN_ONE_CALL]
            context.progress(f"adding members {start + 1} to {start + len(batch)} of {len(ids)}")
            changed = await context.write(
                f"add-{number}",
                calls.change_members(
                    set_id,
                    "add_members",
                    batch,
                    id_type=self.id_type,
                    fail_on_invalid_id=self.on_invalid == "fail",
                ).then(lambda it: {"member_count": it.member_count or 0}),
            )
            count = changed["member_count"]
            context.outputs.update(member_count=count, rejected=max(0, start + len(batch) - count))

    async def _until_filled(self, context: StepContext, set_id: str) -> None:
        """Read the number of members until it stands still or has reached the source's."""
        expected = None
        if self.from_set is not None:
            source = await context.read(calls.alma_set(context.text(self.from_set)))
            expected = source.member_count or 0
        still_since, last = context.clock.now(), -1
        while True:
            count = (await context.read(calls.alma_set(set_id))).member_count or 0
            context.outputs["member_count"] = count
            if expected is None or count >= expected:
                return
            if count != last:
                still_since, last = context.clock.now(), count
            elif context.clock.now() - still_since >= STILL:
                return
            await context.sleep(LOOK, f"Alma fills the set: {count} of {expected} members")


def render_query(query: Template, context: StepContext) -> str:
    """Return the query with its templates filled in.

    Raises: StepFailed when a template's value brings a quotation mark: it would end the text
        it stands in and change what the query means.
    """
    fixed = re.sub(r"\{\{.*?\}\}", "", query.text, flags=re.DOTALL)
    rendered = context.text(query)
    if rendered.count('"') != fixed.count('"'):
        raise StepFailed(
            'A template of `query` gives a value with a quotation mark (") in it, which would '
            "change what the query means; nothing was created."
        )
    return rendered
