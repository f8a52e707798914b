"""Steps beside each other: what has begun is finished, nothing new begins, one failure counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Status
from tests import harness
from tests.harness import START, Stage, after, cancel, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
LIBRARY: dict[str, Any] = {
    "sets": [SET],
    "alma": {"wrong_content": "ignore", "skip_phases": True},
    "jobs": [{"job": "*", "duration": "20m"}],
}


def job(id: str, job: str = "M901", more: str = "") -> str:
    return f"{{id: {id}, submit_job: {{job: {job}, set: '{SET['id']}'}}{more}}}"


# --- parallel -------------------------------------------------------------------------------------


def test_branches_go_on_beside_each_other(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(LIBRARY)

    played = stage.run(
        f"""
        steps:
          - parallel:
              a: [{job("x")}, {{id: x2, wait: 10m}}]
              b: [{job("y", "M902")}]
          - check: steps.x.outcome == 'succeeded' and steps.y.outcome == 'succeeded'
        """
    )

    assert played.ended == ("succeeded", "")
    assert 30 <= played.minutes <= 33
    assert [one.at for one in stage.submissions] == [START, START]


def test_branches_do_not_see_each_other(stage: Stage) -> None:
    with pytest.raises(Exception, match="branches of `parallel` cannot see each other"):
        stage.run(
            """
            steps:
              - parallel:
                  a: [{id: x, wait: 1m}]
                  b: [{wait: 2m}, {check: "steps.x.outcome == 'succeeded'"}]
            """
        )


HALTING = """
steps:
  - id: both
    parallel:
      a: [{wait: 5m}, {id: broken, fail: no}, {id: never, notify: x}]
      b: [JOB, {id: neither, notify: y}]
  - {id: nor, notify: z}
""".replace("JOB", job("x"))


def test_what_has_begun_is_finished_and_nothing_new_begins(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(LIBRARY).run(HALTING)

    assert played.ended == ("failed", "Step both/a/broken: no")
    assert played.outcomes == {
        "both/a/wait-1": "succeeded",
        "both/a/broken": "failed",
        "both/b/x": "succeeded",
        "both": "failed",
    }
    # The job was followed to its end.
    assert 20 <= played.minutes <= 22


def test_the_first_failure_counts(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - parallel:
              a: [{wait: 5m}, {wait: 5m}, {fail: late}]
              b: [{wait: 9m, on_failure: continue}, {fail: early}]
              c: [{wait: 8m}, {wait: 1h}]
        """
    )

    assert played.record.error == "Step parallel-1/b/fail-2: early"
    # The second wait of `a` and that of `c` had begun.
    assert played.minutes == 68


def test_a_failure_that_is_continued_halts_nobody(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - parallel:
              a: [{fail: no, on_failure: continue}, {id: x, notify: x}]
              b: [{wait: 5m}, {id: y, notify: y}]
        """
    )

    assert played.outcome == "warning"
    assert (played.outcomes["parallel-1/a/x"], played.outcomes["parallel-1/b/y"]) == (
        "succeeded",
        "succeeded",
    )


def test_a_parallel_that_failed_may_be_continued(stage: Stage) -> None:
    played = stage.run(
        "steps: [{on_failure: continue, parallel: {a: [{fail: no}]}}, {id: on, notify: x}]"
    )

    assert (played.outcome, played.outcomes["on"]) == ("warning", "succeeded")


@pytest.mark.parametrize(
    ("end", "outcome"),
    [("stop: enough", "succeeded"), (SKIP := "check: {that: 1 > 2, otherwise: skip}", "skipped")],
)
def test_a_stop_in_a_branch_ends_the_run_when_what_has_begun_is_finished(
    stage: Stage, end: str, outcome: str
) -> None:
    played = stage.run(
        f"""
        steps:
          - parallel:
              a: [{{wait: 1m}}, {{{end}}}, {{id: x, notify: x}}]
              b: [{{wait: 5m}}, {{id: y, notify: y}}]
          - {{id: z, notify: z}}
        """
    )

    assert played.outcome == outcome
    assert played.minutes == 5
    assert not {"parallel-1/a/x", "parallel-1/b/y", "z"} & played.outcomes.keys()


def test_a_failure_outweighs_a_stop(stage: Stage) -> None:
    played = stage.run(
        "steps: [{parallel: {a: [{wait: 1m}, {stop: on}], b: [{id: x, wait: 1h, timeout: 5m}]}}]"
    )

    assert played.outcome == "timed_out"
    assert played.record.error.startswith("Step parallel-1/b/x: ")


def test_a_step_that_failed_beside_a_failure_is_not_tried_again(
    set_stage: Callable[..., Stage],
) -> None:
    played = set_stage({"faults": [{"kind": "slow", "call": "get_set", "delay": "50s"}]}).run(
        """
        steps:
          - parallel:
              a: [{wait: 20s}, {id: first, fail: first}]
              b: [{id: x, get: {path: /conf/sets/9}, retry: {attempts: 3, delay: 10m}}]
        """
    )

    assert played.outcome == "failed"
    assert played.record.error == "Step parallel-1/a/first: first"
    assert played.steps["parallel-1/b/x"]["attempts"] == 1


def test_an_attempt_that_is_awaited_when_a_neighbour_fails_is_not_made(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - parallel:
              a: [{wait: 5m}, {id: second, fail: second}]
              b: [{id: x, find_set: {name: nowhere}, retry: {attempts: 3, delay: 10m}}]
        """
    )

    assert played.outcome == "failed"
    assert played.steps["parallel-1/b/x"]["attempts"] == 1
    # Without its neighbour's failure it might have ended well.
    assert played.record.error == "Step parallel-1/a/second: second"


def test_halting_reaches_into_what_stands_inside(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - parallel:
              a: [{wait: 5m}, {id: broken, fail: no}]
              b:
                - id: loop
                  for_each: {items: ["1", "2", "3"], steps: [{id: w, wait: 3m}, {id: x, wait: 1s}]}
                - {id: behind, notify: x}
        """
    )

    assert played.ended == ("failed", "Step parallel-1/a/broken: no")
    # The second iteration's wait was under way.
    assert played.minutes == pytest.approx(6, abs=0.1)
    assert {
        path.removeprefix("parallel-1/b/"): ended
        for path, ended in played.outcomes.items()
        if "/b/" in path
    } == {
        "loop/1/w": "succeeded",
        "loop/1/x": "succeeded",
        "loop/2/w": "succeeded",
        "loop": "skipped",
    }
    loop = played.steps["parallel-1/b/loop"]
    assert loop["error"] == "A parallel step failed, so nothing new was started here."


# --- for_each -------------------------------------------------------------------------------------


def loop(steps: str, max_parallel: int = 1, items: str = "['a', 'b', 'c', 'd']") -> str:
    return (
        f'steps: [{{id: all, for_each: {{items: "{items}", max_parallel: {max_parallel}, '
        f"steps: [{steps}]}}}}]"
    )


@pytest.mark.parametrize(("max_parallel", "minutes"), [(1, 20), (2, 10), (3, 10), (4, 5), (9, 5)])
def test_so_many_iterations_go_on_at_a_time(stage: Stage, max_parallel: int, minutes: int) -> None:
    played = stage.run(loop("{wait: 5m}", max_parallel))

    assert played.minutes == minutes


def test_results_are_in_the_order_of_the_items(stage: Stage) -> None:
    waits = "['9m', '1m', '5m', '2m']"
    played = stage.run(
        f"""
        steps:
          - id: all
            for_each:
              items: "{waits}"
              as: long
              max_parallel: 4
              steps: [{{id: w, wait: "{{{{ long }}}}"}}]
        """
    )

    results = played.steps["all"]["results"]
    assert [one["item"] for one in results] == ["9m", "1m", "5m", "2m"]
    assert [one["steps"]["w"]["waited"] for one in results] == [540, 60, 300, 120]


def test_a_stop_or_skip_ends_its_iteration_only(stage: Stage) -> None:
    played = stage.run(
        loop(
            "{if: item == 'b', stop: enough}, "
            "{if: item == 'c', check: {that: 1 > 2, otherwise: skip}}, {id: x, wait: 1s}"
        )
    )

    assert played.ended == ("succeeded", "")
    results = played.steps["all"]["results"]
    assert [one["outcome"] for one in results] == ["succeeded", "succeeded", "skipped", "succeeded"]
    assert [one["steps"]["x"]["outcome"] for one in results] == [
        "succeeded",
        "skipped",
        "skipped",
        "succeeded",
    ]


def test_no_iteration_begins_after_one_that_failed(stage: Stage) -> None:
    played = stage.run(
        loop(
            "{id: w, wait: '{{ item }}', timeout: 9m}",
            max_parallel=2,
            items="['5m', '1h', '8m', '1m']",
        )
    )

    assert played.ended == ("timed_out", "Step all/2/w: The time limit of step all/2/w expired.")
    results = played.steps["all"]["results"]
    assert [one["outcome"] for one in results] == ["succeeded", "timed_out", "succeeded", "skipped"]
    assert played.minutes == 13


def test_an_iteration_that_was_not_finished_is_skipped(stage: Stage) -> None:
    played = stage.run(
        loop("{id: w, wait: '{{ item }}', timeout: 2m}, {id: on, wait: 1s}", 2, "['1h', '9m']")
    )

    assert played.outcome == "timed_out"
    results = played.steps["all"]["results"]
    assert [one["steps"]["on"]["outcome"] for one in results] == ["skipped", "skipped"]


def test_no_items_are_no_failure(stage: Stage) -> None:
    played = stage.run(loop("{fail: no}", items="[]"))

    assert played.ended == ("succeeded", "")
    assert played.steps["all"]["results"] == []


def test_an_iteration_s_warning_is_the_loop_s(stage: Stage) -> None:
    played = stage.run(loop("{if: item == 'b', fail: no, on_failure: continue}"))

    assert played.outcome == "warning"
    assert [one["outcome"] for one in played.steps["all"]["results"]] == [
        "succeeded",
        "warning",
        "succeeded",
        "succeeded",
    ]


def test_jobs_of_many_iterations_share_the_places(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(LIBRARY)

    played = stage.run(loop(job("x"), max_parallel=4))

    assert played.outcome == "succeeded"
    minutes = [(one.at - START) / timedelta(minutes=1) for one in stage.submissions]
    assert minutes[:3] == [0, 0, 0]
    assert 20 <= minutes[3] <= 21


# --- ended from outside, and taken up again -------------------------------------------------------

NESTED = f"""
steps:
  - id: all
    for_each:
      items: ["1", "2"]
      max_parallel: 2
      steps:
        - {{id: first, wait: 1m}}
        - parallel:
            left: [{job("x", "M901")}, {{id: y, wait: 10m}}]
            right: [{{wait: 15m}}]
        - {{id: last, wait: 1m}}
"""


@pytest.mark.parametrize("minutes", [0.5, 5, 14, 25, 31.5])
def test_a_resume_in_the_middle_goes_on_where_each_was(
    set_stage: Callable[..., Stage], minutes: float
) -> None:
    stage = set_stage(LIBRARY)
    expected = set_stage(LIBRARY).run(NESTED)
    assert expected.outcome == "succeeded"

    held = stage.run(NESTED, beside=interrupt_after(minutes=minutes))
    assert held.interrupted
    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.outcomes == expected.outcomes
    assert len(stage.submissions) == 2
    assert played.minutes == pytest.approx(expected.minutes, abs=1.5)


@pytest.mark.parametrize("minutes", [1, 6, 12, 19])
def test_a_resume_after_a_failure_finishes_what_had_begun_and_begins_nothing(
    set_stage: Callable[..., Stage], minutes: float
) -> None:
    stage = set_stage(LIBRARY)

    stage.run(HALTING, beside=interrupt_after(minutes=minutes))
    stage.pass_time(minutes=1)
    played = stage.resume()

    assert played.ended == ("failed", "Step both/a/broken: no")
    assert played.outcomes["both/b/x"] == "succeeded"
    assert "both/b/neither" not in played.outcomes


@pytest.mark.parametrize("end", ["stop: enough", "get: {path: /conf/sets/9}, retry: {attempts: 2}"])
def test_a_resume_after_an_early_end_begins_nothing_new(
    set_stage: Callable[..., Stage], end: str
) -> None:
    stage = set_stage(LIBRARY)
    workflow = f"""
    steps:
      - parallel:
          a: [{{wait: 1m}}, {{id: e, {end}}}, {{id: never, notify: x}}]
          b: [{job("x")}, {{id: neither, notify: y}}]
    """
    stage.run(workflow, beside=interrupt_after(minutes=5))

    played = stage.resume()

    assert played.outcome == ("succeeded" if "stop" in end else "failed")
    assert played.outcomes["parallel-1/b/x"] == "succeeded"
    assert not {"parallel-1/a/never", "parallel-1/b/neither"} & played.outcomes.keys()


def test_a_cancel_in_the_middle_ends_all_that_has_begun(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(LIBRARY).run(NESTED, beside=after(cancel, minutes=5))

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played.minutes == 5
    assert set(played.outcomes.values()) == {"succeeded", "cancelled"}
    assert played.outcomes["all"] == "cancelled"
    jobs = [facts for path, facts in played.steps.items() if path.endswith("/x")]
    assert all(" The job keeps running in Alma as " in one["error"] or one["error"] for one in jobs)
    assert len(jobs) == 2


@pytest.mark.parametrize(
    "what",
    [
        "parallel: {a: [{id: w, wait: 1h}], b: [{wait: 2m}]}",
        "for_each: {items: ['1'], steps: [{id: w, wait: 1h}]}",
    ],
)
def test_the_time_of_a_composite_ends_what_stands_in_it(stage: Stage, what: str) -> None:
    played = stage.run(
        f"steps: [{{id: p, timeout: 10m, on_failure: continue, {what}}}, {{id: on, notify: x}}]"
    )

    assert (played.outcome, played.minutes) == ("warning", 10)
    assert played.outcomes["p"] == "timed_out"
    assert next(end for path, end in played.outcomes.items() if path.endswith("/w")) == "timed_out"
    assert played.outcomes["on"] == "succeeded"


def test_a_step_s_time_in_a_branch_fails_the_branch_only_there(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - parallel:
              a: [{id: x, wait: 1h, timeout: 5m}]
              b: [{id: y, wait: 10m}, {id: z, notify: z}]
        """
    )

    assert played.ended == (
        "timed_out",
        "Step parallel-1/a/x: The time limit of step parallel-1/a/x expired.",
    )
    assert played.outcomes["parallel-1/b/y"] == "succeeded"
    assert played.minutes == 10


@pytest.mark.slow
def test_a_crash_anywhere_in_nested_steps_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))
    monkeypatch.setattr(harness, "LEASE", timedelta(hours=1))
    short = NESTED.replace("15m", "5m").replace("10m", "2m")
    whole = Stage(prepared(tmp_path / "whole"), LIBRARY, durable=True)
    expected = whole.run(short)

    # Every commit's turn would take long; those in between are much alike.
    for at in range(1, whole.boundary.counts["commit"] + 1, 4):
        stage = Stage(prepared(tmp_path / str(at)), LIBRARY, durable=True)
        crashed = stage.crash(short, "commit", at, after=True)
        played = crashed if crashed.record.status is Status.FINISHED else stage.resume()

        assert played.outcomes == expected.outcomes, at
        assert len(stage.submissions) == 2, at


def prepared(folder: Path) -> Path:
    folder.mkdir()
    return folder
