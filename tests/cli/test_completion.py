"""Completion in real shells: commands, options, workflows, runs, steps, jobs, institutions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
