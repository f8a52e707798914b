"""`almaflow validate` and `next` of what has not changed: quick, and never out of date."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from almaflow.__main__ import main
from almaflow.checked_before import reading
from almaflow.snapshot.place import SNAPSHOT_FILE
from tests.cli.conftest import Almaflow, Write
from tests.examples import examples

SETTINGS = """\
institutions: {main: {region: eu, api_key: env:KEY}}
timezone: Europe/Zurich
calendars: {closed: {ics: closed.ics}}
"""
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
BEGIN:VEVENT
UID:1@example.org
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20261224
SUMMARY:Closed
END:VEVENT
END:VCALENDAR
"""
FILES = {
    "almaflow.yaml": SETTINGS,
    "closed.ics": CALENDAR,
    "workflows/weekly.yaml": """\
schedule: [{cron: "0 3 * * 1", except: closed}]
steps:
  - id: made
    create_set: {name: "Made {{ run.id }}", content: ITEM, members: {file: ids.csv, column: mms}}
  - submit_job: {job: M18, payload: payload.xml, set: "{{ steps.made.set_id }}"}
  - call: {workflow: called, inputs: {count: 3}}
""",
    "workflows/called.yaml": "inputs: {count: {type: integer}}\nsteps: [{wait: 1m}]\n",
    "workflows/ids.csv": "mms\n991234\n",
    "workflows/payload.xml": "<job><parameters/></job>\n",
    "workflows/weekly.scenario.yaml": "everything_exists: true\n",
    "workflows/weekly.tests.yaml": "tests: [{name: goes well, expect: {outcome: succeeded}}]\n",
}


@pytest.fixture
def project(write: Write) -> dict[str, Path]:
    return {name: write(name, text) for name, text in FILES.items()}


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checks that were made, not remembered."""
    made: list[str] = []

    @contextmanager
    def counted() -> Iterator[reading.Reading]:
        made.append("check")
        with reading.watched() as noted:
            yield noted

    monkeypatch.setattr("almaflow.checked_before.watched", counted)
    return made


def seen(almaflow: Almaflow, *options: str) -> tuple[int, Any]:
    typed = almaflow("validate", "--json", *options)
    return typed.code, json.loads(typed.out)


def test_what_has_not_changed_is_not_checked_again(
    almaflow: Almaflow, project: dict[str, Path], checks: list[str]
) -> None:
    first = almaflow("validate")
    again = almaflow("validate")

    assert again == first
    assert "2 valid workflows" in first.out
    assert checks == ["check"]


def test_problems_are_remembered_whole(
    almaflow: Almaflow, project: dict[str, Path], checks: list[str]
) -> None:
    project["workflows/called.yaml"].write_text("steps: [{wiat: 1m}]\n", encoding="utf-8")

    first, again = seen(almaflow), seen(almaflow)

    assert first[0] == 1
    assert again == first == seen(almaflow, "--no-cache")
    assert checks == ["check"]


def test_without_a_cache_everything_is_checked_and_nothing_is_kept(
    almaflow: Almaflow, project: dict[str, Path], folder: Path
) -> None:
    almaflow("validate", "--no-cache")

    assert not (folder / ".almaflow").exists()


def test_without_settings_nothing_is_kept(almaflow: Almaflow, write: Write, folder: Path) -> None:
    write("w.yaml", "steps: [{wait: 1m}]\n")

    almaflow("validate", "w.yaml")

    assert os.listdir(folder) == ["w.yaml"]


def test_files_of_another_folder_are_not_remembered(
    almaflow: Almaflow, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("here/almaflow.yaml", SETTINGS.replace("calendars", "#"))
    write("other/w.yaml", "steps: [{wait: 1m}]\n")
    monkeypatch.chdir(folder / "here")

    assert almaflow("validate", "../other/w.yaml").code == 0
    write("other/w.yaml", "steps: [{wiat: 1m}]\n")
    assert almaflow("validate", "../other/w.yaml").code == 1


def test_the_list_of_valid_workflows_is_made_anew(
    almaflow: Almaflow, project: dict[str, Path]
) -> None:
    almaflow("validate")

    assert "workflow called is valid" in almaflow("validate", "--verbose").out


def change(text: str, old: str, new: str) -> Callable[[Path], object]:
    def act(folder: Path) -> None:
        file = folder / text
        file.write_text(file.read_text("utf-8").replace(old, new), encoding="utf-8")

    return act


def replaced(name: str, act: Callable[[Path], object]) -> Callable[[Path], object]:
    def change_it(folder: Path) -> None:
        (folder / name).unlink()
        act(folder / name)

    return change_it


CHANGES: dict[str, Callable[[Path], object]] = {
    "a workflow": change("workflows/weekly.yaml", "M18", "M18x"),
    "settings": change("almaflow.yaml", "Europe/Zurich", "Europe/Paris"),
    "a calendar": lambda folder: (folder / "closed.ics").write_text("nothing", "utf-8"),
    "a calendar that is gone": lambda folder: (folder / "closed.ics").unlink(),
    "a called workflow": change("workflows/called.yaml", "count", "amount"),
    "a called workflow that is gone": lambda folder: (folder / "workflows/called.yaml").unlink(),
    "members": change("workflows/ids.csv", "mms", "isbn"),
    "members that are gone": lambda folder: (folder / "workflows/ids.csv").unlink(),
    "members of another kind": replaced("workflows/ids.csv", Path.mkdir),
    "a payload": change("workflows/payload.xml", "<job>", "<job"),
    "a payload that is a link": replaced(
        "workflows/payload.xml", lambda path: path.symlink_to("ids.csv")
    ),
    "a file of tests": change("workflows/weekly.tests.yaml", "outcome", "outcomes"),
    "a scenario": lambda folder: (folder / "workflows/other.scenario.yaml").touch(),
    "a new workflow": lambda folder: (folder / "workflows/new.yaml").write_text("steps: []"),
    "a new folder": lambda folder: (folder / "workflows/new.yaml").mkdir(),
    "a key in members": lambda folder: (folder / "workflows/ids.csv").write_text(
        "mms\nl8xx0123456789abcdef0123456789abcdef\n", "utf-8"
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_is_seen(
    almaflow: Almaflow, project: dict[str, Path], folder: Path, name: str
) -> None:
    seen(almaflow)

    CHANGES[name](folder)

    assert seen(almaflow) == seen(almaflow, "--no-cache")


def coming(almaflow: Almaflow, *options: str) -> tuple[int, str, str]:
    typed = almaflow("next", "--json", "--from", "2026-01-01", *options)
    return typed.code, typed.out, typed.err


@pytest.mark.parametrize("options", [[], ["weekly"], ["workflows/weekly.yaml"]])
def test_timetables_are_kept_as_long_as_nothing_changes(
    almaflow: Almaflow, project: dict[str, Path], checks: list[str], options: list[str]
) -> None:
    first, again = coming(almaflow, *options), coming(almaflow, *options)

    assert first[0] == 0
    assert first[1].count("weekly") == 10
    assert again == first
    assert checks == ["check", "check"]  # of the settings and of the workflows


@pytest.mark.parametrize("options", [[], ["weekly"]])
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_counts_for_the_next_ticks(
    almaflow: Almaflow, project: dict[str, Path], folder: Path, name: str, options: list[str]
) -> None:
    coming(almaflow, *options)

    CHANGES[name](folder)

    assert coming(almaflow, *options) == anew(folder, lambda: coming(almaflow, *options))


def anew(folder: Path, ask: Callable[[], tuple[int, str, str]]) -> tuple[int, str, str]:
    (folder / ".almaflow" / "checked.json").unlink(missing_ok=True)
    return ask()


def test_timetables_of_another_folder_are_not_kept(
    almaflow: Almaflow, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("here/almaflow.yaml", "timezone: UTC\n")
    file = write("other/w.yaml", "schedule: [{id: a, cron: '0 3 * * 1'}]\nsteps: [{wait: 1m}]\n")
    monkeypatch.chdir(folder / "here")
    before = coming(almaflow, "../other/w.yaml")

    file.write_text(
        "schedule: [{id: a, cron: '0 4 * * 1'}]\nsteps: [{wait: 1m}]\n", encoding="utf-8"
    )

    assert before[0] == 0
    assert coming(almaflow, "../other/w.yaml")[1] == before[1].replace("03:00", "04:00")


def test_other_settings_of_the_environment_are_other_questions(
    almaflow: Almaflow, project: dict[str, Path], checks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("a", "b", "a"):
        monkeypatch.setenv("SOMETHING", value)
        almaflow("validate")

    assert checks == ["check", "check"]


def test_a_forged_result_that_came_with_the_project_is_not_believed(
    almaflow: Almaflow, project: dict[str, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    almaflow("validate")
    file = folder / ".almaflow" / "checked.json"
    data = json.loads(file.read_text("utf-8"))
    data["results"][0]["findings"]["valid"] = 99
    file.write_text(json.dumps(data), encoding="utf-8")
    assert "99 valid workflows" in almaflow("validate").out

    shutil.rmtree(folder.parent / "clone", ignore_errors=True)
    shutil.copytree(folder, folder.parent / "clone")
    folder.rename(folder.parent / "away")
    (folder.parent / "clone").rename(folder)
    monkeypatch.chdir(folder)

    assert "2 valid workflows" in almaflow("validate").out


# --- any edit ---------------------------------------------------------------------------------

PLACES = st.sampled_from(
    [*FILES, "workflows/new.yaml", "workflows/deep/w.yml", "alma-catalog.json", "workflows/x.csv"]
)
TEXTS = st.sampled_from(
    [*FILES.values(), "", "x", "steps: [{wait: 2m}]\n", "name: weekly\nsteps: [{wiat: 1m}]\n"]
)
EDITS = st.one_of(
    st.tuples(st.just("write"), PLACES, TEXTS),
    st.tuples(st.just("append"), PLACES, st.sampled_from(["# x\n", "\n", "}", "mms\n"])),
    st.tuples(st.just("delete"), PLACES, st.just("")),
    st.tuples(st.just("folder"), PLACES, st.just("")),
    st.tuples(st.just("link"), PLACES, PLACES),
)


def edit(folder: Path, what: str, place: str, text: str) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "append" and path.is_file():
        path.write_bytes(path.read_bytes() + text.encode())
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if what == "write":
        path.write_text(text, encoding="utf-8")
    elif what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to(folder / text)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDITS, min_size=1, max_size=4))
def test_no_sequence_of_edits_leaves_a_result_that_is_out_of_date(
    folder: Path, capsys: pytest.CaptureFixture[str], edits: list[tuple[str, str, str]]
) -> None:
    shutil.rmtree(folder / "workflows", ignore_errors=True)
    for name, text in FILES.items():
        edit(folder, "write", name, text)
    typed(capsys)

    for one in edits:
        edit(folder, *one)

        assert typed(capsys) == typed(capsys) == typed(capsys, "--no-cache")
        ask = partial(printed, capsys, "next", "--json", "--from", "2026-01-01")
        assert ask() == ask() == anew(folder, ask)


def typed(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    return printed(capsys, "validate", "--json", *options)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_snapshot_that_another_command_has_in_memory_is_read_again(
    almaflow: Almaflow, project: dict[str, Path], write: Write
) -> None:
    write(SNAPSHOT_FILE, "{}")
    seen(almaflow)
    with project["almaflow.yaml"].open("a", encoding="utf-8") as file:
        file.write("# x\n")
    seen(almaflow)

    write(SNAPSHOT_FILE, "[]")

    assert seen(almaflow) == seen(almaflow, "--no-cache")
