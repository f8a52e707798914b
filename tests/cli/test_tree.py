"""The rows of a run on a terminal: beside each other, in loops, in called workflows, resumed."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console

from almaflow.cli.render.live_rows import RunTree, StepRow, fitted
from almaflow.cli.render.live_view import LiveView
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan, make_plan
from almaflow.runs.events import EventKind, RunEvent
from almaflow.runs.step_views import StepView
from almaflow.runs.views import view_of
from almaflow.store import JournalEntry
from almaflow.workflow_loader import load_text
from tests.harness import START
from tests.journals import PROJECT, after, entry, step

BESIDE = """\
name: demo
steps:
  - id: both
    parallel:
      left: [{id: a, wait: 1m}, {id: b, wait: 1m}]
      right: [{id: c, wait: 1m}]
  - {id: last, wait: 1m}
"""
LOOP = """\
name: demo
steps:
  - id: all
    for_each:
      items: [1, 2, 3]
      max_parallel: 2
      steps: [{id: x, wait: 1m}, {id: y, wait: 1m}]
  - {id: last, wait: 1m}
"""


def plan_of(text: str) -> Plan:
    loaded = load_text(text, "test.yaml")
    return make_plan(loaded, PROJECT, {}, run_id="r", now=START, simulated=True)


def tree(text: str, *events: RunEvent, seen: Iterable[StepView] = ()) -> RunTree:
    made = RunTree(plan_of(text), list(seen))
    for event in events:
        made.note(event)
    return made


def event(about: EventKind, path: str, text: str = "", **data: Any) -> RunEvent:
    return RunEvent(START, "r", about, path, text, data)


def began(path: str) -> RunEvent:
    return event(EventKind.BEGAN, path, kind="wait", attempt=1)


def ended(path: str, outcome: str = "succeeded", text: str = "") -> RunEvent:
    return event(EventKind.ENDED, path, text, outcome=outcome, seconds=60.0)


def lines(made: RunTree) -> list[str]:
    return [f"{row.label}: {row.outcome or row.status}" for row in made.visible_rows()]


def told(made: RunTree, path: str) -> str:
    return next(made.detail_of(row) for row in made.visible_rows() if row.path == path)


def test_branches_beside_each_other_each_show_where_they_are() -> None:
    made = tree(
        BESIDE,
        began("both"),
        began("both/right/c"),
        began("both/left/a"),
        ended("both/left/a"),
        began("both/left/b"),
        event(EventKind.WAITING, "both/right/c", "until later"),
    )

    assert lines(made) == [
        "both: running",
        "  left/a: succeeded",
        "  left/b: running",
        "  right/c: waiting",
        "last: queued",
    ]
    assert told(made, "both/right/c") == "until later"


def test_a_loop_that_has_not_begun_shows_its_steps_once() -> None:
    assert lines(tree(LOOP)) == ["all: queued", "  */x: queued", "  */y: queued", "last: queued"]
    assert told(tree(LOOP, event(EventKind.PROGRESS, "all", "3 items")), "all") == "3 items"


def test_iterations_stand_in_the_order_of_their_numbers() -> None:
    made = tree(LOOP, began("all"), began("all/2/x"), began("all/1/x"), ended("all/1/x"),
                began("all/1/y"))  # fmt: skip

    assert lines(made) == [
        "all: running",
        "  1/x: succeeded",
        "  1/y: running",
        "  2/x: running",
        "last: queued",
    ]


def many(ends: int, *bad: int) -> list[RunEvent]:
    events = [began("all"), event(EventKind.PROGRESS, "all", "1000 items")]
    for number in range(1, ends + 1):
        outcome = "failed" if number in bad else "succeeded"
        events += [began(f"all/{number}/x"), ended(f"all/{number}/x", outcome)]
    return [*events, began(f"all/{ends + 1}/x"), began(f"all/{ends + 2}/x")]


def test_of_many_iterations_those_that_go_on_are_shown_and_counted() -> None:
    made = tree(LOOP, *many(100, 3, 50))

    assert lines(made) == [
        "all: running",
        "  3/x: failed",
        "  50/x: failed",
        "  101/x: running",
        "  102/x: running",
        "last: queued",
    ]
    assert told(made, "all") == "1000 items, 100 ended, 2 running"


def test_of_many_failures_the_last_ones_are_shown() -> None:
    made = tree(LOOP, *many(20, *range(1, 20)))

    assert lines(made)[1:-1] == [
        *[f"  {number}/x: failed" for number in range(14, 20)],
        "  21/x: running",
        "  22/x: running",
    ]


def test_a_loop_that_has_ended_says_how_often_it_went_round() -> None:
    events = many(10)
    made = tree(LOOP, *events, ended("all/11/x"), ended("all/12/x"), ended("all"))

    assert lines(made) == ["all: succeeded", "last: queued"]
    assert told(made, "all") == "12 iterations"
    failed = tree(LOOP, *events, ended("all", "failed", "Step all/3/x: oops"))
    assert told(failed, "all") == "Step all/3/x: oops"


def test_a_loop_in_an_iteration_is_a_loop_of_its_own() -> None:
    text = """\
    name: demo
    steps:
      - id: out
        for_each:
          items: [1]
          steps: [{id: in, for_each: {items: [1], as: one, steps: [{id: x, wait: 1m}]}}]
    """

    made = tree(text, began("out"), began("out/1/in"), began("out/1/in/2/x"))

    assert lines(made) == ["out: running", "  1/in: running", "    2/x: running"]


def test_what_an_earlier_process_did_is_there_from_the_beginning() -> None:
    plan = plan_of(LOOP)
    journal: list[JournalEntry] = [
        *step("all", ""),
        entry("all", 1, "items", [1, 2, 3]),
        *step("all/1/x", "failed", error="oops"),
        *step("all/2/x", ""),
    ]

    seen = view_of(plan.record(), plan.definition, journal, []).steps
    made = tree(LOOP, seen=seen)

    assert lines(made) == ["all: running", "  1/x: failed", "  2/x: running", "last: queued"]
    assert told(made, "all/1/x") == "oops"
    row = made.visible_rows()[1]
    assert (row.began_at, row.seconds) == (START, 60.0)


def test_what_is_to_be_done_again_is_queued() -> None:
    seen = [
        StepView("all", "for_each", "", Status.QUEUED, attempts=1),
        StepView("last", "wait", "", Status.FINISHED, Outcome.SUCCEEDED, attempts=1),
    ]

    assert lines(tree(LOOP, seen=seen))[0] == "all: queued"
    assert lines(tree(LOOP, seen=seen))[-1] == "last: succeeded"


def test_what_can_begin_no_more_is_skipped() -> None:
    made = tree(BESIDE, began("both"), ended("both/left/a", "failed"), ended("both", "failed"))

    assert lines(made)[1:4] == ["  left/a: failed", "  left/b: skipped", "  right/c: skipped"]
    made.note(event(EventKind.RUN, "", outcome="failed", status="finished"))
    assert lines(made)[-1] == "last: skipped"
    made.note(event(EventKind.SAID, "", "about the run"))


# --- more rows than lines -------------------------------------------------------------------------


def rows(states: str) -> list[StepRow]:
    """Return rows named by their place: `.` queued, `>` running, `+` ended."""
    made = []
    for place, state in enumerate(states):
        row = StepRow(str(place), str(place), "", "")
        if state == ">":
            row.status = Status.RUNNING
        elif state == "+":
            row.status, row.outcome = Status.FINISHED, Outcome.SUCCEEDED
        made.append(row)
    return made


def shown(states: str, room: int) -> list[str]:
    return [one if isinstance(one, str) else one.path for one in fitted(rows(states), room)]


@pytest.mark.parametrize(
    ("states", "room", "expected"),
    [
        ("++>..", 5, ["0", "1", "2", "3", "4"]),
        ("++++++>.....", 5, ["5 more above", "5", "6", "7", "4 more below"]),
        ("+++>.....>..", 5, ["3 more above", "3", "5 more", "9", "2 more below"]),
        ("++++++++", 3, ["6 more above", "6", "7"]),
        ("........", 3, ["0", "1", "6 more below"]),
        (">>>>>>>>", 3, ["0", "1", "6 more below"]),
        (">.......", 1, ["0", "7 more below"]),
    ],
)
def test_what_goes_on_and_what_is_near_it_is_shown(
    states: str, room: int, expected: list[str]
) -> None:
    assert shown(states, room) == expected


def test_what_holds_the_running_steps_is_shown_when_there_is_room() -> None:
    made = rows(">++++>.........")
    made[5].around = ("0",)

    assert [one if isinstance(one, str) else one.path for one in fitted(made, 4)] == [
        "0",
        "4 more",
        "5",
        "9 more below",
    ]


# --- on the terminal ------------------------------------------------------------------------------


def test_while_a_question_is_asked_the_picture_stands_still() -> None:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=80, height=20, color_system=None)

    with LiveView(console, plan_of(BESIDE), simulated=True) as view:
        view.receive(began("both"))
        before = page.getvalue()
        with view.paused():
            stopped = page.getvalue()
            view.receive(began("both/left/a"))
            view.receive(event(EventKind.NOTICE, "both/left/a", "ho", to="log"))
            during = page.getvalue()
        again = page.getvalue()

    assert before != stopped, "the last picture stands"
    assert during == stopped
    assert "left/a" in again.removeprefix(during)
    assert "▶   left/a" in again.removeprefix(during)


def test_a_view_that_is_closed_stays_closed_after_a_question() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    view = LiveView(console, plan_of(BESIDE), simulated=True)

    with view.paused():
        pass

    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_a_resumed_run_is_drawn_with_what_was_done() -> None:
    plan = plan_of(BESIDE)
    journal = [*step("both", "", began_at=START), *step("both/left/a", began_at=after(hours=-1))]
    seen = view_of(plan.record(), plan.definition, journal, []).steps
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=80, height=20, color_system=None)

    with LiveView(console, plan, seen=seen, simulated=True):
        pass

    assert "✓   left/a" in page.getvalue()
