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


OUTSIDE = "-----BEGIN PRIVATE KEY-----\nroot:x:0\n"


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of the project with a file of keys."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "keys.pem").write_text(OUTSIDE, "utf-8")
    return folder


@pytest.mark.parametrize("target", ["{outside}/keys.pem", "../.git/config", "../almaflow.yaml"])
@pytest.mark.parametrize("name", ["v.yaml", "w.tests.yaml", "w.scenario.yaml"])
def test_a_link_in_the_project_shows_no_line_of_a_file_outside_of_it(
    almaflow: Almaflow, project: Path, elsewhere: Path, name: str, target: str
) -> None:
    (project / "workflows" / "w.yaml").write_text("steps: [{notify: a}]\n", "utf-8")
    tests = "tests: [{name: a, expect: {outcome: succeeded}}]\n"
    (project / "workflows" / "w.tests.yaml").write_text(tests, "utf-8")
    (project / "workflows" / name).unlink(missing_ok=True)
    (project / "workflows" / name).symlink_to(target.format(outside=elsewhere))

    ended = [
        almaflow("validate"),
        almaflow("validate", "--fix"),
        almaflow("plan", "w" if "scenario" in name else "v"),
        almaflow("test"),
    ]

    for one in ended:
        for line in ("PRIVATE", "root:x", SECRET, "sqlite:"):
            assert line not in one.out + one.err
    assert "hidden-file" in ended[0].out or "outside-project" in ended[0].out
    assert ended[0].code == 1


def test_a_link_that_stays_in_the_project_is_followed(almaflow: Almaflow, project: Path) -> None:
    # As Kubernetes mounts the files of a ConfigMap.
    mounted = project / "workflows" / "..2026_11_29"
    mounted.mkdir()
    (project / "workflows" / "..data").symlink_to("..2026_11_29")
    (mounted / "ids.txt").write_text("1\n", "utf-8")
    (mounted / "w.yaml").write_text(MEMBERS.format("ids.txt"), "utf-8")
    for name in ("w.yaml", "ids.txt"):
        (project / "workflows" / name).symlink_to(f"..data/{name}")

    checked = almaflow("validate", "--json").json

    assert {one["code"] for one in checked["problems"]} <= LINTS | OF_ENV_FILE


def test_results_are_not_kept_through_a_link(
    almaflow: Almaflow, project: Path, elsewhere: Path
) -> None:
    (project / "workflows" / "w.yaml").write_text("steps: [{notify: a}]\n", "utf-8")
    before = sorted(elsewhere.iterdir())
    (project / ".almaflow").symlink_to(elsewhere)

    almaflow("validate")

    assert sorted(elsewhere.iterdir()) == before


def test_settings_that_are_a_link_to_another_kind_of_file_are_not_read(
    almaflow: Almaflow, project: Path, elsewhere: Path
) -> None:
    (project / "workflows" / "w.yaml").write_text("steps: [{notify: a}]\n", "utf-8")
    (project / "almaflow.yaml").unlink()
    (project / "almaflow.yaml").symlink_to(elsewhere / "keys.pem")

    checked = almaflow("validate")

    assert checked.code == 1
    assert "PRIVATE" not in checked.out + checked.err
