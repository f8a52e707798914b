"""Hidden files, almaflow.yaml and the store are not data, however a workflow names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow
from tests.problem_examples import LINTS

SECRET = "AUTHORIZATION: basic eDphYmM="

# The file `.env` of these projects is not one that holds variables, and others can read it.
OF_ENV_FILE = {"env-file-unreadable", "env-file-readable"}

SETTINGS = "timezone: Europe/Zurich\nstore: sqlite:///runs.db\n"

MEMBERS = (
    "steps: [{{create_set: {{name: x, content: ITEM, id_type: BARCODE, members: {{file: {}}}}}}}]\n"
)
PAYLOAD = "steps: [{{submit_job: {{job: M1, payload: {}}}}}]\n"
CALL = "steps: [{{call: {}}}]\n"
FETCH = "steps: [{{fetch_files: {{folder: {}, pattern: '*', to: data}}}}]\n"
FETCH_TO = "steps: [{{fetch_files: {{folder: data, pattern: '*', to: {}}}}}]\n"

HIDDEN = (
    "../.git/config",
    "../data/../.git/config",
    "./../.git/./config",
    "../.env",
    "../data/visible.txt",
    "../shown/config",
    ".draft/ids.txt",
    "../almaflow.yaml",
    "../settings.txt",
)


@pytest.fixture
def project(folder: Path) -> Path:
    for name in (".git", "data", "workflows/.draft"):
        (folder / name).mkdir(parents=True)
    (folder / "almaflow.yaml").write_text(SETTINGS, "utf-8")
    for name in (".git/config", ".env", "workflows/.draft/ids.txt"):
        (folder / name).write_text(SECRET, "utf-8")
    (folder / "data" / "visible.txt").symlink_to("../.env")
    (folder / "shown").symlink_to(".git")
    (folder / "settings.txt").symlink_to("almaflow.yaml")
    return folder


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("text", [MEMBERS, PAYLOAD, CALL])
def test_a_hidden_file_is_no_data(almaflow: Almaflow, project: Path, text: str, name: str) -> None:
    (project / "workflows" / "w.yaml").write_text(text.format(name), "utf-8")

    checked = almaflow("validate", "workflows/w.yaml", "--json")
    planned = almaflow("plan", "workflows/w.yaml")

    codes = {one["code"] for one in checked.json["problems"]}
    assert codes - OF_ENV_FILE == {"hidden-file"}
    assert (checked.code, planned.code) == (1, 2)
    assert SECRET not in planned.out + planned.err + checked.out


@pytest.mark.parametrize("text", [FETCH, FETCH_TO])
@pytest.mark.parametrize("name", ["../.git", "../shown", "../data/../.git/hooks"])
def test_files_are_not_fetched_from_or_to_a_hidden_folder(
    almaflow: Almaflow, project: Path, text: str, name: str
) -> None:
    (project / "workflows" / "w.yaml").write_text(text.format(name), "utf-8")

    checked = almaflow("validate", "workflows/w.yaml", "--json")

    assert {one["code"] for one in checked.json["problems"]} - OF_ENV_FILE == {"hidden-file"}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_path_from_a_template_is_held_to_the_same_rule(
    almaflow: Almaflow, project: Path, name: str
) -> None:
    text = MEMBERS.format(f"\"{{{{ '{name}' }}}}\"")
    (project / "workflows" / "w.yaml").write_text(text, "utf-8")

    planned = almaflow("plan", "workflows/w.yaml", "--json")

    [step] = planned.json["steps"]
    assert step["outcome"] == "failed"
    assert [one for one in step["requests"] if "members" in (one["body"] or {})] == []
    assert SECRET not in planned.out


def test_the_store_is_no_file_of_members(almaflow: Almaflow, project: Path) -> None:
    (project / "workflows" / "n.yaml").write_text("steps: [{notify: a}]\n", "utf-8")
    (project / "runs.db").write_bytes(b"SQLite format 3\0" + b"x" * 100)
    (project / "workflows" / "w.yaml").write_text(MEMBERS.format("../runs.db"), "utf-8")

    planned = almaflow("plan", "workflows/w.yaml")

    assert "runs.db cannot be read: it is an SQLite database, not text." in planned.out


def test_a_plan_counts_members_and_does_not_print_them(almaflow: Almaflow, project: Path) -> None:
    (project / "data" / "ids.txt").write_text("3901\n3902\n3903\n", "utf-8")
    (project / "workflows" / "w.yaml").write_text(MEMBERS.format("../data/ids.txt"), "utf-8")

    planned = almaflow("plan", "workflows/w.yaml")

    assert "3 members" in planned.out
    assert "3902" not in planned.out


def test_a_project_in_a_hidden_folder_has_data_of_its_own(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = folder / ".config" / "project"
    inner.mkdir(parents=True)
    (inner / "ids.txt").write_text("1\n", "utf-8")
    (inner / "w.yaml").write_text(MEMBERS.format("ids.txt"), "utf-8")
    monkeypatch.chdir(inner)

    checked = almaflow("validate", "w.yaml", "--json").json

    assert {one["code"] for one in checked["problems"]} <= LINTS
