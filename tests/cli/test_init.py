"""`almaflow init`: what it writes works, what is there stays, and questions can be left."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from almaflow.authoring.new_files import write_missing
from almaflow.cli.command_list import COMMANDS
from almaflow.cli.commands import init
from almaflow.errors import RequestWrong
from almaflow.settings import load_project
from tests.cli.conftest import ROOT, Almaflow, Write

OPTIONS = ("--timezone", "Europe/Zurich", "--region", "eu", "--environment", "sandbox")


def texts_in(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> object:
    """Let a person type these lines at the terminal."""

    def type_lines(text: str) -> None:
        monkeypatch.setattr(init, "can_be_asked", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return type_lines


def test_a_new_project_is_valid_and_its_example_runs(almaflow: Almaflow, folder: Path) -> None:
    made = almaflow("init", *OPTIONS, "--institution", "zb")

    assert made.code == 0
    assert "example-export: succeeded" in made.out
    settings = load_project(folder / "almaflow.yaml").settings
    assert (settings.timezone, list(settings.institutions)) == ("Europe/Zurich", ["zb"])
    assert settings.institutions["zb"].environment == "sandbox"
    checked = almaflow("validate", "--strict")
    assert checked.code == 0, checked.out
    assert almaflow("plan", "example-export").code == 0
    tested = almaflow("test")
    assert tested.code == 0, tested.out


def test_every_file_of_a_new_project_is_read_by_its_program(
    almaflow: Almaflow, folder: Path
) -> None:
    almaflow("init", *OPTIONS)

    for name in (".vscode/settings.json", ".vscode/extensions.json"):
        assert json.loads((folder / name).read_text("utf-8"))
    bound = json.loads((folder / ".vscode/settings.json").read_text("utf-8"))["yaml.schemas"]
    assert all((folder / schema).is_file() for schema in bound)
    # The first line of each YAML file that names a schema leads to it.
    named = [path for path in folder.rglob("*.yaml") if "$schema=" in path.read_text("utf-8")]
    assert len(named) >= 3
    for path in named:
        schema = path.read_text("utf-8").partition("$schema=")[2].split("\n")[0]
        assert (path.parent / schema).resolve().is_file(), path
    commands = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.y*ml"))
    used = set(re.findall(r"almaflow ([a-z]+)", commands.replace("almaflow to", "")))
    assert {"validate", "test", "diff"} <= used
    assert used <= {*COMMANDS, "doctor", "example"}


def test_the_schemas_are_those_of_the_schema_command(almaflow: Almaflow, folder: Path) -> None:
    almaflow("init", *OPTIONS)
    almaflow("schema", "--output", "other")

    made = {path.name: path.read_bytes() for path in (folder / "schemas").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (folder / "other").iterdir()}


def test_the_second_time_nothing_changes(almaflow: Almaflow, folder: Path) -> None:
    almaflow("init", *OPTIONS)
    before = texts_in(folder)

    again = almaflow("init", "--json")

    assert again.code == 0
    assert again.json["written"] == []
    assert set(again.json["kept"]) == before.keys() - {".almaflow/almaflow.db"}
    assert texts_in(folder) == before


def test_files_that_exist_are_kept_and_listed(almaflow: Almaflow, write: Write) -> None:
    readme = write("README.md", "ours\n")
    ours = write("workflows/example-export.yaml", "name: example-export\nsteps: [{wait: 1m}]\n")

    made = almaflow("init", *OPTIONS, "--json")

    assert made.code == 0
    assert {"README.md", "workflows/example-export.yaml"} <= set(made.json["kept"])
    assert "almaflow.yaml" in made.json["written"]
    assert readme.read_text() == "ours\n"
    assert ours.read_text().endswith("1m}]\n")


def test_an_almaflow_yaml_that_exists_decides(almaflow: Almaflow, write: Write) -> None:
    write(
        "almaflow.yaml", "workflows: alma/flows\ninstitutions: {x: {region: eu, api_key: env:K}}\n"
    )

    refused = almaflow("init", "--region", "na")
    made = almaflow("init", "--json")

    assert refused.code == 2
    assert "--region" in refused.err
    assert made.code == 0
    assert "alma/flows/example-export.yaml" in made.json["written"]
    assert almaflow("validate", "--strict").code == 0


def test_a_folder_with_spaces_and_umlauts(almaflow: Almaflow, folder: Path) -> None:
    made = almaflow("init", "Bücher und Zeitschriften/Alma", *OPTIONS)

    assert made.code == 0
    assert (folder / "Bücher und Zeitschriften/Alma/almaflow.yaml").is_file()
    assert "cd '" in made.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("file.txt",), "file.txt"),
        (("file.txt/deeper",), "file.txt"),
        (("new", "--region", "europe"), "eu"),
        (("new", "--timezone", "CEST"), "CEST"),
        (("new", "--environment", "prod"), "production"),
        (("new", "--institution", "no spaces"), "no spaces"),
        (("new", "--institution", "../x"), "../x"),
        (("new\nline",), "U+000A"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    almaflow: Almaflow, write: Write, folder: Path, arguments: tuple[str, ...], named: str
) -> None:
    write("file.txt", "x")

    refused = almaflow("init", *arguments)

    assert refused.code == 2
    assert named in refused.err
    assert list(folder.iterdir()) == [folder / "file.txt"]


def test_a_folder_inside_another_project_is_refused(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write("almaflow.yaml", "timezone: UTC\n")

    refused = almaflow("init", "inner")

    assert refused.code == 2
    assert "almaflow.yaml" in refused.err
    assert not (folder / "inner").exists()


def test_inside_a_git_repository_the_place_of_ci_files_is_explained(
    almaflow: Almaflow, folder: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)

    assert ".gitlab-ci.yml only in the top folder" not in almaflow("init", *OPTIONS).out
    inner = folder / "inner"
    (folder / "almaflow.yaml").unlink()

    assert ".gitlab-ci.yml only in the top folder" in almaflow("init", inner, *OPTIONS).out


def test_a_file_in_place_of_a_folder_stops_before_anything_is_written(folder: Path) -> None:
    (folder / "workflows").write_text("x")

    with pytest.raises(RequestWrong, match="workflows"):
        write_missing(folder, {"almaflow.yaml": "a", "workflows/x.yaml": "b"})

    assert not (folder / "almaflow.yaml").exists()


def test_a_link_that_leads_nowhere_is_not_followed(folder: Path) -> None:
    (folder / "README.md").symlink_to(folder / "elsewhere")

    files = write_missing(folder, {"README.md": "text"})

    assert files.kept == ("README.md",)
    assert not (folder / "elsewhere").exists()


def test_nothing_is_left_aside(folder: Path) -> None:
    write_missing(folder, {"a/b.txt": "text"})

    assert [path.name for path in (folder / "a").iterdir()] == ["b.txt"]


def test_questions_are_answered_with_the_defaults_by_enter(
    almaflow: Almaflow, folder: Path, asked: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(init, "zone_of_this_machine", lambda: "America/Toronto")
    asked("\n\n\n\n")  # type: ignore[operator]

    made = almaflow("init")

    assert made.code == 0
    settings = load_project(folder / "almaflow.yaml").settings
    assert settings.timezone == "America/Toronto"
    assert settings.institutions["main"].region == "ca"


def test_a_wrong_answer_is_asked_for_again(almaflow: Almaflow, folder: Path, asked: object) -> None:
    asked("Zurich\nEurope/Zurich\nEU\nprod\nproduction\nZürich\n")  # type: ignore[operator]

    made = almaflow("init")

    assert made.code == 0
    settings = load_project(folder / "almaflow.yaml").settings
    assert settings.institutions["Zürich"].environment == "production"
    assert settings.institutions["Zürich"].region == "eu"


def test_the_end_of_the_input_writes_nothing(
    almaflow: Almaflow, folder: Path, asked: object
) -> None:
    asked("Europe/Zurich\n")  # type: ignore[operator]

    left = almaflow("init")

    assert left.code == 130
    assert list(folder.iterdir()) == []


def test_no_question_is_asked_away_from_a_terminal(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "almaflow", "init", "new"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert (folder / "new/almaflow.yaml").is_file()


def test_a_project_whose_files_are_all_there_lists_what_was_kept(almaflow: Almaflow) -> None:
    assert almaflow("init", *OPTIONS, "--json").code == 0

    again = almaflow("init")

    assert again.code == 0
    assert "Wrote in" not in again.out
    assert "Kept as they are" in again.out
    assert "example-export: succeeded" not in again.out


@pytest.mark.parametrize(
    ("system", "folder", "typed"),
    [
        ("linux", "two words", "cd 'two words'"),
        ("linux", "one", "cd one"),
        ("win32", "two words", 'cd "two words"'),
        ("win32", "one", "cd one"),
    ],
)
def test_a_folder_is_named_as_the_shell_of_the_system_takes_it(
    monkeypatch: pytest.MonkeyPatch, system: str, folder: str, typed: str
) -> None:
    monkeypatch.setattr(init, "sys", SimpleNamespace(platform=system))

    assert init._typed("cd", Path(folder)) == typed


@pytest.mark.parametrize(("system", "copy"), [("linux", "`cp "), ("win32", "`copy ")])
def test_the_next_moves_copy_as_the_system_does(
    monkeypatch: pytest.MonkeyPatch, folder: Path, system: str, copy: str
) -> None:
    monkeypatch.setattr(init, "sys", SimpleNamespace(platform=system))

    lines = list(init._next_moves(folder))

    assert [line for line in lines if f"{copy}.env.example .env`" in line]
    assert not [line for line in lines if "`cd " in line]
