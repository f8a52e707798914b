"""A run on a terminal: the picture while it goes, and the one that stays."""

from __future__ import annotations

import errno
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from almaflow.cli.render import live_view
from almaflow.cli.render.live_view import LiveView
from almaflow.cli.render.text_layout import width
from almaflow.operations.run_records import plan_of
from almaflow.plan import Plan
from almaflow.runs.events import EventKind, RunEvent
from tests.harness import START, Beside, Played, Stage, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
COUNTER = {"type": "label.new", "desc": "New records", "value": "5"}
LIBRARY = {"sets": [SET], "jobs": [{"job": "M901", "duration": "10m", "counters": [COUNTER]}]}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
WORKFLOW = f"""
    name: demo
    steps:
      - {{id: x, name: Send it, {JOB}}}
      - {{id: b, branch: {{on: 1, cases: {{1: [{{id: y, wait: 1m}}], 2: [{{id: z, fail: no}}]}}}}}}
      - {{id: w, fail: oops, on_failure: continue}}
    finally:
      - {{id: f, notify: bye}}
    """

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Page(io.StringIO):
    """What is written to a terminal; one that breaks raises at every write."""

    broken = False

    def write(self, text: str) -> int:
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


class AsciiPage(Page):
    """A terminal that shows nothing but ASCII."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "ascii"


def terminal(page: Page | None = None, *, columns: int = 80, lines: int = 40) -> Console:
    return Console(
        file=page or Page(),
        force_terminal=True,
        width=columns,
        height=lines,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )


def text_of(console: Console) -> str:
    """Return all that was written, free of colours and movements."""
    assert isinstance(console.file, Page)
    return _ANSI.sub("", console.file.getvalue()).replace("\r", "")


def pictures(console: Console) -> list[list[str]]:
    """Return the lines of each picture; the first line of each names the workflow."""
    parts = re.split("(?=demo at )", text_of(console))
    return [[line.rstrip() for line in part.splitlines()] for part in parts if part.strip()]


def play(stage: Stage, workflow: str = WORKFLOW, beside: Beside | None = None) -> Played:
    return stage.run(workflow, beside=beside)


def plan(stage: Stage, played: Played) -> Plan:
    made = plan_of(stage.open_store(), played.record)
    assert made is not None
    return made


def watch(console: Console, stage: Stage, played: Played, *, until: int | None = None) -> None:
    """Show what happened, up to the event of that number."""
    with LiveView(console, plan(stage, played), simulated=True) as view:
        for event in played.heard[:until]:
            view.receive(event)


def moment(played: Played, kind: EventKind, path: str, text: str = "") -> int:
    """Return how many events there are up to the first of a kind, at a step, with a text."""
    return 1 + next(
        place
        for place, event in enumerate(played.heard)
        if (event.kind, event.path) == (kind, path) and text in (event.text or text)
    )


@pytest.fixture
def stage(folder: Path) -> Stage:
    return Stage(folder, LIBRARY)


@pytest.fixture
def each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every event make a picture."""
    monkeypatch.setattr(live_view, "_BETWEEN", 0.0)


# --- the last picture -----------------------------------------------------------------------------


def test_the_last_picture_shows_how_every_step_ended(stage: Stage) -> None:
    console = terminal()
    played = play(stage)

    watch(console, stage, played)

    head, *steps = pictures(console)[-1]
    assert head.startswith("demo at main  2026-03-02 08:27:21 simulated  run 20260302-")
    assert [line.split()[:3] for line in steps] == [
        ["✓", "x", "submit_job"],
        ["✓", "b", "branch"],
        ["✓", "case-1/y", "wait"],
        ["–", "case-2/z", "fail"],
        ["✗", "w", "fail"],
        ["✓", "finally/f", "notify"],
    ]
    assert steps[0].endswith("11m22s")
    assert "New records 5" in steps[0], "what the job counted stays"
    assert "oops" in steps[4]
    assert steps[2].startswith("✓   case-1/y"), "a step stands below the one that holds it"


def test_a_narrow_terminal_does_without_kinds_and_no_line_is_too_long(stage: Stage) -> None:
    console = terminal(columns=40)

    watch(console, stage, play(stage))

    last = pictures(console)[-1]
    assert all(width(line) <= 40 for line in last)
    assert "submit_job" not in "\n".join(last)
    assert last[1].startswith("✓ x")


def test_a_terminal_of_ascii_gets_signs_of_ascii(folder: Path) -> None:
    console = terminal(AsciiPage())
    stage = Stage(folder)
    played = play(stage, "{name: demo, steps: [{fail: schön, on_failure: continue}, {wait: 1m}]}")

    watch(console, stage, played)

    failed, waited = pictures(console)[-1][1:]
    assert failed.startswith("x fail-1")
    assert "sch?n" in failed
    assert waited.startswith("+ wait-2")
    assert text_of(console).isascii()


def test_steps_that_can_begin_no_more_are_skipped_when_the_run_ends(stage: Stage) -> None:
    console = terminal()
    played = play(stage, "{name: demo, steps: [{fail: no}, {id: later, notify: hi}]}")

    watch(console, stage, played)

    assert pictures(console)[-1][-1].split() == ["–", "later", "notify"]


# --- while it goes --------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_event")
def test_a_job_shows_its_status_a_bar_and_what_it_waits_for_once(stage: Stage) -> None:
    console = terminal()
    played = play(stage)
    here = next(n for n, one in enumerate(played.heard, 1) if one.data.get("percent") == 49.0)

    watch(console, stage, played, until=here)

    x, b = pictures(console)[-1][1:3]
    assert x.startswith("◷ x")
    assert "━━━━━─────  49 %  RUNNING, job M901 is runn" in x
    assert x.endswith("5m22s"), "as long as it takes until now"
    assert b.split() == ["·", "b", "branch"]


@pytest.mark.usefixtures("each_event")
def test_a_bar_of_ascii(folder: Path) -> None:
    console = terminal(AsciiPage())
    stage = Stage(folder, LIBRARY)
    played = play(stage)
    here = next(n for n, one in enumerate(played.heard, 1) if one.data.get("percent") == 49.0)

    watch(console, stage, played, until=here)

    assert "#####.....  49 %  RUNNING" in pictures(console)[-1][1]


@pytest.mark.parametrize(("percent", "bar"), [(-3.0, "──────────"), (101.3, "━━━━━━━━━━")])
def test_a_bar_is_never_longer_than_itself(stage: Stage, percent: float, bar: str) -> None:
    console = terminal()
    played = play(stage)
    event = RunEvent(START, "r", EventKind.PROGRESS, "x", "RUNNING", {"percent": percent})

    with LiveView(console, plan(stage, played), simulated=True) as view:
        view.receive(event)

    assert f"  {bar} " in pictures(console)[-1][1]


def test_a_job_counts_while_it_runs_by_key_where_there_is_no_label(stage: Stage) -> None:
    console = terminal(columns=120)
    played = play(stage)
    counters = [
        {"key": "label.new", "label": "New", "value": "5"},
        {"key": "label.old", "label": "", "value": "7"},
    ]
    event = RunEvent(START, "r", EventKind.PROGRESS, "x", "RUNNING", {"counters": counters})

    with LiveView(console, plan(stage, played), simulated=True) as view:
        view.receive(event)

    assert "RUNNING, New 5, label.old 7, Send it" in pictures(console)[-1][1]


@pytest.mark.usefixtures("each_event")
def test_a_step_that_begins_again_is_running_again(folder: Path) -> None:
    console = terminal()
    stage = Stage(folder)
    played = play(stage, "{name: demo, steps: [{id: w, fail: oops, retry: {attempts: 2}}]}")
    again = [n for n, one in enumerate(played.heard, 1) if one.kind is EventKind.BEGAN][1]

    watch(console, stage, played, until=again - 1)
    watch(console, stage, played, until=again)

    lines = [one[1] for one in pictures(console)]
    assert any(line.startswith("✗ w") for line in lines), "between the attempts it has failed"
    assert any(line.startswith("◷ w") and "attempt 2 follows" in line for line in lines)
    assert lines[-1].startswith("▶ w")
    assert lines[-1].endswith("1m"), "it takes from its first attempt on"


def test_a_notice_stands_above_the_tree(stage: Stage) -> None:
    console = terminal(columns=100)

    watch(console, stage, play(stage))

    text = text_of(console)
    notice = "2026-03-02 08:27:21+00:00  finally/f  notification to log: bye"
    assert notice in text
    assert text.index(notice) < text.rindex("demo at main")


def test_a_step_that_the_plan_does_not_know_gets_a_row(stage: Stage) -> None:
    console = terminal()
    played = play(stage)

    with LiveView(console, plan(stage, played), simulated=True) as view:
        view.receive(
            RunEvent(START, "r", EventKind.BEGAN, "new/one", "", {"kind": "wait", "attempt": 1})
        )
        view.receive(RunEvent(START, "r", EventKind.SAID, "", "about the run"))

    assert pictures(console)[-1][-1].split() == ["▶", "new/one", "wait"]


# --- more steps than lines ------------------------------------------------------------------------

MANY = "\n".join(
    ["name: demo", "steps:", *(f"  - {{id: s{number}, wait: 1m}}" for number in range(20))]
)


@pytest.mark.usefixtures("each_event")
def test_of_many_steps_those_around_the_present_are_shown(folder: Path) -> None:
    console = terminal(lines=9)
    stage = Stage(folder)
    played = play(stage, MANY)
    view = LiveView(console, plan(stage, played), simulated=True)

    with view:
        for event in played.heard[: moment(played, EventKind.WAITING, "s10")]:
            view.receive(event)
        during = pictures(console)[-1]

    assert during[1] == "  8 more above"
    assert [line.split()[1] for line in during[2:-1]] == ["s8", "s9", "s10", "s11", "s12"]
    assert during[-1] == "  7 more below"
    assert len(pictures(console)[-1]) == 21, "in the end all of them are shown"


@pytest.mark.usefixtures("each_event")
def test_at_the_begin_and_the_end_nothing_is_said_of_what_is_not_there(folder: Path) -> None:
    console = terminal(lines=9)
    stage = Stage(folder)
    played = play(stage, MANY)
    view = LiveView(console, plan(stage, played), simulated=True)

    with view:
        first = pictures(console)[-1]
        for event in played.heard[: moment(played, EventKind.ENDED, "s19")]:
            view.receive(event)
        last = pictures(console)[-1]

    assert (first[1].split()[1], first[-1]) == ("s0", "  14 more below")
    assert (last[1], last[-1].split()[1]) == ("  14 more above", "s19")


# --- ends, clocks and terminals that go away ------------------------------------------------------


def test_what_is_printed_after_the_run_stands_below_the_picture(stage: Stage) -> None:
    console = terminal()
    played = play(stage)

    with LiveView(console, plan(stage, played), simulated=True) as view:
        for event in played.heard:
            view.receive(event)
        console.print("the report")
        view.stop()

    assert text_of(console).rstrip().endswith("the report")


def test_an_interrupted_run_leaves_its_last_picture(stage: Stage) -> None:
    console = terminal()

    watch(console, stage, play(stage, beside=interrupt_after(minutes=2)))

    last = pictures(console)[-1]
    assert last[0].startswith("demo at main  2026-03-02 08:17:00 simulated")
    assert last[1].startswith("◷ x")


def test_a_live_run_shows_the_time_of_day(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    console = terminal()
    played = play(stage)
    view = LiveView(console, plan(stage, played))
    now = START + timedelta(minutes=7)
    monkeypatch.setattr(view._clock, "now", lambda: now)

    with view:
        for event in played.heard[:2]:
            view.receive(event)

    head, x = pictures(console)[-1][:2]
    assert head.startswith("demo at main  2026-03-02 08:22:00  run ")
    assert x.startswith("▶ x")
    assert x.endswith("7m"), "it goes on although nothing happens"


@pytest.mark.usefixtures("each_event")
def test_a_terminal_that_goes_away_does_not_end_the_run(stage: Stage) -> None:
    page = Page()
    played = play(stage)
    heard: list[Any] = []

    with LiveView(terminal(page), plan(stage, played), simulated=True) as view:
        for event in played.heard:
            page.broken = len(heard) >= 3
            view.receive(event)
            heard.append(event)
        page.broken = False

    assert heard == played.heard
    assert "bye" not in page.getvalue()


def test_a_terminal_that_is_gone_at_the_end_is_no_error(stage: Stage) -> None:
    page = Page()
    played = play(stage)

    with LiveView(terminal(page), plan(stage, played), simulated=True) as view:
        before = page.getvalue()
        page.broken = True
        view.stop()
        view.stop()
        page.broken = False

    assert before.count("demo") == 1
    assert page.getvalue() == before
