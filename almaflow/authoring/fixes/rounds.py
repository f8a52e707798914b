"""Edits that are tried: one is kept when it makes no new problem in its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from almaflow.alma_keys import hide_keys
from almaflow.check.ignored_problems import UNUSED_IGNORE, Ignore, ignores_of
from almaflow.document import Document
from almaflow.document.source import SourceText, Span
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem, Severity

# Of YAML syntax only the first mistake is known at a time.
_MOST_ROUNDS = 200


@dataclass(frozen=True)
class Reading:
    """A text as it was checked: *source* is a `Document` when it is YAML."""

    source: SourceText
    problems: Sequence[Problem]


Check = Callable[[str], Reading]
"""Checks a text that the file could have."""


@dataclass(frozen=True)
class Change:
    """A *problem* that was fixed: in its place is *after* now and not *before*."""

    problem: Problem
    before: str
    after: str

    @property
    def words(self) -> str:
        """What was done, as a sentence."""
        before, after = (hide_keys(one.strip()) for one in (self.before, self.after))
        if before and after:
            return f"`{before}` is `{after}` now."
        if before:
            return f"Removed `{before}`."
        return f"Added `{after}`." if after else "Added a space."


@dataclass(frozen=True)
class Fixed:
    """A text and what was fixed in it, in the order in which it was."""

    text: str
    fixed: tuple[Change, ...]


def fix_text(text: str, check: Check) -> Fixed:
    """Return *text* without the problems whose fix is certain."""
    fixed: list[Change] = []
    reading = check(text)
    refused: set[tuple[str, str]] = set()
    for _ in range(_MOST_ROUNDS):
        edits = [
            one for one in edits_for(reading.problems, reading.source) if _key(one) not in refused
        ]
        if not edits:
            break
        kept, reading = _kept(text, edits, reading, check)
        if len(kept) < len(edits):
            refused |= {_key(one) for one in edits if one not in kept}
        fixed += [Change(one.problem, text[slice(*one.span)], one.text) for one in kept]
        text = edited(text, kept)
    return Fixed(text, tuple(fixed))


def _key(edit: Edit) -> tuple[str, str]:
    """Return what is the same for an edit when others have moved it."""
    return edit.problem.message, edit.text


def _kept(
    text: str, edits: Sequence[Edit], before: Reading, check: Check
) -> tuple[list[Edit], Reading]:
    """Return the *edits* of *text* that are kept, and how the text is with them."""
    after = check(edited(text, edits))
    if all(_is_better(one, edits, before, after) for one in edits):
        return list(edits), after
    kept: list[Edit] = []
    now = before
    for edit in edits:
        tried = check(edited(text, [*kept, edit]))
        if _is_better(edit, [*kept, edit], before, tried):
            kept, now = [*kept, edit], tried
    return kept, now


def _is_better(edit: Edit, edits: Sequence[Edit], before: Reading, after: Reading) -> bool:
    """Whether an edit has solved its problem and its line has no other one.

    What is found elsewhere, now that the file can be read further, was there before.
    """
    line = edit.problem.location.line
    moved = sum(
        "\n" in before.source.text[one.span[0] : one.span[1]] for one in edits if one < edit
    )
    known = {(one.code, one.message) for one in before.problems if one.location.line == line}
    known.discard((edit.problem.code, edit.problem.message))
    if not edit.text:
        # A comment was removed.
        return True
    serious = _AS_SERIOUS[edit.problem.severity]
    here = {
        (one.code, one.message)
        for one in after.problems
        if one.location.line == line - moved and one.severity in serious
    }
    return here <= known


_AS_SERIOUS = {
    Severity.ERROR: (Severity.ERROR,),
    Severity.WARNING: (Severity.ERROR, Severity.WARNING),
    Severity.NOTE: tuple(Severity),
}


@dataclass(frozen=True, order=True)
class Edit:
    """What replaces the characters at *span* of a text; *problem* is what it is for."""

    span: Span
    text: str
    problem: Problem


def edits_for(problems: Iterable[Problem], source: SourceText) -> list[Edit]:
    """Return an edit for each of *problems*, those of *source*, whose fix is certain; in order.

    Of edits that overlap, the first counts.
    """
    inside = [one for one in problems if one.location.file == source.file]
    edits = [_of_fix(problem, source) for problem in inside if problem.fix]
    if isinstance(source, Document):
        edits += _of_comments([one for one in inside if one.code == UNUSED_IGNORE], source)
    kept: list[Edit] = []
    for edit in sorted(edits):
        if not kept or edit.span[0] >= kept[-1].span[1]:
            kept.append(edit)
    return kept


def _of_fix(problem: Problem, source: SourceText) -> Edit:
    begin = source.index(problem.location)
    end = begin + problem.location.length
    fix = problem.fix
    if fix.endswith(" ") and source.text[end : end + 1] == " ":
        fix = fix.rstrip(" ")
    return Edit((begin, end), fix, problem)


def _of_comments(problems: Sequence[Problem], document: Document) -> Iterator[Edit]:
    """Yield an edit for each comment that hides nothing, or less than it says."""
    places = {document.index(one.location): one for one in problems}
    comments: dict[Span, list[Ignore]] = {}
    for ignore in ignores_of(document):
        comments.setdefault(ignore.comment.span, []).append(ignore)
    for ignores in comments.values():
        unused = [one for one in ignores if one.span[0] in places]
        if unused:
            problem = places[unused[0].span[0]]
            used = [one for one in ignores if one not in unused]
            yield (
                _without_comment(document, ignores[0], problem)
                if not used
                else Edit(
                    (ignores[0].span[0], ignores[-1].span[1]),
                    ", ".join(one.code for one in used),
                    problem,
                )
            )


def _without_comment(document: Document, ignore: Ignore, problem: Problem) -> Edit:
    """Return the edit that removes a comment, with its line when nothing else is in it."""
    begin, end = ignore.comment.span
    text = document.text
    start = begin
    while start and text[start - 1] in " \t":
        start -= 1
    if ignore.comment.alone:
        for line_end in ("\r\n", "\n", "\r"):
            if text.startswith(line_end, end):
                end += len(line_end)
                break
    return Edit((start, end), "", problem)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return *text* with *edits*, which do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.span[0]] + edit.text + text[edit.span[1] :]
    return text
