"""Whatever a valid scenario says, a run in it ends with an outcome."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from almaflow.alma.simulator.scenario import FaultKind
from tests.examples import examples
from tests.harness import Stage

WORKFLOWS = (
    "steps: [{wait_for_run: {job: M58}, timeout: 6h}]\n",
    "steps: [{wait_for_run: {job: M44, since: '2026-03-01'}, timeout: 6h}]\n",
    """\
steps:
  - id: made
    create_set: {name: a, content: ITEM, members: ["1", "2 3", "x"], id_type: BARCODE}
  - submit_job: {job: M157, set: "{{ steps.made.set_id }}"}
    on_failure: continue
  - id: found
    create_set: {name: b, content: BIB_MMS, query: title}
  - submit_job: {job: M44, set: "{{ steps.found.set_id }}"}
""",
    """\
steps:
  - parallel:
      left: [{run_profile: {integration: SIS_SYNC}, timeout: 6h}]
      right: [{read_report: {path: /shared/x, column: Barcode}, timeout: 1h}]
""",
)

TEXTS = st.sampled_from(["", "a", "x" * 500, "[", "\u202e", "ODD", "0", "12", "none"])
JOBS = st.sampled_from(["M44", "M58", "M157", "M148", "S1", "M999", "Export*", "*", "[", ""])
STATUSES = st.sampled_from(
    ["COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED_NO_BULKS", "ODD", ""]
)
DURATIONS = st.sampled_from(["0s", "1s", "90s", "10m", "3h", "2d", "4000d"])
MOMENTS = st.sampled_from(
    [
        "0s",
        "10m",
        "3h",
        "02:00",
        "2026-03-02T09:00:00Z",
        "1970-01-01T00:00:00Z",
        "2999-01-01T00:00Z",
    ]
)
COUNTS = st.sampled_from([0, 1, 3, 150, 1001])
NTH = st.lists(st.integers(1, 4), min_size=1, max_size=2)
MEMBERS = COUNTS | st.lists(TEXTS, max_size=3)


def part(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2)


SCENARIOS = part(
    {},
    jobs=some(
        part(
            {"job": JOBS},
            nth=NTH,
            duration=DURATIONS,
            outcomes=st.lists(STATUSES, min_size=1, max_size=2),
            counter_lag=DURATIONS,
            alerts=st.lists(TEXTS, max_size=2),
            stays_pending=st.booleans(),
            never_ends=st.booleans(),
            running_status=TEXTS,
            progress=st.sampled_from(["linear", "zero", "overshoot", "stuck"]),
            refuse=st.sampled_from(["402222", "402223", "60347", "402216", "x"]),
        )
    ),
    sets=some(part({"name": TEXTS}, content=TEXTS, query=TEXTS, members=MEMBERS, created=MOMENTS)),
    library=part(
        {},
        jobs=some(part({"id": st.sampled_from(["M999", "S1"]), "name": TEXTS}, tasks=COUNTS)),
        integration_profiles=some(part({"code": TEXTS}, type=TEXTS, jobs=st.lists(TEXTS))),
        import_profiles=some(part({"name": TEXTS}, records=COUNTS)),
    ),
    members=some(part({"count": COUNTS}, query=TEXTS, set=TEXTS)),
    unknown_members=st.lists(TEXTS, max_size=2),
    faults=some(
        part(
            {
                "kind": st.sampled_from([kind.value for kind in FaultKind]),
                "call": st.sampled_from(["submit", "read", "write", "any"]),
            },
            nth=NTH,
            processed=st.booleans(),
            status=st.integers(100, 599),
            code=TEXTS,
            delay=DURATIONS,
        )
    ),
    other_runs=some(
        part(
            {"job": JOBS, "at": MOMENTS},
            every=st.sampled_from(["10m", "3h", "1d"]),
            duration=DURATIONS,
            name=TEXTS,
            outcome=STATUSES,
        )
    ),
    reports=some(
        part(
            {"path": st.just("/shared/x"), "columns": st.lists(TEXTS, max_size=2)},
            rows=st.lists(st.lists(TEXTS, max_size=2), max_size=2),
            ready_after=DURATIONS,
            late_token=st.booleans(),
        )
    ),
)


def end(scenario: dict[str, Any]) -> None:
    """Run each workflow in a scenario, unless the model refuses it."""
    for text in WORKFLOWS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                stage = Stage(Path(folder), scenario)
            except ValidationError:
                return
            record = stage.run(f"name: w\ntimeout: 8h\n{text}").record
            assert record.outcome is not None or record.reason


@hypothesis.settings(max_examples=examples(5), deadline=None)
@hypothesis.given(SCENARIOS)
def test_no_scenario_ends_in_a_defect(scenario: dict[str, Any]) -> None:
    end(scenario)


@pytest.mark.slow
@hypothesis.settings(max_examples=examples(30), deadline=None)
@hypothesis.given(SCENARIOS)
def test_very_many_scenarios_end_in_no_defect(scenario: dict[str, Any]) -> None:
    end(scenario)
