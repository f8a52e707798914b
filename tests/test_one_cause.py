"""What a wrong key is taken for, and which others it accounts for."""

from __future__ import annotations

import pytest

from almaflow.document import PathTo, parse_document
from almaflow.misplaced_keys import unknown_key
from almaflow.one_cause import Cause, Finding, Mistake, one_for_each_cause
from almaflow.problems import Location, Problem
from almaflow.workflow import Workflow

STEP: PathTo = ("steps", 0)


@pytest.mark.parametrize(
    ("step", "path", "mistake", "place", "missing"),
    [
        ("submit_jb: M44", (), Mistake.MISSPELT, (), "submit_job"),
        ("ѕubmit_job: M44", (), Mistake.MISSPELT, (), "submit_job"),
        ("submit_job: {name: M44}", ("submit_job",), Mistake.FOREIGN_WORD, ("submit_job",), "job"),
        ("needs: [a]", (), Mistake.FOREIGN_WORD, (), ""),
        ("x-common: {}", (), Mistake.FOREIGN_WORD, (), ""),
        ("titles: {find_set: x}", (), Mistake.FOREIGN_WORD, (), ""),
        ("path: /a\n    read_report:", (), Mistake.MISPLACED, ("read_report",), "path"),
        ("submit_job: {retry: 3}", ("submit_job",), Mistake.MISPLACED, (), "retry"),
        ("type: submit-job", (), Mistake.KIND_AS_VALUE, (), "submit_job"),
        ("zzz: 1", (), Mistake.NOT_KNOWN, (), ""),
    ],
)
def test_a_wrong_key_has_a_cause(
    step: str, path: PathTo, mistake: Mistake, place: PathTo, missing: str
) -> None:
    document = parse_document(f"steps:\n  - {step}\n", "w")
    mapping = document.value((*STEP, *path))

    cause = unknown_key(document, Workflow, (*STEP, *path, next(iter(mapping)))).cause

    assert (cause.mistake, cause.place) == (mistake, (*STEP, *place))
    assert ((*cause.place, missing) in cause.missing) is bool(missing)


def test_pairs_with_hyphens_are_one_mistake_of_their_list() -> None:
    parameters = (*STEP, "submit_job", "parameters")
    document = parse_document("steps: [{submit_job: {job: M1, parameters: [{a: 1}, {b: 2}]}}]", "w")

    causes = {
        unknown_key(document, Workflow, (*parameters, place, key)).cause
        for place, key in enumerate("ab")
    }

    assert causes == {Cause(Mistake.PAIR_AS_ENTRY, parameters, "")}


def found(line: int, key: PathTo | None = None, cause: Cause | None = None) -> Finding:
    return Finding(Problem(Location("w", line), "code", "text"), key, cause)


def test_what_is_not_about_a_key_is_always_told() -> None:
    findings = [found(1), found(2)]

    assert list(one_for_each_cause(findings)) == findings


def test_a_missing_key_is_not_told_when_a_wrong_one_missing_it() -> None:
    slip = found(1, ("jb",), Cause(Mistake.MISSPELT, (), "jb", frozenset({("job",)})))

    assert list(one_for_each_cause([found(2, ("job",)), slip])) == [slip]
    assert len(list(one_for_each_cause([found(2, ("set",)), slip]))) == 2


def test_equal_causes_in_one_mapping_are_told_once() -> None:
    first = found(1, ("a", "uses"), Cause(Mistake.FOREIGN_WORD, ("a",), "uses with"))
    second = found(2, ("a", "with"), Cause(Mistake.FOREIGN_WORD, ("a",), "uses with"))
    elsewhere = found(3, ("b", "with"), Cause(Mistake.FOREIGN_WORD, ("b",), "uses with"))

    assert list(one_for_each_cause([first, second, elsewhere])) == [first, elsewhere]


@pytest.mark.parametrize("mistake", [Mistake.KIND_AS_VALUE, Mistake.PAIR_AS_ENTRY])
def test_nothing_else_is_told_of_what_is_wrong_as_a_whole(mistake: Mistake) -> None:
    other = found(1, ("a", "job"), Cause(Mistake.NOT_KNOWN, ("a",), "job"))
    whole = found(2, ("a", "type"), Cause(mistake, ("a",), ""))

    assert list(one_for_each_cause([other, whole, found(3, ("a", "name"))])) == [whole]
