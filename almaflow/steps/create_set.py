"""`create_set`: a logical set, an itemized one of members, or one that Alma fills from others.

Looking for the name and counting members may be repeated, as may the deletion of a set that gives
way. Creating and each batch of members leave once; the unique name is what a lost creation is found
by, the number of members what a lost batch is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from almaflow.alma import calls
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.evidence import SetTrace
from almaflow.alma.set_creation import Combined, CopyOf, OfRun, Operator, Origin, create_set
from almaflow.alma.wire import AlmaSet
from almaflow.expressions.parsed import replace_templates
from almaflow.field_types import Flag, IdTemplate, Template, exactly_one, refused
from almaflow.steps.base import Kind
from almaflow.steps.content_type import ContentType
from almaflow.steps.delete_set import API_USER, remove_set, until_free
from almaflow.steps.find_set import SET_OUTPUTS, set_outputs
from almaflow.steps.first_members import NEEDS_A_LIST, First, recorded_first, rendered_first
from almaflow.steps.member_source import MemberSource, recorded_members
from almaflow.steps.result import StepFailed, StepResult
from almaflow.steps.set_member_changes import IdType, MemberChanges, OnInvalid, id_type_problem
from almaflow.steps.set_query import query_problem
from almaflow.steps.set_sources import (
    Combine,
    FromRun,
    most_members,
    until_filled,
    until_run_has_filled,
)
from almaflow.visible import invisible_characters

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

# "The set name already exists" (alma-api: T2).
NAME_TAKEN = "402263"

# Alma's words for how two sets are combined.
OPERATORS: Mapping[str, Operator] = {"and": "AND", "or": "OR", "not": "NOT"}


class CreateSet(Kind):
    """Create a set in Alma and wait until it is filled.

    A logical set comes from a `query`; an itemized set comes from `members`, a logical set
    (`from_set`), two sets (`combine`) or the titles of an import (`from_run`). Set names are unique
    in an institution: add `{{ run.id }}` or a date to the name.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_set_keys:CREATE_SET"

    key = "create_set"
    names_files = True
    secret_keys = frozenset({"description", "query"})
    outputs = SET_OUTPUTS
    example = """\
- id: discarded
  create_set:
    name: "almaflow withdraw {{ run.id }}"
    content: ITEM
    members: {file: discarded.csv, column: barcode}
    id_type: BARCODE
- id: trial
  create_set: {name: "trial {{ run.id }}", content: ITEM, from_set: 59317390720001276, first: 20}
"""

    name: Template = Field(description="The name of the set, unique in the institution.")
    content: ContentType = Field(
        description="The type of the members: ITEM, BIB_MMS (all titles), USER, …"
    )
    query: Template | None = Field(
        default=None,
        description="The query of a logical set in Alma's syntax. Create the set once in "
        "Alma, display its query with `almaflow sets show` and paste it here. "
        'The value of a template must not contain a `"`.',
    )
    members: MemberSource | None = Field(
        default=None,
        description="The members of an itemized set: a list of ids, a file and a column, "
        "or an expression. More than 1000 members are sent in batches; "
        "duplicates and empty lines are omitted.",
    )
    from_set: IdTemplate | None = Field(
        default=None, description="The id of a logical set to copy as an itemized set."
    )
    from_run: FromRun | None = Field(
        default=None, description="A population of an import, as an itemized set of BIB_MMS."
    )
    combine: Combine | None = Field(
        default=None,
        description="Two sets of the same content and how to combine them. Combining large "
        "sets may take Alma hours.",
    )
    id_type: IdType = None
    first: First | None = Field(
        default=None,
        description="For a trial: take only this many members, the first of `members`, or of the "
        "set `from_set` as Alma lists them. A query, `combine` and `from_run` always give all "
        "members: create that set first, then a second one with `from_set` and `first`.",
    )
    on_invalid: OnInvalid = Field(
        default="fail",
        description="What happens to a member that Alma does not know: `fail` (default) "
        "fails the step; `skip` omits the member and counts it in `rejected`.",
    )
    if_exists: Literal["fail", "reuse", "replace"] = Field(
        default="fail",
        description="What happens when a set with this name exists: `fail` (default), "
        "`reuse` it unchanged, or `replace` it with a new set.",
    )
    description: Template | None = Field(
        default=None, description="The description of the set in Alma."
    )
    private: Flag = Field(
        default=False,
        description="`true`: only the API can see the set; `false` (default): staff can see it "
        "too.",
    )

    _exactly_one = exactly_one("query", "members", "from_set", "from_run", "combine")

    @model_validator(mode="after")
    def _fits_together(self) -> CreateSet:
        if self.members is None and self.id_type is not None:
            raise refused("choose_one", "`id_type` requires `members`.", key="id_type")
        if self.query is not None and (why := query_problem(self.query.text, self.content)):
            raise refused("bad_query", why, key="query")
        if self.first is not None and self.members is None and self.from_set is None:
            raise refused("choose_one", NEEDS_A_LIST, key="first")
        if self.from_run is not None and self.content != "BIB_MMS":
            error = "`from_run` creates a set of titles. Use `content: BIB_MMS`."
            raise refused("wrong_content", error, key="content")
        if self.id_type is not None and (why := id_type_problem(self.content, self.id_type)):
            raise refused("bad_id_type", why, key="id_type")
        return self

    async def perform(self, context: StepContext) -> StepResult:
        name = context.text(self.name).strip()
        if invisible := invisible_characters(name):
            raise StepFailed(
                f"The name of the set has the invisible character {invisible[0]}, so nobody could "
                "type or find it. Nothing was sent."
            )
        origin = self._origin(context)
        existing = await self._make_room(context, name)
        if existing and self.if_exists == "fail":
            raise StepFailed(
                f"A set named `{name}` already exists ({existing}). Put `{{{{ run.id }}}}` "
                "into the name, or use `if_exists: reuse` or `if_exists: replace`."
            )
        if existing and self.if_exists == "reuse":
            found = await context.read(calls.alma_set(existing))
            self._check_kind(found)
            context.outputs.update(set_outputs(found))
            return StepResult()
        if self._is_listed:
            source = () if self.from_set is None else (context.text(self.from_set),)
            self._check_replaced(name, existing, source)
            # Read before anything is written: what cannot be used leaves no empty set behind.
            await self._ids(context)
        most = 0
        if origin is not None:
            self._check_replaced(name, existing, origin.query.values())
            most = await context.once("most", lambda: self._most(context, origin))
        if existing:
            await self._remove(context, "remove", existing)
        created = await self._create(context, name, origin)
        context.outputs.update(created, rejected=0)
        return await self._fill(context, created["set_id"], origin, most)

    def _origin(self, context: StepContext) -> Origin | None:
        """Return what Alma fills the set from; None for a query and for listed members."""
        if self._is_listed:
            return None
        if self.from_set is not None:
            return CopyOf(context.text(self.from_set))
        if self.combine is not None:
            first, second = (context.text(one) for one in self.combine.sets)
            return Combined(OPERATORS[self.combine.operator], first, second)
        if self.from_run is not None:
            return OfRun(context.text(self.from_run.run), context.text(self.from_run.population))
        return None

    @property
    def _is_listed(self) -> bool:
        """Whether almaflow adds the members, because it knows each of them."""
        return self.members is not None or self.first is not None

    async def _ids(self, context: StepContext) -> list[str]:
        """Return the members to add, recorded: they may be others after a restart."""
        first = None if self.first is None else rendered_first(self.first, context)
        if self.from_set is not None and first is not None:
            source = context.text(self.from_set)
            return await recorded_first(context, source, self.content, first)
        assert self.members is not None
        return (await recorded_members(self.members, context))[:first]

    @staticmethod
    def _check_replaced(name: str, existing: str, sources: Collection[str]) -> None:
        """Raise `StepFailed` when the set that gives way is one that the new one is made of."""
        if existing and existing in sources:
            raise StepFailed(
                f"The set `{name}` ({existing}) cannot be replaced, because the new set is "
                "made from it. Nothing was changed. Choose a different name."
            )

    async def _most(self, context: StepContext, origin: Origin) -> int:
        job = self.from_run.job if self.from_run is not None else None
        named = "" if job is None else context.text(job)
        return await most_members(context, origin, named, self.content)

    async def _make_room(self, context: StepContext, name: str) -> str:
        """Return the id of a set that has the name, else empty; one that we made gives way.

        An earlier attempt may have filled its set by half, or from what was there then.
        """
        made = context.earlier("create")
        if made is not None:
            await self._remove(context, "remove-earlier", made["set_id"])
        existing = await context.once("existing", lambda: self._existing(context, name))
        if not existing["ours"]:
            return str(existing["set_id"])
        await self._remove(context, "remove-earlier", existing["set_id"])
        return ""

    async def _existing(self, context: StepContext, name: str) -> dict[str, Any]:
        """Return `{set_id, ours}` of the set of that name; *ours* is one whose making was lost."""
        found = await context.directory.set_named(name)
        if found is None:
            return {"set_id": "", "ours": False}
        lost_since = context.lost_earlier("create")
        ours = (
            lost_since is not None
            and (found.type, found.content, found.created_by)
            == (self._type, self.content, API_USER)
            and found.created_at is not None
            and found.created_at >= lost_since
        )
        return {"set_id": found.id, "ours": ours}

    @staticmethod
    async def _remove(context: StepContext, effect: str, set_id: str) -> None:
        await until_free(context, set_id)
        await remove_set(context, effect, set_id)

    def _check_kind(self, found: AlmaSet) -> None:
        if (found.type, found.content) != (self._type, self.content):
            raise StepFailed(
                f"A set named `{found.name}` ({found.id}) exists, but its type and content are "
                f"{found.type} and {found.content}, not {self._type} and {self.content}."
            )

    @property
    def _type(self) -> Literal["ITEMIZED", "LOGICAL"]:
        return "ITEMIZED" if self.query is None else "LOGICAL"

    async def _create(
        self, context: StepContext, name: str, origin: Origin | None
    ) -> dict[str, Any]:
        call = create_set(
            name,
            self.content,
            query=None if self.query is None else render_query(self.query, context),
            origin=origin,
            description="" if self.description is None else context.text(self.description),
            private=self.private,
        ).then(SetTrace.result)
        slow = isinstance(origin, Combined)
        trace = SetTrace(name, self._type, self.content, slow=slow)
        try:
            return await context.write("create", call, trace=trace)
        except AlmaRefused as error:
            if NAME_TAKEN in error.codes:
                raise StepFailed(
                    f"A set named `{name}` already exists in Alma, but it does not appear in "
                    "search results; it may be private. Choose a different name."
                ) from error
            raise

    async def _fill(
        self, context: StepContext, set_id: str, origin: Origin | None, most: int
    ) -> StepResult:
        """Add the members, or wait until Alma has put them in."""
        if isinstance(origin, OfRun):
            return await until_run_has_filled(context, set_id, most)
        if not self._is_listed:
            await until_filled(context, set_id, most)
            return StepResult()
        changes = MemberChanges(
            context, set_id, self.content, id_type=self.id_type, on_invalid=self.on_invalid
        )
        await changes.add(await self._ids(context))
        return StepResult()


def render_query(query: Template, context: StepContext) -> str:
    """Return the query with its templates filled in.

    Raises: StepFailed when a template's value brings a quotation mark: it would end the text
        it is in and change what the query means.
    """
    fixed = replace_templates(query.text, "")
    rendered = context.text(query)
    if rendered.count('"') != fixed.count('"'):
        raise StepFailed(
            'The value of a template in `query` contains a quotation mark ("), which would '
            "change the meaning of the query. Nothing was created."
        )
    return _with_operators(rendered)


# Alma knows its operators in upper case only; quoted values stay as they are.
_OPERATOR = re.compile(r"(?<=[\s)])(?:and|or|not)(?=[\s(])", re.IGNORECASE)
_WHERE = re.compile(r"(?<=\s)where(?=\s)", re.IGNORECASE)


def _with_operators(query: str) -> str:
    """Return a *query* whose AND, OR, NOT and `where` are written as Alma writes them."""
    parts = query.split('"')
    for place in range(0, len(parts), 2):
        # A quoted value ends before the part, and begins behind it.
        part = f" {parts[place]} "
        part = _OPERATOR.sub(lambda found: found[0].upper(), part)
        parts[place] = _WHERE.sub("where", part, count=1)[1:-1]
    return '"'.join(parts)
