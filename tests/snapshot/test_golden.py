"""What people read about workflows that the snapshot of Alma contradicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from almaflow.check.near_parts import near_part
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.errors import DocumentsInvalid
from almaflow.settings import load_project
from almaflow.snapshot.file_format import snapshot_text
from almaflow.snapshot.files import read_snapshot
from almaflow.snapshot.place import SNAPSHOT_FILE
from almaflow.workflow_loader import load_workflow
from tests.golden import expected
from tests.snapshot.library import BOTH

BROKEN = Path(__file__).parent / "broken"
DOCUMENTS = sorted(file for file in BROKEN.glob("*.yaml") if file.name != "almaflow.yaml")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_what_the_snapshot_contradicts_is_told_at_its_place(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)
    project = load_project(Path("almaflow.yaml"))

    try:
        problems = list(load_workflow(Path(document.name), project).warnings)
    except DocumentsInvalid as error:
        problems = list(error.problems)

    assert format_problems(problems, ProblemFormat.TEXT) == expected(document)


def test_the_snapshot_next_to_them_is_the_one_of_the_other_tests() -> None:
    assert snapshot_text(read_snapshot(BROKEN / SNAPSHOT_FILE)) == snapshot_text(BOTH)


NEAR = {
    ("c.jobs.export.faild", "."): "c.jobs.export.failed",
    ("c.jobs.export.skipped", "."): "",
    ("C.JOBS.EXPORT.FAILED", "."): "c.jobs.export.failed",
    ("task_A_fromValu_string", "_"): "task_A_fromValue_string",
    ("task_A_fromvalue_string", "_"): "task_A_fromValue_string",
    ("task_A_toValue_string", "_"): "",
    ("task_A_column2_string", "_"): "",
    ("task_B_fromValue_string", "_"): "",
}


@pytest.mark.parametrize(("wrong", "separator"), NEAR)
def test_only_the_parts_in_which_names_differ_are_compared(wrong: str, separator: str) -> None:
    known = ["c.jobs.export.failed", "c.jobs.export.exported"]
    known += ["task_A_fromValue_string", "task_A_column1_string"]

    assert near_part(wrong, known, separator) == NEAR[wrong, separator]
