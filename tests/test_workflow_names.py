from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.errors import DocumentsInvalid
from almaflow.settings import Project, Settings
from almaflow.workflow_loader import load_workflow
from almaflow.workflow_names import LONGEST_NAME, name_problem

BAD = [
    "",
    " ",
    " a",
    "a ",
    "a/b",
    "a\\b",
    "-",
    "--help",
    "-i",
    ".",
    "..",
    ".hidden",
    "a.",
    "last",
    "Last",
    "20261101-013000-k7x2q",
    "con",
    "NUL.txt",
    "lpt9",
    "a\u202eb",
    "a\u200bb",
    "a\x00b",
    "a\nb",
    "a\x1b[31mb",
    "a\u00a0b",
    "a\u2028b",
    "a\ufe0f",
    "\u3164",
    "\ud800",
    "{{ run.id }}",
    "x" * (LONGEST_NAME + 1),
]


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_misleads_or_breaks_a_command_is_refused(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize(
    "name", ["nightly", "a", "0012", "Größe ✓", "_part", "Weekly export (ILL)", "console", "日本語"]
)
def test_other_names_are_allowed(name: str) -> None:
    assert name_problem(name) == ""


@given(st.text(max_size=LONGEST_NAME))
def test_what_is_allowed_is_printed_as_it_is(name: str) -> None:
    if not name_problem(name):
        assert name.isprintable()
        assert name == name.strip()


@pytest.mark.parametrize("stem", ["last", "--help", "nul", " a", "a."])
def test_the_name_of_a_file_that_gives_none_is_checked_too(
    stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"{stem}.yaml"
    project = Project(tmp_path, Settings(), None)

    file.write_text("steps: [{wait: 1m}]\n")
    with pytest.raises(DocumentsInvalid) as caught:
        load_workflow(file, project)
    file.write_text("name: fine\nsteps: [{wait: 1m}]\n")
    loaded = load_workflow(file, project)

    assert [one.code for one in caught.value.problems] == ["bad-name"]
    assert loaded.name == "fine"
