"""Completion in real shells: commands, options, workflows, runs, steps, jobs, institutions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from almaflow.cli import completion
from almaflow.snapshot.files import write_snapshot
from almaflow.snapshot.model import JobEntry, Section, Snapshot
from almaflow.snapshot.place import SNAPSHOT_FILE
from tests.cli.conftest import ROOT, Almaflow, Write

SETTINGS = "institutions: {main: {region: eu, api_key: env:K}, lab: {region: na, api_key: env:L}}\n"
WORKFLOW = "name: tag-items\nsteps: [{id: rest, wait: 1s}, {check: 1 == 1}]\n"


@pytest.fixture(autouse=True)
def project(write: Write) -> Path:
    write("almaflow.yaml", f"default_institution: main\n{SETTINGS}")
    write("workflows/other.yaml", WORKFLOW)
    return write("workflows/weekly.yaml", "steps: [{wait: 1s}]\n")


@pytest.fixture
def program(folder: Path) -> Path:
    """A program `almaflow` as an installation has it, in a folder that may be first in PATH."""
    file = folder / ".bin/almaflow"
    file.parent.mkdir()
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from almaflow.__main__ import run_process\nrun_process()\n"
    )
    file.chmod(0o755)
    return file


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": f"{folder / '.bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / ".home"),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        **more,
    }


def suggestions(folder: Path, *words: str) -> list[str]:
    """Return what almaflow offers for the last of *words*, and nothing else it printed."""
    done = subprocess.run(
        ["almaflow"],
        env=environment(
            folder,
            _ALMAFLOW_COMPLETE="complete_bash",
            COMP_WORDS=" ".join(("almaflow", *words)),
            COMP_CWORD=str(len(words)),
        ),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


# Those of processes are slow; below, the same is completed in this one, and by real shells.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("val",), {"validate"}),
        (("run", "--sim"), {"--simulate"}),
        (("run", ""), {"tag-items", "weekly"}),
        (("plan", "w"), {"weekly"}),
        (("pause", "t"), {"tag-items"}),
        (("sets", "list", "--institution", ""), {"main", "lab"}),
        (("jobs", "show", "M15"), {"M157"}),
        (("jobs", ""), {"list", "show"}),
        (("show", ""), set()),
    ],
)
def test_what_the_project_has_is_offered(
    folder: Path, program: Path, words: tuple[str, ...], expected: set[str]
) -> None:
    assert set(suggestions(folder, *words)) == expected


@pytest.mark.slow
def test_runs_and_their_steps_are_offered(
    folder: Path, program: Path, almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K", "a-key-of-the-simulator")
    assert almaflow("run", "tag-items").code == 0

    runs = suggestions(folder, "show", "")

    assert runs[0] == "last"
    assert len(runs) == 2
    assert suggestions(folder, "show", runs[1][:12]) == [runs[1]]
    assert suggestions(folder, "retry", "last", "--from", "re") == ["rest"]
    assert "rest" in suggestions(folder, "approve", runs[1], "")
    assert set(suggestions(folder, "why", "")) >= {"last", "weekly", runs[1]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        "a: [",
        "institutions: 5\n",
        "store: postgresql://nobody@203.0.113.1/none\n",
        "store: env:NO\n",
    ],
)
def test_a_project_with_problems_offers_nothing_and_says_nothing(
    folder: Path, program: Path, write: Write, settings: str
) -> None:
    write("almaflow.yaml", settings)

    assert suggestions(folder, "show", "") == []


def test_no_file_is_made_by_completing(folder: Path, program: Path) -> None:
    suggestions(folder, "show", "")

    assert not (folder / ".almaflow").exists()


# --- in this process ----------------------------------------------------------------------------

Offered = Callable[..., list[str]]


@pytest.fixture
def offered(almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch) -> Offered:
    """Return what almaflow offers for the last of some words."""

    def of(*words: str) -> list[str]:
        with monkeypatch.context() as shell:
            shell.setenv("_ALMAFLOW_COMPLETE", "complete_bash")
            shell.setenv("COMP_WORDS", " ".join(("almaflow", *words)))
            shell.setenv("COMP_CWORD", str(len(words)))
            typed = almaflow()
        assert typed.err == ""
        return typed.out.split()

    return of


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("val",), {"validate"}),
        (("no-such",), set()),
        (("--vers",), {"--version"}),
        (("run", "--sim"), {"--simulate"}),
        (("run", ""), {"tag-items", "weekly"}),
        (("plan", "w"), {"weekly"}),
        (("test", "w"), {"weekly"}),
        (("validate", "tag-items", ""), {"tag-items", "weekly"}),
        (("pause", "t"), {"tag-items"}),
        (("sets", "list", "--institution", ""), {"main", "lab"}),
        (("sets", "list", "--institution", "m"), {"main"}),
        (("init", "--institution", ""), set()),
        (("jobs", "show", "M157"), {"M157"}),
        (("jobs", ""), {"list", "show"}),
        (("show", ""), set()),
        (("approve", "last", ""), set()),
        (("why", ""), {"tag-items", "weekly"}),
    ],
)
def test_a_word_is_completed_with_what_the_project_has(
    offered: Offered, words: tuple[str, ...], expected: set[str]
) -> None:
    assert set(offered(*words)) == expected


def test_runs_are_completed_and_steps_of_the_run_that_is_named(
    offered: Offered, almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K", "a-key-of-the-simulator")
    assert almaflow("run", "tag-items").code == 0

    last, run = offered("show", "")

    assert last == "last"
    assert offered("show", run[:12]) == [run]
    assert offered("approve", run, "r") == ["rest"]
    assert offered("retry", "last", "--from", "re") == ["rest"]
    assert offered("approve", "no-such-run", "") == []
    assert offered("retry", "--from", "") == []
    assert {"last", "weekly", run} <= set(offered("why", ""))


@pytest.mark.parametrize("settings", ["a: [", "institutions: 5\n", "store: env:NO\n"])
def test_wrong_settings_complete_no_run(offered: Offered, write: Write, settings: str) -> None:
    write("almaflow.yaml", settings)

    assert offered("show", "") == []


def test_a_store_without_runs_offers_no_last_run(offered: Offered, almaflow: Almaflow) -> None:
    assert almaflow("runs").code == 0

    assert offered("show", "") == []


def test_a_store_behind_a_network_is_not_asked(offered: Offered, write: Write) -> None:
    write("almaflow.yaml", f"store: postgresql://nobody@203.0.113.1/none\n{SETTINGS}")

    assert offered("show", "") == []
    assert offered("retry", "last", "--from", "") == []


def test_a_project_without_workflows_completes_no_workflow(offered: Offered, folder: Path) -> None:
    shutil.rmtree(folder / "workflows")

    assert offered("run", "") == []


def test_a_workflow_that_is_no_file_is_offered_by_its_file_name(
    offered: Offered, folder: Path
) -> None:
    (folder / "workflows/lost.yaml").symlink_to(folder / "nowhere.yaml")

    assert set(offered("run", "")) >= {"tag-items", "weekly"}
    assert completion._name_in(folder / "workflows/lost.yaml") == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("name: plain\n", "plain"),
        ("# first\nname: 'in quotes'  # why\n", "in quotes"),
        ('name: "two words"\n', "two words"),
        ("steps: [{name: inner}]\n", ""),
        ("#" * 5000 + "\nname: late\n", ""),
    ],
)
def test_the_name_near_the_top_of_a_file_is_found(write: Write, text: str, name: str) -> None:
    assert completion._name_in(write("workflows/one.yaml", text)) == name


def test_at_most_a_hundred_suggestions_that_can_be_printed_are_offered() -> None:
    values = ["x\x1b[0m", *(f"x{number}" for number in range(300)), "y"]

    def all_of_them(context: object) -> Iterator[completion.Suggestion]:
        yield from map(completion.Suggestion, values)

    found = completion.complete(all_of_them, None, "x")

    assert [one.value for one in found] == values[1 : completion.MOST + 1]


def test_what_was_found_before_an_error_is_offered() -> None:
    def failing(context: object) -> Iterator[completion.Suggestion]:
        yield completion.Suggestion("found")
        raise OSError

    assert [one.value for one in completion.complete(failing, None, "")] == ["found"]


@pytest.mark.parametrize("snapshot", ["sections: [", "almaflow_snapshot: 99\n"])
def test_a_snapshot_that_cannot_be_read_leaves_the_jobs_of_the_library(
    offered: Offered, write: Write, snapshot: str
) -> None:
    write(SNAPSHOT_FILE, snapshot)

    assert offered("jobs", "show", "M157") == ["M157"]


def test_the_jobs_of_a_snapshot_are_offered_instead_of_those_of_the_library(
    offered: Offered, folder: Path
) -> None:
    section = Section("main", date(2026, 11, 2), jobs=(JobEntry("M900001", "Ours"),))
    write_snapshot(folder / SNAPSHOT_FILE, Snapshot({"main": section}))

    assert offered("new", "x", "--job", "") == ["M900001"]


# --- in real shells -----------------------------------------------------------------------------


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def script(folder: Path, name: str) -> str:
    """Return the script that almaflow gives to a shell."""
    return subprocess.run(
        ["almaflow"],
        env=environment(folder, _ALMAFLOW_COMPLETE=f"source_{name}"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_bash_completes(folder: Path, program: Path) -> None:
    bash = shell("bash")
    (folder / "c.sh").write_text(script(folder, "bash"))
    lines = (
        "source ./c.sh; COMP_WORDS=(almaflow run t); COMP_CWORD=2\n"
        "$(complete -p almaflow | sed 's/.*-F \\([^ ]*\\) .*/\\1/') almaflow; echo ${COMPREPLY[@]}"
    )

    done = subprocess.run(
        [bash, "--norc", "-c", lines],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.split() == ["tag-items"]


def test_fish_completes(folder: Path, program: Path) -> None:
    fish = shell("fish")
    (folder / "c.fish").write_text(script(folder, "fish"))

    done = subprocess.run(
        [fish, "--no-config", "-c", "source c.fish; complete -C 'almaflow run t'"],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.split() == ["tag-items"]


def test_zsh_completes(folder: Path, program: Path) -> None:
    zsh = shell("zsh")
    (folder / "c.zsh").write_text(script(folder, "zsh"))
    # The terminal of zsh's own tests of completion: what a person would see after Tab.
    lines = (
        "zmodload zsh/zpty; zpty z zsh -f -i\n"
        "zpty -w z 'PROMPT=; autoload -U compinit; compinit -u -D; source ./c.zsh; echo rea''dy'\n"
        "zpty -r -m z out '*ready*'\n"
        "zpty -w -n z $'almaflow run t\\t'\n"
        "zpty -r -m z out '*tag-items*'; print -r -- $out; zpty -d z\n"
    )

    done = subprocess.run(
        [zsh, "-f", "-c", lines],
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "tag-items" in done.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_is_installed_for_a_shell(folder: Path, program: Path, name: str) -> None:
    shell(name)
    (folder / ".home").mkdir()

    done = subprocess.run(
        ["almaflow", "--install-completion", name],
        env=environment(folder, SHELL=name),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    texts = [path.read_text() for path in (folder / ".home").rglob("*") if path.is_file()]
    assert any("_ALMAFLOW_COMPLETE" in text for text in texts)
