"""What `snapshot` and `snapshot --check` report about institutions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from almaflow.authoring.snapshots.reading import Reading
from almaflow.cli.render.snapshot_report import (
    TakenSnapshot,
    check_data,
    check_lines,
    report_data,
    report_lines,
)
from almaflow.snapshot.model import CATEGORIES, JobEntry, Section, Snapshot

FILE = "alma-catalog.json"
OLD = Section("main", date(2026, 11, 2), "01ALMA", "Sandbox", jobs=(JobEntry("M1", "One"),))
NEW = replace(OLD, taken=date(2026, 11, 29))
RENAMED = replace(NEW, jobs=(JobEntry("M1", "Two"),))


def taken(reading: Reading | None, **options: Any) -> TakenSnapshot:
    return TakenSnapshot(FILE, {} if reading is None else {"main": reading}, **options)


def reported(taken: TakenSnapshot) -> list[str]:
    sections = {name: reading.section for name, reading in taken.readings.items()}
    return list(report_lines(taken, sections))


def checked(taken: TakenSnapshot, old: Section = OLD) -> dict[str, Any]:
    return check_data(taken, Snapshot({"main": old}), {})


@pytest.mark.parametrize(
    ("simulated", "is_written", "beginning"),
    [
        (False, True, f"Wrote {FILE}. Commit it"),
        (True, True, f"Wrote {FILE}. It describes the simulated Alma"),
        (False, False, f"Nothing has changed since {FILE} was written."),
        (True, False, f"Nothing has changed since {FILE} was written."),
    ],
)
def test_the_last_line_says_whether_the_file_was_written(
    simulated: bool, is_written: bool, beginning: str
) -> None:
    reading = Reading(replace(NEW, simulated=simulated), 7)

    lines = reported(taken(reading, is_written=is_written))

    assert lines[0] == "main: 1 job, 0 profiles, 0 counters seen; 7 requests."
    assert lines[1].startswith(beginning)
    assert len(lines) == 2


def test_what_could_not_be_read_is_named_with_the_reason() -> None:
    it = taken(
        Reading(NEW, 1, {CATEGORIES: "Refused.", "another": "Why."}, not_detailed=2),
        failures={"other": "No key."},
    )

    lines = reported(it)
    data = report_data(it, {"main": NEW})

    assert [line for line in lines if "Not read" in line] == [
        "  Not read: another. Why.",
        "  Not read: categories of jobs. Refused.",
    ]
    assert any("2 jobs" in line and "--requests" in line for line in lines)
    assert any(line.startswith("other: ") and line.endswith("No key.") for line in lines)
    assert data["failed"] == {"other": "No key."}
    [institution] = data["institutions"]
    assert list(institution["missing"]) == ["another", CATEGORIES]
    assert (institution["jobs"], institution["jobs_without_details"]) == (1, 2)


def test_nothing_is_said_of_the_file_when_nothing_was_read() -> None:
    it = taken(None, failures={"main": "No key."})

    [line] = reported(it)

    assert line.startswith("main: nothing was read")
    assert report_data(it, {})["institutions"] == []


@pytest.mark.parametrize(
    ("new", "failures", "ok", "other", "kinds", "last"),
    [
        (NEW, {}, True, False, [], "Nothing has changed in Alma"),
        (NEW, {"b": "No key."}, False, False, [], "b: it could not be compared. No key."),
        (RENAMED, {}, True, False, ["job-renamed"], "1 change, none of them"),
        (replace(NEW, code="02OTHER"), {}, False, True, [], "main: The file describes 01ALMA"),
        (replace(NEW, simulated=True), {}, False, True, [], "main: The file describes 01ALMA"),
        (replace(NEW, code="", environment=""), {}, True, False, [], "Nothing has changed"),
    ],
)
def test_a_check_compares_the_file_with_the_same_institution(
    new: Section, failures: dict[str, str], ok: bool, other: bool, kinds: list[str], last: str
) -> None:
    data = checked(taken(Reading(new, 1), failures=failures))

    [institution] = data["institutions"]
    assert (data["ok"], bool(institution["other_institution"])) == (ok, other)
    assert [change["kind"] for change in institution["changes"]] == kinds
    assert list(check_lines(data))[-1].startswith(last)


def test_changes_that_workflows_use_show_their_places() -> None:
    change = {"kind": "job-gone", "subject": "M1", "text": "M1 is gone.", "used": ["w.yaml:2:5"]}
    data = checked(taken(Reading(NEW, 1, {CATEGORIES: "Refused."})))
    data["institutions"][0]["changes"] = [change, {**change, "used": []}]

    lines = list(check_lines(data))

    assert lines[:5] == [
        "main, since 2026-11-02:",
        "  USED  M1 is gone.",
        "         used in w.yaml:2:5",
        "  other  M1 is gone.",
        "  main: not compared: categories of jobs. Refused.",
    ]
    assert lines[5].startswith("2 changes, 1 of them in what the workflows use.")
