"""The parts of a file with errors, which no lint may take for what its author meant.

A lint that misses something is silent where the missing thing may be in a broken part.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property

from almaflow import model_fields
from almaflow.check.traversal import written_steps
from almaflow.document import Document, PathTo
from almaflow.document.source import Node, Span
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import Problem, Severity
from almaflow.steps.base import StepBase
from almaflow.workflow import KINDS, Workflow

_WORD = late_pattern(r"\w+")
# Words that are as alike as this (0 to 1) may be a slip of each other.
_ALIKE = 0.6
# Comparing takes 6 µs a word, for each name of a file.
_MOST_WORDS = 200
# What a step does and says is the same without these.
_MINOR = ("name", "timeout", "retry", "on_failure")
# How a step that deletes a set, or hands one on, is recognised.
_DELETING = frozenset(("delete_set", "call"))
_WITH_STEPS = ("steps", "finally", "outputs")
_DELETION = ("prefix", "set_id", *_DELETING)


@dataclass(frozen=True)
class BrokenPart:
    """What is wrong at *path*: a value, or the largest one that begins there, with its key.

    *step* is the innermost step around it, which may be all of it; () outside of the steps.
    """

    path: PathTo
    step: PathTo
    text: str

    @property
    def inside(self) -> PathTo:
        """Where the part is in its step; () when it is the step."""
        return self.path[len(self.step) :]

    @property
    def is_minor(self) -> bool:
        """Whether only something is wrong that no lint asks about."""
        return bool(self.step) and self.inside[:1] in {(key,) for key in _MINOR}


class BrokenParts:
    """The broken parts of *document*; a file without *errors* has none."""

    def __init__(self, document: Document, errors: Sequence[Problem]) -> None:
        self._document = document
        self._errors = [
            one
            for one in errors
            if one.severity is Severity.ERROR and one.location.file == document.file
        ]

    @cached_property
    def parts(self) -> Sequence[BrokenPart]:
        """Each part once."""
        if not self._errors:
            return ()
        steps = {path for path, _ in written_steps(Workflow, self._document.data)}
        offsets = {self._document.index(one.location) for one in self._errors}
        return tuple(
            BrokenPart(path, _step_around(path, steps), text)
            for path, text in _values_at(self._document, offsets).items()
        )

    @cached_property
    def _major(self) -> Sequence[BrokenPart]:
        return [one for one in self.parts if not one.is_minor]

    @property
    def are_too_many(self) -> bool:
        """Whether not all errors are known, so that nothing is known about the file."""
        return any(one.more for one in self._errors)

    def in_step(self, step: PathTo) -> bool:
        """Whether something is wrong in the step at *step* itself; steps inside it do not count."""
        return any(one.step == step for one in self._major)

    def around(self, step: PathTo) -> bool:
        """Whether something is wrong in the step at *step* or in one around it."""
        return any(one.step and one.step == step[: len(one.step)] for one in self._major)

    def before(self, step: PathTo) -> bool:
        """Whether something is wrong in a step that runs before the one at *step*, or around it."""
        return any(
            one.step and (one.step == step[: len(one.step)] or _comes_first(one.step, step))
            for one in self._major
        )

    def at_top(self, *keys: str) -> bool:
        """Whether something is wrong in what the workflow has under *keys*, or meant for them."""
        outside = {str(one.path[0]) for one in self.parts if not one.step}
        return any(_alike(name, keys) for name in outside)

    def mention(self, *names: str) -> bool:
        """Whether a broken part has one of *names*, or a word that may be a slip of it.

        What has very many words may mention each of them.
        """
        return len(self._words) > _MOST_WORDS or any(_alike(name, self._words) for name in names)

    @cached_property
    def _words(self) -> Set[str]:
        return {word for part in self.parts for word in _WORD.findall(part.text)}

    @cached_property
    def may_delete_sets(self) -> bool:
        """Whether a broken part may be what deletes sets, or what hands them on."""
        return any(self._may_delete(one) for one in self._major)

    def _may_delete(self, part: BrokenPart) -> bool:
        words = _WORD.findall(part.text)
        if _DELETING & set(words) or any(_alike(w, set(words) - KINDS.keys()) for w in _DELETION):
            return True
        if not part.step:
            return part.path[0] in _WITH_STEPS or (
                part.path[0] not in model_fields.fields_of(Workflow)
                and isinstance(self._document.value(part.path), (dict, list))
            )
        step = self._document.value(part.step)
        kinds = step.keys() - StepBase.common_keys()
        return any(not _DELETING.isdisjoint(_kinds_meant(kind)) for kind in kinds)


def _alike(name: str, words: Iterable[str]) -> bool:
    return bool(difflib.get_close_matches(name, words, n=1, cutoff=_ALIKE))


def _kinds_meant(key: str) -> Iterable[str]:
    """Return the kinds of steps of which *key* is one or may be a slip."""
    near = difflib.get_close_matches(key, KINDS, n=2, cutoff=_ALIKE)
    return [key] if key in KINDS else near or KINDS


def _comes_first(other: PathTo, step: PathTo) -> bool:
    """Whether the step at *other* is earlier than that at *step* in a list that has both."""
    for mine, its in zip(other, step, strict=False):
        if mine != its:
            return isinstance(mine, int) and isinstance(its, int) and mine < its
    return False


def _step_around(path: PathTo, steps: Set[PathTo]) -> PathTo:
    return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in steps), ())


def _values_at(document: Document, offsets: Set[int]) -> Mapping[PathTo, str]:
    """Return the paths of the values at *offsets*, with their keys and texts.

    Of the values that begin at an offset it is the largest, else the innermost that has it. With an
    alias there may be several.
    """
    ordered = sorted(offsets)
    found: dict[int, dict[PathTo, tuple[bool, int]]] = {at: {} for at in ordered}
    for path, spans in _spans(document.root):
        for begin, end in spans:
            last = bisect_left(ordered, max(end, begin + 1))
            for at in ordered[bisect_left(ordered, begin) : last]:
                begins = at == begin
                found[at][path] = begins, -len(path) if begins else len(path)
    return {
        path: _text(document, path)
        for ranks in found.values()
        for path, rank in ranks.items()
        if rank == max(ranks.values())
    }


def _spans(root: Node) -> Iterator[tuple[PathTo, Sequence[Span]]]:
    """Yield each path in *root* with where its value is, and its key."""
    waiting: list[tuple[PathTo, Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        for name, child in node.children.items():
            of_key = node.keys.get(name) if isinstance(name, str) else None
            yield (*path, name), [child.span] if of_key is None else [child.span, of_key]
            waiting.append(((*path, name), child))


def _text(document: Document, path: PathTo) -> str:
    """Return a key with its value; the span of a block is that of its first word."""
    node = document.root
    for name in path:
        node = node.children[name]
    text = document.text[node.span[0] : max(one.span[1] for one in node.walk())]
    return f"{path[-1]} {text}"
