"""What people answer, and what is remembered of jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from almaflow.outcome import Outcome
from almaflow.store import Decision, MarkerHabit, RunEnded, RunNotFound, Store, ValueUnfit
from almaflow.store.job_stats import REMEMBERED
from tests.store.conftest import NOON, ManualClock, claimed, make_record


def test_answers_are_read_from_where_one_was(store: Store, clock: ManualClock) -> None:
    runs = [store.add_run({}, make_record(number)).id for number in (1, 2)]

    first = store.add_answer(runs[0], "ask", "approve", {"comment": "é\ud800\0"}, "eva\0")
    clock.move(60)
    second = store.add_answer(runs[1], "all/3/ask", "resolve", {"instance": "17"}, "tom")

    assert first == Decision(
        first.id,
        runs[0],
        "ask",
        "approve",
        {"comment": "é\ud800\0"},
        "eva\N{REPLACEMENT CHARACTER}",
        NOON,
    )
    assert second.at == NOON + timedelta(seconds=60)
    assert second.id > first.id
    assert store.answers() == [first, second]
    assert store.answers(after_id=first.id) == [second]
    assert store.answers(after_id=second.id) == []


def test_answers_are_read_for_some_runs(store: Store) -> None:
    runs = [store.add_run({}, make_record(number)).id for number in range(1, 4)]
    answers = [store.add_answer(run_id, "ask", "approve", None, "eva") for run_id in runs]

    assert store.answers(runs[1:]) == answers[1:]
    assert store.answers([]) == []
    assert store.answers(runs[:1], after_id=answers[0].id) == []
    many = {*runs[:2], *(f"other-{number}" for number in range(5000))}
    assert store.answers(many) == answers[:2]


def test_an_answer_to_a_run_that_cannot_hear_it_is_refused(store: Store) -> None:
    claim = claimed(store)
    store.finish_run(claim, Outcome.FAILED)

    with pytest.raises(RunNotFound):
        store.add_answer("nothing", "ask", "approve", None, "eva")
    with pytest.raises(RunEnded):
        store.add_answer(claim.run_id, "ask", "approve", None, "eva")
    assert store.answers() == []


def test_an_answer_that_is_no_json_is_refused(store: Store) -> None:
    run_id = store.add_run({}, make_record()).id

    with pytest.raises(ValueUnfit, match=f"the answer to step ask of run {run_id} cannot be"):
        store.add_answer(run_id, "ask", "approve", {1, 2}, "eva")


def test_ids_of_answers_are_never_given_again(store: Store) -> None:
    run_id = store.add_run({}, make_record()).id
    first = store.add_answer(run_id, "ask", "approve", None, "eva")
    with store._database.write() as connection:
        connection.tell("DELETE FROM answers")

    assert store.add_answer(run_id, "ask", "approve", None, "eva").id > first.id


# Durations


def lesson(seconds: float, job_id: str = "M44", institution: str = "main") -> dict[str, object]:
    return {"institution": institution, "job_id": job_id, "seconds": seconds}


def test_durations_are_told_oldest_first(store: Store) -> None:
    store.add_duration("main", "M44", 12.5)
    store.add_duration("main", "M48", 3)
    store.add_duration("other", "M44", 7)

    told = [lesson(12.5), lesson(3.0, "M48"), lesson(7.0, institution="other")]
    assert store.learned_durations() == told
    assert store.learned_durations(limit=2) == told[1:]


def test_the_newest_durations_of_each_job_are_kept(store: Store) -> None:
    store.add_duration("main", "M48", 1)
    store.add_duration("other", "M44", 2)

    for seconds in range(REMEMBERED + 5):
        store.add_duration("main", "M44", seconds)

    told = store.learned_durations()
    assert [one["seconds"] for one in told if one["job_id"] == "M48"] == [1]
    assert [one["seconds"] for one in told if one["institution"] == "other"] == [2]
    ours = [one["seconds"] for one in told if one["institution"] == "main"]
    assert ours[1:] == list(range(5, REMEMBERED + 5))


# Markers


def test_what_alma_does_to_the_marker_is_remembered_per_job_and_institution(store: Store) -> None:
    assert store.marker_habit("main", "M44") == MarkerHabit()

    store.note_habit("main", "M44", MarkerHabit(kept=30))
    store.note_habit("main", "M48", MarkerHabit(cut=6))
    store.note_habit("main", "M48", MarkerHabit(kept=20, cut=25))

    assert store.marker_habit("main", "M44") == MarkerHabit(kept=30)
    assert store.marker_habit("main", "M48") == MarkerHabit(kept=20, cut=25)
    assert store.marker_habit("other", "M44") == MarkerHabit()
    assert store.marker_habits() == {
        ("main", "M44"): MarkerHabit(kept=30),
        ("main", "M48"): MarkerHabit(kept=20, cut=25),
    }


def test_a_habit_says_for_each_length_what_alma_does() -> None:
    habit = MarkerHabit().with_kept(24).with_cut(100)

    assert habit.keeps(24) is True
    assert habit.keeps(25) is None
    assert habit.keeps(101) is False
    assert habit.with_cut(6).keeps(24) is False
    assert habit.with_cut(6).with_kept(24).keeps(24) is True
    assert MarkerHabit().keeps(24) is None
