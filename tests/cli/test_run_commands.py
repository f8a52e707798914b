"""`runs`, `show`, `logs` and `cancel`: runs of other processes, looked at and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Almaflow, Write, environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")

WAITING = """\
name: slow
timezone: Europe/Zurich
inputs: {month: {default: 2026-10}}
steps:
  - wait: 1h
  - {id: later, wait: 1m, name: Comes later}
finally:
  - notify: "the end"
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Run almaflow as a process of its own, in a project whose workflow waits for an hour."""
    monkeypatch.setenv("ALMA_KEY_OF_TESTS", "l8xxtest")
    write(
        "almaflow.yaml",
        """\
        timezone: Europe/Zurich
        institutions:
          main: {base_url: "http://127.0.0.1:9", api_key: env:ALMA_KEY_OF_TESTS}
        """,
    )
    write("workflows/slow.yaml", WAITING)
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "almaflow", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], text: str) -> None:
    """Read what *process* prints until a line holds *text*."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"{text} did not come: {process.communicate()}")


def begun(start: Start) -> subprocess.Popen[str]:
    """Start the waiting workflow and return its process once it waits."""
    process = start("run", "slow")
    until(process, "waits: ")
    return process


def last(almaflow: Almaflow) -> str:
    return str(almaflow("runs", "--json").json["runs"][0]["id"])


def test_a_run_under_way_is_shown_followed_and_cancelled_from_outside(
    almaflow: Almaflow, start: Start
) -> None:
    process = begun(start)
    run = last(almaflow)
    follower = start("logs", "-f", "last")
    until(follower, "waits: ")

    listed, shown = almaflow("runs"), almaflow("show", "last")
    resumed = almaflow("resume", run)
    cancelled = almaflow("cancel", run)
    out, _ = process.communicate(timeout=20)
    followed, _ = follower.communicate(timeout=20)

    assert listed.out.splitlines()[1].startswith(f"{run}  slow      waiting  20")
    assert "no process" not in listed.out
    assert "A process is executing it; follow it with `almaflow logs -f" in shown.out
    assert (resumed.code, resumed.out) == (1, "")
    assert cancelled.code == 0
    assert cancelled.out.startswith(f"Process {process.pid} on ")
    assert process.returncode == 1
    assert "  finally/notify-1  notification to log: the end\n" in out
    assert "  -  The run was cancelled: Cancelled by " in followed
    assert follower.returncode == 0


def held(start: Start) -> None:
    process = begun(start)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Continue with `almaflow resume " in err


def test_a_held_run_is_ended_where_it_is_cancelled(almaflow: Almaflow, start: Start) -> None:
    held(start)
    run = last(almaflow)
    before = almaflow("runs").out, almaflow("show", run).out, almaflow("logs", "-f", run)

    cancelled = almaflow("cancel", run)

    assert "  on hold; " in before[0]
    assert f"No process is executing it. `almaflow resume {run}` continues it" in before[1]
    assert before[2].code == 0
    assert before[2].out.endswith("The run was interrupted. `almaflow resume` continues it.\n")
    assert before[2].err == (
        f"No process is executing run {run} now. Continue it with `almaflow resume {run}`.\n"
    )
    assert cancelled.code == 0
    assert cancelled.out.startswith(f"No process is executing run {run}; cancelling it here.\n")
    assert "notification to log: the end" in cancelled.out
    assert "■ slow: cancelled" in cancelled.out
    again = almaflow("cancel", run)
    assert again.code == 2
    assert again.err.startswith(f"Error: Run {run} is finished (cancelled), so there is nothing")


def test_a_run_whose_process_died_says_so(almaflow: Almaflow, start: Start) -> None:
    process = begun(start)
    process.kill()
    process.communicate()

    assert "no process is executing it" in almaflow("runs").out
    assert "No process is executing it." in almaflow("show", "last").out
    assert almaflow("runs", "--json").json["runs"][0]["worked_on"] is False


def test_following_is_interrupted_by_ctrl_c(almaflow: Almaflow, start: Start) -> None:
    begun(start)
    follower = start("logs", "-f", "last")
    until(follower, "waits: ")

    follower.send_signal(signal.SIGINT)

    assert follower.communicate(timeout=20)[1] == ""
    assert follower.returncode == 130


def test_simulated_runs_are_not_kept(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", "steps: [{wait: 3h}]\n")

    assert almaflow("run", "w.yaml", "--simulate").code == 0
    assert almaflow("runs").out == "There are no runs yet.\n"
