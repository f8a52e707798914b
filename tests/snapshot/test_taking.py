"""A snapshot is read from Alma: bounded, patient, and whole in spite of what the key may not do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from almaflow.alma.calls import AlmaRequest
from almaflow.alma.client import AlmaClient
from almaflow.alma.errors import AlmaError, ResponseLost
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.simulator import Fault, SimulatedAlma, parse_scenario
from almaflow.alma.simulator.furnish import add_past_runs
from almaflow.alma.simulator.reply import Reply
from almaflow.alma.transport import InProcessTransport
from almaflow.authoring.snapshots.reading import (
    Reading,
    SectionReader,
    SnapshotPostponed,
    SnapshotTooLarge,
)
from almaflow.authoring.snapshots.renewal import renewed
from almaflow.authoring.snapshots.used_steps import UsedStep, used_steps
from almaflow.settings import Project, Settings
from almaflow.snapshot.file_format import read_snapshot_text, snapshot_text
from almaflow.snapshot.model import CounterEntry, Section, Snapshot
from almaflow.virtual_time import VirtualClock, run_virtual
from almaflow.workflow_loader import load_workflow

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
TODAY = START.date()

T = TypeVar("T")

WORKFLOW = """\
steps:
  - {id: titles, find_set: {name: New titles}}
  - submit_job: {job: M44, set: "{{ steps.titles.set_id }}"}
  - submit_job: {job: {name: change physical items Information}, payload: p.xml}
  - run_profile: {integration: REMOTE_STORAGE_NORTH, job: Send}
"""
PAYLOAD = (
    "<job><parameters><parameter><name>task_secret_string</name><value>hidden-value</value>"
    "</parameter><parameter><name>set_id</name><value>123456789012345678</value></parameter>"
    "</parameters></job>"
)


@dataclass
class Opened:
    """An institution of a simulated Alma, in process."""

    client: AlmaClient
    institution: str = "main"
    reserve_calls: int = 0

    @property
    def remaining_calls(self) -> int | None:
        return self.client.remaining_calls

    async def read(self, call: AlmaRequest[T], /) -> T:
        return await self.client.send(call)


class World:
    """A simulated Alma with some weeks of history, and how a snapshot of it is read."""

    def __init__(self, steps: Sequence[UsedStep] = (), scenario: Any = None) -> None:
        self.clock = VirtualClock(START)
        self.alma = SimulatedAlma(self.clock.now, parse_scenario(scenario))
        self.key = self.alma.add_institution("main")
        add_past_runs(self.alma.institution("main"))
        self.steps = steps

    def fault(self, **values: Any) -> None:
        self.alma.add_fault(Fault.model_validate(values))

    def read(
        self, earlier: Section | None = None, *, reserve_calls: int = 0, **options: Any
    ) -> Reading:
        async def main() -> Reading:
            client = AlmaClient(
                "main",
                InProcessTransport(self.alma.handle),
                key=self.key,
                rate=CallRate(1e6, 1e9),
                clock=self.clock,
            )
            opened = Opened(client, reserve_calls=reserve_calls)
            reader = SectionReader(opened, self.steps, earlier, **options)
            return await reader.read(await reader.general(), TODAY)

        return run_virtual(main)


@pytest.fixture
def steps(tmp_path: Path) -> Sequence[UsedStep]:
    file = tmp_path / "wf.yaml"
    file.write_text(WORKFLOW)
    (tmp_path / "p.xml").write_text(PAYLOAD)
    project = Project(tmp_path, Settings(), None)
    return used_steps([load_workflow(file, project, str(file))], "main")["main"]


@pytest.fixture
def world(steps: Sequence[UsedStep]) -> World:
    return World(steps)


def test_a_snapshot_has_jobs_profiles_codes_and_what_instances_showed(world: World) -> None:
    section = world.read().section

    jobs = section.job_lookup.by_id
    assert (jobs["M44"].name, jobs["M44"].content) == ("Export Bibliographic records", "BIB_MMS")
    (north,) = section.profile_lookup.matching("integration", "code", "REMOTE_STORAGE_NORTH")
    assert {jobs[id].type for id in north.jobs} == {"SCHEDULED"}
    assert all(one.jobs for one in section.profile_lookup.of_kind("import"))
    assert section.counters_of("M44")
    assert {one.form for one in section.counters_of("M44")} == {"number"}
    assert "COMPLETED_SUCCESS" in section.statuses
    assert "ITEM" in section.contents
    assert "EXPORT" in section.categories
    assert (section.code, section.environment, section.missing) == (
        "01MAIN_INST",
        "production",
        (),
    )


def test_a_snapshot_holds_no_values_of_parameters_no_persons_and_no_ids_of_records(
    world: World,
) -> None:
    text = snapshot_text(Snapshot({"main": world.read().section}))

    assert "task_secret_string" in text
    for hidden in ("hidden-value", "123456789012345678", "jdoe", "exl_impl", world.key):
        assert hidden not in text


def test_reading_twice_gives_the_same_text(world: World) -> None:
    first, second = (world.read().section for _ in range(2))

    texts = {snapshot_text(Snapshot({"main": one})) for one in (first, second)}
    assert len(texts) == 1


def test_only_reads_are_sent_and_the_bound_holds(world: World) -> None:
    reading = world.read(most_requests=20)

    received = world.alma.received()
    assert {one.method for one in received} == {"GET"}
    assert len(received) == reading.requests == 20
    assert reading.not_detailed > 10
    # What workflows use comes first.
    assert reading.section.job_lookup.by_id["M44"].content == "BIB_MMS"


def test_the_details_that_the_bound_leaves_out_are_kept_and_completed_later(world: World) -> None:
    first = world.read(most_requests=60).section
    second = world.read(first, most_requests=60)

    def detailed(section: Section) -> set[str]:
        return {job.id for job in section.jobs if job.content}

    assert detailed(first) < detailed(renewed(second.section, first))


def test_lists_that_take_more_requests_than_allowed_end_the_reading(world: World) -> None:
    with pytest.raises(SnapshotTooLarge):
        world.read(most_requests=3)


def test_nothing_is_read_of_the_calls_that_are_reserved(world: World) -> None:
    with pytest.raises(SnapshotPostponed):
        world.read(reserve_calls=10**9)

    assert len(world.alma.received()) == 1


PARTS = {
    "list_jobs": "jobs",
    "list_integration_profiles": "integration_profiles",
    "list_import_profiles": "import_profiles",
}


@pytest.mark.parametrize("call", PARTS)
def test_what_the_key_may_not_read_is_missing_and_stays_as_it_was(world: World, call: str) -> None:
    before = world.read().section
    world.fault(kind="status", status=400, code="UNAUTHORIZED_READ", call=call)

    reading = world.read(before)
    merged = renewed(reading.section, before)

    part = PARTS[call]
    assert reading.section.missing == (part,)
    assert list(reading.refused) == [part]
    assert len(merged.jobs) == len(before.jobs)
    assert len(merged.profiles) == len(before.profiles)


def test_code_tables_that_are_hidden_are_missing(world: World) -> None:
    world.fault(kind="status", status=400, code="40166411", call="get_code_table")

    assert world.read().section.missing == ("categories", "contents", "statuses")


def test_a_key_that_may_read_nothing_is_an_error(world: World) -> None:
    world.fault(kind="status", status=400, code="UNAUTHORIZED", call="read")

    with pytest.raises(AlmaError):
        world.read()


def test_a_hiccup_of_alma_is_waited_for(world: World) -> None:
    world.fault(kind="status", status=503, nth=[2, 5, 6], call="read")

    assert world.read().section.missing == ()


def test_an_outage_of_everything_ends_the_reading_after_its_first_request(world: World) -> None:
    begun = world.clock.now()
    world.fault(kind="status", status=503, call="read")

    with pytest.raises(ResponseLost):
        world.read()

    assert world.clock.now() - begun < timedelta(minutes=1)


def test_an_outage_of_one_list_is_a_missing_part(world: World) -> None:
    world.fault(kind="status", status=500, call="list_import_profiles")

    assert world.read().section.missing == ("import_profiles",)


def test_with_used_only_single_jobs_are_read_only_if_a_step_uses_them(world: World) -> None:
    world.read(used_only=True)

    read = [one.target for one in world.alma.received("get_job")]
    assert len(read) == 3
    assert not world.alma.received("list_instances")


# --- foreign shapes -------------------------------------------------------------------------------


def test_nulls_and_unknown_categories_are_read(steps: Sequence[UsedStep]) -> None:
    scenario = {
        "alma": {"nulls": "legacy"},
        "library": {"jobs": [{"id": "M70001", "name": "Odd", "category": "NEVER_HEARD_OF"}]},
    }

    section = World(steps, scenario).read().section

    assert section.job_lookup.by_id["M70001"].category == "NEVER_HEARD_OF"


ODD: dict[str, Any] = {
    "/conf/general": {"institution": None},
    "/conf/jobs": {
        "total_record_count": 6,
        "job": [
            {"id": "M44", "name": None, "type": None, "category": {"value": "NEW", "desc": ""}},
            {"id": "M45"},
            {"id": "M46", "name": "A", "type": "MANUAL", "category": [], "content": 5},
            {"id": "S1", "name": "S", "related_profile": {"value": None}, "schedule": {}},
            {"id": "M47", "name": "\u001b]0;x\u0007 colour", "parameter": [None, {}, {"name": 5}]},
            {"id": "M48", "name": "x" * 100_000, "description": {"value": "d"}},
        ],
    },
    "/conf/integration-profiles": {"integration_profile": {"id": "7", "code": None}},
    "/conf/md-import-profiles": {"total_record_count": 0},
    "/conf/code-tables/systemJobStatus": {"row": [{"code": None}, {"code": "A"}, 5, None]},
    "/conf/code-tables/SetContentType": {"row": None},
    "/conf/jobs/M44/instances": {
        "job_instance": [
            {"id": "1", "status": None, "counter": [None, {"type": None}, {"value": "1"}]},
            {
                "id": "2",
                "status": {"value": "NEVER_SEEN"},
                "counter": [
                    {"type": {"value": "free text about record 990012345670541"}, "value": "1"},
                    {"type": {"value": "mail to anna@example.edu"}, "value": "1"},
                    {"type": {"value": "k", "desc": None}, "value": "3 of 5"},
                    {"type": {"value": "k"}, "value": 4},
                ],
            },
        ]
    },
}


def test_odd_answers_are_read_as_far_as_they_say_something(steps: Sequence[UsedStep]) -> None:
    def answer(method: str, target: str, headers: Any, body: bytes) -> Reply:
        path = target.partition("?")[0].removeprefix("/almaws/v1")
        data = ODD.get(path, {"id": path.rsplit("/", 1)[-1]})
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(data).encode())

    async def main() -> Reading:
        client = AlmaClient("main", InProcessTransport(answer), key="key-of-tests")
        reader = SectionReader(Opened(client), steps, None)
        return await reader.read(await reader.general(), TODAY)

    section = run_virtual(main).section
    text = snapshot_text(Snapshot({"main": section}))

    assert [job.id for job in section.jobs] == ["M44", "M45", "M46", "S1", "M47", "M48"]
    assert section.statuses == {"A": ""}
    assert [(one.key, one.form) for one in section.counters] == [("k", "mixed")]
    assert [one.status for one in section.statuses_seen] == ["NEVER_SEEN"]
    assert all(line.isprintable() for line in text.splitlines())
    assert "990012345670541" not in text
    assert "anna@example.edu" not in text
    assert snapshot_text(read_snapshot_text(text)) == text


# --- the section before ---------------------------------------------------------------------------


def test_the_day_alone_changes_only_every_two_weeks(world: World) -> None:
    section = world.read().section

    soon = renewed(replace(section, taken=TODAY + timedelta(days=13)), section)
    later = renewed(replace(section, taken=TODAY + timedelta(days=14)), section)

    assert (soon.taken, later.taken) == (TODAY, TODAY + timedelta(days=14))


def test_a_change_of_alma_brings_the_day_along(world: World) -> None:
    section = world.read().section
    tomorrow = TODAY + timedelta(days=1)

    changed = renewed(replace(section, jobs=section.jobs[1:], taken=tomorrow), section)

    assert changed.taken == tomorrow


def test_counters_stay_known_while_their_job_exists(world: World) -> None:
    section = world.read().section
    kept = CounterEntry("M44", "rare", "Rare", "text")
    lost = CounterEntry("M99999", "gone", "", "number")
    again = CounterEntry("M18", "again", "", "number")
    earlier = replace(section, counters=(kept, lost, again))
    quiet = replace(section, counters=(replace(again, form="text"),))

    merged = renewed(quiet, earlier)

    assert {(one.key, one.form) for one in merged.counters} == {
        ("rare", "text"),
        ("again", "mixed"),
    }


@pytest.mark.parametrize(
    "change", [{"code": "01XYZ"}, {"environment": "sandbox"}, {"simulated": 1}]
)
def test_nothing_is_kept_of_another_institution(world: World, change: dict[str, Any]) -> None:
    section = world.read().section
    other = replace(section, counters=(CounterEntry("M44", "rare"),), **change)

    assert renewed(section, other) is section
