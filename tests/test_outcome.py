from __future__ import annotations

import itertools

import pytest

from almaflow.outcome import Outcome, Status, worst


def test_what_stands_around_goes_on_after_a_good_outcome_only() -> None:
    good = {outcome for outcome in Outcome if outcome.is_good}

    assert good == {Outcome.SUCCEEDED, Outcome.WARNING, Outcome.SKIPPED}


def test_nothing_at_all_has_succeeded() -> None:
    assert worst([]) is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.SKIPPED], Outcome.SKIPPED),
        ([Outcome.SKIPPED, Outcome.SUCCEEDED], Outcome.SUCCEEDED),
        ([Outcome.WARNING, Outcome.SUCCEEDED], Outcome.WARNING),
        ([Outcome.FAILED, Outcome.TIMED_OUT, Outcome.WARNING], Outcome.TIMED_OUT),
        ([Outcome.CANCELLED, Outcome.FAILED], Outcome.CANCELLED),
        (list(Outcome), Outcome.UNKNOWN),
    ],
)
def test_the_worst_outcome_counts(outcomes: list[Outcome], expected: Outcome) -> None:
    assert worst(outcomes) is expected


def test_every_two_outcomes_can_be_compared_in_any_order() -> None:
    for one, other in itertools.combinations(Outcome, 2):
        assert worst([one, other]) is worst(iter([other, one]))


def test_a_bad_outcome_is_worse_than_every_good_one() -> None:
    for good, bad in itertools.product(Outcome, Outcome):
        if good.is_good and not bad.is_good:
            assert worst([good, bad]) is bad


def test_the_words_are_those_that_people_and_files_use() -> None:
    assert [str(status) for status in Status] == ["queued", "running", "waiting", "finished"]
    assert f"{Outcome.TIMED_OUT}" == "timed_out"
    assert Outcome("missed") is Outcome.MISSED
