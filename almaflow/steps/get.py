"""`get`: any read of Alma's. Only reads; the home of JMESPath."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import jmespath
from jmespath.exceptions import EmptyExpressionError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from almaflow.alma import calls
from almaflow.alma.calls import Call
from almaflow.expressions import ANYTHING
from almaflow.fields import Template
from almaflow.problems import did_you_mean
from almaflow.steps.base import Kind
from almaflow.steps.context import StepContext
from almaflow.steps.endings import Ending, StepFailed
from almaflow.steps.recorded import fitting

# A piece of a JMESPath, to be shown.
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\w+|\S")

# What would end the text of a JMESPath that a value is put into.
_QUOTES = re.compile(r"['\"`\\]")


_ADDRESS = re.compile(r"(?:https?:)?//[^/?#]+(?:/almaws/v\d+)?(/[^?#]*)", re.IGNORECASE)


def _path_to_write(text: str) -> str:
    """Return the path in an address that was pasted, as a further sentence; else nothing."""
    match = _ADDRESS.match(text.strip())
    if match is None:
        return ""
    return f" Write the path alone, `{match[1]}`, and what follows the `?` under `query`, no key."


class Get(Kind):
    """Read anything from Alma: what its documentation lists as GET, as JSON.

    Without `select` the whole answer is kept, as `body` and as `value`; with it only what it
    finds, as `value`.
    """

    key = "get"
    short: ClassVar[str | None] = "path"
    outputs: ClassVar = {"body": ANYTHING, "value": ANYTHING}
    example = """\
- id: libraries
  get: {path: /conf/libraries, select: "library[?code != 'RES'].code"}
"""

    path: Annotated[
        Template,
        Field(
            description="The path as Alma's documentation writes it, such as `/conf/libraries`; "
            "never a host. Alma's lists give at most 100 entries at a time (`limit`, `offset`)."
        ),
    ]
    query: Annotated[
        dict[str, Template], Field(description="What follows the `?`: names and values.")
    ] = {}
    select: Annotated[
        Template | None,
        Field(
            description="A JMESPath (jmespath.org) for the part of the answer to keep; what it "
            "does not find is nothing. The value of a template may not bring a quote into it."
        ),
    ] = None

    @field_validator("path")
    @classmethod
    def _literal_path(cls, given: Template) -> Template:
        if "{{" not in given.text:
            try:
                calls.get_any(given.text)
            except ValueError as error:
                why = f"{error}.{_path_to_write(given.text)}"
                raise PydanticCustomError("bad_path", "{why}", {"why": why}) from None
        return given

    @field_validator("query")
    @classmethod
    def _no_key(cls, given: dict[str, Template]) -> dict[str, Template]:
        if any(name.casefold() == "apikey" for name in given):
            raise PydanticCustomError(
                "bad_path", "A key does not belong in `query`; almaflow sends it in a header."
            )
        return given

    @field_validator("select")
    @classmethod
    def _literal_select(cls, given: Template | None) -> Template | None:
        if given is not None and "{{" not in given.text:
            try:
                compile_select(given.text)
            except SelectWrong as error:
                context = {"why": str(error), "offset": error.offset, "length": error.length}
                raise PydanticCustomError("bad_select", "{why}", context) from None
        return given

    def withholds(self) -> Mapping[str, str]:
        if self.select is None:
            return {}
        return {"body": "with `select` only its result is kept, as `value`"}

    async def perform(self, context: StepContext) -> Ending:
        call = self._call(context)
        select = None if self.select is None else compiled(self.select, context)
        answer = await context.read(call)
        found: dict[str, Any] = {"body": answer, "value": answer}
        if select is not None:
            try:
                found = {"value": select.search(answer)}
            except JMESPathError as error:
                why = str(error).rstrip(".")
                raise StepFailed(
                    f"`select` does not fit what Alma answered to {call.what}: {why}."
                ) from error
        context.outputs.update(
            fitting(
                found,
                f"The answer to {call.what}",
                "Keep less of it with `select`, or ask for less (`limit`).",
            )
        )
        return Ending()

    def _call(self, context: StepContext) -> Call[Any]:
        query = {name: context.text(value) for name, value in self.query.items()}
        try:
            return calls.get_any(context.text(self.path), query)
        except ValueError as error:
            raise StepFailed(f"{error}. Nothing was sent.") from error


class SelectWrong(ValueError):
    """A text is no JMESPath; *offset* and *length* say which of its characters are wrong."""

    def __init__(self, text: str, offset: int, length: int) -> None:
        super().__init__(text)
        self.offset = offset
        self.length = max(1, length)


class Selection:
    """A JMESPath that can be read."""

    def __init__(self, parsed: Any) -> None:
        self._parsed = parsed

    def search(self, data: Any) -> Any:
        """Return what it finds in *data*, None for nothing; Raises: JMESPathError."""
        return self._parsed.search(data)


def compiled(select: Template, context: StepContext) -> Selection:
    """Return the JMESPath of a step with its templates filled in.

    Raises: StepFailed when it is none, or a template's value brings a quote: it would end the
        text it stands in and change what is selected.
    """
    fixed = re.sub(r"\{\{.*?\}\}", "", select.text, flags=re.DOTALL)
    text = context.text(select)
    if len(_QUOTES.findall(text)) != len(_QUOTES.findall(fixed)):
        raise StepFailed(
            "A template of `select` gives a value with a quote or backslash in it, which would "
            "change what is selected; nothing was sent."
        )
    try:
        return compile_select(text)
    except SelectWrong as error:
        raise StepFailed(f"`select` is `{text}`. {error} Nothing was sent.") from error


def compile_select(text: str) -> Selection:
    """Read *text* as JMESPath; functions and how many values they take are checked too.

    Raises:
        SelectWrong: it is none; the message says what to write.
    """
    try:
        parsed = jmespath.compile(text)
    except EmptyExpressionError as error:
        raise SelectWrong("`select` is empty; leave it out to keep the answer.", 0, 0) from error
    except LexerError as error:
        raise _no_jmespath(error.message, error.lexer_position, 1) from error
    except ParseError as error:
        token = _TOKEN.match(text, error.lex_position)
        if token is None:
            raise _no_jmespath("it ends too early", len(text) - 1, 1) from error
        why = f"`{token.group()}` cannot stand here"
        raise _no_jmespath(why, token.start(), len(token.group())) from error
    except RecursionError as error:
        raise _no_jmespath("it is nested too deeply", 0, len(text)) from error
    for name, given in _functions(parsed.parsed):
        _check_function(name, given, text)
    return Selection(parsed)


def _no_jmespath(why: str, offset: int, length: int) -> SelectWrong:
    why = why[:1].lower() + why[1:]
    return SelectWrong(f"This is no JMESPath: {why} (see jmespath.org).", offset, length)


def _functions(node: Any) -> Iterator[tuple[str, int]]:
    """Yield the functions that are called, each with how many values it is given."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if node["type"] == "function_expression":
                yield node["value"], len(node["children"])
            waiting.extend(reversed(node["children"]))


def _check_function(name: str, given: int, text: str) -> None:
    place = re.search(rf"{re.escape(name)}\s*\(", text)
    offset = place.start() if place else 0
    known = Functions.FUNCTION_TABLE
    if name not in known:
        hint = did_you_mean(name, known) or "."
        raise SelectWrong(f"JMESPath has no function `{name}`{hint}", offset, len(name))
    signature = known[name]["signature"]
    open_ended = bool(signature) and signature[-1].get("variadic", False)
    if given < len(signature) or (given > len(signature) and not open_ended):
        least = "at least " if open_ended else ""
        noun = "value" if len(signature) == 1 else "values"
        raise SelectWrong(
            f"`{name}` takes {least}{len(signature)} {noun}, not {given}.", offset, len(name)
        )
