"""The workflows of the sweep; each says how often what may happen in Alma."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scene:
    """A workflow, the Alma that it works on, and what must have happened there in the end.

    *jobs* is how often each job must have been started, *sets* the members of each set that must
    have been made, by name; None where Alma works the members out itself.
    """

    name: str
    workflow: str
    jobs: Mapping[str, int]
    sets: Mapping[str, int | None] = field(default_factory=dict)
    scenario: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "succeeded"
    runs: int = 1
    named: bool = True
    """Whether all of its jobs take a name."""

    @property
    def all_jobs(self) -> Counter[str]:
        return Counter({job: count * self.runs for job, count in self.jobs.items()})


def barcodes(count: int) -> str:
    listed = ", ".join(f'"39031{number:09}"' for number in range(1, count + 1))
    return f"[{listed}]"


# Times are short against what people and Alma may take: nothing here ends because time is up.
TIMEOUT = """timeout: 60d
    defaults: {poll: {first: 4m, max: 4m}}"""
LINKS = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
TITLES = {"id": "59317390720002276", "name": "Titles", "content": "BIB_MMS", "members": 8}
TITLES_TOO = {"id": "59317390720003276", "name": "Titles too", "content": "BIB_MMS", "members": 3}
LIBRARY: dict[str, Any] = {
    "sets": [LINKS, TITLES, TITLES_TOO],
    "jobs": [{"job": "*", "duration": "7m"}],
}

CHAIN = Scene(
    "chain",
    f"""
    {TIMEOUT}
    steps:
      - id: items
        create_set:
          name: "items {{{{ run.id }}}}"
          content: ITEM
          members: {barcodes(5)}
          id_type: BARCODE
      - id: work
        submit_job:
          job: {{id: M48, name: Export Physical items}}
          set: "{{{{ steps.items.set_id }}}}"
          expect: [counters.number(0) > 0]
    finally:
      - if: steps.items.set_id is defined
        delete_set: "{{{{ steps.items.set_id }}}}"
    notify: [{{on: [succeeded]}}]
    outputs:
      status: "{{{{ steps.work.status }}}}"
      members: "{{{{ steps.items.member_count }}}}"
    """,
    jobs={"M48": 1},
    sets={"items": 5},
)

PARALLEL = Scene(
    "parallel",
    f"""
    {TIMEOUT}
    steps:
      - id: both
        parallel:
          left:
            - id: links
              submit_job: {{job: M901, set: "{LINKS["id"]}"}}
          right:
            - wait: 1m
            - id: export
              submit_job: {{job: M44, set: "{TITLES["id"]}"}}
      - check: steps.links.outcome == 'succeeded' and steps.export.outcome == 'succeeded'
    outputs: {{left: "{{{{ steps.links.status }}}}", right: "{{{{ steps.export.status }}}}"}}
    """,
    jobs={"M901": 1, "M44": 1},
)

EACH = Scene(
    "each",
    f"""
    {TIMEOUT}
    steps:
      - id: all
        for_each:
          items: ["a", "b", "c"]
          max_parallel: 2
          steps:
            - id: export
              submit_job:
                job: M44
                set: "{TITLES["id"]}"
                parameters: {{task_ExportBibParams_outputFormat_string: "{{{{ item }}}}"}}
    outputs: {{ended: "{{{{ steps.all.results | map(attribute='outcome') | list }}}}"}}
    """,
    jobs={"M44": 3},
)

CALLED = f"""
    {TIMEOUT}
    inputs: {{number: {{type: integer}}}}
    steps:
      - id: titles
        create_set:
          name: "called {{{{ run.id }}}}"
          content: BIB_MMS
          query: 'BIB_MMS where BIB_MMS ((all CONTAIN "x"))'
      - id: export
        submit_job: {{job: M44, set: "{{{{ steps.titles.set_id }}}}"}}
    finally:
      - if: steps.titles.set_id is defined
        delete_set: "{{{{ steps.titles.set_id }}}}"
    outputs: {{said: "{{{{ steps.export.status }}}} {{{{ inputs.number }}}}"}}
    """

CALL = Scene(
    "call",
    f"""
    {TIMEOUT}
    steps:
      - id: sub
        call: {{workflow: called, inputs: {{number: 2}}}}
      - id: after
        submit_job: {{job: M901, set: "{LINKS["id"]}"}}
    finally:
      - notify: "{{{{ steps.sub.said | default('nothing') }}}}"
    outputs: {{said: "{{{{ steps.sub.said }}}}"}}
    """,
    jobs={"M44": 1, "M901": 1},
    sets={"called": None},
    files={"called.yaml": CALLED},
)

PROFILE = Scene(
    "profile",
    f"""
    {TIMEOUT}
    steps:
      - id: funds
        run_profile: {{integration: FUNDS}}
      - check: steps.funds.outcome == 'succeeded'
    outputs: {{status: "{{{{ steps.funds.status }}}}"}}
    """,
    jobs={"S38205473060009276": 1},
    named=False,
)

AGAIN = Scene(
    "again",
    f"""
    {TIMEOUT}
    steps:
      - id: work
        submit_job: {{job: M901, set: "{LINKS["id"]}"}}
        retry: {{attempts: 3, delay: 2m, on: [SYSTEM_ABORTED]}}
    outputs: {{attempts: "{{{{ steps.work.attempts }}}}"}}
    """,
    jobs={"M901": 2},
    scenario={
        "jobs": [
            {"job": "M901", "nth": 1, "duration": "4m", "outcomes": "SYSTEM_ABORTED"},
            {"job": "M901", "nth": 2, "duration": "4m"},
        ]
    },
)

BRANCH = Scene(
    "branch",
    f"""
    {TIMEOUT}
    steps:
      - id: first
        submit_job: {{job: M901, set: "{LINKS["id"]}"}}
        on_failure: continue
      - branch:
          on: steps.first.status
          cases:
            COMPLETED_SUCCESS: [{{fail: not so}}]
            COMPLETED_FAILED:
              - id: second
                submit_job: {{job: M44, set: "{TITLES["id"]}"}}
    outputs: {{first: "{{{{ steps.first.outcome }}}}", second: "{{{{ steps.second.outcome }}}}"}}
    """,
    jobs={"M901": 1, "M44": 1},
    scenario={"jobs": [{"job": "M901", "duration": "4m", "outcomes": "COMPLETED_FAILED"}]},
    outcome="warning",
)

UNWATCHED = Scene(
    "unwatched",
    f"""
    {TIMEOUT}
    steps:
      - id: titles
        create_set:
          name: "copy {{{{ run.id }}}}"
          content: BIB_MMS
          members: ["990000012340001", "990000022340001"]
      - id: export
        submit_job: {{job: M44, set: "{{{{ steps.titles.set_id }}}}", wait: false}}
      - delete_set: "{{{{ steps.titles.set_id }}}}"
    outputs: {{gone: "{{{{ steps.export.outcome }}}}"}}
    """,
    jobs={"M44": 1},
    sets={"copy": 2},
)

# An Alma that is not well by itself: the gateway gives up on what it does all the same.
UNWELL = Scene(
    "unwell",
    f"""
    {TIMEOUT}
    steps:
      - id: difference
        create_set:
          name: "difference {{{{ run.id }}}}"
          content: BIB_MMS
          combine: {{operator: not, sets: ["{TITLES["id"]}", "{TITLES_TOO["id"]}"]}}
      - id: export
        submit_job: {{job: M44, set: "{{{{ steps.difference.set_id }}}}"}}
    outputs: {{status: "{{{{ steps.export.status }}}}"}}
    """,
    jobs={"M44": 1},
    sets={"difference": None},
    scenario={
        "alma": {"list_lag": "90s", "counter_lag": "1m"},
        "faults": [
            {"kind": "routing_error", "call": "create_set", "nth": 1, "delay": "40m"},
            {"kind": "status", "status": 503, "call": "read", "from": "3m", "for": "40s"},
            {"kind": "lose_answer", "call": "submit", "nth": 1},
        ],
    },
)

# More runs than places, of one job that may be started five times an hour.
CROWD = Scene(
    "crowd",
    f"""
    {TIMEOUT}
    steps:
      - id: work
        submit_job: {{job: M901, set: "{LINKS["id"]}"}}
    outputs: {{status: "{{{{ steps.work.status }}}}"}}
    """,
    jobs={"M901": 1},
    runs=4,
)

SCENES = (
    CHAIN, PARALLEL, EACH, CALL, PROFILE, AGAIN, BRANCH, UNWATCHED, UNWELL, CROWD,
)  # fmt: skip
