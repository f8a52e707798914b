"""`get`: any read of Alma's. Only reads; `selection` has the JMESPath of `select`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import parse_qsl

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from almaflow.alma.read_path import split_path
from almaflow.expressions import ANYTHING
from almaflow.expressions.parsed import replace_templates
from almaflow.field_types import Flag, Template, refused
from almaflow.late_patterns import late_pattern
from almaflow.steps.base import Kind
from almaflow.steps.literals import literal
from almaflow.steps.output_size import fitting
from almaflow.steps.result import StepFailed, StepResult

if TYPE_CHECKING:
    from almaflow.alma.calls import AlmaRequest
    from almaflow.steps.context import StepContext
    from almaflow.steps.selection import Selection

# What would end the text of a JMESPath that a value is put into.
_QUOTES = late_pattern(r"['\"`\\]")


def _check_path(text: str) -> None:
    """Raise ValueError for a path that cannot be read, with what to do about a pasted address."""
    try:
        split_path(text)
    except ValueError as error:
        pasted = "?" in text and not text.strip().startswith("/")
        query = " Write what follows the `?` under `query`, without the key." if pasted else ""
        raise ValueError(f"{error}.{query}") from None


LiteralPath = Annotated[Template, literal("bad_path", _check_path)]
"""A path below `/almaws/v1`, checked before the run when it has no templates."""


class Get(Kind):
    """Read anything from Alma that its documentation lists as GET, as JSON.

    Without `select`, the whole response is kept as `body` and as `value`; with `select`, only its
    result is kept, as `value`.
    """

    key = "get"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:GET"
    short: ClassVar[str | None] = "path"
    outputs: ClassVar = {"body": ANYTHING, "value": ANYTHING}
    example = """\
- id: libraries
  get: {path: /conf/libraries, select: "library[?code != 'RES'].code"}
- id: old_sets
  get: {path: /conf/sets, query: {q: name~old}, all: true, select: "set[].id"}
"""

    path: LiteralPath = Field(
        description="The path as in Alma's documentation, such as `/conf/libraries`, "
        "without a host. Alma's lists return at most 100 entries for one "
        "request (`limit`, `offset`); `all: true` reads all of them."
    )
    query: dict[str, Template] = Field(
        default={}, description="The query parameters (what follows the `?`): names and values."
    )
    all: Flag = Field(
        default=False,
        description="`true`: read every page of one of Alma's lists, up to 100,000 entries, "
        "and join them. Each page is one API call. `limit` is then the size of a page. "
        "`false` (default): send one request.",
    )
    select: Template | None = Field(
        default=None,
        description="A JMESPath expression (jmespath.org) for the part of the response to "
        "keep. The result is empty when nothing matches. The value of a "
        "template must not contain a quotation mark.",
    )

    @field_validator("query")
    @classmethod
    def _no_key(cls, template: dict[str, Template]) -> dict[str, Template]:
        if any(name.casefold() == "apikey" for name in template):
            raise refused(
                "bad_path", "Do not write the API key in `query`; almaflow sends it in a header."
            )
        return template

    @field_validator("select")
    @classmethod
    def _literal_select(cls, template: Template | None) -> Template | None:
        if template is not None and "{{" not in template.text:
            # Here and below: most files have no `select`, and its library is not small.
            from almaflow.steps.selection import SelectWrong, compile_select

            try:
                compile_select(template.text)
            except SelectWrong as error:
                context = {"why": str(error), "offset": error.offset, "length": error.length}
                raise PydanticCustomError("bad_select", "{why}", context) from None
        return template

    @model_validator(mode="after")
    def _no_offset(self) -> Get:
        behind = self.path.text.partition("?")[2]
        names = [*self.query, *(name for name, _ in parse_qsl(behind, keep_blank_values=True))]
        if self.all and "offset" in names:
            raise refused(
                "choose_one",
                "`all: true` begins with the first entry. Omit `offset`.",
                key="query" if "offset" in self.query else "path",
            )
        return self

    def unavailable_outputs(self) -> Mapping[str, str]:
        if self.select is None:
            return {}
        return {"body": "with `select`, only its result is kept, as `value`"}

    async def perform(self, context: StepContext) -> StepResult:
        from almaflow.steps.joined_pages import read_all

        call = self._call(context)
        select = None if self.select is None else compiled(self.select, context)
        answer = await (read_all(context, call) if self.all else context.read(call))
        found: dict[str, Any] = {"body": answer, "value": answer}
        if select is not None:
            from almaflow.steps.selection import SelectFailed

            try:
                # In a thread: a search of a large answer would hold up everything else.
                found = {"value": await context.in_thread(select.search, answer)}
            except SelectFailed as error:
                raise StepFailed(
                    f"`select` does not fit Alma's response to {call.what}: {error}."
                ) from error
        context.outputs.update(
            fitting(
                found,
                f"The response to {call.what}",
                "Keep less of it with `select`, or request less (`limit`).",
            )
        )
        return StepResult()

    def _call(self, context: StepContext) -> AlmaRequest[Any]:
        from almaflow.alma import calls

        query = {name: context.text(value) for name, value in self.query.items()}
        try:
            return calls.get_any(context.text(self.path), query)
        except ValueError as error:
            raise StepFailed(f"{error}. Nothing was sent.") from error


def compiled(select: Template, context: StepContext) -> Selection:
    """Return the JMESPath of a step with its templates filled in.

    Raises: StepFailed when it is none, or a template's value brings a quote: it would end the
        text it is in and change what is selected.
    """
    from almaflow.steps.selection import SelectWrong, compile_select

    fixed = replace_templates(select.text, "")
    text = context.text(select)
    if len(_QUOTES.findall(text)) != len(_QUOTES.findall(fixed)):
        raise StepFailed(
            "The value of a template in `select` contains a quotation mark or backslash, which "
            "would change what is selected. Nothing was sent."
        )
    try:
        return compile_select(text)
    except SelectWrong as error:
        raise StepFailed(f"`select` is `{text}`. {error} Nothing was sent.") from error
