"""Processes that die at any write to the store and at any request: nothing twice, nothing lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.alma import calls
from almaflow.engine.history import needs_person
from almaflow.expressions.serialization import plain
from almaflow.outcome import Status
from almaflow.runs.events import EventKind
from almaflow.store import EntryState, JournalEntry
from almaflow.waiting import WaitingKind
from tests import harness
from tests.harness import Boundary, Played, Stage

pytestmark = pytest.mark.slow

# Also on PostgreSQL.
EACH_STORE = True

EXPORT = """
steps:
  - id: titles
    create_set:
      name: "titles {{ run.id }}"
      content: BIB_MMS
      query: 'BIB_MMS where BIB_MMS ((all CONTAIN "x"))'
  - id: export
    submit_job:
      job: {id: M44, name: Export Bibliographic records}
      set: "{{ steps.titles.set_id }}"
      poll: {first: 5m, max: 5m}
      expect: [counters.number(0) > 0]
  - branch:
      on: steps.export.status
      cases: {COMPLETED_SUCCESS: [{id: said, notify: "{{ steps.export.outcome }}"}]}
finally:
  - if: steps.titles.set_id is defined
    delete_set: "{{ steps.titles.set_id }}"
notify: [{on: [succeeded]}]
outputs: {members: "{{ steps.titles.member_count }}", said: "{{ steps.said.outcome }}"}
"""

ITEMS = """
inputs:
  items: {type: list, default: ["39031000000011", "39031000000029", "39031000000037"]}
steps:
  - branch:
      on: inputs.items | length
      cases:
        3:
          - id: items
            create_set:
              name: items
              content: ITEM
              members: "{{ inputs.items }}"
              id_type: BARCODE
              if_exists: replace
  - id: work
    submit_job:
      job: M48
      set: "{{ steps.items.set_id | default('') }}"
      poll: {first: 5m, max: 5m}
    retry: {attempts: 2, delay: 1m, on: [SYSTEM_ABORTED]}
  - run_profile: {integration: FUNDS, poll: {first: 10m, max: 10m}, wait: false}
outputs: {job: "{{ steps.work.attempts }}", count: "{{ steps.items.member_count | default(0) }}"}
"""

LIBRARY: dict[str, Any] = {
    "jobs": [
        {"job": "M48", "nth": 1, "duration": "4m", "outcomes": "SYSTEM_ABORTED"},
        {"job": "M48", "nth": 2, "duration": "4m"},
        {"job": "M44", "duration": "4m"},
    ],
    "sets": [{"name": "items", "content": "ITEM", "members": 5}],
}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three members be two batches, and nobody ask for cancellations all the time."""
    monkeypatch.setattr(calls, "MEMBERS_IN_ONE_CALL", 2)
    monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))


def facts(played: Played) -> dict[str, Any]:
    """Return what a run came to, which no crash may change."""
    return {
        "ended": played.ended,
        "outcomes": played.outcomes,
        "outputs": plain(played.record.outputs),
        "notices": Counter(event.text for event in played.log if event.kind == EventKind.NOTICE),
        "ended steps": Counter(event.path for event in played.log if event.kind == EventKind.ENDED),
        "states": {
            (entry.path, entry.attempt, entry.effect.replace("resubmit", "submit")): entry.state
            for entry in played.journal
            # Sent again, a deletion meets a set that is gone already; a submission that had not
            # left is sent once more under a name of its own.
            if entry.effect not in ("delete", "remove") and not is_absent(entry)
        },
    }


def is_absent(entry: JournalEntry) -> bool:
    """Whether a submission was looked for, and is sure not to have been taken."""
    return entry.state is EntryState.UNTAKEN and bool(entry.value.get("absent"))


def truth(stage: Stage) -> dict[str, Any]:
    """Return what really happened in Alma."""
    return {
        "jobs": Counter(submission.job_id for submission in stage.submissions),
        "sets made": stage.done("create_set"),
        "members added": stage.done("add_members"),
        "sets": stage.new_sets(),
    }


def boundaries(counts: dict[str, int]) -> Iterator[tuple[str, int, bool]]:
    """Yield every place at which a crash leaves something else behind.

    What is there before a commit or request is what was there after the one before it.
    """
    yield "commit", 1, False
    for what, count in counts.items():
        for at in range(1, count + 1):
            yield what, at, True


@pytest.mark.parametrize("workflow", [EXPORT, ITEMS], ids=["export", "items"])
def test_a_crash_at_any_boundary_does_nothing_twice_and_loses_nothing(
    workflow: str, tmp_path: Path
) -> None:
    whole = make_stage(tmp_path / "whole")
    expected, happened = facts(whole.run(workflow)), truth(whole)
    counts = dict(whole.boundary.counts)
    assert expected["ended"] == ("succeeded", "")
    assert min(counts.values()) >= 7

    for what, at, after in boundaries(counts):
        case = f"crashed {'after' if after else 'before'} {what} {at}"
        stage = make_stage(tmp_path / case.replace(" ", "-"))

        crashed = stage.crash(workflow, what, at, after=after)
        played = stage.resume() if crashed.record.status is not Status.FINISHED else crashed

        if leaves_no_trace(crashed.journal):
            assert played.record.status is Status.WAITING, case
            assert {one.kind for one in played.record.waits} == {WaitingKind.RESOLVE}, case
            never_twice(stage, happened, case)
            continue
        assert facts(played) == expected, case
        assert truth(stage) == happened, case


def leaves_no_trace(journal: list[JournalEntry]) -> bool:
    """Whether a write had left, when the process died, by which nothing can be found in Alma."""
    return any(
        entry.state is EntryState.INTENT
        and not entry.value["repeatable"]
        and entry.value["trace"] is None
        for entry in journal
    )


def never_twice(stage: Stage, happened: dict[str, Any], case: str) -> None:
    """Check that nothing was done more often than in a run without crashes."""
    now = truth(stage)
    assert now["jobs"] <= happened["jobs"], case
    assert now["sets made"] <= happened["sets made"], case
    assert now["members added"] <= happened["members added"], case
    names = [dict(one.parameters).get("job_name", one.job_id) for one in stage.submissions]
    assert len(names) == len(set(names)), case


def make_stage(folder: Path, **more: Any) -> Stage:
    folder.mkdir(exist_ok=True)
    return Stage(folder, {**LIBRARY, **more}, durable=True)


# --- faults and crashes together ------------------------------------------------------------------

_FAULTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["lose_answer", "reset", "hang", "status", "routing_error", "html", "garbage",
             "truncated", "empty", "drip", "slow", "error_list_in_200"]
        ),
        "call": st.sampled_from(
            ["submit", "create_set", "add_members", "delete_set", "get_instance", "get_job",
             "list_sets", "write", "read"]
        ),
        "nth": st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True),
    }
)  # fmt: skip
_CRASHES = st.lists(
    st.tuples(st.sampled_from(["commit", "request"]), st.integers(1, 25), st.booleans()),
    max_size=3,
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    workflow=st.sampled_from([EXPORT, ITEMS]),
    faults=st.lists(_FAULTS, max_size=3),
    crashes=_CRASHES,
)
def test_faults_and_crashes_together_never_do_anything_twice(
    workflow: str, faults: list[dict[str, Any]], crashes: list[tuple[str, int, bool]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = make_stage(Path(folder), faults=faults)
        stage.add(workflow)
        for what, at, after in crashes:
            stage.boundary = Boundary(what, at, after)
            played = stage.resume()
            if played.record.status is Status.FINISHED:
                break
        else:
            stage.boundary = Boundary()
            played = stage.resume()

        profile = Counter(one.job_id for one in stage.submissions if one.job_id.startswith("S"))
        assert sum(profile.values()) <= 1
        jobs = Counter({"M44": 1} if workflow is EXPORT else {"M48": 2}) + profile
        may_happen = {"jobs": jobs, "sets made": 1, "members added": 2}
        never_twice(stage, may_happen, repr(crashes))
        lost = [one for one in played.journal if one.state is EntryState.LOST]
        if played.record.status is Status.FINISHED:
            # A set lost twice ends the run as failed: its name shows whether Alma has it.
            assert not any(needs_person(one) for one in lost if "finally" not in one.path)
        else:
            assert played.record.status is Status.WAITING
            assert {one.kind for one in played.record.waits} == {WaitingKind.RESOLVE}
            assert lost
