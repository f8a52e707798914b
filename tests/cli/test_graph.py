"""`graph` and `show --svg`: where pictures go, and what is said when they cannot."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Almaflow, Write

WORKFLOW = "name: w\nsteps: [{id: pause, wait: 1m}]\n"


def test_a_workflow_is_printed_as_mermaid(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", WORKFLOW)

    typed = almaflow("graph", "w.yaml")

    assert typed.code == 0
    assert typed.out.startswith("flowchart TD\n")
    assert almaflow("graph", "w.yaml", "--json").json["mermaid"] == typed.out


def test_a_picture_goes_into_a_file_or_to_a_pipe(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write("w.yaml", WORKFLOW)

    assert almaflow("graph", "w.yaml", "--svg", "w.svg").code == 0
    printed = almaflow("graph", "w.yaml", "--svg", "-").out

    assert (folder / "w.svg").read_text("utf-8") == printed
    assert printed.startswith("<svg ")


def test_a_picture_that_cannot_be_written_leaves_the_old_one(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write("w.yaml", WORKFLOW)
    (folder / "w.svg").mkdir()

    typed = almaflow("graph", "w.yaml", "--svg", "w.svg")

    assert typed.code == 1
    assert "w.svg" in typed.err
    assert [file.name for file in folder.iterdir() if file.name.startswith(".w.svg")] == []
    assert almaflow("graph", "nowhere.yaml").code == 2
