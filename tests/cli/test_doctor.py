"""`doctor`: what it finds in a project that is as it should be, and in ones that are not."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from almaflow import __version__
from almaflow.alma.simulator import SimulatedAlma
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.simulator.keys import READ_ONLY
from almaflow.alma.simulator.scenario import Fault
from almaflow.cli import bootstrap
from almaflow.cli.doctor_checks import store as checkup_of_store
from almaflow.cli.doctor_checks import zones
from almaflow.clock import SystemClock
from almaflow.settings import Project, Settings
from almaflow.store import NewNotification, Store, WorkflowSource
from almaflow.store.health import Health
from tests import git_repositories
from tests.cli.conftest import Almaflow, Typed, Write

GIT = ("-c", "user.name=t", "-c", "user.email=t@example.edu", "-c", "commit.gpgsign=false")


class Clockwork:
    """Alma's clock, which can be set."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


class Place(NamedTuple):
    alma: SimulatedAlma
    clock: Clockwork


@pytest.fixture(autouse=True)
def recent_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has, its zone data are of this year."""
    monkeypatch.setattr(zones, "_of_system", lambda: "")
    monkeypatch.setattr(zones, "_of_package", lambda: f"{SystemClock().now().year}a")


@pytest.fixture
def place(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A project as it should be, and the Alma that it names."""
    clock = Clockwork()
    alma = SimulatedAlma(clock.now)
    with SimulatorServer(alma):
        monkeypatch.setenv("ALMA_KEY_OF_TESTS", alma.add_institution("main", code="41MAIN"))
        monkeypatch.setenv("SYSTEMS_URL", "json://127.0.0.1:1/x")
        settings(write, alma)
        write("workflows/nightly.yaml", "schedule: [{cron: '30 2 * * *'}]\nsteps: [{notify: hi}]")
        yield Place(alma, clock)


@pytest.fixture
def store(place: Place, folder: Path) -> Iterator[Store]:
    """The project's store, as another process has it open."""
    opened = Store.open(f"sqlite:///{folder}/.almaflow/almaflow.db", clock=SystemClock())
    yield opened
    opened.close()


def settings(write: Write, alma: SimulatedAlma, more: str = "", entry: str = "") -> None:
    write(
        "almaflow.yaml",
        f"""\
timezone: Europe/Zurich
institutions:
  main: {{base_url: "{alma.link_base}", api_key: env:ALMA_KEY_OF_TESTS, code: 41MAIN{entry}}}
channels: {{systems: env:SYSTEMS_URL}}
serve: {{to: systems}}
{more}""",
    )


def commit(folder: Path) -> None:
    """Put the project's files under git."""
    for command in (["init", "-q"], ["add", "."], [*GIT, "commit", "-qm", "All"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


def found(typed: Typed, what: str) -> list[tuple[str, str, str]]:
    """Return verdict, text and move of all that was found about something."""
    return [
        (one["verdict"], one["text"], one["move"])
        for one in typed.json["findings"]
        if one["what"] == what
    ]


def texts(typed: Typed, what: str, verdict: str) -> str:
    return "\n".join(text for found_as, text, _ in found(typed, what) if found_as == verdict)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_where_all_is_well_every_line_says_so(
    almaflow: Almaflow, place: Place, folder: Path, store: Store
) -> None:
    commit(folder)
    store.lead(store.enter_process("shelf", 4711, __version__).id)

    typed = almaflow("doctor")

    lines = typed.out.splitlines()
    assert (typed.code, typed.err) == (0, "")
    assert all(line.startswith("✓ ") for line in lines[:-1])
    assert lines[-1] == "Everything works."
    for expected in (
        "✓ almaflow.yaml: almaflow.yaml is valid; institutions: main",
        "✓ workflows: 1 valid, 1 with a timetable",
        "✓ channel systems: its address is valid; `--send` tries it",
        f"✓ institution main: the key belongs to 41MAIN (production, {place.alma.link_base})",
        "✓ institution main: the key can read and write Configuration",
        "✓ institution main: this clock is within 1m of Alma's",
    ):
        assert expected in lines
    assert any(line.startswith("✓ store: ") and "version" in line for line in lines)


def test_only_questions_are_asked(almaflow: Almaflow, place: Place) -> None:
    almaflow("doctor")

    asked = [(one.method, one.target) for one in place.alma.received()]

    assert asked == [
        ("GET", "/almaws/v1/conf/test"),
        ("GET", "/almaws/v1/conf/general"),
        ("POST", "/almaws/v1/conf/test"),
    ]


def test_a_store_is_not_made(almaflow: Almaflow, place: Place, folder: Path) -> None:
    typed = almaflow("doctor", "--json")

    assert not (folder / ".almaflow").exists()
    assert "it does not exist yet; the first run creates" in texts(typed, "store", "ok")


def test_a_key_that_only_reads_is_told_with_the_next_move(
    almaflow: Almaflow, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMA_KEY_OF_TESTS", place.alma.add_key("main", rights=READ_ONLY))

    typed = almaflow("doctor")

    assert typed.code == 1
    assert "✗ institution main: the key cannot write Configuration: " in typed.out
    assert (
        "    → In the Developer Network, give the key the area Configuration with read/write."
        in (typed.out)
    )
    assert typed.out.splitlines()[-1].startswith("1 error")


def test_a_key_that_is_wrong_or_missing_is_an_error_without_the_key(
    almaflow: Almaflow, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMA_KEY_OF_TESTS", "l8xxnobodysknows")
    wrong = almaflow("doctor", "--json")
    monkeypatch.delenv("ALMA_KEY_OF_TESTS")
    missing = almaflow("doctor", "--json")

    assert (wrong.code, missing.code) == (1, 1)
    assert "l8xxnobodysknows" not in wrong.out
    assert "refused" in texts(wrong, "institution main", "error")
    assert "`ALMA_KEY_OF_TESTS`" in texts(missing, "institution main", "error")


def test_another_environment_and_another_clock_are_told(
    almaflow: Almaflow, place: Place, write: Write
) -> None:
    settings(write, place.alma, entry=", environment: sandbox")
    place.clock.ahead = timedelta(minutes=5)

    typed = almaflow("doctor", "--json")

    assert (
        "belongs to a production environment, but almaflow.yaml has `environment: sandbox`."
        in texts(typed, "institution main", "error")
    )
    assert "clock is about 5m behind Alma's" in texts(typed, "institution main", "warning")


def test_the_machines_clock_is_checked_and_not_the_corrected_one(
    almaflow: Almaflow, place: Place, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(write, place.alma)
    # The machine's clock is an hour fast; Alma and the database, by which it was corrected, agree.
    monkeypatch.setattr(SystemClock, "_ahead", timedelta(hours=1))

    typed = almaflow("doctor", "--json")

    assert "clock is about 1h before Alma's" in texts(typed, "institution main", "warning")


def test_an_alma_that_does_not_answer_is_an_error(
    almaflow: Almaflow, place: Place, write: Write
) -> None:
    more = "default_institution: main"
    settings(write, place.alma, more)
    text = Path("almaflow.yaml").read_text().replace(place.alma.link_base, "http://127.0.0.1:9")
    write("almaflow.yaml", text)

    typed = almaflow("doctor", "--json")

    assert typed.code == 1
    assert "did not reach Alma (main)" in texts(typed, "institution main", "error")


def test_an_alma_that_loses_the_answer_leaves_the_right_to_write_open(
    almaflow: Almaflow, place: Place
) -> None:
    fault = {"kind": "lose_answer", "call": "test", "nth": 2}
    place.alma.add_fault(Fault.model_validate(fault))

    typed = almaflow("doctor", "--json")

    assert "it is not known whether the key can write:" in texts(
        typed, "institution main", "warning"
    )


def test_few_calls_that_are_left_are_a_warning(
    almaflow: Almaflow, place: Place, write: Write
) -> None:
    settings(write, place.alma, entry=", limits: {reserve_calls: 99999999}")

    typed = almaflow("doctor", "--json")

    assert "reserved ones" in texts(typed, "institution main", "warning")


def test_workflows_with_errors_and_warnings_are_named(
    almaflow: Almaflow, place: Place, write: Write
) -> None:
    write("workflows/bad.yaml", "steps: [{nonsense: 1}, {notfy: 2}]")

    typed = almaflow("doctor", "--json")

    ((_, text, move),) = [one for one in found(typed, "workflows") if one[0] == "error"]
    assert text.startswith("workflows/bad.yaml:1:10: ")
    assert text.endswith(" (and 1 more)")
    assert move == "`almaflow validate workflows/bad.yaml` shows all problems."
    assert "1 valid, 1 with a timetable" in texts(typed, "workflows", "ok")


def test_secrets_channels_pings_and_connections_are_looked_at_without_a_call(
    almaflow: Almaflow, place: Place, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYSTEMS_URL", "nonsense-hidden")
    monkeypatch.setenv("GOOD_PING", "https://hc.example.edu/s3cr3tping")
    monkeypatch.setenv("BAD_PING", "hidden-too")
    more = """\
secrets: {ftp: env:NOT_THERE}
pings: {night: env:GOOD_PING, day: env:BAD_PING}
connections:
  exports: {url: "sftp://alma@files.example.edu/out"}
  broken: {url: "sftp://alma@files.example.edu/out", password: env:NOT_THERE}
"""
    settings(write, place.alma, more)

    typed = almaflow("doctor", "--json")

    assert typed.code == 1
    assert "`NOT_THERE`" in texts(typed, "secret ftp", "error")
    assert "is not a valid Apprise address" in texts(typed, "channel systems", "error")
    assert "env:GOOD_PING contains an address;" in texts(typed, "ping night", "ok")
    assert texts(typed, "ping day", "error") == "env:BAD_PING does not contain an address"
    assert "it was not called" in texts(typed, "connection exports", "ok")
    assert "`NOT_THERE`" in texts(typed, "connection broken", "error")
    assert not {"hidden", "s3cr3tping"} & set(typed.out.replace("-", " ").split())


def test_a_test_notice_is_sent_when_that_is_asked_for(almaflow: Almaflow, place: Place) -> None:
    typed = almaflow("doctor", "--send", "--json")

    # Nobody listens on that port.
    assert "did not accept the notification" in texts(typed, "channel systems", "error")


def test_nobody_to_tell_is_a_warning(almaflow: Almaflow, place: Place, write: Write) -> None:
    settings(write, place.alma)
    write("almaflow.yaml", Path("almaflow.yaml").read_text().replace("serve: {to: systems}", ""))

    typed = almaflow("doctor", "--json")

    assert "in the log only" in texts(typed, "channels", "warning")


def test_a_file_with_mistakes_ends_the_looking(almaflow: Almaflow, write: Write) -> None:
    write("almaflow.yaml", "institutions: {main: {region: moon, api_key: env:X}}")

    typed = almaflow("doctor", "--json")

    assert typed.code == 1
    assert [one["what"] for one in typed.json["findings"]] == [
        *("almaflow", "almaflow.yaml", "almaflow.yaml")
    ]
    assert typed.json["ok"] is False


def test_an_empty_folder_is_told_how_to_begin(almaflow: Almaflow, write: Write) -> None:
    nothing = almaflow("doctor", "--json")
    write("almaflow.yaml", "timezone: Europe/Zurich\n")
    nobody = almaflow("doctor", "--json")

    assert "there is no almaflow.yaml in" in texts(nothing, "almaflow.yaml", "error")
    assert "almaflow cannot record a git commit" in texts(nothing, "git", "warning")
    assert texts(nobody, "almaflow.yaml", "error") == "it has no institution"


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_files_that_changed_since_their_commit_are_a_warning(
    almaflow: Almaflow, place: Place, folder: Path, write: Write
) -> None:
    commit(folder)
    write("workflows/nightly.yaml", "steps: [{notify: bye}]")

    typed = almaflow("doctor", "--json")

    assert "and 1 of them is changed since" in texts(typed, "git", "warning")


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
def test_no_program_that_the_repository_names_is_started(
    almaflow: Almaflow, place: Place, folder: Path
) -> None:
    for text in ("steps: [{notify: one}]\n", "steps: [{notify: two}]\n"):
        git_repositories.commit(folder, "a.yaml", text, "change")
    mark = git_repositories.set_traps(folder)
    (folder / "almaflow.yaml").write_text("timezone: Europe/Zurich\n", "utf-8")

    typed = almaflow("doctor", "--json")

    assert "changed since" in texts(typed, "git", "warning")
    assert not mark.exists()


# --- the store ------------------------------------------------------------------------------------


def test_a_store_that_wants_a_look_says_why(
    almaflow: Almaflow, place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / ".almaflow" / "almaflow.db"
    Store.open(f"sqlite:///{file}", clock=SystemClock()).close()
    file.chmod(0o640)
    usage = shutil.disk_usage(folder)._replace(free=300 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    typed = almaflow("doctor", "--json")

    assert f"`chmod 600 {file}`" in [move for _, _, move in found(typed, "store")]
    assert texts(typed, "disk", "warning") == f"300.0 MiB are free at {file.parent}"


def test_a_store_that_cannot_be_used_is_an_error(
    almaflow: Almaflow, place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / ".almaflow" / "almaflow.db"
    file.parent.mkdir()
    file.write_bytes(b"no database" * 1000)
    usage = shutil.disk_usage(folder)._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    typed = almaflow("doctor", "--json")

    assert "is not a store of almaflow" in texts(typed, "store", "error")
    assert texts(typed, "disk", "error") == f"1.0 KiB are free at {file.parent}"


@pytest.mark.parametrize(
    ("health", "verdict", "text"),
    [
        ({"faults": ("row 3 missing from index",)}, "error", "is damaged: row 3 missing"),
        ({"journal_mode": "delete"}, "warning", "its journal mode is `delete`, not `wal`,"),
        ({"file": None, "journal_mode": ""}, "ok", "here works (version 3)"),
        ({"file": None, "journal_mode": "", "is_writable": False}, "error", "cannot be written"),
    ],
)
def test_a_store_is_told_as_it_is(
    place: Place, monkeypatch: pytest.MonkeyPatch, health: dict[str, Any], verdict: str, text: str
) -> None:
    seen: dict[str, Any] = {"place": "here", "is_made": True, "version": 3, "file": Path.cwd()}
    seen |= {"size": 10, "journal_mode": "wal"}
    monkeypatch.setattr(checkup_of_store, "examine", lambda url: Health(**(seen | health)))

    found, _ = checkup_of_store.check_store(bootstrap.open_project())

    assert [one.text for one in found if one.verdict == verdict and text in one.text]


def test_a_store_that_cannot_be_written_or_is_in_memory_is_told(
    almaflow: Almaflow, place: Place, write: Write, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    nowhere = almaflow("doctor", "--json")
    Store.open(f"sqlite:///{folder}/.almaflow/almaflow.db", clock=SystemClock()).close()
    read_only = almaflow("doctor", "--json")
    settings(write, place.alma, "store: 'sqlite://'")
    forgetful = almaflow("doctor", "--json")

    assert "it does not exist yet, and" in texts(nowhere, "store", "error")
    assert "cannot be written by this user" in texts(read_only, "store", "error")
    assert texts(forgetful, "store", "warning") == "it is in memory"


# --- the service ----------------------------------------------------------------------------------


def test_timetables_that_nobody_serves_are_a_warning(
    almaflow: Almaflow, store: Store, write: Write
) -> None:
    nobody = almaflow("doctor", "--json")
    write("workflows/nightly.yaml", "steps: [{notify: hi}]")
    needless = almaflow("doctor", "--json")

    assert texts(nobody, "service", "warning") == (
        "no `almaflow serve` is running, so nothing runs the timetables of 1 workflow"
    )
    assert "no workflow has a timetable" in texts(needless, "service", "ok")


def test_what_the_service_has_to_say_is_passed_on(almaflow: Almaflow, store: Store) -> None:
    process = store.enter_process("shelf", 4711, "0.0.1").id
    store.lead(process)
    now = SystemClock().now()
    source = WorkflowSource(
        path="workflows/old.yaml", workflow="old", definition="", read_at=now, problem="no steps"
    )
    store.keep_source(process, source, {"workflow": "old"})
    notice = NewNotification(
        key="missed/1",
        event="missed",
        workflow="old",
        run_id=None,
        channel="systems",
        title="t",
        text="t",
    )
    store.add_notices([notice])
    store.notice_failed(store.due_notices()[0].id, "nobody answers", now)
    store.pause("old", by="anna")

    typed = almaflow("doctor", "--json")

    warnings = texts(typed, "service", "warning")
    assert (
        "is running as process 4711 on shelf with version 0.0.1, but this is version "
    ) in warnings
    assert "workflows/old.yaml: the last valid version stays active: no steps" in warnings
    assert "a notice has not been delivered to systems: nobody answers" in warnings
    assert "paused: old" in texts(typed, "service", "ok")


# --- zone data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "package", "verdict", "text"),
    [
        ("2026b", "2026a", "ok", "time zone data 2026b from the system"),
        ("", "2026a", "ok", "time zone data 2026a from the package tzdata"),
        (
            *("2024a", "2026a", "warning"),
            "time zone data 2024a from the system, but the package tzdata has 2026a",
        ),
        ("", "2023c", "warning", "time zone data 2023c from the package tzdata, are old"),
        ("", "", "ok", "time zone data of an unknown version from the package tzdata"),
    ],
)
def test_zone_data_are_told_with_their_age(
    monkeypatch: pytest.MonkeyPatch, system: str, package: str, verdict: str, text: str
) -> None:
    monkeypatch.setattr(zones, "_of_system", lambda: system)
    monkeypatch.setattr(zones, "_of_package", lambda: package)
    project = Project(Path(), Settings(), None)

    (finding,) = zones.check_zones(project, [], datetime(2026, 11, 1))

    assert (finding.verdict, finding.text) == (verdict, text)


def test_a_zone_without_data_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> Any:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)

    found = zones.check_zones(Project(Path(), Settings(), None), [], datetime(2026, 11, 1))

    assert next(found).text.startswith("this machine has no usable time zone data for UTC")


def test_the_version_of_zone_data_is_read_from_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    (tmp_path / "zi").mkdir()
    (tmp_path / "zi" / "tzdata.zi").write_text("# version 2025b\nR ...\n")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "+VERSION").write_text("2024a\n")

    versions = []
    for folders in (["zi", "plain"], ["plain"], []):
        monkeypatch.setattr(zoneinfo, "TZPATH", [str(tmp_path / one) for one in folders])
        versions.append(zones._of_system())

    assert versions == ["2025b", "2024a", ""]
    assert zones._of_package()[:2] == "20"

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(zones, "version", missing)
    assert zones._of_package() == ""
