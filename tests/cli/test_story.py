"""What `show` tells of runs that were retried, run beside each other, loop and lose answers.

The screens are whole, in `tests/screens/show-*.out`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from almaflow.cli.render.run_details import lines_of
from almaflow.outcome import Outcome, Status
from almaflow.plan import make_plan
from almaflow.runs.views import RunView, view_of
from almaflow.store import EntryState, JournalEntry, LogEntry
from almaflow.workflow_loader import load_text
from tests.golden import screen
from tests.harness import START
from tests.journals import PROJECT, after, entry, sent, step
from tests.waits import following, question, wait


def view(
    text: str,
    *entries: Iterable[JournalEntry],
    events: Sequence[LogEntry] = (),
    worked_on: bool = False,
    **record: Any,
) -> RunView:
    loaded = load_text(text, "weed.yaml")
    plan = make_plan(loaded, PROJECT, {}, run_id="20260302-081500-k7x2q", now=START, simulated=True)
    told = {"status": Status.RUNNING, "started_at": START, "deadline_at": after(days=1), **record}
    journal = [one for group in entries for one in group]
    return view_of(
        replace(plan.record(), **told), plan.definition, journal, events, worked_on=worked_on
    )  # fmt: skip


def check(name: str, seen: RunView) -> None:
    assert "\n".join(lines_of(seen)) + "\n" == screen(name)


RETRIED = """\
name: weed
timezone: Europe/Zurich
steps:
  - {id: titles, find_set: {name: Titles}}
  - {id: export, name: The export, submit_job: {job: M48, set: "{{ steps.titles.set_id }}"}}
  - {id: told, notify: done}
finally: [{id: tidy, wait: 1m}]
"""
WHY = "no answer came within 180 s"


def test_a_retried_run_tells_its_attempts_and_what_each_sent() -> None:
    failed = "Alma ended Export (M48, instance 4711) as COMPLETED_FAILED."
    asked = {"from": None, "redo": {"export": 1, "finally/tidy": 1}, "by": "anna"}
    again = after(hours=2)
    absent: dict[str, Any] = {
        "absent": True,
        "changed_at": after(hours=2, minutes=10),
        "error": WHY,
    }
    late: dict[str, Any] = {"sent_at": again.isoformat()}
    found: dict[str, Any] = {
        "found": True,
        "changed_at": after(hours=2, minutes=11),
        "result": "4712",
        "error": WHY,
    }

    seen = view(
        RETRIED,
        step("titles", facts={"set_id": "59", "member_count": 148}),
        step("export", "failed", error=failed, facts={"status": "COMPLETED_FAILED"}),
        [sent("export", EntryState.DONE)],
        step("finally/tidy"),
        [entry("", 2, "retry", asked, created_at=again)],
        step("export", attempt=2, began_at=again, facts={"status": "COMPLETED_SUCCESS"}),
        [
            sent("export", EntryState.UNTAKEN, attempt=2, **absent, **late),
            sent("export", EntryState.DONE, attempt=2, effect="resubmit", **found, **late),
        ],
        step("told", began_at=again),
        step("finally/tidy", attempt=2, began_at=again),
        events=[
            LogEntry(1, "r", after(minutes=2), "run", "", f"Step export: {failed}",
                  {"outcome": "failed", "status": "finished"}),
        ],
        attempt=2,
        status=Status.FINISHED,
        outcome=Outcome.SUCCEEDED,
        started_at=again,
        ended_at=after(hours=2, minutes=12),
    )  # fmt: skip

    check("show-retried", seen)


def test_a_run_that_is_to_be_done_again_says_what_is_still_to_come() -> None:
    asked = {"from": "export", "redo": {"export": 1}, "by": "anna"}

    seen = view(
        RETRIED,
        step("titles"),
        step("export", "cancelled", error="Cancelled by anna."),
        [entry("", 2, "retry", asked, created_at=after(hours=1))],
        attempt=2,
        status=Status.QUEUED,
        started_at=None,
        deadline_at=None,
    )

    check("show-queued-again", seen)


BESIDE = """\
name: weed
steps:
  - id: both
    parallel:
      titles: [{id: a, submit_job: {job: M48}}]
      items: [{id: b, approve: "Delete 3 items?"}, {id: c, wait: 1m}]
"""


def test_a_run_whose_branches_wait_tells_each_reason_and_what_a_person_can_do() -> None:
    seen = view(
        BESIDE,
        step("both", ""),
        step("both/titles/a", ""),
        [sent("both/titles/a", EntryState.DONE)],
        step("both/items/b", ""),
        status=Status.WAITING,
        waits=(
            following("M48", "both/titles/a", "4711", "40 %"),
            question("Delete 3 items?", "both/items/b"),
        ),
        worked_on=True,
    )

    check("show-beside", seen)


def test_a_submission_of_which_nobody_knows_leads_to_resolve() -> None:
    lost = sent("both/titles/a", EntryState.LOST, error=WHY, candidates=["4711", "4712"])

    seen = view(
        BESIDE,
        step("both", ""),
        step("both/titles/a", ""),
        [lost],
        step("both/items/b", "failed", error="anna did not approve."),
        status=Status.WAITING,
        waits=(wait("It is not known whether Alma at main took the request."),),
    )

    check("show-unknown", seen)


LOOP = """\
name: weed
steps:
  - id: all
    for_each:
      items: "{{ [] }}"
      max_parallel: 2
      steps: [{id: x, wait: 1m}, {id: y, wait: 1m}]
"""


def test_of_many_iterations_those_that_ended_well_are_counted() -> None:
    items = [entry("all", 1, "items", list(range(40)))]
    good = [one for number in range(1, 15) for name in "xy" for one in step(f"all/{number}/{name}")]

    seen = view(
        LOOP,
        step("all", ""),
        items,
        good,
        step("all/15/x", "failed", error="oops"),
        step("all/16/x", ""),
        status=Status.WAITING,
        waits=(wait("until 2026-03-02 08:16:00 UTC", "all/16/x"),),
        worked_on=True,
    )

    check("show-iterations", seen)


def test_few_iterations_are_all_listed() -> None:
    seen = view(LOOP, step("all"), step("all/1/x"), step("all/1/y"), step("all/2/x", ""))

    lines = list(lines_of(seen))

    assert "all/1/y  wait      succeeded" in "\n".join(lines)
    assert not any("omitted" in line for line in lines)


@pytest.mark.parametrize(("sends", "told"), [(1, "?op=run: Alma"), (3, "?op=run (sent 3 times): ")])
def test_a_write_that_was_sent_again_says_how_often(sends: int, told: str) -> None:
    write = replace(sent("both/titles/a", EntryState.DONE), sends=sends)

    seen = view(BESIDE, step("both", ""), step("both/titles/a", ""), [write])

    assert told in "\n".join(lines_of(seen))
