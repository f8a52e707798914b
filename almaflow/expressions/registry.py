"""How filters, tests, methods and functions are declared: what they take and give."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.types import KINDS, Type, either
from almaflow.expressions.values import described, kind_of
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean

LISTS = frozenset({"list", "counters"})
SCALARS = frozenset({"text", "number", "boolean", "instant", "date", "duration"})
SIZED = frozenset({"text", "list", "counters", "mapping"})


@dataclass(frozen=True, eq=False)
class Operation:
    """One thing that can be done to a value.

    *act* is called with the frame, the value (functions have none) and the arguments as they
    are written. *result* is the type it gives, or a function from the value's type to that.
    *takes* are the kinds of values it works on, empty for any. *work* is what it costs at least,
    in elements (budget.py): filters may be applied to each element of a list. *help* is what
    `almaflow explain expressions` says of it, empty for what Jinja2 documents.
    """

    name: str
    act: Callable[..., Any]
    result: Type | Callable[[Type], Type]
    takes: frozenset[str] = frozenset()
    work: int = 6
    help: str = ""

    @cached_property
    def signature(self) -> inspect.Signature:
        """The names of what it is called with."""
        return inspect.signature(self.act)

    def result_for(self, type_: Type) -> Type:
        """Return the type it gives for a value of *type_*."""
        return self.result if isinstance(self.result, Type) else self.result(type_)

    def misfit(self, kind: str) -> str:
        """Return the sentence about a value of a kind that it does not take, else nothing."""
        if not kind or not self.takes or kind in self.takes:
            return ""
        return f"`{self.name}` needs {either(self.takes)}, but this is {KINDS[kind]}."

    def misuse(self, values: int, positional: int, keywords: Iterable[str]) -> str:
        """Return the sentence about arguments it does not have, else nothing.

        *values* is 1 for what works on a value, 0 for a function.
        """
        return _misuse(self, values, positional, tuple(keywords))

    def check_use(self, values: int, positional: int, keywords: Iterable[str]) -> None:
        """Raise ExpressionFailed about arguments that it does not have; see `misuse`."""
        problem = self.misuse(values, positional, keywords)
        if problem:
            raise ExpressionFailed(problem)

    def place_of(self, name: str, values: int) -> int | None:
        """Return where the argument *name* is among those without a name; None: nowhere."""
        positional = [
            parameter.name
            for parameter in self.signature.parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ][1 + values :]
        return positional.index(name) if name in positional else None

    def usage(self, values: int) -> str:
        """Return how it is written, with the names of its arguments."""
        words = []
        for parameter in list(self.signature.parameters.values())[1 + values :]:
            if parameter.kind is parameter.VAR_POSITIONAL:
                words.append("…")
            elif parameter.default is parameter.empty:
                words.append(parameter.name)
            else:
                words.append(f"{parameter.name}=…")
        return f"{self.name}({', '.join(words)})"

    def on(self, frame: EvaluationFrame, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Do it to *value*; Raises: ExpressionFailed."""
        frame.budget.items(self.work)
        if self.takes and kind_of(value) not in self.takes:
            raise ExpressionFailed(self.misfit(kind_of(value)))
        return self.act(frame, value, *args, **kwargs)


@lru_cache(maxsize=1024)
def _misuse(operation: Operation, values: int, positional: int, keywords: tuple[str, ...]) -> str:
    positions: list[None] = [None] * (1 + values + positional)
    try:
        operation.signature.bind(*positions, **dict.fromkeys(keywords))
    except TypeError:
        if len(operation.signature.parameters) == 1 + values:
            return f"`{operation.name}` takes no arguments."
        return f"`{operation.name}` is written `{operation.usage(values)}`."
    return ""


def table(*operations: Operation) -> Mapping[str, Operation]:
    """Return operations by name."""
    return {operation.name: operation for operation in operations}


def named(known: Mapping[str, Operation], name: str, noun: str) -> Operation:
    """Return the operation called *name*; Raises: ExpressionFailed with a suggestion."""
    if name not in known:
        raise ExpressionFailed(f"There is no {noun} `{name}`{did_you_mean(name, known) or '.'}")
    return known[name]


def text_argument(value: Any, what: str) -> str:
    """Return an argument that has to be text; Raises: ExpressionFailed."""
    if not isinstance(value, str):
        raise ExpressionFailed(f"Text is expected as {what}, not {described(value)}.")
    return value
