"""Catch-up and overlap, decided from rows of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from almaflow.scheduler.policies import EntryPolicy, PolicyDecision, apply_catch_up, apply_overlap
from almaflow.store import Tick, TickCause, TickEnding

NOW = datetime(2026, 3, 30, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def tick(number: int, ago: timedelta, *, entry: str = "night", ready: bool = False) -> Tick:
    return Tick(
        id=number,
        schedule_id=1,
        workflow="weed",
        entry=entry,
        at=NOW - ago,
        starts_at=NOW - ago,
        found_at=NOW,
        ready_at=NOW if ready else None,
    )


def rules(**said: Any) -> Mapping[tuple[str, str], EntryPolicy]:
    return {("weed", "night"): EntryPolicy(**said), ("weed", "noon"): EntryPolicy(**said)}


def told(decided: PolicyDecision) -> dict[int, str]:
    """Return, by tick, what is recorded of it."""
    ended = {end.tick_id: f"{end.ending} {end.cause}" for end in decided.ends}
    caught = {number: "caught up" if late else "on" for number, late in decided.accepted.items()}
    return caught | ended | {one.id: "begins" for one in decided.starting}


THREE_DAYS = [tick(1, 3 * DAY), tick(2, 2 * DAY), tick(3, DAY)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {1: "merged downtime", 2: "merged downtime", 3: "caught up"}),
        ({"missed": "all"}, {1: "caught up", 2: "caught up", 3: "caught up"}),
        ({"missed": "none"}, dict.fromkeys((1, 2, 3), "missed downtime")),
        (
            {"max_age": timedelta(hours=50)},
            {1: "missed max_age", 2: "merged downtime", 3: "caught up"},
        ),
        (
            {"missed": "all", "max_age": timedelta(hours=2)},
            dict.fromkeys((1, 2, 3), "missed max_age"),
        ),
    ],
)
def test_ticks_found_after_downtime_are_caught_up_as_their_entry_says(
    said: dict[str, Any], expected: dict[int, str]
) -> None:
    assert told(apply_catch_up(THREE_DAYS, rules(**said), {}, NOW)) == expected


def test_what_is_due_just_now_stands_for_what_was_missed_before_it() -> None:
    decided = apply_catch_up([*THREE_DAYS, tick(4, timedelta(minutes=5))], rules(), {}, NOW)

    assert told(decided) == {
        **dict.fromkeys((1, 2, 3), "merged downtime"),
        4: "on",
    }
    assert {end.merged_into for end in decided.ends} == {NOW - timedelta(minutes=5)}


@pytest.mark.parametrize("said", [{}, {"missed": "none"}, {"max_age": timedelta(seconds=1)}])
def test_up_to_five_minutes_old_a_tick_is_late_and_not_missed(said: dict[str, Any]) -> None:
    assert told(apply_catch_up([tick(1, timedelta(minutes=5))], rules(**said), {}, NOW)) == {
        1: "on"
    }


def test_each_entry_catches_up_for_itself() -> None:
    ticks = [tick(1, 2 * DAY), tick(2, DAY), tick(3, 2 * DAY, entry="noon")]

    assert told(apply_catch_up(ticks, rules(), {}, NOW)) == {
        1: "merged downtime",
        2: "caught up",
        3: "caught up",
    }


def test_what_is_to_begin_later_stays_open() -> None:
    later = replace(tick(1, timedelta()), starts_at=NOW + timedelta(minutes=1))

    assert apply_catch_up([later], rules(), {}, NOW).is_nothing


def test_nothing_begins_in_a_pause_or_once_its_entry_is_gone() -> None:
    ticks = [tick(1, timedelta()), tick(2, DAY, ready=True), tick(3, timedelta(), entry="gone")]

    decided = apply_catch_up(ticks, rules(), {"weed": "Paused by ada."}, NOW)

    assert told(decided) == {1: "skipped pause", 2: "skipped pause", 3: "skipped removed"}


def test_who_waited_longer_than_max_age_is_missed() -> None:
    ticks = [tick(1, timedelta(hours=3), ready=True), tick(2, timedelta(hours=1), ready=True)]

    decided = apply_catch_up(ticks, rules(max_age=timedelta(hours=2)), {}, NOW)

    assert told(decided) == {1: "missed max_age"}
    assert decided.ends[0].reason.startswith("It waited for another run, and ticks older than 2h")


WAITING: Sequence[Tick] = [
    tick(1, timedelta(hours=3), ready=True),
    tick(2, timedelta(hours=2), ready=True),
    tick(3, timedelta(hours=1), entry="noon", ready=True),
]


@pytest.mark.parametrize(
    ("overlap", "going", "expected"),
    [
        ("queue_one", "r1", {1: "merged overlap"}),
        ("queue_one", "", {1: "begins"}),
        ("queue_all", "r1", {}),
        ("queue_all", "", {1: "begins"}),
        ("skip", "r1", dict.fromkeys((1, 2, 3), "skipped overlap")),
        ("skip", "", {1: "begins", 2: "skipped overlap", 3: "skipped overlap"}),
        ("allow", "r1", dict.fromkeys((1, 2, 3), "begins")),
    ],
)
def test_overlap_decides_what_a_tick_does_while_a_run_goes_on(
    overlap: Any, going: str, expected: dict[int, str]
) -> None:
    runs = {"weed": going} if going else {}

    assert told(apply_overlap(WAITING, rules(overlap=overlap), runs)) == expected


def test_of_each_entry_the_newest_waits_and_the_others_are_merged_into_it() -> None:
    ticks = [tick(number, timedelta(hours=9 - number), ready=True) for number in range(1, 5)]

    decided = apply_overlap(ticks, rules(), {"weed": "r1"})

    assert told(decided) == dict.fromkeys((1, 2, 3), "merged overlap")
    assert {end.merged_into for end in decided.ends} == {ticks[-1].at}
    assert "Run r1 of the workflow was still running" in decided.ends[0].reason


@pytest.mark.parametrize("overlap", ["queue_one", "skip"])
def test_each_of_all_missed_ticks_has_its_run_whatever_overlap_says(overlap: Any) -> None:
    ticks = [replace(one, caught_up=True) for one in WAITING]

    decided = apply_overlap(ticks, rules(overlap=overlap, missed="all"), {})

    assert told(decided) == {1: "begins"}


def test_workflows_do_not_wait_for_each_other() -> None:
    other = replace(tick(9, timedelta(), ready=True), workflow="other")
    all_rules = {**rules(), ("other", "night"): EntryPolicy()}

    decided = apply_overlap([*WAITING, other], all_rules, {"weed": "r1"})

    assert [one.id for one in decided.starting] == [9]
    assert {end.cause for end in decided.ends} == {TickCause.OVERLAP}
    assert {end.ending for end in decided.ends} == {TickEnding.MERGED}
