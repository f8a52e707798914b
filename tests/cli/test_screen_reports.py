"""What is said of a run when it has ended or stopped, and what `show` prints of one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from almaflow.cli.render.event_lines import LineView
from almaflow.cli.render.live_view import LiveView
from almaflow.cli.render.run_details import lines_of
from almaflow.cli.render.run_report import exit_code_of, onlooker, print_report, print_warnings
from almaflow.operations.run_records import plan_of
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.problems import Location, Problem, Severity
from almaflow.runs.events import NullListener
from almaflow.runs.views import RunView, view_of
from tests.cli.conftest import Tty
from tests.harness import START, Played, Process, Stage, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
COUNTERS = [
    {"type": "label.new", "desc": "New records", "value": "5"},
    {"type": "label.old", "desc": "", "value": "7"},
]
LIBRARY = {"sets": [SET], "jobs": [{"job": "M901", "duration": "10m", "counters": COUNTERS}]}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
# Every submission vanishes, and its answer too.
LOSES = {
    "sets": [SET],
    "faults": [{"kind": "lose_answer", "call": "submit", "processed": False}],
}


def plan(stage: Stage, played: Played) -> Plan:
    made = plan_of(stage.open_store(), played.record)
    assert made is not None
    return made


def reported(
    capsys: pytest.CaptureFixture[str], stage: Stage, played: Played, **options: Any
) -> str:
    """Return what is printed when a process leaves a run."""
    options = {"as_json": False, **options}
    capsys.readouterr()
    print_report(stage.open_store(), played.record, plan(stage, played), **options)
    return capsys.readouterr().out


def shown(stage: Stage, played: Played, **options: Any) -> str:
    """Return what `show` prints."""
    return "\n".join(lines_of(seen(stage, played, **options)))


def seen(stage: Stage, played: Played, **options: Any) -> RunView:
    made = plan(stage, played)
    return view_of(played.record, made.definition, played.journal, played.log, **options)


@pytest.fixture
def stage(folder: Path) -> Stage:
    return Stage(folder, LIBRARY)


# --- the report -----------------------------------------------------------------------------------


def test_a_report_tells_how_it_ended_what_was_counted_and_what_came_out(
    capsys: pytest.CaptureFixture[str], stage: Stage
) -> None:
    played = stage.run(
        f"""
        name: demo
        steps:
          - {{id: w, fail: oops, on_failure: continue}}
          - {{id: x, {JOB}}}
        outputs: {{counted: "{{{{ steps.x.counters }}}}", sum: "{{{{ 1 + 1 }}}}"}}
        """
    )

    assert reported(capsys, stage, played).splitlines() == [
        "",
        f"! demo: warning after 11m22s  (run {played.record.id} at main)",
        "  w: oops",
        "  x: New records (label.new) = 5",
        "  x: label.old = 7",
        "  output counted = New records: 5; label.old: 7",
        "  output sum = 2",
        f"`almaflow show {played.record.id}` shows the details.",
    ]


def test_a_report_says_an_error_once(capsys: pytest.CaptureFixture[str], stage: Stage) -> None:
    played = stage.run("{name: demo, steps: [{fail: oops}]}")

    lines = reported(capsys, stage, played, simulated=True).splitlines()

    assert lines == [
        "",
        f"✗ demo: failed  (run {played.record.id} at main)",
        "  Step fail-1: oops",
        "Simulated: nothing was sent, and nothing is kept.",
    ]


def test_a_report_of_a_lost_answer_sends_a_person_to_look(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    stage = Stage(folder, LOSES)
    played = stage.run(f"{{name: demo, steps: [{{id: x, {JOB}}}]}}")

    text = reported(capsys, stage, played)

    assert "◷ demo: waiting  (run " in text
    assert "  It is not known whether Alma at main accepted the request" in text
    assert text.count(f"`almaflow resolve {played.record.id} x --instance ID`") == 1


def test_a_report_as_json_is_the_view(capsys: pytest.CaptureFixture[str], stage: Stage) -> None:
    played = stage.run("{name: demo, steps: [{notify: hi}]}")

    data = json.loads(reported(capsys, stage, played, as_json=True, simulated=True))

    assert (data["workflow"], data["outcome"], data["simulated"]) == ("demo", "succeeded", True)


@pytest.mark.parametrize(
    ("outcome", "code", "strict"),
    [
        (None, 1, 1),
        (Outcome.SUCCEEDED, 0, 0),
        (Outcome.WARNING, 0, 1),
        (Outcome.FAILED, 1, 1),
        (Outcome.CANCELLED, 1, 1),
    ],
)
def test_the_exit_code_tells_whether_a_run_ended_well(
    stage: Stage, outcome: Outcome | None, code: int, strict: int
) -> None:
    record = replace(stage.add("steps: [{notify: hi}]"), outcome=outcome)

    assert exit_code_of(record) == code
    assert exit_code_of(record, strict=True) == strict


def test_warnings_go_to_stderr_unless_nobody_reads_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    problem = Problem(Location("a.yaml", 3, 5), "code", "Look at this.", Severity.WARNING)

    print_warnings([problem], as_json=True)
    print_warnings([])
    assert capsys.readouterr().err == ""

    print_warnings([problem])
    assert capsys.readouterr() == ("", "a.yaml:3:5: warning[code]: Look at this.\n")


# --- who looks on ---------------------------------------------------------------------------------


def test_without_a_terminal_a_run_is_lines_or_nothing(stage: Stage) -> None:
    made = stage.plan("steps: [{notify: hi}]")

    with onlooker(made, as_json=False) as lines, onlooker(made, as_json=True) as nothing:
        assert isinstance(lines, LineView)
        assert isinstance(nothing, NullListener)


@pytest.mark.parametrize(("stream", "as_json"), [("stdout", False), ("stderr", True)])
def test_a_terminal_shows_the_picture(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, stream: str, as_json: bool
) -> None:
    page = Tty()
    monkeypatch.setattr(sys, stream, page)
    monkeypatch.setenv("TERM", "xterm")

    with onlooker(stage.plan("steps: [{notify: hi}]"), as_json=as_json, simulated=True) as view:
        assert isinstance(view, LiveView)

    assert "notify-1" in page.getvalue()


def test_a_dumb_terminal_gets_lines(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Tty())
    monkeypatch.setenv("TERM", "dumb")

    with onlooker(stage.plan("steps: [{notify: hi}]"), as_json=False) as view:
        assert isinstance(view, LineView)


# --- show -----------------------------------------------------------------------------------------


def test_show_tells_all_about_a_run(stage: Stage) -> None:
    played = stage.run(
        f"""
        name: demo
        timezone: Europe/Rome
        inputs: {{who: {{type: string}}}}
        vars: {{n: 3}}
        steps:
          - {{id: x, name: Send it, {JOB}, institution: north}}
          - {{id: w, fail: oops, retry: {{attempts: 2}}, on_failure: continue}}
          - {{id: s, if: 1 > 2, notify: never}}
          - {{id: n, notify: "done\\n it"}}
        outputs: {{job: "{{{{ steps.x.job_id }}}}"}}
        """,
        who="you",
    )

    lines = shown(stage, played).splitlines()

    number = stage.submissions[0].instance_id
    assert lines[0].startswith("! demo: warning after ")
    assert "  requested    2026-03-02 09:15:00+01:00" in lines
    assert "  ended        2026-03-02 09:27:21+01:00" in lines
    assert "  input        who = you" in lines
    assert "  var          n = 3" in lines
    assert "✓ x  submit_job  succeeded  2026-03-02 09:15:00+01:00  11m22s" in lines
    assert "    Send it" in lines
    assert "    at north" in lines
    assert (
        f"    2026-03-02 09:15:00+01:00  POST /conf/jobs/M901?op=run: Alma accepted it: {number}"
        in lines
    )
    assert "    New records (label.new) = 5" in lines
    assert "    attempt 2" in lines
    assert "    oops" in lines
    assert "– s  notify      skipped" in lines
    assert lines[-6:] == [
        "",
        "Notices",
        "  2026-03-02 09:27:21+01:00  to log: done it",
        "",
        "Outputs",
        "  job = M901",
    ]


def test_show_tells_how_to_go_on_with_a_run_that_nobody_works_on(stage: Stage) -> None:
    played = stage.run(f"{{steps: [{{id: x, {JOB}}}]}}", beside=interrupt_after(seconds=5))

    text = shown(stage, played)

    assert "  waits for    x: job M901 is running in Alma as" in text
    assert "  must end by  2026-03-03 08:15:00+00:00" in text
    assert "    waits: job M901 is running in Alma as" in text
    assert text.endswith(
        f"No process is executing it. `almaflow resume {played.record.id}` continues it, "
        f"`almaflow cancel {played.record.id}` cancels it."
    )


def test_show_tells_that_a_process_works_on_a_run(stage: Stage) -> None:
    played = stage.run(f"{{steps: [{{id: x, {JOB}}}]}}", beside=interrupt_after(seconds=5))

    text = shown(stage, played, worked_on=True)

    assert text.endswith(f"is executing it; follow it with `almaflow logs -f {played.record.id}`.")


def test_show_sends_a_person_to_look_for_a_lost_answer(folder: Path) -> None:
    stage = Stage(folder, LOSES)
    played = stage.run(f"{{steps: [{{id: x, {JOB}}}]}}")

    text = shown(stage, played)

    assert text.count(f"`almaflow resolve {played.record.id} x --instance ID`") == 1
    assert text.endswith(f"`almaflow cancel {played.record.id}` cancels the run.")
    assert text.count("    waits: ") == 0, "the run has said it"


def test_show_tells_who_cancelled_a_run(stage: Stage) -> None:
    async def cancel(process: Process) -> None:
        await process.wait(minutes=2)
        process.store.ask_cancel(process.run_id, "anna")
        process.cancel("anna")

    text = shown(stage, stage.run("steps: [{wait: 10m}]", beside=cancel))

    assert "  cancel       requested by anna, 2026-03-02 08:17:00+00:00" in text
    assert "  error        Cancelled by anna." in text


def test_show_tells_of_a_tick_and_a_commit(stage: Stage) -> None:
    played = stage.run("steps: [{notify: hi}]")
    view = replace(seen(stage, played), scheduled_at=START.replace(hour=6), commit="c0ffee" * 7)

    lines = list(lines_of(view))

    assert "  file         test.yaml (commit c0ffeec0ffee)" in lines
    assert "  scheduled    2026-03-02 06:15:00+00:00" in lines


def test_show_of_a_run_that_has_not_begun(stage: Stage) -> None:
    record = stage.add("steps: [{id: a, notify: hi}]")

    lines = shown(stage, stage.look(record.id)).splitlines()

    assert lines[0] == f"· test: queued  (run {record.id} at main)"
    assert "· a  notify  queued" in lines
    assert not any("began" in line for line in lines)


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        ("a" * 301, "aaa… (301 characters; --json shows all)"),
        (["abcdef"] * 60, "… (60 entries; --json shows all)"),
        ({"key": "a" * 400}, "… (1 entries; --json shows all)"),
    ],
)
def test_a_long_value_is_cut_and_counted(stage: Stage, value: Any, ending: str) -> None:
    view = replace(seen(stage, stage.run("steps: [{notify: hi}]")), outputs={"long": value})

    last = list(lines_of(view))[-1]

    assert last.startswith("  long = ")
    assert last.endswith(ending)
    assert len(last) < 360
