"""`delete_set` as a sweep: which old sets go, and which stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.store import EntryState
from tests.harness import START, Stage

OURS = "exl_api"


def old(name: str, id: str, created: str = "2026-01-01T00:00:00Z", by: str = OURS) -> Any:
    return {"id": id, "name": name, "created": created, "created_by": by, "content": "ITEM"}


SETS = [
    old("almaflow weekly 1", "1001000"),
    old("almaflow weekly 2", "1002000", "2026-02-19T08:14:59Z"),
    old("almaflow weekly 3", "1003000", "2026-02-20T08:15:01Z"),
    old("Almaflow by hand", "1004000"),
    old("my almaflow set", "1005000"),
    old("almaflow of staff", "1006000", by="jdoe"),
    old("almaflow-other", "1007000"),
]


def sweep(prefix: str = "almaflow ", older_than: str = "10d", more: str = "") -> str:
    return f"""
steps:
  - id: old
    delete_set: {{prefix: "{prefix}", older_than: "{older_than}"}}
{more}
"""


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """A stage with old sets; it is 2026-03-02 there."""
    return set_stage({"sets": SETS})


def left(stage: Stage) -> set[str]:
    """Return the names of the sets above that are still there."""
    return {one["name"] for one in SETS} & set(stage.alma.sets("main"))


def test_old_sets_that_the_api_made_are_swept_up(stage: Stage) -> None:
    played = stage.run(sweep())

    assert played.ended == ("succeeded", "")
    assert played.steps["old"]["deleted"] == 2
    assert left(stage) == {one["name"] for one in SETS[2:]}
    assert played.state("old", "delete-1001000") is EntryState.DONE
    assert played.state("old", "delete-1002000") is EntryState.DONE
    assert played.entry("old", "sets").value == [
        ["1001000", "almaflow weekly 1"],
        ["1002000", "almaflow weekly 2"],
    ]


@pytest.mark.parametrize("days", [-1, 1])
def test_the_age_of_a_set_is_counted_by_alma_s_clock(
    set_stage: Callable[..., Stage], days: int
) -> None:
    # Our clock is wrong by a day; Alma's is right.
    wrong = START - timedelta(days=days)
    stage = set_stage({"sets": SETS}, start=wrong, alma_ahead=timedelta(days=days))

    played = stage.run(sweep())

    assert played.steps["old"]["deleted"] == 2
    assert left(stage) == {one["name"] for one in SETS[2:]}


def test_more_sets_than_one_page_holds_are_swept_up(set_stage: Callable[..., Stage]) -> None:
    many = [old(f"x {number}", f"{number}1000") for number in range(1, 231)]
    played = set_stage({"sets": many}).run(sweep("x ", "{{ 5 + 5 }}d"))

    assert played.steps["old"]["deleted"] == 230


def test_nothing_old_is_no_failure(stage: Stage) -> None:
    played = stage.run(sweep(older_than="200d"))

    assert played.outcome == "succeeded"
    assert played.steps["old"]["deleted"] == 0
    assert stage.sent("delete_set") == 0


def test_a_set_that_a_job_of_ours_works_on_stays_and_is_named(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"sets": SETS, "jobs": [{"job": "M48", "duration": "10m"}]})

    played = stage.run(
        """
        steps:
          - submit_job: {job: M48, set: "1001000", wait: false}
          - id: old
            delete_set: {prefix: "almaflow ", older_than: 10d}
        """
    )

    assert played.outcome == "succeeded"
    assert played.steps["old"]["deleted"] == 1
    assert "almaflow weekly 1" in left(stage)
    assert (
        "Set `almaflow weekly 1` (1001000) was not deleted, because job M48 is using it."
    ) in played.said()


def test_a_deletion_whose_answer_is_lost_counts_once(stage: Stage) -> None:
    stage.fault("lose_answer", call="delete_set", nth=[1])

    played = stage.run(sweep())

    # The answer of the first is lost; sent again, Alma says that there is no such set.
    assert played.outcome == "succeeded"
    assert (played.steps["old"]["deleted"], stage.sent("delete_set")) == (2, 3)
    assert played.state("old", "delete-1001000") is EntryState.REFUSED
    assert left(stage) == {one["name"] for one in SETS[2:]}


def test_a_set_that_cannot_be_deleted_fails_the_step_after_the_others(stage: Stage) -> None:
    stage.fault("status", call="delete_set", nth=[1], status=400, code="402282")

    played = stage.run(sweep())

    assert played.outcome == "failed"
    assert played.record.error.startswith(
        "Step old: 1 of 2 sets could not be deleted. `almaflow weekly 1` (1001000): Alma "
        "(main) refused DELETE /conf/sets/1001000 with HTTP 400: Delete of Set Failed (code "
        "402282"
    )
    assert played.steps["old"]["deleted"] == 1
    assert "almaflow weekly 2" not in left(stage)


@pytest.mark.parametrize("prefix", ["{{ '' }}", "{{ ' ' }}"])
def test_an_empty_prefix_sweeps_nothing(stage: Stage, prefix: str) -> None:
    played = stage.run(sweep(prefix))

    assert played.ended == (
        "failed",
        "Step old: The `prefix` of `delete_set` is empty. Nothing was deleted.",
    )
    assert stage.sent("delete_set") == 0


def test_an_age_that_is_no_duration_sweeps_nothing(stage: Stage) -> None:
    played = stage.run(sweep(older_than="{{ 10 }} days"))

    assert played.ended == (
        "failed",
        "Step old: `10 days` is not a valid duration. Write `10d`. Nothing was deleted.",
    )


def test_the_list_of_sets_is_worked_out_once(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": SETS}, durable=True)

    # The process dies when the second deletion has been sent.
    requests = 3
    died = stage.crash(sweep(), "request", requests, after=True)
    played = stage.resume()

    assert died.outcome is None
    assert played.outcome == "succeeded"
    assert stage.sent("list_sets") == 1
    assert left(stage) == {one["name"] for one in SETS[2:]}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", "`delete_set` needs either `id`, or `prefix` and `older_than`."),
        ("prefix: x", "`delete_set` needs either `id`, or `prefix` and `older_than`."),
        ("older_than: 3d", "`delete_set` needs either `id`, or `prefix` and `older_than`."),
        ("id: '1', prefix: x, older_than: 3d", "`delete_set` needs either `id`, or"),
        ("id: '1', older_than: 3d", "`delete_set` needs either `id`, or"),
        ("prefix: x, older_than: 3", "`3` is not a valid duration. Write it with a unit"),
        (
            "prefix: ' ', older_than: 3d",
            "An empty `prefix` would delete every set that was created through the API.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(stage: Stage, keys: str, told: str) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        stage.run(f"steps: [{{delete_set: {{{keys}}}}}]")

    assert told in str(caught.value)
