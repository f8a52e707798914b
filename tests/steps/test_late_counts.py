"""Alma counts changed members later than it changes them: sets in steps that wait for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from almaflow.alma import calls
from tests.harness import START, Played, Stage, interrupt_after

IDS = [f"99{number:09}1000" for number in range(1, 10)]
THERE = {"id": "1001000", "name": "there", "content": "BIB_MMS", "members": IDS[:5]}
UNKNOWN = ["99999999999"]

LAGS = ["1s", "4s", "30s", "100s"]


@pytest.fixture(autouse=True)
def small_batches() -> Iterator[None]:
    with patch.object(calls, "MEMBERS_IN_ONE_CALL", 3):
        yield


def library(**more: Any) -> dict[str, Any]:
    return {"sets": [THERE], "unknown_members": UNKNOWN, **more}


def create(ids: list[str], *more: str) -> str:
    settings = ["name: new", "content: BIB_MMS", f"members: {json.dumps(ids)}", *more]
    return f"""
    steps:
      - id: it
        create_set: {{{", ".join(settings)}}}
      - check:
          that: steps.it.member_count > 0
          otherwise: skip
    """


def update(change: str) -> str:
    return f"steps: [{{id: it, update_set: {{id: '1001000', {change}}}}}]"


def members(stage: Stage, name: str) -> list[str]:
    sets = stage.alma.institution("main").sets.values()
    return sorted(next(one for one in sets if one.name == name).members)


def count(played: Played) -> tuple[int, int]:
    return played.steps["it"]["member_count"], played.steps["it"]["rejected"]


@pytest.mark.parametrize("lag", LAGS)
def test_a_new_set_is_ready_when_alma_counts_its_members(
    set_stage: Callable[..., Stage], lag: str
) -> None:
    stage = set_stage(library(alma={"count_lag": lag}))

    played = stage.run(create(IDS))

    assert played.outcome == "succeeded"
    assert count(played) == (9, 0)
    assert members(stage, "new") == IDS
    assert stage.sent("edit_members") == 3


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize(
    ("change", "left", "sent"),
    [
        (f"add: {json.dumps(IDS[5:])}", IDS, 2),
        (f"remove: {json.dumps(IDS[:4])}", IDS[4:5], 2),
        (f"replace: {json.dumps(IDS[2:8])}", IDS[2:8], 2),
        (f"replace: {json.dumps(IDS[2:4])}", IDS[2:4], 1),
    ],
)
def test_a_changed_set_is_ready_when_alma_counts_its_members(
    set_stage: Callable[..., Stage], change: str, left: list[str], sent: int, lag: str
) -> None:
    stage = set_stage(library(alma={"count_lag": lag}))

    played = stage.run(update(change))

    assert played.outcome == "succeeded"
    assert count(played) == (len(left), 0)
    assert members(stage, "there") == left
    assert stage.sent("edit_members") == sent


@pytest.mark.parametrize("lag", [None, *LAGS])
def test_rejected_members_are_not_waited_for_without_end(
    set_stage: Callable[..., Stage], lag: str | None
) -> None:
    stage = set_stage(library(alma={"count_lag": lag}))

    played = stage.run(create([*IDS[:4], *UNKNOWN], "on_invalid: skip"))

    assert played.outcome == "succeeded"
    assert count(played) == (4, 1)
    assert stage.clock.now() - START <= timedelta(minutes=5)


def test_a_count_that_never_comes_is_given_up_and_nothing_is_sent_twice(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(alma={"count_lag": "10d"}))

    played = stage.run(update(f"add: {json.dumps(IDS[5:7])}"))

    assert played.outcome == "succeeded"
    assert members(stage, "there") == IDS[:7]
    assert stage.sent("edit_members") == 1
    assert stage.clock.now() - START <= timedelta(minutes=3)


def test_alma_is_not_asked_again_when_its_response_counts_all(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library())

    stage.run(create(IDS[:3]))

    assert stage.clock.now() == START
    # Before the batch, to recognise it should its response be lost.
    assert stage.sent("get_set") == 1


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_lost_batch_is_recognised_although_alma_counts_late(
    set_stage: Callable[..., Stage], nth: int, processed: bool
) -> None:
    lost = {"kind": "lose_answer", "call": "add_members", "nth": nth, "processed": processed}
    stage = set_stage(library(alma={"count_lag": "20s"}, faults=[lost]))

    played = stage.run(create(IDS))

    assert played.outcome == "succeeded"
    assert count(played) == (9, 0)
    assert members(stage, "new") == IDS
    assert stage.sent("edit_members") == (3 if processed else 4)


def test_one_change_that_is_counted_late_is_waited_for(set_stage: Callable[..., Stage]) -> None:
    late = {"kind": "late_count", "call": "add_members", "nth": 3, "delay": "4s"}
    stage = set_stage(library(faults=[late]))

    played = stage.run(create(IDS))

    assert count(played) == (9, 0)
    assert stage.sent("edit_members") == 3
    assert timedelta(seconds=4) <= stage.clock.now() - START <= timedelta(seconds=15)


def test_a_resumed_step_waits_on_for_the_count(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(alma={"count_lag": "100s"}), durable=True)

    assert stage.run(create(IDS[:3]), beside=interrupt_after(seconds=50)).interrupted
    played = stage.resume()

    assert played.outcome == "succeeded"
    assert count(played) == (3, 0)
    assert stage.sent("edit_members") == 1
