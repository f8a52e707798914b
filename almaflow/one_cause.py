"""The keys of a file that one mistake makes wrong: only the one that shows the mistake is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from almaflow.document import PathTo
from almaflow.misplaced_keys import KIND_IS_A_KEY, WITHOUT_HYPHENS
from almaflow.problems import Problem


def causes(findings: Iterable[tuple[bool, str, PathTo, Problem]]) -> set[Problem]:
    """Return the problems of *findings*; of those that one wrong key causes, only that about it.

    A finding says whether its key is unknown, which key is missing (else empty), where (the
    unknown key, or the mapping that lacks one), and the problem. A key under another name is not
    missing, too; words of another tool next to each other have one advice; and a step whose kind
    is a value has all of its settings in the wrong place.
    """
    findings = list(findings)
    unknown: dict[PathTo, dict[str, Problem]] = {}
    for is_unknown, _, path, problem in findings:
        if is_unknown:
            around, advice = _place_and_advice(path, problem)
            unknown.setdefault(around, {}).setdefault(advice, problem)
    kept = {one for advice in unknown.values() for one in _first(advice)}
    for is_unknown, missing, path, problem in findings:
        if not is_unknown and not (missing and _is_misnamed(missing, path, unknown)):
            kept.add(problem)
    return kept


def _place_and_advice(path: PathTo, problem: Problem) -> tuple[PathTo, str]:
    """Return what the unknown key at *path* has in common with others of the same cause."""
    advice = problem.message.partition(" is not a key ")[2]
    if WITHOUT_HYPHENS in advice:
        return path[:-2], WITHOUT_HYPHENS
    # A key that nobody knows, and one that has to be moved, each has to be seen.
    is_alone = ". " not in advice or "It belongs" in advice
    return path[:-1], problem.message if is_alone else advice


def _first(advice: Mapping[str, Problem]) -> Iterable[Problem]:
    whole = next((one for words, one in advice.items() if KIND_IS_A_KEY in words), None)
    return advice.values() if whole is None else (whole,)


def _is_misnamed(
    missing: str, path: PathTo, unknown: Mapping[PathTo, Mapping[str, Problem]]
) -> bool:
    """Whether the key that is *missing* is there under a name which the advice is to change."""
    forms = (f"`{missing}: ", f"{{{missing}: ", f"did you mean `{missing}`")
    beside = unknown.get(path, {})
    around = unknown.get(path[:-1], {})
    return WITHOUT_HYPHENS in around or any(form in words for words in beside for form in forms)
