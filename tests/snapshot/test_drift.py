"""What has changed in Alma since a snapshot, and what of it workflows use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from almaflow.authoring.snapshots.drift import changes_between
from almaflow.authoring.snapshots.used_steps import UsedStep, used_steps
from almaflow.settings import Project, Settings
from almaflow.snapshot.model import JobEntry, Section
from almaflow.workflow_loader import load_workflow
from tests.snapshot.library import MAIN

WORKFLOW = """\
steps:
  - {id: items, create_set: {name: X, content: ITEM, query: "a"}}
  - submit_job: {job: {name: Withdraw items}, set: "{{ steps.items.set_id }}", accept: [ON_HOLD]}
  - run_profile: {integration: STORAGE_NORTH}
  - run_profile: {import: Vendor records weekly}
"""


@pytest.fixture
def steps(tmp_path: Path) -> Sequence[UsedStep]:
    file = tmp_path / "wf.yaml"
    file.write_text(WORKFLOW.replace("ON_HOLD", "SYSTEM_ABORTED"))
    loaded = load_workflow(file, Project(tmp_path, Settings(), None), "wf.yaml")
    return used_steps([loaded], "main")["main"]


def jobs(change: Callable[[JobEntry], JobEntry | None], *more: JobEntry) -> Section:
    """Return an Alma whose jobs differ from those of the snapshot."""
    found = [changed for one in MAIN.jobs if (changed := change(one)) is not None]
    return replace(MAIN, jobs=(*found, *more))


def profile(id: str, **values: Any) -> Section:
    changed = (replace(one, **values) if one.id == id else one for one in MAIN.profiles)
    return replace(MAIN, profiles=tuple(changed))


def only(id: str, **values: Any) -> Callable[[JobEntry], JobEntry]:
    return lambda job: replace(job, **values) if job.id == id else job


def without(id: str) -> Callable[[JobEntry], JobEntry | None]:
    return lambda job: None if job.id == id else job


def same(job: JobEntry) -> JobEntry:
    return job


CHANGES: dict[str, tuple[Section, list[tuple[str, bool]]]] = {
    "nothing": (MAIN, []),
    "another case": (jobs(only("M157", name="WITHDRAW  Items")), []),
    "used job gone": (jobs(without("M157")), [("job-gone", True)]),
    "other job gone": (jobs(without("M28")), [("job-gone", False)]),
    "new job": (jobs(same, JobEntry("M700", "New")), [("job-new", False)]),
    "used job renamed": (jobs(only("M157", name="Withdraw")), [("job-renamed", True)]),
    "other job renamed": (jobs(only("M28", name="Delete")), [("job-renamed", False)]),
    "other content": (jobs(only("M157", content="HOLDING")), [("job-changed", True)]),
    "content not read": (jobs(only("M157", content="")), []),
    "name not unique": (
        jobs(same, JobEntry("M701", "withdraw items", type="MANUAL")),
        [("job-new", False)],
    ),
    "name twice": (
        jobs(same, JobEntry("M701", "Withdraw items", type="MANUAL")),
        [("job-ambiguous", True), ("job-new", False)],
    ),
    "job of used profile": (profile("7002", jobs=("S99",)), [("profile-jobs-changed", True)]),
    "job of other profile": (profile("7001", jobs=("S11",)), [("profile-jobs-changed", False)]),
    "code": (profile("7002", code="NORTH"), [("profile-renamed", True)]),
    "import": (profile("8001", name="Weekly"), [("profile-renamed", True)]),
    "profiles gone": (
        replace(MAIN, profiles=MAIN.profiles[1:]),
        [("profile-gone", False)],
    ),
    "profiles not read": (replace(MAIN, profiles=(), missing=("integration_profiles",)), [
        ("profile-gone", False), ("profile-gone", False), ("profile-gone", True),
    ]),
    "content gone": (replace(MAIN, contents={"BIB_MMS": ""}), [("code-gone", True)]),
    "content new": (replace(MAIN, contents={**MAIN.contents, "NEW": ""}), [("code-new", False)]),
    "tables not read": (replace(MAIN, contents={}, statuses={}), []),
    "status gone": (replace(MAIN, statuses={"ON_HOLD": ""}), [("code-gone", False)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_found_and_those_in_use_come_first(
    steps: Sequence[UsedStep], name: str
) -> None:
    now, wanted = CHANGES[name]

    changes = changes_between(MAIN, now, steps)

    assert sorted((str(one.kind), bool(one.used)) for one in changes) == sorted(wanted)
    assert [bool(one.used) for one in changes] == sorted((w for _, w in wanted), reverse=True)
    assert all(place.startswith("wf.yaml:") for one in changes for place in one.used)
