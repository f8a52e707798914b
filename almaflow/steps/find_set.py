"""`find_set`: a set that is in Alma already. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, Field, model_validator

from almaflow.expressions import NUMBER, TEXT, Type
from almaflow.field_types import IdTemplate, Template, as_text, exactly_one, refused
from almaflow.steps.base import Kind
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.alma.wire import AlmaSet
    from almaflow.steps.context import StepContext

SET_OUTPUTS: Mapping[str, Type] = {
    "set_id": TEXT,
    "name": TEXT,
    "member_count": NUMBER,
    "rejected": NUMBER,
}


def set_outputs(alma_set: AlmaSet, rejected: int = 0) -> dict[str, Any]:
    """Return what steps about a set give to later ones."""
    return {
        "set_id": alma_set.id,
        "name": alma_set.name,
        "member_count": alma_set.member_count or 0,
        "rejected": rejected,
    }


class FindSet(Kind):
    """Find a set by its id or exact name, with the number of its members."""

    key = "find_set"
    foreign: ClassVar[str] = "almaflow.steps.foreign_set_keys:FIND_SET"
    short: ClassVar[str | None] = "name"
    outputs = SET_OUTPUTS
    example = """\
- id: weeding
  find_set: {name: Weeding candidates}
"""

    id: IdTemplate | None = Field(default=None, description="The id of the set.")
    name: Template | None = Field(default=None, description="The exact name of the set.")

    @model_validator(mode="before")
    @classmethod
    def _name_or_id(cls, data: Any) -> Any:
        text = data if isinstance(data, (Mapping, BaseModel)) else as_text(data)
        if cls.short == "name" and isinstance(text, str) and text.strip().isdecimal():
            why = (
                f'`{text}` can be an id or a name. Write `{{id: {text}}}` or `{{name: "{text}"}}`.'
            )
            raise refused("choose_one", why)
        return data

    _exactly_one = exactly_one("id", "name")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.name is not None and not self.name.text.strip():
            why = "The name of the set is empty. Write its exact name."
            raise refused("bad_value", why, key="name")
        return self

    async def perform(self, context: StepContext) -> StepResult:
        context.outputs.update(set_outputs(await self.find(context)))
        return StepResult()

    async def find(self, context: StepContext) -> AlmaSet:
        """Return the set; Raises: StepFailed, NotInAlma."""
        from almaflow.alma import calls
        from almaflow.alma.errors import NotInAlma

        if self.id is not None:
            set_id = context.text(self.id)
            if not set_id:
                raise StepFailed(f"The `id` of `{self.key}` is empty.")
            return await context.read(calls.alma_set(set_id))
        assert self.name is not None
        name = context.text(self.name)
        found = await context.directory.set_named(name)
        if found is None:
            raise NotInAlma(
                f"There is no set named `{name}` at {context.institution}.",
                noun="set",
                name=name,
                advice="The name must match exactly. The API does not list private sets of "
                "other users.",
            )
        return found
