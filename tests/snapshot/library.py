"""A snapshot of two institutions, as `almaflow snapshot` would write it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from almaflow.snapshot.files import write_snapshot
from almaflow.snapshot.model import (
    CounterEntry,
    JobEntry,
    ProfileEntry,
    Section,
    Snapshot,
    StatusEntry,
)
from almaflow.snapshot.place import SNAPSHOT_FILE

SETTINGS = """\
default_institution: main
institutions:
  main: {region: eu, code: 01ABC_INST, api_key: env:KEY_OF_TESTS}
  zone: {region: eu, api_key: env:KEY_OF_TESTS}
"""

EXPORTED = "c.jobs.export.exported"
FAILED = "c.jobs.export.failed"

MAIN = Section(
    "main",
    date(2026, 11, 3),
    code="01ABC_INST",
    environment="production",
    jobs=(
        JobEntry("M28", "Delete Bibliographic records", "", "MANUAL", "ITEM_WITHDRAW", "BIB_MMS"),
        JobEntry(
            "M44",
            "Export Bibliographic records",
            "",
            "MANUAL",
            "EXPORT",
            "BIB_MMS",
            parameters=("task_ExportBibParams_outputFormat_string", "set_id", "job_name"),
            parameters_from="payload",
        ),
        JobEntry("M48", "Export Physical items", "", "MANUAL", "EXPORT", "ITEM"),
        JobEntry("M157", "Withdraw items", "", "MANUAL", "ITEM_WITHDRAW", "ITEM"),
        JobEntry(
            "M50215",
            "Add Titles to Collection",
            "",
            "MANUAL",
            "INFORMATION_UPDATE",
            "ASSIGN_TITLES_TO_COLLECTION_JOB",
            "Bibliographic title",
        ),
        JobEntry("M601", "Add BIB to Collection", "", "MANUAL", "INFORMATION_UPDATE"),
        JobEntry("M602", "Add BIB to collection", "", "MANUAL", "METADATA_MANAGEMENT"),
        JobEntry("M603", "Add BIB to Collection 2", "", "MANUAL", "INFORMATION_UPDATE"),
        JobEntry("M604", "Add BIB to Collection 2", "", "MANUAL", "METADATA_MANAGEMENT"),
        JobEntry("S11", "ERP export using profile Office", "", "SCHEDULED", profile="7001"),
        JobEntry("S12", "ERP import using profile Office", "", "SCHEDULED", profile="7001"),
        JobEntry("S13", "Send Requests to Remote Storage North", "", "SCHEDULED", profile="7002"),
        JobEntry("S14", "Metadata Import using profile Vendor", "", "SCHEDULED", profile="8001"),
    ),
    profiles=(
        ProfileEntry("integration", "7001", "ERP_MAIN", "Office", "PAYMENT", ("S11", "S12")),
        ProfileEntry("integration", "7002", "STORAGE_NORTH", "North depot", jobs=("S13",)),
        ProfileEntry("import", "8001", name="Vendor records weekly", jobs=("S14",)),
        ProfileEntry("import", "8002", name="E-books"),
        ProfileEntry("import", "8003", name="E-books"),
    ),
    counters=(
        CounterEntry("M44", EXPORTED, "Records exported", "number"),
        CounterEntry("M44", FAILED, "Records failed", "number"),
        CounterEntry("M44", "c.jobs.export.file", "File", "text"),
        CounterEntry("S13", "storage.sent", "Requests sent", "number"),
    ),
    statuses_seen=(StatusEntry("M44", "COMPLETED_SUCCESS"), StatusEntry("M44", "ON_HOLD")),
    statuses={"COMPLETED_SUCCESS": "Completed Successfully", "ON_HOLD": "On hold"},
    contents={"BIB_MMS": "All titles", "ITEM": "Physical items"},
    categories={"EXPORT": "Export"},
)
ZONE = replace(
    MAIN,
    institution="zone",
    code="01ABC_NETWORK",
    jobs=(JobEntry("M58", "Identify records not used in the Network", "", "MANUAL", "NETWORK"),),
    profiles=(),
    counters=(),
)
BOTH = Snapshot({"main": MAIN, "zone": ZONE})


def put(folder: Path, snapshot: Snapshot = BOTH, settings: str = SETTINGS) -> Path:
    """Write almaflow.yaml and the snapshot into *folder*."""
    (folder / "almaflow.yaml").write_text(settings, encoding="utf-8")
    file = folder / SNAPSHOT_FILE
    write_snapshot(file, snapshot)
    return file
