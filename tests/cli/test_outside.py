"""What leaves the machine, and what only seems to: files and notices of runs that are typed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow, Write
from tests.connectors.servers import web_hook

EXPORT = """\
    name: export
    steps:
      - id: titles
        find_set: {name: Reserve collection}
      - id: export
        submit_job: {job: M44, set: "{{ steps.titles.set_id }}"}
      - id: it
        fetch_files:
          connection: exports
          pattern: "*{{ steps.export.instance_id }}*.xml"
          to: fetched
      - notify: {to: systems, message: "{{ steps.it.files[0] }} is here"}
    notify: [{on: [succeeded], to: systems}]
    outputs: {files: "{{ steps.it.files }}", id: "{{ steps.export.instance_id }}"}
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that a test can look into."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_simulated_run_fetches_a_file_that_is_made_up_and_leaves_nothing(
    almaflow: Almaflow, write: Write, folder: Path, temporary: Path
) -> None:
    write("export.yaml", EXPORT)

    typed = almaflow("run", "export.yaml", "--simulate", "--json")

    outputs = typed.json["outputs"]
    assert typed.code == 0
    assert outputs["files"] == [f"fetched/{outputs['id']}.xml"]
    assert [file.name for file in folder.iterdir()] == ["export.yaml"]
    assert list(temporary.iterdir()) == []


def test_a_simulated_run_prints_its_notices(almaflow: Almaflow, write: Write) -> None:
    write("export.yaml", EXPORT)

    typed = almaflow("run", "export.yaml", "--simulate")

    assert "notification to systems: fetched/" in typed.out
    assert "notification to systems: export ended as succeeded." in typed.out


def test_the_files_of_a_scenario_are_found_when_they_come(almaflow: Almaflow, write: Write) -> None:
    write(
        "orders.yaml",
        """
        name: orders
        steps:
          - id: early
            fetch_files: {folder: /mnt/vendor, pattern: "early-*", to: orders}
          - id: late
            fetch_files: {connection: exports, pattern: "late-*", to: orders}
          - id: made
            create_set:
              name: x
              content: ITEM
              members: {file: "{{ steps.early.files[0] }}"}
              id_type: BARCODE
        outputs: {late: "{{ steps.late.seconds }}", members: "{{ steps.made.member_count }}"}
        """,
    )
    write(
        "orders.scenario.yaml",
        """
        files:
          - {name: early-1.csv, content: "39031000000011"}
          - {name: late-1.csv, connection: exports, at: 3h}
          - {name: late-2.csv, connection: other}
        """,
    )

    typed = almaflow("run", "orders.yaml", "--simulate", "--json")

    assert typed.code == 0, typed.err
    assert typed.json["outputs"]["members"] == 1
    assert 10_700 <= typed.json["outputs"]["late"] <= 11_000


def test_a_run_in_earnest_sends_its_notices(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        "almaflow.yaml",
        """
        institutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}
        channels: {systems: env:SYSTEMS}
        """,
    )
    write(
        "hello.yaml",
        """
        name: hello
        steps: [{notify: {to: systems, message: hello}}]
        notify: [{on: [succeeded], to: systems}]
        """,
    )
    monkeypatch.setenv("ALMA_API_KEY", "l8xx00000000000000000000000000000000")

    with web_hook() as hook:
        monkeypatch.setenv("SYSTEMS", f"json://127.0.0.1:{hook.port}")
        typed = almaflow("run", "hello.yaml")

    assert typed.code == 0
    assert [json.loads(body)["title"] for body in hook.bodies] == [
        "almaflow: hello at main",
        "almaflow: hello succeeded (main)",
    ]
