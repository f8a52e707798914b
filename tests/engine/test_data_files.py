"""Files of the project on hosts that share a store: what is missing or older here is refused."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from almaflow.connectors.base import NoExternalSystems
from almaflow.engine.data_files import LANDED, DataFiles
from almaflow.steps.result import StepFailed
from almaflow.store import EntryState

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Journal:
    """The entries of a run that are about its files."""

    def __init__(self, *entries: Any) -> None:
        self.kept = list(entries)

    def entries(self) -> list[Any]:
        return self.kept

    def get(self, path: str, number: int, effect: str) -> Any:
        return next((one for one in self.kept if one.effect == effect), None)

    async def record(
        self, path: str, number: int, effect: str, state: EntryState, *, value: Any
    ) -> None:
        assert state is EntryState.DONE
        self.kept.append(landed(value))


def landed(files: dict[str, int], effect: str = LANDED) -> Any:
    return SimpleNamespace(effect=effect, value=dict(files), created_at=NOON)


def attempt(recorded: Path, here: Path | None, journal: Journal | None = None) -> DataFiles:
    """Return an attempt of a run recorded in the project *recorded*, on a host with *here*."""
    made = DataFiles.__new__(DataFiles)
    made.services = SimpleNamespace(outside=NoExternalSystems(), project_folder=here)  # type: ignore[assignment]
    made.plan = SimpleNamespace(  # type: ignore[assignment]
        definition={
            "root": str(recorded),
            "folder": str(recorded / "workflows"),
            "payloads": {"job.xml": "<job/>"},
        }
    )
    made.journal = journal or Journal()  # type: ignore[assignment]
    made.institution, made.path, made.number = "main", "1", 1
    return made


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    (folder / "workflows").mkdir(parents=True)
    return folder


def put(here: Path, text: str, changed: datetime = NOON) -> Path:
    file = here / "workflows" / "members.csv"
    file.write_text(text, encoding="utf-8")
    os.utime(file, (changed.timestamp(), changed.timestamp()))
    return file


def test_a_payload_is_the_recorded_one_or_the_step_fails(here: Path) -> None:
    one = attempt(here, None)

    assert one.payload("job.xml") == "<job/>"
    with pytest.raises(StepFailed, match=r"other\.xml was not recorded"):
        one.payload("other.xml")


def test_a_path_out_of_the_project_fails_the_step(here: Path) -> None:
    with pytest.raises(StepFailed):
        attempt(here, None).project_path("../../elsewhere.csv")


def test_a_file_is_read_in_the_folder_of_this_host(here: Path, tmp_path: Path) -> None:
    put(here, "mms_id\n1\n")
    elsewhere = tmp_path / "there"

    shared, alone = attempt(elsewhere, here), attempt(here, None)

    assert shared.file_to_read("members.csv") == alone.file_to_read("members.csv")
    assert shared.read_file("members.csv") == "mms_id\n1\n"


def test_a_workflow_outside_its_project_keeps_its_folders(here: Path, tmp_path: Path) -> None:
    one = attempt(tmp_path / "there", here)
    outside = {"root": str(tmp_path / "there"), "folder": str(tmp_path / "other")}
    one.plan.definition.update(outside)  # type: ignore[attr-defined]

    assert one._folders() == (tmp_path / "there", tmp_path / "other")


def test_a_file_that_only_another_host_has_names_both_ways_out(here: Path) -> None:
    with pytest.raises(StepFailed, match="has no file") as caught:
        attempt(here, here).file_to_read("members.csv")

    assert "--queues main" in str(caught.value)


def test_a_file_is_not_looked_for_where_no_hosts_share_a_store(here: Path) -> None:
    assert attempt(here, None).file_to_read("members.csv").name == "members.csv"


@pytest.mark.parametrize(
    ("fetched", "age", "refused"),
    [
        pytest.param({}, timedelta(days=1), False, id="not fetched by this run"),
        pytest.param({"workflows/members.csv": 4}, timedelta(days=1), False, id="the same size"),
        pytest.param({"workflows/members.csv": 9}, timedelta(minutes=4), False, id="clocks differ"),
        pytest.param({"workflows/members.csv": 9}, timedelta(minutes=6), True, id="older"),
    ],
)
def test_a_file_from_before_it_was_fetched_elsewhere_is_refused(
    here: Path, fetched: dict[str, int], age: timedelta, refused: bool
) -> None:
    file = put(here, "abcd", NOON - age)
    one = attempt(here, here, Journal(landed({}, "begin"), landed(fetched)))

    if refused:
        with pytest.raises(StepFailed, match="has an older file"):
            one.file_to_read("members.csv")
    else:
        assert one.file_to_read("members.csv") == Path(os.path.realpath(file))


def test_a_file_that_cannot_be_looked_at_is_left_to_who_reads_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = attempt(here, here)
    source = here / "workflows" / "members.csv"

    def refuse(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refuse)
        one._check_host("members.csv", source, None)

    with pytest.raises(StepFailed):
        one._check_host("members.csv", source, None)


def test_a_file_is_extended_only_where_its_folder_is(here: Path) -> None:
    assert attempt(here, here).file_to_extend("log.csv").name == "log.csv"
    assert attempt(here, None).file_to_extend("none/log.csv").name == "log.csv"
    with pytest.raises(StepFailed, match="has no folder"):
        attempt(here, here).file_to_extend("none/log.csv")


def test_what_has_landed_is_recorded_once_and_only_where_hosts_share_a_store(here: Path) -> None:
    alone, shared = Journal(), Journal()

    anyio.run(attempt(here, None, alone).landed, {"members.csv": 4})
    for size in (4, 5):
        anyio.run(attempt(here, here, shared).landed, {"members.csv": size})

    assert alone.kept == []
    assert [one.value for one in shared.kept] == [{"workflows/members.csv": 4}]
