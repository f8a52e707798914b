"""What is declared above the steps: names, inputs, `vars`; and the outputs of the workflow."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from almaflow import patterns
from almaflow.check.collector import ProblemCollector
from almaflow.check.scopes import NO_SECRETS, NO_STEPS, RUN, input_type, value_type
from almaflow.check.traversal import data_at, sources
from almaflow.check.wrong_names import usable
from almaflow.document import PathTo
from almaflow.expressions import ANYTHING, DATE, INSTANT, RecordType, Type
from almaflow.field_types import Plain, Template
from almaflow.inputs import read_input
from almaflow.lookalikes import latin, look_alike_advice
from almaflow.steps.base import IDENTIFIER
from almaflow.workflow import Input, Workflow


class DeclaredNames:
    """The inputs and `vars` of one workflow, each seeing those above it.

    *lost* are names of inputs that could not be read: they may be of any type.
    """

    def __init__(
        self, workflow: Workflow, notes: ProblemCollector, lost: Collection[str] = ()
    ) -> None:
        self.workflow = workflow
        self.notes = notes
        self.lost = lost
        self.inputs: dict[str, Type] = {
            **{
                name: input_type(declared)
                for name, declared in workflow.inputs.items()
                if name not in lost
            },
            **dict.fromkeys(lost, ANYTHING),
        }
        self.vars: dict[str, Type] = {}
        self.inputs |= dict.fromkeys(notes.wrong_names.add("inputs", workflow.inputs), ANYTHING)
        self._wrong_vars = notes.wrong_names.add("vars", workflow.vars)

    def check(self) -> None:
        """Check names and values, in the order in which they are evaluated."""
        for name, declared in self.workflow.inputs.items():
            path = ("inputs", name)
            check_name(self.notes, path, "input")
            self._check_bounds(path, declared)
            if not declared.is_required:
                self.check_value((*path, "default"), name, declared.default)
        for name, value in self.workflow.vars.items():
            path = ("vars", name)
            check_name(self.notes, path, "variable")
            scope = self._scope(self.inputs, self._vars_so_far())
            self.check_templates(path, value, scope)
            self.vars[name] = value_type(value, scope)

    def check_value(self, path: PathTo, name: str, value: Any) -> None:
        """Check the data at *path* as the value of the input *name*."""
        above: dict[str, Type] = {}
        later: dict[str, str] = {}
        for other, type_ in self.inputs.items():
            if other == name or later:
                why = "it is this input" if other == name else "it is declared further down"
                later[other] = f"{why}, and an input can use only the inputs above it"
            else:
                above[other] = type_
        no_vars = dict.fromkeys(self.workflow.vars, "`vars` are evaluated after the inputs")
        scope = self._scope(RecordType(above, "input", later), RecordType({}, "variable", no_vars))
        self.check_templates(path, value, scope)
        if name in self.lost:
            return
        if not any("{{" in source.text for _, source in sources(value, None, path)):
            self._check_literal(path, self.workflow.inputs[name], value)

    def check_templates(self, path: PathTo, value: Any, scope: RecordType) -> None:
        """Check every template in *value*, a value of any type."""
        for place, source in sources(value, data_at(self.notes.document.data, path), path):
            self.notes.check(place, source, scope)

    def scope(self) -> RecordType:
        """Return the names that every step sees, whatever its place."""
        known = {**self.vars, **dict.fromkeys(self._wrong_vars, ANYTHING)}
        return self._scope(self.inputs, RecordType(known, "variable"))

    def _vars_so_far(self) -> RecordType:
        later = "it is evaluated later, and a variable can use only the variables above it"
        return RecordType(dict(self.vars), "variable", dict.fromkeys(self.workflow.vars, later))

    def _scope(self, inputs: Mapping[str, Type] | RecordType, variables: RecordType) -> RecordType:
        if not isinstance(inputs, RecordType):
            inputs = RecordType(inputs, "input")
        names = {"inputs": inputs, "vars": variables, "run": RUN, "now": INSTANT, "today": DATE}
        return RecordType(names, "name", {"steps": NO_STEPS, "secrets": NO_SECRETS})

    def _check_bounds(self, path: PathTo, declared: Input) -> None:
        """Check that `pattern`, `enum`, `minimum` and `maximum` make sense."""
        is_number = declared.type in ("integer", "number")
        for key, value in (("minimum", declared.minimum), ("maximum", declared.maximum)):
            if value is not None and not is_number:
                self.notes.at_key(
                    (*path, key),
                    "bad-bound",
                    f"`{key}` applies to numbers, but this input is "
                    f"{_with_article(declared.type)}. Remove it, or write `type: integer`.",
                )
        if None not in (declared.minimum, declared.maximum) and (
            declared.minimum > declared.maximum  # type: ignore[operator]
        ):
            self.notes.at(
                (*path, "maximum"), "bad-bound", "`maximum` is less than `minimum`. Swap them."
            )
        if declared.pattern is not None:
            if declared.type not in ("string", "date"):
                self.notes.at_key(
                    (*path, "pattern"),
                    "bad-bound",
                    "`pattern` applies to text, but this input is "
                    f"{_with_article(declared.type)}. Remove it.",
                )
            self._check_pattern((*path, "pattern"), declared.pattern)
        alone = declared.model_copy(update={"enum": None})
        for place, value in enumerate(declared.enum or []):
            self._check_literal((*path, "enum", place), alone, value)

    def _check_pattern(self, path: PathTo, pattern: str) -> None:
        if len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
            message = f"A pattern has no `/` around it. Write `{pattern[1:-1]}`."
            self.notes.at(path, "bad-pattern", message)
            return
        problem = pattern_problem(pattern)
        if problem is not None:
            message, offset = problem
            text = f"`pattern` is not a valid regular expression: {message}."
            self.notes.within(path, offset, 1, "bad-pattern", text)

    def _check_literal(self, path: PathTo, declared: Input, value: Any) -> None:
        """Check a value without templates against the declared type and bounds."""
        problem = literal_problem(declared, value)
        if problem is not None:
            name = path[1] if path[0] == "inputs" else path[-1]
            self.notes.at(path, "bad-input", f"`{name}` {problem}.")


def literal_problem(declared: Input, value: Any) -> str | None:
    """Return why a value without templates does not fit an input, after its name; None: it does."""
    try:
        read_input(_sound(declared), _bare(value))
    except ValueError as error:
        return str(error)
    return None


def pattern_problem(pattern: str) -> tuple[str, int] | None:
    """Return what is wrong with a regular expression, and at which character."""
    try:
        patterns.compiled(pattern)
    except patterns.PatternWrong as error:
        return str(error), error.offset
    return None


def _sound(declared: Input) -> Input:
    """Return *declared* without bounds that make no sense; each of them is a problem."""
    unsound: dict[str, None] = {}
    if declared.pattern is not None and pattern_problem(declared.pattern):
        unsound["pattern"] = None
    if declared.type not in ("integer", "number"):
        unsound |= {"minimum": None, "maximum": None}
    alone = declared.model_copy(update={**unsound, "enum": None})
    try:
        for value in declared.enum or []:
            read_input(alone, _bare(value))
    except ValueError:
        return alone
    return declared.model_copy(update=unsound)


def _bare(value: Any) -> Any:
    """Return *value* with its templates, which have no braces, as text."""
    match value:
        case Template():
            return value.text
        case list():
            return [_bare(item) for item in value]
        case dict():
            return {key: _bare(item) for key, item in value.items()}
        case Plain():
            return value
    return value


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


_NAME_RULE = "A name is a letter, followed by letters, digits and `_`."


def check_name(notes: ProblemCollector, path: PathTo, noun: str) -> None:
    """Note a name that expressions could not use."""
    name = str(path[-1])
    if not re.fullmatch(IDENTIFIER, name):
        plain = [latin(name)] if re.fullmatch(IDENTIFIER, latin(name)) else []
        advice = look_alike_advice(name, plain)
        rule = f"; {advice}" if advice else f". {_NAME_RULE}"
        if not advice and re.fullmatch(IDENTIFIER, usable(name)):
            rule += f" Write `{usable(name)}`, also where it is used."
        message = f"`{name}` is not a valid name for {_with_article(noun)}{rule}"
        notes.at_key(path, "bad-name", message)
