"""The requests that a test expects against those that the run sent, with the nearest one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from almaflow.alma.simulator.scenario_fields import fits
from almaflow.authoring.workflow_tests.differences import Differences
from almaflow.authoring.workflow_tests.models import ExpectedRequest
from almaflow.authoring.workflow_tests.running import SentRequest
from almaflow.authoring.workflow_tests.step_names import StepNames, matches
from almaflow.authoring.workflow_tests.values import has_part, shown
from almaflow.document import PathTo
from almaflow.problems import did_you_mean

Sets = Mapping[str, list[str]]

_API = "/almaws/v1"
_SETS = "/conf/sets/"


class RequestComparison:
    """Notes how the requests *sent* differ from those that a test expects.

    *sets* are what each set of the run is called, by its id: its name first, then the steps that
    have it.
    """

    def __init__(
        self, found: Differences, names: StepNames, sent: Sequence[SentRequest], sets: Sets
    ) -> None:
        self._found = found
        self._names = names
        self._sent = sent
        self._sets = sets

    def some(self, expected: Sequence[ExpectedRequest]) -> None:
        """Note which of the *expected* requests were not sent, or not as often."""
        for number, one in enumerate(expected):
            path = ("requests", "some", number)
            wanted = _Wanted(one, self._names, self._sets)
            count = sum(wanted.fits(sent) for sent in self._sent)
            if one.times is not None and count != one.times:
                times = f"{wanted}, {times_text(one.times)}"
                hint = wanted.nearest(self._sent) if count == 0 else ""
                self._found.note((*path, "times"), "requests", times, times_text(count), hint)
            elif one.times is None and not count:
                self._note_missing(path, wanted)

    def in_order(self, expected: Sequence[ExpectedRequest]) -> None:
        """Note the first of the *expected* requests that does not follow the one before it."""
        position = 0
        for number, one in enumerate(expected):
            wanted = _Wanted(one, self._names, self._sets)
            for _ in range(1 if one.times is None else one.times):
                later = range(position, len(self._sent))
                at = next((index for index in later if wanted.fits(self._sent[index])), None)
                if at is None:
                    self._note_order(("requests", "in_order", number), wanted, position)
                    return
                position = at + 1

    def _note_order(self, path: PathTo, wanted: _Wanted, position: int) -> None:
        if any(wanted.fits(one) for one in self._sent[:position]):
            before = self._sent[position - 1]
            actual = f"sent only before {_words(before)} of step `{before.step}`"
            self._found.note(path, "the order of requests", str(wanted), actual)
        else:
            self._note_missing(path, wanted)

    def _note_missing(self, path: PathTo, wanted: _Wanted) -> None:
        self._found.note(path, "requests", str(wanted), "not sent", wanted.nearest(self._sent))

    def none(self, expected: Sequence[ExpectedRequest]) -> None:
        """Note which requests were sent that should not be."""
        for number, one in enumerate(expected):
            wanted = _Wanted(one, self._names, self._sets)
            sent = [request for request in self._sent if wanted.fits(request)]
            if sent:
                path = ("requests", "none", number)
                actual = f"sent {times_text(len(sent))}, first by step `{sent[0].step}`"
                hint = f"It is {_words(sent[0])}."
                self._found.note(path, "requests", f"not {wanted}", actual, hint)


def times_text(number: int) -> str:
    """Return how often something was sent, as people say it."""
    return "once" if number == 1 else f"{number} times" if number else "never"


def _words(sent: SentRequest) -> str:
    return f"{sent.method} {sent.target}"


class _Wanted:
    """One expected request; `str` of it is its description."""

    def __init__(self, expected: ExpectedRequest, names: StepNames, sets: Sets) -> None:
        self._expected = expected
        self._pattern = None if expected.step is None else names.pattern(expected.step)
        self._path = None if expected.path is None else expected.path.removeprefix(_API)
        self._sets = sets

    def __str__(self) -> str:
        one = self._expected
        words = " ".join(filter(None, (one.method, one.path))) or "a request"
        more = [f"of step `{one.step}`"] if one.step else []
        more += [f"`{name}: {value}`" for name, value in one.parameters.items()]
        more += [f"set `{one.set}`"] if one.set else []
        more += [f"a body with `{one.contains}`"] if one.contains else []
        return f"{words} ({', '.join(more)})" if more else words

    def fits(self, sent: SentRequest) -> bool:
        """Whether *sent* is such a request."""
        return next(self._misfits(sent), None) is None

    def nearest(self, requests: Sequence[SentRequest]) -> str:
        """Return a sentence about the request that is most like this one; empty: there is none."""
        if not requests:
            return "The run sent no request."
        scored = [(self._distance(sent), number) for number, sent in enumerate(requests)]
        nearest = requests[min(scored)[1]]
        misfits = "; ".join(self._misfits(nearest))
        return f"The nearest is {_words(nearest)} of step `{nearest.step}`: {misfits}."

    def _distance(self, sent: SentRequest) -> float:
        """Return how little *sent* is like this one; another path weighs more than a value."""
        one = self._expected
        distance = 0.0
        if self._path is not None and not self._fits_path(sent):
            distance += 4 - (_like(self._path, sent.target) + _like(self._path, sent.path))
        distance += 2 * (one.method is not None and one.method != sent.method)
        distance += 2 * (self._pattern is not None and not matches(self._pattern, sent.step))
        if (one.parameters or one.set) and not sent.parameters():
            distance += 3
        return distance + 0.1 * sum(1 for _ in self._misfits(sent))

    def _fits_path(self, sent: SentRequest) -> bool:
        return self._path is None or fits(self._path, sent.path) or fits(self._path, sent.target)

    def _misfits(self, sent: SentRequest) -> Iterator[str]:
        """Yield what of *sent* is not as expected, as clauses."""
        one = self._expected
        if one.method is not None and one.method != sent.method:
            yield f"its method is {sent.method}, not {one.method}"
        if not self._fits_path(sent):
            yield "its path differs"
        if self._pattern is not None and not matches(self._pattern, sent.step):
            yield f"its step is `{sent.step}`"
        yield from self._other_parameters(sent)
        if one.set is not None and not self._has_set(sent, one.set):
            yield self._other_set(sent)
        if one.contains is not None:
            body = json.dumps(sent.body, ensure_ascii=False) if sent.body is not None else ""
            if not has_part(one.contains, body):
                yield f"its body does not contain `{one.contains}`"

    def _other_parameters(self, sent: SentRequest) -> Iterator[str]:
        given = sent.parameters()
        for name, value in self._expected.parameters.items():
            values = [other for key, other in given if key == name]
            if not values:
                hint = did_you_mean(name, [key for key, _ in given]) or ""
                yield f"it has no parameter `{name}`{hint.rstrip('?')}"
            elif not any(fits(value, other) for other in values):
                yield f"its parameter `{name}` is `{shown(values[0])}`, not `{value}`"

    def _ids(self, sent: SentRequest) -> list[str]:
        """Return the ids of the sets that a request is about."""
        named = [value for name, value in sent.parameters() if name == "set_id"]
        if sent.path.startswith(_SETS):
            named.append(sent.path.removeprefix(_SETS).partition("/")[0])
        return named

    def _has_set(self, sent: SentRequest, wanted: str) -> bool:
        return any(
            fits(wanted, called)
            for identifier in self._ids(sent)
            for called in (identifier, *self._sets.get(identifier, ()))
        )

    def _other_set(self, sent: SentRequest) -> str:
        identifiers = self._ids(sent)
        if not identifiers:
            return "it has no set"
        called = self._sets.get(identifiers[0]) or identifiers
        return f"its set is `{called[0]}`, not `{self._expected.set}`"


def _like(one: str, other: str) -> float:
    """Return from 0 to 1 how much two paths have in common, part by part."""
    first, second = one.partition("?")[0].split("/"), other.partition("?")[0].split("/")
    same = sum(a == b for a, b in zip(first, second, strict=False))
    return same / max(len(first), len(second))
