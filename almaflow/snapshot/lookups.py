"""Finds jobs and profiles of a snapshot by id, code or name, as Alma's directory compares them."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from almaflow.alma.value_parsing import job_label, normal_name

# From this likeness on an id may be another one with a typing error: `M441` and `M44`.
_LIKENESS = 0.75
_LONG_ID = 7
_LIKENESS_OF_LONG_IDS = 0.9
_LIKENESS_OF_NAMES = 0.85
# Letters in which the beginnings of two words agree at least: `bibs` and `bibliographic`.
_SAME_LETTERS = 3
_NEAREST = 3


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class _Coded(_Named, Protocol):
    @property
    def code(self) -> str: ...

    @property
    def kind(self) -> str: ...


J = TypeVar("J", bound=_Named)
P = TypeVar("P", bound=_Coded)


class JobLookup(Generic[J]):
    """Finds jobs by id or name."""

    def __init__(self, jobs: Iterable[J]) -> None:
        self.by_id = {job.id: job for job in jobs}
        self._by_label: defaultdict[str, list[J]] = defaultdict(list)
        for job in self.by_id.values():
            self._by_label[job_label(job.name)].append(job)

    def named(self, name: str) -> list[J]:
        """Return the jobs of this name; those that have it exactly, if there are such."""
        labelled = self._by_label.get(job_label(name), [])
        exact = [job for job in labelled if normal_name(job.name) == normal_name(name)]
        return exact or list(labelled)

    def near_ids(self, id: str) -> list[J]:
        """Return the jobs whose ids resemble *id* most; ids of another letter do not."""
        same_letter = [one for one in self.by_id if one[:1] == id[:1]]
        # Ids that an institution gives are long, and begin and end alike.
        likeness = _LIKENESS if len(id) <= _LONG_ID else _LIKENESS_OF_LONG_IDS
        near = difflib.get_close_matches(id, same_letter, n=_NEAREST, cutoff=likeness)
        return [self.by_id[one] for one in near]

    def near_names(self, name: str) -> list[J]:
        """Return the jobs whose name resembles *name* most, or has its words or their beginnings.

        `Export bibs` is found as `Export Bibliographic records`.
        """
        label = job_label(name)
        near = difflib.get_close_matches(label, self._by_label, n=1, cutoff=_LIKENESS_OF_NAMES)
        if not near:
            near = [one for one in self._by_label if _has_words(one, label.split())]
            near.sort(key=lambda one: (len(one.split()), one))
        if not near:
            near = difflib.get_close_matches(label, self._by_label, n=1)
        return [self._by_label[one][0] for one in near[:_NEAREST]]


def _has_words(label: str, wanted: list[str]) -> bool:
    """Whether each of the *wanted* words is one of *label*, or both begin alike."""
    words = label.split()
    return all(any(_begin_alike(one, word) for word in words) for one in wanted)


def _begin_alike(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    pairs = enumerate(zip(one, other, strict=False))
    same = next((place for place, (here, there) in pairs if here != there), shorter)
    return one == other or (same >= _SAME_LETTERS and same >= shorter - 1)


class ProfileLookup(Generic[P]):
    """Finds profiles by id, code or name; these are compared exactly."""

    def __init__(self, profiles: Iterable[P]) -> None:
        self._profiles = list(profiles)

    def of_kind(self, kind: str) -> list[P]:
        """Return the integration or the import profiles."""
        return [one for one in self._profiles if one.kind == kind]

    def matching(self, kind: str, field: str, value: str) -> list[P]:
        """Return those of a *kind* whose *field* (`id`, `code`, `name`) is *value*."""
        wanted = normal_name(value)
        return [one for one in self.of_kind(kind) if normal_name(getattr(one, field)) == wanted]
