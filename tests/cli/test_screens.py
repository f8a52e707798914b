"""What people see of a simulated run, whole: in lines, and on terminals of any width."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from almaflow.cli.render.live_view import LiveView
from almaflow.cli.render.text_layout import width
from almaflow.plan import make_plan
from almaflow.runs.events import EventKind, RunEvent
from almaflow.settings import Project, Settings
from almaflow.workflow_loader import load_workflow
from tests.cli.conftest import Almaflow, Write, environment

AT = datetime(2026, 11, 1, 1, 30, tzinfo=UTC)


def live_view(file: Path, columns: int) -> LiveView:
    """Return the view of a workflow's run on a terminal that a test can read."""
    project = Project(file.parent, Settings(), None)
    loaded = load_workflow(file, project, simulated=True)
    plan = make_plan(loaded, project, {}, run_id="20261101-013000-k7x2q", now=AT, simulated=True)
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, color_system=None)
    return LiveView(console, plan, simulated=True)


def progress(percent: float) -> RunEvent:
    """Return the news of a job of the step `export`, in wide characters."""
    data: dict[str, Any] = {"percent": percent, "counters": []}
    return RunEvent(AT, "20261101-013000-k7x2q", EventKind.PROGRESS, "export", "書架" * 40, data)


@pytest.mark.parametrize("columns", [1, 5, 10, 20, 33, 71, 72, 200])
def test_no_line_is_wider_than_the_terminal(write: Write, columns: int) -> None:
    view = live_view(write("weed.yaml", "steps: [{id: export, submit_job: {job: M48}}]\n"), columns)
    view.receive(progress(141.0))
    screen = Console(file=io.StringIO(), width=columns, color_system=None)

    screen.print(view._picture())

    shown = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(shown) == 3
    assert all(width(line) <= columns for line in shown)


def test_a_burst_of_events_is_not_drawn_one_by_one(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = live_view(write("weed.yaml", "steps: [{id: export, submit_job: {job: M48}}]\n"), 80)
    drawn = []
    monkeypatch.setattr(view._live, "refresh", lambda: drawn.append(1))

    with view:
        for _ in range(5000):
            view.receive(progress(1.0))

    assert 1 <= len(drawn) < 500


def test_a_simulated_run_is_told_in_lines_and_a_report(almaflow: Almaflow, write: Write) -> None:
    write("scenario.yaml", "starts_at: 2026-11-01T02:30:00+01:00\n")
    write(
        "w.yaml",
        """\
        timezone: Europe/Zurich
        steps:
          - {id: items, find_set: {name: Conservation items}}
          - {id: rest, wait: 10m, name: A rest}
          - {id: asked, if: "steps.items.member_count > 1000", fail: too many}
          - {id: looked, find_set: {id: "1"}, on_failure: continue}
        outputs: {items: "{{ steps.items.member_count }}", name: "{{ steps.items.name }}"}
        """,
    )

    typed = almaflow("run", "w.yaml", "--simulate", "scenario.yaml")

    assert (typed.code, typed.err) == (0, "")
    lines = typed.out.splitlines()
    assert lines[:9] == [
        "2026-11-01 02:30:00+01:00  -  The run began.",
        "2026-11-01 02:30:00+01:00  items  began (find_set)",
        "2026-11-01 02:30:00+01:00  items  succeeded",
        "2026-11-01 02:30:00+01:00  rest  began (wait): A rest",
        "2026-11-01 02:30:00+01:00  rest  waits: until 2026-11-01 02:40:00 CET",
        "2026-11-01 02:40:00+01:00  rest  succeeded after 10m",
        "2026-11-01 02:40:00+01:00  asked  skipped",
        "2026-11-01 02:40:00+01:00  looked  began (find_set)",
        lines[8],
    ]
    assert lines[8].startswith("2026-11-01 02:40:00+01:00  looked  failed: Alma (main) refused")
    assert lines[9] == "2026-11-01 02:40:00+01:00  -  The run ended with a warning"
    assert lines[10] == ""
    assert lines[11].startswith("! w: warning after 10m  (run 20261101-013000-")
    assert lines[12] == "  looked failed; the reason is printed above."
    assert lines[13:] == [
        "  output items = 148",
        "  output name = Conservation items",
        "Simulated: nothing was sent, and nothing is kept.",
    ]
    strict = almaflow("run", "w.yaml", "--simulate", "scenario.yaml", "--strict")
    assert strict.code == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("no_color", [False, True])
def test_on_a_terminal_a_run_leaves_its_tree_and_its_report(write: Write, no_color: bool) -> None:
    import pty

    write("w.yaml", "name: slow\nsteps: [{id: rest, wait: 3h}]\n")
    ours, theirs = pty.openpty()
    more = {"NO_COLOR": "1"} if no_color else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "almaflow", "run", "w.yaml", "--simulate"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm-256color", LC_ALL="C.UTF-8", **more),
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            # Linux's way of saying that nobody writes any more.
            break
        if not piece:
            break
        output += piece
    os.close(ours)

    assert process.wait(timeout=20) == 0
    text = output.decode()
    assert "rest" in text
    assert "slow: succeeded" in text
    assert "after 3h  (run 2" in text
    assert ("\x1b[32m" in text) is not no_color
