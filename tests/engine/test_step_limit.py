"""A run begins a bounded number of steps, however its loops multiply."""

from __future__ import annotations

import pytest

from almaflow.engine import scope
from tests.harness import Played, Stage, interrupt_after

MOST = 30
LOOPS = """
vars: {tens: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
steps:
  - id: outer
    for_each:
      items: vars.tens
      as: one
      steps:
        - for_each:
            items: vars.tens
            as: other
            %s
            steps: [%s]
    %s
finally:
  - {id: clean, check: 1 == 1}
"""


@pytest.fixture(autouse=True)
def _lower_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "MOST_STEPS", MOST)


def begun(played: Played) -> list[str]:
    return [entry.path for entry in played.journal if entry.effect == "begin" and entry.path]


@pytest.mark.parametrize("parallel", ["", "max_parallel: 5"])
@pytest.mark.parametrize("step", ["{check: 1 == 1}", "{wait: 1m}"])
@pytest.mark.parametrize("around", ["", "on_failure: continue"])
def test_loops_in_loops_end_the_run_at_the_most_steps(
    stage: Stage, parallel: str, step: str, around: str
) -> None:
    played = stage.run(LOOPS % (parallel, step, around))

    outcome, error = played.ended
    assert outcome == "failed"
    assert f"{MOST} steps" in error
    assert "outer" in error
    steps = begun(played)
    assert MOST <= len([path for path in steps if not path.startswith("finally")]) < MOST + 6
    assert "finally/clean" in steps
    ended = {entry.path for entry in played.journal if entry.effect == "end"}
    assert {path for path in steps if path != "finally"} <= ended


def test_a_run_with_as_many_steps_as_it_may_begin_ends_well(stage: Stage) -> None:
    steps = ", ".join(["{check: 1 == 1}"] * MOST)

    assert stage.run(f"steps: [{steps}]").ended == ("succeeded", "")


def test_loops_in_finally_have_a_limit_of_their_own(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope, "STEPS_OF_FINALLY", 10)
    loop = "{for_each: {items: vars.tens, steps: [{check: 1 == 1}, {check: 2 == 2}]}}"

    played = stage.run(
        f"vars: {{tens: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}\n"
        f"steps: [{loop}]\nfinally: [{loop}, {loop}]\n"
    )

    assert played.ended[0] == "warning"
    assert f"{MOST + 10} steps" in played.ended[1]


def test_steps_before_an_interruption_count(stage: Stage) -> None:
    held = stage.run(LOOPS % ("", "{wait: 1m}", ""), beside=interrupt_after(minutes=20.5))
    assert held.outcome is None

    resumed = stage.resume()

    assert resumed.outcome == "failed"
    steps = [path for path in begun(resumed) if not path.startswith("finally")]
    assert MOST <= len(steps) < MOST + 6
