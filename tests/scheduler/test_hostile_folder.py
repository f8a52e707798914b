"""Nothing that can be in the folder of workflows stops `serve`."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from almaflow import workflow_folder, workflow_loader
from almaflow.scheduler import workflow_files
from almaflow.store import Store
from tests.hostile_folder import NIGHTLY, VALID, WRONG, plant
from tests.scheduler.served import Town


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_the_valid_workflows_run_and_each_other_file_is_named(town: Town) -> None:
    plant(town.folder / "workflows")

    town.serve(hours=18)

    # Of the two whose names look alike, neither had the name before, so neither runs.
    runs = {run.workflow for run in town.runs()}
    assert runs == {name for name in VALID if "\xdf" not in name}
    named = "\n".join(town.said.of("error"))
    warned = {"folder-named-as-file", "link-to-folder"}
    for name in (name for name, code in WRONG.items() if code not in warned):
        assert f"workflows/{name} is invalid" in named, name
    assert not any(c in named for c in "\x1b\u202e\udcfc")


def test_a_hostile_folder_that_appears_while_serve_runs_does_not_stop_it(town: Town) -> None:
    town.write("steady", NIGHTLY)

    async def plant_later(store: Store) -> None:
        await anyio.sleep(3600)
        plant(town.folder / "workflows")

    town.serve(hours=20, beside=plant_later)

    assert town.outcomes("steady") == ["succeeded"]
    assert r"n\xfct.yaml" in town.said


def test_a_twin_of_a_name_does_not_take_it_from_who_had_it(town: Town) -> None:
    town.write("gr\xfcn", NIGHTLY)

    async def add_twin(store: Store) -> None:
        await anyio.sleep(3600)
        town.write("gru\u0308n", NIGHTLY)

    town.serve(hours=18, beside=add_twin)

    assert [run.workflow for run in town.runs()] == ["gr\xfcn"]
    assert "accents are encoded differently" in town.said


def test_a_file_that_changes_without_end_does_not_keep_others_from_being_read(town: Town) -> None:
    town.write("steady", NIGHTLY)

    async def scribble(store: Store) -> None:
        await anyio.sleep(3600)
        town.write("new", NIGHTLY)
        for number in range(300):
            (town.folder / "workflows" / "log.yaml").write_text(f"x{number}\n" * number)
            await anyio.sleep(20)

    town.serve(hours=2, beside=scribble)

    assert "2 workflows with 2 schedule entries are active." in town.said


def test_files_that_vanish_or_are_cut_while_they_are_read_do_no_harm(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is listed, then the file is gone, or half of it is."""
    whole = workflow_folder.list_workflows
    gone, cut = town.write("gone", NIGHTLY), town.write("cut", NIGHTLY)
    town.write("night", NIGHTLY)

    def list_then_change(folder: Path) -> workflow_folder.Listing:
        listing = whole(folder)
        gone.unlink(missing_ok=True)
        os.truncate(cut, 20)
        return listing

    monkeypatch.setattr(workflow_files, "list_workflows", list_then_change)

    town.serve(hours=18)

    assert [run.workflow for run in town.runs()] == ["night"]


def test_workflows_in_a_folder_that_cannot_be_read_any_more_run_as_they_were(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.scandir
    refused: list[str] = []

    def scandir(path: Path) -> object:
        if str(path) in refused:
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    (town.folder / "workflows" / "deep").mkdir()
    town.write("deep/night", NIGHTLY)
    town.write("shallow", NIGHTLY)
    monkeypatch.setattr(os, "scandir", scandir)

    async def refuse_later(store: Store) -> None:
        await anyio.sleep(3600)
        refused.append(str(town.folder / "workflows" / "deep"))

    town.serve(hours=20, beside=refuse_later)

    assert town.outcomes("night") == ["succeeded"]
    assert "workflows/deep is invalid" in town.said
    assert "Permission denied" in town.said


def test_a_folder_that_is_gone_is_a_problem_and_its_workflows_run_as_they_were(
    town: Town,
) -> None:
    """A disk that is not mounted must not look as if all timetables had been taken out."""
    town.write("night", NIGHTLY)

    async def move_away(store: Store) -> None:
        await anyio.sleep(3600)
        (town.folder / "workflows").rename(town.folder / "elsewhere")

    town.serve(hours=18, beside=move_away)

    assert town.outcomes("night") == ["succeeded"]
    assert "No such file or directory" in town.said


def test_a_defect_that_one_file_brings_out_costs_only_its_own_workflow(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = workflow_loader.load_workflow

    def load(path: Path, *rest: object) -> object:
        if path.stem == "odd":
            raise KeyError("output_Set_Name")
        return whole(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(workflow_files, "load_workflow", load)
    town.write("odd", NIGHTLY)
    town.write("night", NIGHTLY)

    town.serve(hours=18)

    assert [run.workflow for run in town.runs()] == ["night"]
    [told] = [text for text in town.said.of("error") if "odd.yaml" in text]
    assert "KeyError" in told
    assert "defect of almaflow" in told


@pytest.mark.slow
def test_five_thousand_files_are_served(town: Town) -> None:
    many = town.folder / "workflows" / "many"
    many.mkdir()
    (many / "first.yaml").touch()
    for number in range(5000):
        os.link(many / "first.yaml", many / f"w{number}.yaml")
    town.write("often", NIGHTLY.replace('cron: "30 2 * * *"', "every: 5m"))

    town.serve(minutes=6)

    assert [run.workflow for run in town.runs()] == ["often"]
