"""Where the checks put what they find: problems of one document, each with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from almaflow.check.wrong_names import WrongNames
from almaflow.document import Document, PathTo
from almaflow.expressions import (
    ExpressionSyntax,
    Parsed,
    RecordType,
    Type,
    check,
    parse_expression,
    parse_template,
)
from almaflow.field_types import Condition, Expression, Message, TemplateText, format_duration
from almaflow.problems import MOST_PROBLEMS, Location, Problem, Severity
from almaflow.steps.base import PollSettings

MOST_CHARACTERS = 300_000
"""How many characters the expressions of one file may have, those that aliases repeat included."""

_WORD = re.compile(r"\w+")


class ProblemCollector:
    """The problems of one document, as they are found. What an alias repeats is reported once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: set[Problem] = set()
        self.left_out = 0
        """How many problems were not kept, because there are too many of their severity."""
        self.wrong_names = WrongNames()
        """Names that no expression can use; their mistake is where they are given."""
        self.step_names: Collection[str] = ()
        """The names of steps that are only displayed."""
        self.foreign_names: Collection[str] = ()
        """Names that are not known because they are given in a form of other tools."""
        self.statuses: frozenset[str] = frozenset()
        """Further status codes of Alma, from its snapshot."""
        self._counts = dict.fromkeys(Severity, 0)
        self._sizes: dict[PathTo, int] = {}
        self._size = 0

    def at(
        self, path: PathTo, code: str, message: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Note something wrong with the value at *path*."""
        self.place(self.document.location_of(path), code, message, severity)

    def at_key(
        self, path: PathTo, code: str, message: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Note something wrong with the key at *path*."""
        self.place(self.document.key_location(path), code, message, severity)

    def within(
        self,
        path: PathTo,
        offset: int,
        length: int,
        code: str,
        message: str,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Note something wrong with some characters of the text at *path*; length 0: all."""
        location = (
            self.document.locate(path, offset, length)
            if length
            else self.document.location_of(path)
        )
        self.place(location, code, message, severity)

    def place(self, location: Location, code: str, message: str, severity: Severity) -> None:
        """Note something wrong at *location*."""
        self.add(self.document.problem(location, code, message, severity))

    def add(self, problem: Problem) -> None:
        """Note *problem*, unless it is known."""
        if problem in self.problems:
            return
        if self._counts[problem.severity] >= MOST_PROBLEMS:
            self.left_out += 1
            return
        self._counts[problem.severity] += 1
        self.problems.add(problem)

    def parse(self, path: PathTo, source: TemplateText) -> Parsed | None:
        """Return *source* parsed; None, and a note, when it cannot be read."""
        return self.parse_as(type(source), path, source.text)

    def parse_as(self, kind: type[TemplateText], path: PathTo, text: str) -> Parsed | None:
        """Return *text* parsed as a *kind*; None, and a note, when it cannot be read."""
        if (issubclass(kind, Expression) or "{{" in text) and not self._has_room(path, len(text)):
            return None
        text = self.wrong_names.corrected(text)
        try:
            if issubclass(kind, Expression):
                return parse_expression(text)
            return parse_template(text)
        except ExpressionSyntax as error:
            self.within(path, error.offset, error.length, "expression-syntax", error.message)
            return None

    @property
    def is_too_long(self) -> bool:
        """Whether the expressions that were read have more characters than a file may have."""
        return self._size > MOST_CHARACTERS

    def _has_room(self, path: PathTo, size: int) -> bool:
        """Count the expression at *path* once; False, and one note, when there are too many."""
        if path not in self._sizes:
            before, self._size = self._size, self._size + size
            self._sizes[path] = self._size
            if before <= MOST_CHARACTERS < self._size:
                self.at(
                    path,
                    "expressions-limit",
                    f"The expressions of this file have more than {MOST_CHARACTERS:,} "
                    "characters, including those that references (`*name`) repeat. Split the "
                    "workflow.",
                )
        return self._sizes[path] <= MOST_CHARACTERS

    def check(
        self,
        path: PathTo,
        source: TemplateText,
        scope: RecordType,
        guards: frozenset[str] = frozenset(),
    ) -> None:
        """Note what is wrong in *source*, which sees *scope*.

        *guards* are the steps that an `if` on the way asks about.
        """
        parsed = self.parse(path, source)
        if parsed is None or parsed.literal:
            return
        if isinstance(source, Message):
            # What is missing is named in its place, so a step may well not have run.
            guards = frozenset(_WORD.findall(source.text))
        condition = isinstance(source, Condition)
        for finding in check(parsed, scope, condition=condition, guards=guards):
            end = finding.offset + finding.length
            if finding.code == "unknown-name" and (
                source.text[finding.offset : end] in self.foreign_names
            ):
                continue
            message = finding.message
            if finding.code == "unknown-step" and (
                (name := source.text[finding.offset : end]) in self.step_names
            ):
                message += f" A step has the `name: {name}`; what is used elsewhere is its `id`."
            self.within(path, finding.offset, finding.length, finding.code, message)


def may_not_be_there(values: Iterable[TemplateText], scope: RecordType) -> bool:
    """Whether one of *values* asks, without a default, for what may be missing in *scope*."""
    for source in values:
        try:
            parsed = parse_template(source.text)
        except ExpressionSyntax:
            continue
        if any(one.code == "may-not-have-run" for one in check(parsed, scope)):
            return True
    return False


def with_names(scope: RecordType, names: Mapping[str, Type]) -> RecordType:
    """Return *scope* with further names."""
    absent = {name: why for name, why in scope.absent.items() if name not in names}
    return RecordType({**scope.fields, **names}, scope.noun, absent, scope.open)


def check_length(notes: ProblemCollector, path: PathTo, length: timedelta | None) -> None:
    """Note a duration of nothing where it would end what has not begun."""
    if length is not None and length <= timedelta():
        notes.at(path, "bad-duration", f"`{path[-1]}` must be longer than zero.")


def check_within(
    notes: ProblemCollector, path: PathTo, length: timedelta | None, whole: timedelta, advice: str
) -> None:
    """Note a duration longer than the *whole* that ends the enclosing block first."""
    if length is not None and length > whole:
        notes.at(
            path,
            "never-applies",
            f"`timeout: {format_duration(length)}` never applies, because {advice}.",
            Severity.WARNING,
        )


def check_poll(notes: ProblemCollector, path: PathTo, poll: PollSettings | None) -> None:
    """Note a pace at which Alma would be asked without a pause."""
    if poll is not None:
        check_length(notes, (*path, "first"), poll.first)
        check_length(notes, (*path, "max"), poll.max)
