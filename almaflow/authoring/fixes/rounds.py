"""Edits that are tried: one is kept when it makes no new problem in its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from almaflow.alma_keys import hide_keys
from almaflow.authoring.fixes.edits import Edit, edited, edits_for
from almaflow.document.source import SourceText
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
