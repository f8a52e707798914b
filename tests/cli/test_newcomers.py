"""Slips of people who are new to almaflow, or to a shell: each refusal names the next move."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow, Write
from tests.git_repositories import git

PANEL = (
    "POST https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/M44?op=run\n"
    "<job><parameters><parameter><name>q</name><value>1</value></parameter></parameters></job>\n"
)


@pytest.fixture(autouse=True)
def project(write: Write) -> None:
    write("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}\n")
    write(
        "workflows/weekly.yaml",
        'inputs: {name: {default: a}}\nsteps: [{notify: "{{ inputs.name }}"}]\n',
    )
    write("panel.txt", PANEL)


@pytest.mark.parametrize(
    ("words", "move"),
    [
        (("validate", "*.yml"), "No file fits `*.yml`, so the shell passed it on unchanged."),
        (("test", "workflows/*.tests.yaml"), "No file fits"),
        (("validate", r"workflows\weekly.yaml"), "did you mean `workflows/weekly.yaml`?"),
        (("validate", "weekli"), "did you mean `weekly`?"),
        (("run", "almaflow.yaml"), "almaflow.yaml has the settings of a project"),
        (("plan", "./almaflow.yaml"), "almaflow.yaml has the settings of a project"),
        (
            ("run", "weekly", "--simulate", "-i", "name=My", "titles"),
            'needs quotes, such as `-i "name=My titles"`',
        ),
        (("run", "weekly", "name=x", "--simulate"), "in front of it: `-i name=x`."),
        (("run", "weekly", "--inputs", "name=x"), "Write the input itself as `-i name=x`."),
        (("--validate",), "a command has no dashes: `almaflow validate`."),
        (("new", "My", "workflow", "panel.txt"), "A name or a value with spaces needs quotes."),
        (("new", "panel.txt"), "`almaflow new weekly-export panel.txt`"),
        (("new", "a", "panl.txt"), "did you mean `panel.txt`?"),
        (("new", "workflows/abc.yaml", "panel.txt"), "Use `abc`."),
    ],
)
def test_the_next_move_is_named(almaflow: Almaflow, words: tuple[str, ...], move: str) -> None:
    refused = almaflow(*words)

    assert refused.code == 2
    assert move in " ".join(refused.err.split())


@pytest.mark.parametrize("name", ["weekly", "weekly.yaml", "workflows/weekly.yaml"])
def test_a_workflow_is_found_by_name_and_by_file(almaflow: Almaflow, name: str) -> None:
    checked = almaflow("validate", name)

    assert checked.out == "1 valid workflow, no errors.\n"


def test_a_repository_without_commits_is_called_that(almaflow: Almaflow, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert "The git repository has no commits yet." in almaflow("doctor").out


@pytest.mark.parametrize(
    ("line", "move"),
    [
        ("set ALMA_API_KEY=never-shown-1", "Write `ALMA_API_KEY=` and the value"),
        ("ALMA_API_KEY: never-shown-1", "Write `ALMA_API_KEY=` and the value"),
        ('$env:ALMA_API_KEY = "never-shown-1"', "`$env:ALMA_API_KEY`, which may be a slip"),
        ("a variable: never-shown-1", "Write one variable on a line"),
        ("ALMA_APIKEY=never-shown-1", "`.env` has `ALMA_APIKEY`, which may be a slip of it."),
    ],
)
def test_a_variable_in_the_form_of_another_tool_is_shown_as_it_is_written_here(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch, line: str, move: str
) -> None:
    monkeypatch.delenv("ALMA_API_KEY", raising=False)
    write(".env", f"{line}\n").chmod(0o600)

    refused = almaflow("run", "weekly")

    assert refused.code == 2
    assert move in " ".join(refused.err.split())
    assert "never-shown" not in refused.err


def test_lines_of_a_crontab_that_cannot_be_read_say_why(almaflow: Almaflow, write: Write) -> None:
    url = "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/S42?op=run"
    write("crontab.txt", f"0 2 * * * root /opt/alma.sh\n0 3 * * * curl -X POST {url}\n")

    read = almaflow("import-cron", "crontab.txt")
    missing = almaflow("import-cron", "crontab")

    said = " ".join(f"{read.out} {read.err}".split())
    assert "In /etc/crontab that is the user; remove it." in said
    assert "S42 is a scheduled job, which belongs to a profile." in said
    assert "did you mean `crontab.txt`?" in " ".join(missing.err.split())


def test_a_project_from_windows_is_read(almaflow: Almaflow, write: Write, tmp_path: Path) -> None:
    def from_windows(name: str, text: str) -> None:
        write(name, "").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    from_windows("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:K}}\n")
    from_windows("workflows/w.yaml", "name: w\nsteps:\n  - id: a\n    find_set: {name: A}\n")
    from_windows("workflows/tests/w.tests.yaml", "tests:\n  - name: it runs\n")
    from_windows(".env", "K=a-key-of-windows\n")
    from_windows("panel.txt", PANEL)

    made = almaflow("new", "n", "panel.txt", "--set", "A", "--json")
    checked, tested = almaflow("validate"), almaflow("test", "w", "n")

    assert (made.code, checked.code, tested.code) == (0, 0, 0), checked.out + tested.out
    assert almaflow("diff").code in (0, 2)
