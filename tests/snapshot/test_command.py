"""`almaflow snapshot` over HTTP and with the simulated Alma, and `snapshot --check`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.furnish import add_past_runs
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.snapshot.files import read_snapshot, write_snapshot
from almaflow.snapshot.model import Section, Snapshot
from tests.cli.conftest import Almaflow, Write

STEPS = """\
steps:
  - {id: titles, find_set: {name: New titles}}
  - submit_job: {job: {name: Export Bibliographic records}, set: "{{ steps.titles.set_id }}"}
  - run_profile: {integration: REMOTE_STORAGE_NORTH, job: Send}
"""


# A snapshot is a hundred calls: at the rate that Alma allows, it takes more than two seconds.
FAST = {"calls_per_second": 1000, "calls_per_minute": 60_000}


@pytest.fixture
def alma() -> Iterator[SimulatedAlma]:
    """An Alma on a socket, with some weeks of history."""
    alma = SimulatedAlma(SystemClock().now, parse_scenario({"alma": FAST}))
    with SimulatorServer(alma):
        yield alma


@pytest.fixture
def file(alma: SimulatedAlma, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a workflow at an Alma on a socket; where its snapshot belongs."""
    write(
        "almaflow.yaml",
        f"""\
        institutions:
          main:
            base_url: "{alma.link_base}"
            api_key: env:ALMA_KEY_OF_TESTS
            limits: {json.dumps(FAST)}
        """,
    )
    write("workflows/storage.yaml", STEPS)
    monkeypatch.setenv("ALMA_KEY_OF_TESTS", alma.add_institution("main"))
    add_past_runs(alma.institution("main"))
    return folder / "alma-catalog.json"


def section_in(file: Path) -> Section:
    return read_snapshot(file).sections["main"]


def test_a_snapshot_is_written_and_validate_knows_alma(
    almaflow: Almaflow, file: Path, write: Write
) -> None:
    typed = almaflow("snapshot")

    assert (typed.code, typed.err.count("\n")) == (0, 1)
    assert section_in(file).counters_of("M44")
    assert almaflow("validate", "--strict").code == 0
    write("workflows/storage.yaml", STEPS.replace("STORAGE_NORTH", "STORAGE_NORD"))
    assert "profile-not-in-snapshot" in almaflow("validate").out


def test_a_second_snapshot_of_the_same_alma_changes_nothing(almaflow: Almaflow, file: Path) -> None:
    almaflow("snapshot")
    before = file.stat()

    typed = almaflow("snapshot", "--json")

    assert (typed.code, typed.json["written"]) == (0, False)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_the_json_says_what_was_read(almaflow: Almaflow, file: Path) -> None:
    data = almaflow("snapshot", "--json").json

    (main,) = data["institutions"]
    assert (data["file"], data["written"], data["failed"]) == ("alma-catalog.json", True, {})
    assert (main["institution"], main["missing"], main["jobs_without_details"]) == ("main", {}, 0)
    assert main["requests"] <= 300


def test_a_key_of_another_institution_is_refused(
    almaflow: Almaflow, file: Path, folder: Path
) -> None:
    settings = folder / "almaflow.yaml"
    settings.write_text(settings.read_text().replace("api_key", "code: 01XYZ_INST\n    api_key"))

    typed = almaflow("snapshot")

    assert typed.code == 2
    assert "01MAIN_INST" in typed.err
    assert "01XYZ_INST" in typed.err
    assert not file.exists()


def test_one_of_several_institutions_that_fails_keeps_its_part(
    almaflow: Almaflow, alma: SimulatedAlma, file: Path, folder: Path
) -> None:
    with (folder / "almaflow.yaml").open("a") as opened:
        opened.write("  zone: {region: eu, api_key: env:NO_SUCH_KEY}\ndefault_institution: main\n")
    zone = Section("zone", date(2026, 3, 2), code="01NET", environment="production")
    write_snapshot(file, Snapshot({"zone": zone, "gone": replace(zone, institution="gone")}))

    typed = almaflow("snapshot", "--json")

    assert (typed.code, list(typed.json["failed"])) == (1, ["zone"])
    assert list(read_snapshot(file).sections) == ["main", "zone"]
    assert read_snapshot(file).sections["zone"].code == "01NET"


def test_a_single_institution_without_a_key_says_so(
    almaflow: Almaflow, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALMA_KEY_OF_TESTS")

    typed = almaflow("snapshot")

    assert (typed.code, file.exists()) == (2, False)
    assert "ALMA_KEY_OF_TESTS" in typed.err


@pytest.mark.parametrize("text", ["{", '{"name": "not ours"}', "<<<<<<< HEAD\n"])
@pytest.mark.parametrize("option", [(), ("--check",), ("--output", "alma-catalog.json")])
def test_a_file_that_cannot_be_used_is_not_replaced(
    almaflow: Almaflow, file: Path, alma: SimulatedAlma, text: str, option: tuple[str, ...]
) -> None:
    file.write_text(text)

    typed = almaflow("snapshot", *option)

    assert (typed.code, file.read_text()) == (2, text)
    assert not alma.received()


def test_alma_itself_settles_what_the_snapshot_does_not_have(
    almaflow: Almaflow, file: Path
) -> None:
    almaflow("snapshot")
    section = section_in(file)
    rewrite(file, jobs=[one for one in section.jobs if one.id != "M44"], profiles=())

    def codes(*options: str) -> set[str]:
        return {one["code"] for one in almaflow("validate", "--json", *options).json["problems"]}

    assert {"job-not-in-snapshot", "profile-not-in-snapshot"} <= codes()
    assert not {"job-not-in-snapshot", "profile-not-in-snapshot"} & codes("--online")


# --- without a key --------------------------------------------------------------------------------


def test_a_newcomer_gets_a_snapshot_of_the_simulated_alma(
    almaflow: Almaflow, folder: Path, write: Write
) -> None:
    typed = almaflow("snapshot", "--simulate")

    assert typed.code == 0
    assert section_in(folder / "alma-catalog.json").simulated
    write("workflows/wf.yaml", "steps:\n  - run_profile: {integration: REMOTE_STORAGE_NORD}\n")
    assert "simulated Alma" in almaflow("validate").out


def test_a_simulated_snapshot_does_not_replace_a_real_one(almaflow: Almaflow, file: Path) -> None:
    almaflow("snapshot")
    before = file.read_text()

    assert almaflow("snapshot", "--simulate").code == 2
    assert file.read_text() == before
    assert almaflow("snapshot", "--simulate", "--output", "other.json").code == 0


def test_a_real_snapshot_replaces_a_simulated_one(almaflow: Almaflow, file: Path) -> None:
    almaflow("snapshot", "--simulate")

    almaflow("snapshot")

    assert not section_in(file).simulated


# --- --check --------------------------------------------------------------------------------------


def rewrite(file: Path, **changes: Any) -> None:
    """Let the snapshot say something else than Alma."""
    section = section_in(file)
    write_snapshot(file, Snapshot({"main": replace(section, **changes)}))


def test_without_changes_the_check_is_good_and_sends_few_requests(
    almaflow: Almaflow, file: Path
) -> None:
    almaflow("snapshot")

    typed = almaflow("snapshot", "--check", "--json")

    assert (typed.code, typed.json["ok"]) == (0, True)
    assert typed.json["institutions"][0]["changes"] == []
    assert typed.json["institutions"][0]["requests"] < 20


def test_what_no_workflow_uses_is_listed_and_is_no_error(almaflow: Almaflow, file: Path) -> None:
    almaflow("snapshot")
    section = section_in(file)
    rewrite(file, jobs=[one for one in section.jobs if one.id != "M157"])

    typed = almaflow("snapshot", "--check", "--json")

    (change,) = typed.json["institutions"][0]["changes"]
    assert (typed.code, change["kind"], change["used"]) == (0, "job-new", [])


def test_what_a_workflow_uses_is_an_error_with_its_place(almaflow: Almaflow, file: Path) -> None:
    almaflow("snapshot")
    section = section_in(file)
    jobs = [replace(one, name="Export Bibs") if one.id == "M44" else one for one in section.jobs]
    rewrite(file, jobs=jobs)
    # The workflow names it as the snapshot does.
    workflow = file.parent / "workflows/storage.yaml"
    workflow.write_text(workflow.read_text().replace("Export Bibliographic records", "Export Bibs"))

    typed = almaflow("snapshot", "--check", "--json")

    (change,) = typed.json["institutions"][0]["changes"]
    assert (typed.code, change["kind"]) == (1, "job-renamed")
    assert change["used"] == ["workflows/storage.yaml:3:23"]
    assert "USED" in almaflow("snapshot", "--check").out


def test_the_check_needs_a_snapshot(almaflow: Almaflow, file: Path) -> None:
    typed = almaflow("snapshot", "--check")

    assert (typed.code, file.exists()) == (2, False)
    assert "almaflow snapshot" in typed.err


@pytest.mark.parametrize("change", [{"code": "01XYZ"}, {"environment": "sandbox"}])
def test_a_snapshot_of_another_institution_is_not_compared(
    almaflow: Almaflow, file: Path, change: dict[str, str]
) -> None:
    almaflow("snapshot")
    rewrite(file, **change)

    typed = almaflow("snapshot", "--check", "--json")

    (main,) = typed.json["institutions"]
    assert (typed.code, main["changes"]) == (1, [])
    assert "almaflow snapshot" in main["other_institution"]


def test_a_file_of_a_newer_almaflow_is_not_replaced(almaflow: Almaflow, file: Path) -> None:
    almaflow("snapshot")
    data = json.loads(file.read_text())
    file.write_text(json.dumps({**data, "format": 2, "almaflow": "9.0"}))

    typed = almaflow("snapshot")

    assert typed.code == 2
    assert "9.0" in typed.err
