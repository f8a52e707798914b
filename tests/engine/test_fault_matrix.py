"""Whatever happens on the wire: each write takes effect once, and nothing shows a secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.outcome import Status
from almaflow.redaction import Mask
from almaflow.store import MarkerHabit
from tests.engine.fault_matrix import FAULTS, KEY, SECRET, WRITES, Figures, play, serving
from tests.secrets_found import forms_of, secrets_found


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with serving() as server:
        yield server


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.slow
def test_under_every_fault_a_write_takes_effect_once_and_the_run_ends_well(
    server: SimulatorServer, tmp_path: Path, write: str
) -> None:
    figures = Figures()

    for number, fault in enumerate(FAULTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        figures.count(play(folder, server, fault, write))

    assert figures.cases == len(FAULTS)
    assert figures.doubles == []
    assert figures.lost == []
    assert figures.wrong == []
    assert figures.leaks == []


@pytest.mark.slow
@pytest.mark.parametrize("habit", [None, MarkerHabit(kept=100)], ids=["unseen", "keeps markers"])
def test_under_every_fault_the_run_of_another_api_user_is_never_taken_for_ours(
    server: SimulatorServer, tmp_path: Path, habit: MarkerHabit | None
) -> None:
    cases = []

    for number, fault in enumerate(FAULTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        more: dict[str, Any] = {"another_run": True, "habit": habit}
        cases.append(play(folder, server, fault, "submit manual", **more))

    assert [str(case) for case in cases if case.foreign] == []
    assert [str(case) for case in cases if len(case.stage.submissions) > 1] == []
    asked = [case for case in cases if case.played.record.status is Status.WAITING]
    wrong = [case for case in cases if case.effects != 1 and case not in asked]
    assert [str(case) for case in wrong] == []
    # Where Alma keeps markers a run without one cannot be ours, and nobody is asked.
    assert bool(asked) is (habit is None)


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-40, 40])
@pytest.mark.parametrize("write", ["submit manual", "submit profile", "add members"])
def test_clocks_that_are_apart_change_nothing_of_that(
    server: SimulatorServer, tmp_path: Path, write: str, minutes: int
) -> None:
    figures = Figures()

    for number, fault in enumerate(FAULTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        ahead = timedelta(minutes=minutes)
        figures.count(play(folder, server, fault, write, alma_ahead=ahead))

    assert (figures.doubles, figures.lost, figures.wrong) == ([], [], [])


def test_the_matrix_would_see_a_write_that_is_sent_again_at_once(
    server: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.alma.response_errors._LOST", frozenset())
    monkeypatch.setattr("almaflow.alma.response_errors._Judge._is_uncertain", False)
    monkeypatch.setattr("almaflow.alma.response_errors._BUSY", {"INTERNAL_SERVER_ERROR": "calls"})

    case = play(tmp_path, server, "500", "submit manual")

    assert case.effects == 2


def test_the_matrix_would_see_a_secret_that_is_shown(
    server: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mask, "text", lambda _, text: text)
    for method in ("data", "foreign", "stored"):
        monkeypatch.setattr(Mask, method, lambda _, data: data)
    monkeypatch.setattr("almaflow.alma.client.AlmaClient._without_secrets", lambda _, text: text)

    case = play(tmp_path, server, "500", "submit manual")

    assert case.leaks == ["key", "ftp"]


def test_a_secret_is_found_in_every_form() -> None:
    spellings = [
        SECRET,
        json.dumps({"error": SECRET}),
        json.dumps({"error": json.dumps({"error": SECRET})}),
        f"https://x/?password={quote(SECRET, safe='')}",
        *(base64.b64encode(b"user:"[:ahead] + SECRET.encode()).decode() for ahead in range(6)),
    ]

    assert all(secrets_found({"it": SECRET}, ["nothing", one]) == ["it"] for one in spellings)
    assert secrets_found({"it": SECRET}, ["nothing", b"\xff"]) == []
    assert all(len(form) > 8 for form in forms_of(SECRET))


# --- a real process -------------------------------------------------------------------------------

WORKFLOW = """
name: work
steps:
  - id: made
    create_set: {name: "new {{ run.id }}", content: BIB_MMS, members: ["99000000001"]}
  - id: work
    submit_job:
      job: M44
      set: "{{ steps.made.set_id }}"
      parameters: {password: "{{ secrets.ftp }}"}
      poll: {first: 1s, max: 1s}
"""


def project(folder: Path, url: str) -> None:
    (folder / "almaflow.yaml").write_text(
        "default_institution: main\n"
        f"institutions: {{main: {{base_url: {url}, api_key: env:PROOF_KEY, settle: 1s}}}}\n"
        "secrets: {ftp: env:PROOF_FTP}\nstore: sqlite:///almaflow.db\n",
        encoding="utf-8",
    )
    (folder / "work.yaml").write_text(WORKFLOW, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="arguments are read in /proc")
def test_no_secret_shows_in_what_a_process_says_and_keeps(tmp_path: Path) -> None:
    echo = {"status": 400, "message": f"bad key {KEY}, bad password {SECRET}"}
    faults = [
        {"kind": "status", "call": "create_set", "nth": 1, **echo, "status": 500},
        {"kind": "status", "call": "submit", "nth": 1, **echo, "code": "402228"},
    ]
    scenario = {"faults": faults, "jobs": [{"job": "*", "duration": "1s"}]}
    alma = SimulatedAlma(lambda: datetime.now(UTC), parse_scenario(scenario))
    alma.add_institution("main", key=KEY)
    texts: list[str | bytes] = []
    with SimulatorServer(alma) as server:
        project(tmp_path, server.url)
        for words in (
            ["run", "work.yaml"],
            ["run", "work.yaml", "--json"],
            ["show", "last", "--json"],
            ["logs", "last"],
        ):
            texts += said(tmp_path, *words)
    texts += [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]

    (submitted,) = alma.submissions()
    assert ("password", SECRET) in submitted.parameters
    assert any("402228" in str(text) for text in texts)
    assert secrets_found({"key": KEY, "ftp": SECRET}, texts) == []


def said(folder: Path, *words: str) -> list[str | bytes]:
    """Run `almaflow`; return what it printed, and its arguments as others on the machine see them.

    They see what is in /proc while it runs.
    """
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "PROOF_KEY": KEY, "PROOF_FTP": SECRET}
    with subprocess.Popen(
        [sys.executable, "-m", "almaflow", *words],
        cwd=folder,
        env={**environment, "NO_PROXY": "*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        out, err = process.communicate(timeout=60)
    return [arguments, out, err]
