"""Files of the project on hosts that each have a folder of their own."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from almaflow.connectors.registry import LiveSystems
from almaflow.outcome import Outcome
from almaflow.store import RunRecord
from tests.fleet.conftest import Fleet, is_finished, play, until, waits

READ = "steps: [{id: rows, csv_rows: {file: rows.csv}}]"
ATTACH = "steps: [{id: send, notify: {to: log, message: Look., attach: rows.csv}}]"
APPEND = "steps: [{append_file: {file: reports/rows.csv, row: {a: '1'}}}]"
MEMBERS = """\
steps:
  - create_set: {name: "it {{ run.id }}", content: BIB_MMS, members: {file: members.csv}}
"""
FETCH = """\
steps:
  - id: fetched
    fetch_files: {folder: incoming, pattern: "*.csv", to: fetched, poll: {first: 1s, max: 1s}}
  - id: sign
    approve: Continue?
  - id: rows
    csv_rows: {file: "{{ steps.fetched.files[0] }}"}
"""
SECRETS = """\
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
secrets: {ftp: env:NOT_HERE}
connections:
  exports: {url: "sftp://alma@127.0.0.1/out", password: env:NOT_HERE, host_key: "ssh-ed25519 AAAA"}
"""
ROWS = "id,barcode\n1,39031000000001\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder of the project on another host."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def run_there(fleet: Fleet, there: Path, workflow: str) -> RunRecord:
    """Return the run of a workflow that this host records and the other one executes."""
    records = []

    async def story() -> None:
        async with fleet.store() as store, fleet.host(folder=there):
            run = fleet.add(store, workflow)
            records.append(await until(store, run.id, is_finished))

    play(story)
    return records[0]


def test_a_file_is_read_in_the_project_of_the_host_that_executes_the_step(
    fleet: Fleet, here: Path, there: Path
) -> None:
    (here / "rows.csv").write_text("wrong", "utf-8")
    (there / "rows.csv").write_text(ROWS, "utf-8")

    assert run_there(fleet, there, READ).outcome is Outcome.SUCCEEDED


def test_a_file_that_only_another_host_has_is_named_with_the_host_and_the_next_move(
    fleet: Fleet, here: Path, there: Path
) -> None:
    (here / "rows.csv").write_text(ROWS, "utf-8")

    record = run_there(fleet, there, READ)

    assert record.outcome is Outcome.FAILED
    for word in (
        platform.node(),
        str(there / "rows.csv"),
        "share",
        "almaflow worker --queues main",
    ):
        assert word in record.error


def test_a_file_to_attach_that_only_another_host_has_is_a_warning(
    fleet: Fleet, here: Path, there: Path
) -> None:
    (here / "rows.csv").write_text(ROWS, "utf-8")

    assert run_there(fleet, there, ATTACH).outcome is Outcome.WARNING


def test_a_file_of_members_that_only_another_host_has_is_named_with_the_host(
    fleet: Fleet, here: Path, there: Path
) -> None:
    (here / "members.csv").write_text("991000000000001\n", "utf-8")

    record = run_there(fleet, there, MEMBERS)

    assert record.outcome is Outcome.FAILED
    assert platform.node() in record.error
    assert str(there / "members.csv") in record.error


def test_rows_are_not_appended_in_a_folder_that_only_another_host_has(
    fleet: Fleet, here: Path, there: Path
) -> None:
    (here / "reports").mkdir()
    fleet.stage.outside = LiveSystems(fleet.stage.project)

    record = run_there(fleet, there, APPEND)

    assert record.outcome is Outcome.FAILED
    assert platform.node() in record.error
    assert "almaflow worker --queues main" in record.error
    assert not (there / "reports").exists()


@pytest.mark.parametrize(
    "step",
    [
        "fetch_files: {connection: exports, pattern: '*.csv', to: in}",
        "submit_job: {job: {id: M44}, parameters: {a: '{{ secrets.ftp }}'}}",
    ],
)
def test_a_secret_that_this_host_lacks_is_named_with_the_host(
    fleet: Fleet, here: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.delenv("NOT_HERE", raising=False)
    (here / "almaflow.yaml").write_text(SECRETS, "utf-8")
    fleet.stage.outside = LiveSystems(fleet.stage.project)

    record = run_there(fleet, here, f"steps: [{{id: it, {step}}}]")

    assert record.outcome is Outcome.FAILED
    assert "NOT_HERE" in record.error
    assert platform.node() in record.error


def after_fetching_here(fleet: Fleet, here: Path, there: Path) -> RunRecord:
    """Return a run whose first step fetched files here, and whose last one ran on the other."""
    (here / "incoming").mkdir()
    (here / "incoming" / "new.csv").write_text(ROWS, "utf-8")
    fleet.stage.outside = LiveSystems(fleet.stage.project)
    records = []

    async def story() -> None:
        async with fleet.store() as store:
            async with fleet.host(folder=here):
                run = fleet.add(store, FETCH)
                await until(store, run.id, waits)
            async with fleet.host(folder=there):
                store.add_answer(
                    run.id, "sign", "approve", {"approved": True, "comment": ""}, "ann"
                )
                records.append(await until(store, run.id, is_finished))

    play(story)
    assert (here / "fetched" / "new.csv").read_text("utf-8") == ROWS
    return records[0]


def test_a_fetched_file_that_is_only_on_the_first_host_is_missed_on_the_second(
    fleet: Fleet, here: Path, there: Path
) -> None:
    record = after_fetching_here(fleet, here, there)

    assert record.outcome is Outcome.FAILED
    assert str(there / "fetched" / "new.csv") in record.error


@pytest.mark.parametrize(
    ("text", "age", "outcome"),
    [
        (ROWS, 0, Outcome.SUCCEEDED),
        # The file of the night before.
        ("id,barcode\n", 86_400, Outcome.FAILED),
        # A person has corrected it meanwhile, on a share.
        (ROWS + "2,39031000000002\n", 0, Outcome.SUCCEEDED),
        # Fetched again without a change, it keeps its time.
        (ROWS, 86_400, Outcome.SUCCEEDED),
    ],
)
def test_an_older_file_of_the_second_host_is_not_taken_for_the_fetched_one(
    fleet: Fleet, here: Path, there: Path, text: str, age: float, outcome: Outcome
) -> None:
    (there / "fetched").mkdir()
    file = there / "fetched" / "new.csv"
    file.write_text(text, "utf-8")
    then = file.stat().st_mtime - age
    os.utime(file, (then, then))

    assert after_fetching_here(fleet, here, there).outcome is outcome
