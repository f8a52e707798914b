"""Runs that were really executed, by the engine with a simulated Alma in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.harness import Stage

NIGHT = datetime.fromisoformat("2026-11-03T02:00:00+01:00")

SENDS_MAIL = """\
name: tell-branch
inputs: {branch: {}}
steps:
  - {id: mail, notify: "The export of {{ inputs.branch }} is done."}
outputs: {told: "{{ inputs.branch }}"}
"""

EXPORT = """\
name: export-bibs-nightly
description: Export what changed, and hand it to the branches.
inputs:
  limit: {type: integer, default: 500, minimum: 1}
  branches: {type: list, default: [north, south, harbour]}
steps:
  - id: changed
    find_set: {name: Changed records}

  - id: export
    name: Export the changed records
    submit_job:
      job: {id: M44, name: Export Bibliographic records}
      parameters: {task_ExportParams_number: "1000", contact: "anna@example.edu"}
      set: "{{ steps.changed.set_id }}"

  - parallel:
      labels:
        - {id: labels, submit_job: {job: M44, set: "{{ steps.changed.set_id }}"}}
      reports:
        - {id: reports, submit_job: {job: M44, set: "{{ steps.changed.set_id }}"}}
      archive:
        - {id: archive, submit_job: {job: M44, set: "{{ steps.changed.set_id }}"}}
      shop:
        - {id: shop, submit_job: {job: M44, set: "{{ steps.changed.set_id }}"}}
      pause:
        - wait: 20m

  - id: each
    for_each:
      items: inputs.branches
      steps:
        - {id: told, call: {workflow: tell-branch.yaml, inputs: {branch: "{{ item }}"}}}

  - branch:
      on: steps.export.status
      cases:
        COMPLETED_SUCCESS: []
      default:
        - notify: "Check {{ steps.export.link }}"

  - id: enough
    check:
      that: steps.export.counters | length > 20
      message: The report of the export has too few counters.
finally:
  - {id: bye, notify: done}
"""

SCENARIO: Mapping[str, Any] = {
    "sets": [{"name": "Changed records", "content": "BIB_MMS", "members": 412}],
    "jobs": [{"job": "M44", "duration": "41m"}, {"job": "M48", "duration": "12m"}],
}


def play_nights(folder: Path, *, durable: bool = True) -> tuple[Stage, dict[str, str]]:
    """Play the same workflow in two nights; return the stage and the ids of its runs.

    The second night, the file has changed, the response to a submission is lost, and the run fails.
    """
    stage = Stage(folder, SCENARIO, durable=durable, start=NIGHT - timedelta(days=1))
    stage.write("tell-branch.yaml", SENDS_MAIL)
    good = EXPORT.replace("length > 20", "length > 1").replace("wait: 20m", "wait: 10m")
    before = stage.run(good).record.id
    stage.pass_time(hours=23)
    stage.fault("lose_answer", call="submit", nth=1)
    failed = stage.run(EXPORT, limit=400).record.id
    return stage, {"before": before, "played": failed}
