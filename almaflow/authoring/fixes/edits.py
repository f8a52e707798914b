"""Edits of a text: what replaces what, and what for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from almaflow.check.ignored_problems import UNUSED_IGNORE, Ignore, ignores_of
from almaflow.document import Document
from almaflow.document.source import SourceText, Span
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem


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
