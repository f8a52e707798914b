"""`ticks`, and what `show` and `why` tell of ticks: the ledger as people read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from almaflow.clock import SystemClock
from almaflow.outcome import Outcome
from almaflow.store import Tick, TickCause, TickEnding
from tests.cli.conftest import Almaflow, Write
from tests.cli.ledger import BEGAN, NOW, Served, change, served


@pytest.fixture
def it(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)
    with served(write) as it:
        yield it


@pytest.fixture
def four(it: Served) -> list[Tick]:
    """A ledger with a tick of each ending, 30 October to 2 November, the oldest first."""
    ticks = it.materialize(it.take())
    merged, missed, skipped, ran = ticks
    it.end(
        *(merged, TickEnding.MERGED, TickCause.DOWNTIME, "A later tick stands for it."),
        merged_into=ran.at,
    )
    it.end(missed, TickEnding.MISSED, TickCause.MAX_AGE, "No `almaflow serve` was running in time.")
    it.end(skipped, TickEnding.SKIPPED, TickCause.PAUSE, "Paused by anna.")
    it.begin(ran)
    return ticks


# --- ticks ----------------------------------------------------------------------------------------


def test_ticks_are_listed_newest_first_with_what_became_of_them(
    almaflow: Almaflow, four: list[Tick]
) -> None:
    typed = almaflow("ticks")

    assert (typed.code, typed.err) == (0, "")
    assert [line.split(None, 5) for line in typed.out.splitlines()] == [
        ["TICK", "WORKFLOW", "ENTRY", "RESULT", "REMARK"],
        [
            *("2026-11-02", "02:30:00+01:00", "nightly", "night", "run"),
            "20261102-013000-aaaaa, 10h30m late",
        ],
        ["2026-11-01", "02:30:00+01:00", "nightly", "night", "skipped", "Paused by anna."],
        [
            *("2026-10-31", "02:30:00+01:00", "nightly", "night", "missed"),
            "No `almaflow serve` was running in time.",
        ],
        [
            *("2026-10-30", "02:30:00+01:00", "nightly", "night", "merged"),
            "into 2026-11-02 02:30:00+01:00; A later tick stands for it.",
        ],
    ]


def test_ticks_are_chosen_by_workflow_time_ending_and_number(
    almaflow: Almaflow, four: list[Tick]
) -> None:
    def listed(*arguments: str) -> list[str]:
        return [one["ending"] for one in almaflow("ticks", "--json", *arguments).json["ticks"]]

    assert listed() == ["run", "skipped", "missed", "merged"]
    assert listed("nightly", "-n", "2") == ["run", "skipped"]
    assert listed("workflows/nightly.yaml", "--since", "2026-11-01") == ["run", "skipped"]
    assert listed("--until", "2026-11-01T02:30") == ["skipped", "missed", "merged"]
    assert listed("--since", "1d") == ["run"]
    assert listed("-e", "missed", "-e", "merged") == ["missed", "merged"]
    assert listed("--ending", "open") == []
    assert almaflow("ticks", "--ending", "open").out == "There are no matching ticks.\n"


def test_a_tick_for_programs_has_everything(almaflow: Almaflow, four: list[Tick]) -> None:
    (one,) = almaflow("ticks", "--json", "--ending", "merged").json["ticks"]

    assert one == {
        "workflow": "nightly",
        "entry": "night",
        "ending": "merged",
        "cause": "downtime",
        "reason": "A later tick stands for it.",
        "run": None,
        "caught_up": False,
        "at": "2026-10-30T01:30:00+00:00",
        "starts_at": "2026-10-30T01:30:00+00:00",
        "found_at": NOW.isoformat(),
        "ready_at": None,
        "merged_into": "2026-11-02T01:30:00+00:00",
        "ended_at": NOW.isoformat(),
    }


def test_an_open_tick_says_what_it_waits_for(almaflow: Almaflow, it: Served, write: Write) -> None:
    write("workflows/later.yaml", "schedule: [{every: 1h, jitter: 1h}]\nsteps: [{notify: hi}]")
    row = it.take("workflows/later.yaml", NOW - timedelta(hours=1, minutes=1))
    (old, new) = it.materialize(row)
    it.store.accept_ticks(it.process_id, {old.id: True})

    lines = almaflow("ticks").out.splitlines()

    assert new.starts_at > NOW
    assert lines[1].endswith(
        f"open    begins {new.starts_at + timedelta(hours=1):%Y-%m-%d %H:%M:%S}+01:00"
    )
    assert lines[2].endswith("open    is waiting for another run of the workflow to end")


def test_wrong_questions_are_told_apart(almaflow: Almaflow, it: Served) -> None:
    ending = almaflow("ticks", "--ending", "mised")
    both = almaflow("ticks", "--ending", "open", "--ending", "run")
    when = almaflow("ticks", "--since", "yesterday")
    name = almaflow("ticks", "nigtly")
    verify = almaflow("ticks", "--verify", "--limit", "3")

    assert {one.code for one in (ending, both, when, name, verify)} == {2}
    assert "`mised` is not a result of a tick; did you mean `missed`?" in ending.err
    assert "have no result yet" in both.err
    assert "`--since`: `yesterday` is not a valid date" in when.err
    assert "an age, such as `2d`" in when.err
    assert "did you mean `nightly`?" in name.err
    assert "it accepts only `--since`." in verify.err


def test_an_empty_ledger_says_so(almaflow: Almaflow, it: Served) -> None:
    assert (
        almaflow("ticks").out
        == "There are no ticks (scheduled times) yet. `almaflow serve` records them.\n"
    )


# --- verify ---------------------------------------------------------------------------------------


def test_a_whole_ledger_is_verified(almaflow: Almaflow, four: list[Tick]) -> None:
    typed = almaflow("ticks", "--verify")

    assert (typed.code, typed.err) == (0, "")
    assert typed.out == (
        "Compared 4 ticks of 1 entry: each has its row, and each row has its tick.\n"
    )


def test_a_row_taken_away_and_one_made_up_are_found(
    almaflow: Almaflow, four: list[Tick], folder: Path
) -> None:
    change(folder, f"delete from ticks where id = {four[0].id}")
    change(folder, f"update ticks set entry = 'nobodys' where id = {four[3].id}")

    typed = almaflow("ticks", "--verify")
    data = almaflow("ticks", "--verify", "--json").json

    assert typed.code == 1
    assert typed.out.splitlines() == [
        "2026-10-30 02:30:00+01:00  nightly  night  no-row: The timetable has this tick, but "
        "the ledger has no row for it.",
        "2026-11-02 02:30:00+01:00  nightly  night  no-row: The timetable has this tick, but "
        "the ledger has no row for it.",
        "2026-11-02 02:30:00+01:00  nightly  nobodys  no-tick: The ledger has this row, but "
        "the timetable has no such tick.",
        "4 ticks of 1 entry compared: 3 faults.",
    ]
    assert (data["ticks"], data["entries"], data["outstanding"]) == (4, 1, 0)
    assert data["faults"][0] == {
        "kind": "no-row",
        "workflow": "nightly",
        "entry": "night",
        "at": four[0].at.isoformat(),
        "text": "The timetable has this tick, but the ledger has no row for it.",
    }


def test_a_time_without_a_serve_is_no_fault(almaflow: Almaflow, it: Served) -> None:
    it.materialize(it.take(), BEGAN + timedelta(days=2))

    typed = almaflow("ticks", "--verify", "nightly")

    assert typed.code == 0
    assert "2 ticks since then have no row yet, because" in typed.out


def test_a_timetable_of_another_version_is_a_fault(
    almaflow: Almaflow, four: list[Tick], folder: Path
) -> None:
    change(folder, "update schedules set timing = '{\"odd\": 1}'")

    typed = almaflow("ticks", "--verify")

    assert typed.code == 1
    assert "The record of this timetable cannot be read:" in typed.out


# --- show and why ---------------------------------------------------------------------------------


def test_a_run_shows_the_tick_that_it_stands_for(
    almaflow: Almaflow, four: list[Tick], it: Served
) -> None:
    shown = almaflow("show", "last")
    data = almaflow("show", "last", "--json").json["tick"]

    assert (
        "  tick         2026-11-02 02:30:00+01:00, entry night, 10h30m late; covers 1 earlier "
        "tick, too"
    ) in shown.out.splitlines()
    assert (data["at"], data["entry"]) == (four[3].at.isoformat(), "night")
    assert [one["at"] for one in data["merged"]] == [four[0].at.isoformat()]


def test_a_run_started_by_hand_stands_for_no_tick(almaflow: Almaflow, it: Served) -> None:
    it.by_hand()

    assert almaflow("show", "last", "--json").json["tick"] is None
    assert "  tick " not in almaflow("show", "last").out


def test_why_tells_of_a_pause_of_ticks_that_wait_and_of_what_was_missed(
    almaflow: Almaflow, it: Served
) -> None:
    (*_, missed, waits) = it.materialize(it.take())
    it.store.accept_ticks(it.process_id, {waits.id: False})
    reason = (
        "No `almaflow serve` was running in time, and ticks older than 6h (`max_age`) do not run."
    )
    it.end(missed, TickEnding.MISSED, TickCause.MAX_AGE, reason)
    it.store.pause("nightly", by="anna", note="stocktaking")

    typed = almaflow("why", "nightly")
    data = almaflow("why", "nightly", "--json").json

    lines = typed.out.splitlines()
    assert (typed.code, typed.err) == (0, "")
    assert lines[:3] == [
        "The timetable of nightly",
        "  It has been paused by anna since 2026-11-02 13:00:00+01:00: stocktaking.",
        "    → `almaflow unpause nightly` ends the pause.",
    ]
    assert (
        "  The tick of 2026-11-02 02:30:00+01:00 is waiting for another run of the workflow to end."
    ) in lines
    assert f"  The tick of 2026-11-01 02:30:00+01:00 was missed: {reason}" in lines
    assert lines[-1] == ""
    assert data["runs"] == []
    assert data["timetable"]["pause"]["note"] == "stocktaking"
    assert data["timetable"]["ticks"][0]["ending"] == "open"


def test_why_of_a_workflow_that_runs_as_it_should_says_nothing_of_its_timetable(
    almaflow: Almaflow, it: Served
) -> None:
    last = it.materialize(it.take(), datetime(2026, 10, 31, tzinfo=NOW.tzinfo))[-1]
    run = it.begin(last)
    it.store.finish_run(it.store.claim_run(run.id, it.process_id), Outcome.SUCCEEDED)

    typed = almaflow("why", "nightly")

    assert "timetable" not in typed.out
    assert almaflow("why", run.id, "--json").json["timetable"] is None
