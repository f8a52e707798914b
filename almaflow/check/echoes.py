"""Problems that one mistake causes twice: only the one that shows the mistake is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from almaflow.check.misplaced_templates import TEMPLATE_NOT_ALLOWED
from almaflow.check.set_values import MEANT_AS_TEMPLATE, NOT_AN_ID, PLACEHOLDER_LEFT
from almaflow.check.typographic_quotes import TYPOGRAPHIC_QUOTES
from almaflow.document.hazards import ALMA_KEY, WINDOWS_PATH
from almaflow.problems import Problem, Severity

# Of a value that was misread, nothing else is said.
_MISREAD = (TEMPLATE_NOT_ALLOWED, WINDOWS_PATH)


def without_echoes(problems: Iterable[Problem]) -> list[Problem]:
    """Return *problems*, sorted; of what one mistake causes, only the one that shows it."""
    kept = list(problems)
    places = {one.location for one in kept if one.code in _MISREAD}
    kept = [one for one in kept if one.location not in places or one.code in (*_MISREAD, ALMA_KEY)]
    kept = _as_unseen(kept)
    kept = _without_placeholders(_without_signs(_keys_in_paths(kept)))
    return sorted(_with_fixes(_without_inner(kept)))


_UNSEEN = ("odd-space", "deceptive-character")


def _as_unseen(problems: list[Problem]) -> list[Problem]:
    """Return *problems*; of a key or value that begins with a character that nobody sees, that."""
    begins = {_begin(one) for one in problems if one.code in _UNSEEN}
    wrong = {
        _begin(one)
        for one in problems
        if one.severity is Severity.ERROR and one.code not in (*_UNSEEN, ALMA_KEY)
    } & begins
    return [
        replace(one, severity=Severity.ERROR)
        if one.code in _UNSEEN and _begin(one) in wrong
        else one
        for one in problems
        if one.code in (*_UNSEEN, ALMA_KEY) or _begin(one) not in wrong
    ]


def _begin(problem: Problem) -> tuple[str, int, int]:
    return problem.location.file, problem.location.line, problem.location.column


def _without_placeholders(problems: list[Problem]) -> list[Problem]:
    """Return *problems* without the placeholders in a text that has another one as a whole."""
    if all(one.code != PLACEHOLDER_LEFT for one in problems):
        return problems
    others = [one for one in problems if one.code not in (PLACEHOLDER_LEFT, MEANT_AS_TEMPLATE)]
    return [
        one
        for one in problems
        if one.code != PLACEHOLDER_LEFT
        or not any(one.location == other.location or _is_inside(one, other) for other in others)
    ]


def _keys_in_paths(problems: list[Problem]) -> list[Problem]:
    """Return *problems*, a key in a path and that the path has it as one of them."""
    keys = [one for one in problems if one.code == ALMA_KEY]
    wholes = [one for one in problems if one.code == "bad-path"] if keys else []
    paths = {one: whole for one in keys for whole in wholes if _is_inside(one, whole)}
    joined = set(paths.values())
    return [
        replace(one, message=f"{one.message} {paths[one].message}") if one in paths else one
        for one in problems
        if one not in joined
    ]


def _without_signs(problems: list[Problem]) -> list[Problem]:
    """Return *problems* without the `$` in front of a template that is wrong inside, too."""
    errors = [one.location for one in problems if one.severity is Severity.ERROR]

    def is_wrong_inside(sign: Problem) -> bool:
        begin, line = sign.location.column, sign.location.line
        end = sign.line_text.find("}}", begin)
        return any(one.line == line and begin < one.column <= end for one in errors)

    return [one for one in problems if one.code != MEANT_AS_TEMPLATE or not is_wrong_inside(one)]


def _without_inner(problems: list[Problem]) -> list[Problem]:
    """Return *problems* without the errors inside a text that is written wrongly as a whole.

    What is in typographic quotes is an error when it cannot be read because of them.
    """
    wholes = [one for one in problems if one.code in (NOT_AN_ID, TYPOGRAPHIC_QUOTES)]
    if not wholes:
        return problems
    inner = {
        one: whole
        for whole in wholes
        for one in problems
        if one.severity is Severity.ERROR and one.code != ALMA_KEY and _is_inside(one, whole)
    }
    misread = set(inner.values())
    return [
        replace(one, severity=Severity.ERROR) if one in misread else one
        for one in problems
        if one not in inner
    ]


def _is_inside(one: Problem, whole: Problem) -> bool:
    """Whether *one* is about a part of what *whole* is about."""
    a, b = one.location, whole.location
    return (
        a != b
        and (a.file, a.line) == (b.file, b.line)
        and b.column <= a.column
        and a.column + a.length <= b.column + b.length
    )


# What such an error says to write has no quotes.
_SAY_WITHOUT = (NOT_AN_ID, "job-id", "id-rounded")


def _with_fixes(problems: list[Problem]) -> list[Problem]:
    """Return *problems*, of a wrong value in typographic quotes only the one that shows these.

    Where its error says what to write without quotes, that is kept, with the fix of the other.
    """
    quotes = {one.location: one for one in problems if one.code == TYPOGRAPHIC_QUOTES}
    if not quotes:
        return problems
    errors = [one for one in problems if one.severity is Severity.ERROR and one.location in quotes]
    kept = {one.location for one in errors if one.code in _SAY_WITHOUT}
    wrong = {one.location for one in errors} - kept
    shown: list[Problem] = []
    for one in problems:
        if one.code == TYPOGRAPHIC_QUOTES:
            if one.location not in kept:
                is_error = one.location in wrong
                shown.append(replace(one, severity=Severity.ERROR) if is_error else one)
        elif one.location in kept:
            shown.append(replace(one, fix=one.fix or quotes[one.location].fix))
        elif one.location not in wrong or one.code == ALMA_KEY:
            shown.append(one)
    return shown
