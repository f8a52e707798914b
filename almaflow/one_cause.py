"""One mistake is one problem: of the keys that it makes wrong or missing, only the first is told.

`misplaced_keys` finds the cause of a wrong key; here causes are compared, never the sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto

from almaflow.document import PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem


class Mistake(Enum):
    """What a person did who wrote a key that is not known where it is."""

    MISSPELT = auto()
    """Also with letters of another alphabet."""
    FOREIGN_WORD = auto()
    """Used a word or a form of another tool."""
    MISPLACED = auto()
    """Indented it too little or too much, or left out the key around it."""
    KIND_AS_VALUE = auto()
    """Wrote `type: submit_job` in place of the key `submit_job`."""
    PAIR_AS_ENTRY = auto()
    """Put a hyphen in front of each pair of a mapping."""
    NOT_KNOWN = auto()


# Each wrong or missing key in the mapping, or in the entries of the list, comes from these.
_OF_THE_WHOLE = (Mistake.KIND_AS_VALUE, Mistake.PAIR_AS_ENTRY)


@dataclass(frozen=True)
class Cause:
    """Why a key is wrong: the *mistake*, and the mapping or list, *place*, that it is in.

    *about* tells mistakes of one kind there apart, often by the key. *missing* are the paths
    of keys that are missing or wrong, or whose value is of the wrong sort, because of it.
    """

    mistake: Mistake
    place: PathTo
    about: str
    missing: frozenset[PathTo] = frozenset()


@dataclass(frozen=True)
class Finding:
    """A problem; *key* is the path of a wrong or missing key, or of a value of the wrong sort.

    *cause* is that of a wrong key.
    """

    problem: Problem
    key: PathTo | None = None
    cause: Cause | None = None


def wholes_of(findings: Iterable[Finding]) -> set[PathTo]:
    """Return the mappings and the lists of mappings of which everything wrong has one cause."""
    causes = (one.cause for one in findings if one.cause)
    return {one.place for one in causes if one.mistake in _OF_THE_WHOLE}


def one_for_each_cause(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the *findings*, in their order, without those for which another one accounts."""
    causes = [one.cause for one in findings if one.cause]
    wholes = wholes_of(findings)
    missing = {path for one in causes for path in one.missing}
    told: set[tuple[Mistake, PathTo, str]] = set()
    for finding in findings:
        key, cause = finding.key, finding.cause
        if key in missing and not (cause and key in cause.missing):
            continue
        if cause is not None:
            same = (cause.mistake, cause.place, cause.about)
            is_of_whole = cause.place in wholes and cause.mistake not in _OF_THE_WHOLE
            if same not in told and not is_of_whole:
                yield finding
            told.add(same)
        elif key is None or not wholes & {key[:-1], key[:-2]}:
            yield finding
