"""`fetch_files`: made-up files, files of this machine, and those of a real SFTP server."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from almaflow.connectors.base import ConnectorSession, RemoteFile, Write
from almaflow.connectors.download import Download
from almaflow.connectors.local import LocalSource
from almaflow.connectors.registry import LiveSystems
from almaflow.connectors.simulated import MadeUpFile, SimulatedJob, SimulatedSystems
from tests.connectors.servers import PASSWORD, Started, sftp_server
from tests.harness import START, Process, Stage, interrupt_after

WORKFLOW = """
steps:
  - id: it
    fetch_files: {connection: exports, pattern: "*.csv", to: fetched}
"""

LOCAL = """
steps:
  - id: it
    fetch_files: {folder: incoming, pattern: "*.csv", to: fetched}
"""

TEN_SECONDS = "the files like `*.csv` at {} may still be growing"


@pytest.fixture
def local(stage: Stage) -> Stage:
    """A stage with a folder `incoming` beside the workflow, in earnest."""
    stage.outside = LiveSystems(stage.project)
    (stage.folder / "incoming").mkdir()
    return stage


def fetched(stage: Stage) -> dict[str, str]:
    folder = stage.folder / "fetched"
    return {file.name: file.read_text() for file in folder.iterdir()} if folder.exists() else {}


# --- waiting --------------------------------------------------------------------------------------


def test_files_that_are_there_are_fetched_at_the_second_look(local: Stage) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (local.folder / "incoming" / name).write_text(name)

    played = local.run(LOCAL)

    assert played.steps["it"]["files"] == ["fetched/a.csv", "fetched/b.csv"]
    assert fetched(local) == {"a.csv": "a.csv", "b.csv": "b.csv"}
    assert played.steps["it"]["seconds"] == 10
    assert played.said_waiting == [TEN_SECONDS.format(local.folder / "incoming")]


def test_what_is_not_there_yet_is_waited_for(local: Stage) -> None:
    async def later(process: Process) -> None:
        await process.wait(minutes=7)
        (local.folder / "incoming" / "a.csv").write_text("a")

    played = local.run(LOCAL, beside=later)

    assert played.steps["it"]["files"] == ["fetched/a.csv"]
    # The looks come more and more seldom, two minutes apart at most.
    assert 430 <= played.steps["it"]["seconds"] <= 550
    place = local.folder / "incoming"
    assert played.said_waiting == [
        f"there is no file like `*.csv` at {place} yet",
        TEN_SECONDS.format(place),
    ]


def test_a_file_that_grows_is_waited_for(local: Stage) -> None:
    file = local.folder / "incoming" / "a.csv"
    file.write_text("one\n")

    async def grow(process: Process) -> None:
        for number in range(5):
            await process.wait(seconds=9)
            with file.open("a") as stream:
                stream.write(f"{number}\n")

    played = local.run(LOCAL, beside=grow)

    assert fetched(local) == {"a.csv": "one\n0\n1\n2\n3\n4\n"}
    assert played.steps["it"]["seconds"] == 60


def test_as_many_files_as_are_asked_for_are_waited_for(local: Stage) -> None:
    (local.folder / "incoming" / "a.csv").write_text("a")

    async def later(process: Process) -> None:
        await process.wait(minutes=1)
        (local.folder / "incoming" / "b.csv").write_text("b")

    played = local.run(LOCAL.replace("to:", "at_least: 2, to:"), beside=later)

    assert played.steps["it"]["files"] == ["fetched/a.csv", "fetched/b.csv"]
    place = local.folder / "incoming"
    assert played.said_waiting[0] == f"fewer than 2 files like `*.csv` at {place}"


def test_only_the_newest_files_are_fetched(local: Stage) -> None:
    for day, name in enumerate(("c.csv", "a.csv", "b.csv"), start=1):
        file = local.folder / "incoming" / name
        file.write_text(name)
        os.utime(file, (day * 86_400, day * 86_400))

    played = local.run(LOCAL.replace("to:", "newest: 2, to:"))

    assert played.steps["it"]["files"] == ["fetched/a.csv", "fetched/b.csv"]


def test_of_files_of_the_same_time_the_last_by_name_is_the_newest(local: Stage) -> None:
    for name in ("full-20260301.csv", "full-20260302.csv", "full-20260228.csv"):
        file = local.folder / "incoming" / name
        file.write_text(name)
        os.utime(file, (86_400, 86_400))

    played = local.run(LOCAL.replace("to:", "newest: 1, to:"))

    assert played.steps["it"]["files"] == ["fetched/full-20260302.csv"]


def test_a_newer_file_that_comes_meanwhile_is_fetched_instead(local: Stage) -> None:
    (local.folder / "incoming" / "a.csv").write_text("a")
    os.utime(local.folder / "incoming" / "a.csv", (0, 0))

    async def later(process: Process) -> None:
        await process.wait(seconds=5)
        (local.folder / "incoming" / "b.csv").write_text("b")

    played = local.run(LOCAL.replace("to:", "newest: 1, to:"), beside=later)

    assert played.steps["it"]["files"] == ["fetched/b.csv"]


def test_a_place_without_times_has_no_newest_file(
    local: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [RemoteFile(name, 1, "") for name in ("a.csv", "b.csv")]
    monkeypatch.setattr(LocalSource, "files", lambda place: found)

    played = local.run(LOCAL.replace("to:", "newest: 1, to:"))

    assert played.outcome == "failed"
    assert fetched(local) == {}


def test_the_pace_of_the_looks_can_be_said(local: Stage) -> None:
    (local.folder / "incoming" / "a.csv").write_text("a")

    played = local.run(LOCAL.replace("to:", "poll: {first: 3m, max: 5m}, to:"))

    assert played.steps["it"]["seconds"] == 180


def test_the_time_of_the_step_bounds_the_waiting(local: Stage) -> None:
    played = local.run(LOCAL + "    timeout: 1h\n")

    assert played.outcome == "timed_out"
    assert played.steps["it"]["seconds"] == 3600
    assert "files" not in played.steps["it"]


def test_a_file_that_changes_while_it_is_fetched_is_looked_at_again(
    local: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = local.folder / "incoming" / "a.csv"
    file.write_text("a")
    copy = LocalSource.copy

    def grow(place: LocalSource, listed: RemoteFile, write: Write) -> None:
        if file.stat().st_size == 1:
            file.write_text("abc")
        copy(place, listed, write)

    monkeypatch.setattr(LocalSource, "copy", grow)

    played = local.run(LOCAL)

    assert fetched(local) == {"a.csv": "abc"}
    assert played.said() == [
        "Checking the files again, because a.csv has more than the 1 bytes that were listed"
    ]


# --- what is named --------------------------------------------------------------------------------


def test_a_folder_of_this_machine_may_be_absolute(local: Stage, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("mounted")
    (elsewhere / "a.csv").write_text("a")

    played = local.run(LOCAL.replace("folder: incoming", f"folder: {elsewhere}"))

    assert played.steps["it"]["files"] == ["fetched/a.csv"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("folder", "../elsewhere", "`../elsewhere` is outside of the project folder."),
        ("to", "../elsewhere", "`../elsewhere` is outside of the project folder."),
        ("to", "/tmp/elsewhere", "`/tmp/elsewhere` is outside of the project folder."),
        (
            "pattern",
            "a/*.csv",
            ("`pattern` matches names, but `a/*.csv` contains a folder. Write the folder"),
        ),
        ("pattern", "", "`pattern` is empty"),
        ("folder", "nowhere", "There is no folder "),
    ],
)
def test_what_a_template_gives_is_looked_at(
    local: Stage, field: str, value: str, told: str
) -> None:
    given = {"folder": "incoming", "pattern": "*", "to": "fetched", field: "{{ inputs.x }}"}

    played = local.run(f"inputs: {{x: {{default: '{value}'}}}}\nsteps: [{{fetch_files: {given}}}]")

    assert played.outcome == "failed"
    assert played.record.error.startswith(f"Step fetch_files-1: {told}")


def test_a_pattern_whose_templates_give_nothing_would_fit_too_much(local: Stage) -> None:
    (local.folder / "incoming" / "a.csv").write_text("a")

    played = local.run("""
        inputs: {x: {default: ''}}
        steps: [{fetch_files: {folder: incoming, pattern: "*{{ inputs.x }}*", to: fetched}}]
    """)

    assert played.ended == (
        "failed",
        "Step fetch_files-1: The templates of `pattern` are empty, so `**` would match other "
        "files too.",
    )
    assert fetched(local) == {}


def test_another_file_in_the_target_is_left_or_replaced(local: Stage) -> None:
    (local.folder / "incoming" / "a.csv").write_text("new")
    (local.folder / "fetched").mkdir()
    (local.folder / "fetched" / "a.csv").write_text("old")

    kept = local.run(LOCAL)
    left = fetched(local)
    replaced = local.run(LOCAL.replace("to:", "if_exists: replace, to:"))

    assert kept.ended == (
        "failed",
        f"Step it: {local.folder / 'fetched' / 'a.csv'} already exists with different content "
        "and was not changed. Move it, fetch to another folder, or use `if_exists: replace`.",
    )
    assert left == {"a.csv": "old"}
    assert replaced.outcome == "succeeded"
    assert fetched(local) == {"a.csv": "new"}


def test_what_is_fetched_can_be_handed_on(local: Stage) -> None:
    (local.folder / "incoming" / "items-2026.csv").write_text(
        "barcode\n39031000000011\n39031000000029\n"
    )

    played = local.run(
        LOCAL.replace("to: fetched", "to: ./data//fetched/")
        + """
  - id: made
    create_set:
      name: x
      content: ITEM
      members: {file: "{{ steps.it.files | one }}", column: barcode}
      id_type: BARCODE
"""
    )

    assert played.steps["it"]["files"] == ["data/fetched/items-2026.csv"]
    assert played.steps["made"]["member_count"] == 2


# --- made up --------------------------------------------------------------------------------------


def test_in_a_simulation_files_are_made_up_and_the_project_is_left_alone(
    set_stage: Callable[..., Stage],
) -> None:
    weeding = {"id": "59317390720001276", "name": "Weeding", "content": "ITEM"}
    stage = set_stage({"sets": [weeding], "jobs": [{"job": "M48", "duration": "40m"}]})

    def jobs() -> list[SimulatedJob]:
        now = stage.clock.now()
        runs = stage.alma.instances("M48")
        return [
            SimulatedJob(
                run.id, run.started_by_api, run.timeline.ended_at if run.is_over(now) else None
            )
            for run in runs
        ]

    stage.outside = SimulatedSystems(stage.clock.now, (), jobs)
    played = stage.run("""
        steps:
          - id: export
            submit_job: {job: M48, set: "59317390720001276", wait: false}
          - id: it
            fetch_files:
              connection: exports
              pattern: "bibs_*{{ steps.export.instance_id }}*.csv"
              to: fetched
          - id: made
            create_set:
              name: x
              content: ITEM
              members: {file: "{{ steps.it.files[0] }}"}
              on_invalid: skip
    """)

    name = f"fetched/bibs_{played.steps['export']['instance_id']}.csv"
    assert played.outcome == "succeeded", played.record.error
    assert played.steps["it"]["files"] == [name]
    assert 2400 <= played.steps["it"]["seconds"] <= 2600
    assert played.steps["made"]["rejected"] == 1
    assert not (stage.folder / "fetched").exists()


def test_a_scenario_s_file_comes_when_it_says(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage()
    file = MadeUpFile("a.csv", "barcode\n1\n", "exports", START + timedelta(hours=2))
    stage.outside = SimulatedSystems(stage.clock.now, (file,), lambda: ())

    played = stage.run(WORKFLOW)

    assert played.steps["it"]["files"] == ["fetched/a.csv"]
    assert 7200 <= played.steps["it"]["seconds"] <= 7350


# --- a real server --------------------------------------------------------------------------------

SETTINGS = """\
institutions: {{main: {{region: eu, api_key: env:ALMA_KEY}}}}
connections:
  exports:
    url: sftp://alma@127.0.0.1:{port}/out
    password: env:SFTP_PASSWORD
    host_key: {key}
"""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    root = tmp_path_factory.mktemp("served")
    (root / "out").mkdir()
    with sftp_server(root) as started:
        yield started


@pytest.fixture
def live(
    set_stage: Callable[..., Stage], server: Started, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    monkeypatch.setenv("ALMA_KEY", "l8xx-of-alma")
    monkeypatch.setenv("SFTP_PASSWORD", PASSWORD)
    stage = set_stage(settings=SETTINGS.format(port=server.port, key=server.host_key))
    stage.outside = LiveSystems(stage.project)
    return stage


def test_files_are_fetched_over_sftp(live: Stage, server: Started) -> None:
    content = os.urandom(400_000)
    (server.root / "out" / "a.csv").write_bytes(content)

    played = live.run(WORKFLOW)

    assert played.outcome == "succeeded", played.record.error
    assert (live.folder / "fetched" / "a.csv").read_bytes() == content
    assert PASSWORD not in str([played.record, played.journal, played.log, played.heard])


def test_a_server_in_trouble_is_asked_again(live: Stage, server: Started) -> None:
    (server.root / "out" / "a.csv").write_text("a")
    server.trouble.busy = True

    async def repair(process: Process) -> None:
        await process.wait(minutes=50)
        server.trouble.busy = False

    played = live.run(WORKFLOW, beside=repair)

    assert played.steps["it"]["files"] == ["fetched/a.csv"]
    assert 3000 <= played.steps["it"]["seconds"] <= 3100
    assert (
        "`exports` (sftp://127.0.0.1) closed the connection during the login ("
    ) in played.said_waiting[0]


def test_a_connection_that_breaks_is_begun_again(live: Stage, server: Started) -> None:
    contents = {f"{name}.csv": os.urandom(600_000) for name in "abc"}
    for name, content in contents.items():
        (server.root / "out" / name).write_bytes(content)
    server.trouble.breaks = 2

    played = live.run(WORKFLOW)

    assert played.steps["it"]["files"] == ["fetched/a.csv", "fetched/b.csv", "fetched/c.csv"]
    for name, content in contents.items():
        assert (live.folder / "fetched" / name).read_bytes() == content
    assert len(list((live.folder / "fetched").iterdir())) == 3


def test_a_server_that_was_never_reached_is_given_up_after_a_minute(
    live: Stage, server: Started
) -> None:
    settings = SETTINGS.format(port=9, key=server.host_key)
    (live.folder / "almaflow.yaml").write_text(settings)
    live.outside = LiveSystems(live.project)

    played = live.run(WORKFLOW)

    assert played.outcome == "failed"
    assert played.record.error.startswith(
        "Step it: `exports` (sftp://127.0.0.1) cannot be reached ("
    )
    assert 60 <= played.steps["it"]["seconds"] <= 120


def test_a_wrong_password_fails_at_once(
    live: Stage, server: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", "wr0ng-passw0rd")

    played = live.run(WORKFLOW)

    assert played.ended == (
        "failed",
        "Step it: `exports` (sftp://127.0.0.1) rejected the login of `alma`: Authentication "
        "failed. Correct the user in `url`, or `password`.",
    )
    assert played.steps["it"]["seconds"] == 0
    assert "wr0ng-passw0rd" not in str([played.record, played.journal, played.log])


def test_a_run_that_is_interrupted_looks_again_when_it_goes_on(
    live: Stage, server: Started
) -> None:
    (server.root / "out" / "a.csv").write_text("a")

    first = live.run(
        WORKFLOW.replace("to:", "at_least: 2, to:"), beside=interrupt_after(seconds=15)
    )
    (server.root / "out" / "b.csv").write_text("b")
    second = live.resume()

    assert first.interrupted
    assert second.steps["it"]["files"] == ["fetched/a.csv", "fetched/b.csv"]


def test_nobody_waits_for_a_transfer_that_hangs(
    local: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread ends with the next piece, and leaves nothing behind."""
    (local.folder / "incoming" / "a.csv").write_text("a")
    began, run_has_ended, ended = threading.Event(), threading.Event(), threading.Event()
    was_let_go: list[bool] = []
    fetch = Download.fetch

    def copy(self: ConnectorSession, file: RemoteFile, write: Write) -> None:
        began.set()
        was_let_go.append(run_has_ended.wait(60))
        write(b"a")

    def fetch_to_the_end(*arguments: Any) -> None:
        # The thread cleans up after the transfer, so the end of the transfer is too early.
        try:
            fetch(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(LocalSource, "copy", copy)
    monkeypatch.setattr(Download, "fetch", fetch_to_the_end)

    async def cancel(process: Process) -> None:
        await process.wait(seconds=10)
        # While the thread is at work time stands still.
        while not began.is_set():
            await process.wait(seconds=0)
        process.cancel("tester")

    played = local.run(LOCAL, beside=cancel)
    run_has_ended.set()

    assert played.outcome == "cancelled"
    assert ended.wait(60)
    assert was_let_go == [True]
    assert fetched(local) == {}
