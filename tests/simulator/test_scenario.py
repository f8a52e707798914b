"""Scenario files: what they may say, and how mistakes are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from almaflow.alma.simulator import Scenario, parse_scenario
from almaflow.alma.simulator.router import _TABLE
from almaflow.alma.simulator.scenario import CALLS
from almaflow.alma.simulator.scenario_fields import Moment, fits
from tests.simulator.world import World

RICH: dict[str, Any] = {
    "description": "everything at once",
    "starts_at": "2026-03-02T01:00:00Z",
    "jobs": [
        {"job": "M44", "duration": "1h30m", "outcomes": ["FAILED"], "counters": {"a": 1}},
        {"job": "M48", "nth": 2, "counters": [{"type": "t", "desc": "d", "value": "x"}]},
        {"job": "*", "stays_pending": "5m", "progress": "stuck", "refuse": "402222"},
    ],
    "sets": [{"name": "Weeding list", "content": "ITEM", "members": 25}],
    "library": {"jobs": [{"id": "M999", "name": "My job"}], "import_profiles": [{"name": "x"}]},
    "members": [{"query": "ITEM where *", "count": 3}],
    "faults": [{"kind": "status", "call": "submit", "nth": [1, 2], "from": "02:00", "for": "10m"}],
    "other_runs": [{"job": "M44", "at": "10m", "every": "1h"}],
    "approvals": {"sign": "yes", "check": {"answer": False, "comment": "no"}},
    "files": [{"name": "out.csv", "content": "a,b", "at": "2h"}],
    "reports": [{"path": "/shared/x", "columns": ["A"], "rows": [["1"]]}],
    "alma": {"timezone": "America/New_York", "running_jobs": 2},
}


def problems(data: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        parse_scenario(data)
    return [(".".join(map(str, e["loc"])), e["msg"]) for e in caught.value.errors()]


def test_a_rich_scenario_is_understood() -> None:
    scenario = parse_scenario(RICH)

    assert scenario.starts_at == datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert scenario.jobs[0].duration == timedelta(hours=1, minutes=30)
    assert scenario.jobs[2].stays_pending == timedelta(minutes=5)
    assert [line.value for line in scenario.jobs[0].counters or ()] == ["1"]
    assert scenario.approvals["sign"].answer is True
    assert (scenario.approvals["check"].answer, scenario.approvals["check"].comment) == (
        False,
        "no",
    )
    assert scenario.files[0].content == "a,b"


def test_nothing_is_a_scenario_where_all_goes_well() -> None:
    assert parse_scenario(None) == parse_scenario({}) == Scenario()


def test_the_schema_accepts_what_the_models_accept() -> None:
    schema = Scenario.model_json_schema()

    jsonschema = import_module("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(RICH, schema)
    assert schema["properties"]["faults"]["description"] == "Faults of calls to Alma."


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        ({"job": []}, "job", "Extra inputs are not permitted"),
        (
            {"jobs": [{"job": "M44", "duration": "an hour"}]},
            "jobs.0.duration",
            "an hour is not a valid duration; write 90s, 10m, 4h, 2d or 1h30m",
        ),
        (
            {"jobs": [{"job": "M44", "duration": "99999999d"}]},
            "jobs.0.duration",
            "99999999d is not a valid duration; write 90s, 10m, 4h, 2d or 1h30m",
        ),
        (
            {"jobs": [{"job": "M44", "counter_lag": ""}]},
            "jobs.0.counter_lag",
            "Nothing is not a valid duration; write 90s, 10m, 4h, 2d or 1h30m",
        ),
        (
            {"faults": [{"kind": "status", "from": "2 o'clock"}]},
            "faults.0.from",
            "2 o'clock is not a valid point in time; write a time of day (02:00), a time after the "
            "start of the simulation (1h30m) or before it (-3d), or a date and time "
            "(2026-03-02T01:00:00Z)",
        ),
        ({"alma": {"timezone": "Mars"}}, "alma.timezone", None),
        (
            {"starts_at": "2026-03-02T01:00:00"},
            "starts_at",
            "Input should have timezone info",
        ),
        ({"members": [{"count": 1}]}, "members.0", None),
        ({"faults": [{"kind": "status", "call": "submitt"}]}, "faults.0.call", None),
        ({"faults": [{"kind": "explode"}]}, "faults.0.kind", None),
        ({"other_runs": [{"job": "M44", "at": "1h", "every": "0s"}]}, "other_runs.0.every", None),
        ({"library": {"jobs": [{"id": "44", "name": "x"}]}}, "library.jobs.0.id", None),
        ([], "", None),
    ],
)
def test_mistakes_are_told_with_their_place(data: Any, place: str, message: str | None) -> None:
    ((found, text),) = problems(data)

    assert found == place
    assert message in (None, text)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems({"jobs": [{}], "sets": [{}], "x": 1})) == 3


@dataclass(frozen=True)
class AsWritten:
    """A value that knows its characters, as a YAML reader may hand it over."""

    text: str
    value: Any


def test_values_that_know_their_characters_keep_them() -> None:
    data = {
        "sets": [{"id": AsWritten("0012", 12), "name": AsWritten("true", True)}],
        "members": [{"set": "x", "count": AsWritten("7", 7)}],
        "description": AsWritten("1e3", 1000.0),
        "starts_at": AsWritten("", None),
        "approvals": {"a": AsWritten("no", "no")},
    }

    scenario = parse_scenario(data)

    assert (scenario.sets[0].id, scenario.sets[0].name) == ("0012", "true")
    assert scenario.members[0].count == 7
    assert (scenario.description, scenario.starts_at) == ("1e3", None)
    assert scenario.approvals["a"].answer is False


def test_numbers_are_texts_where_texts_are_meant() -> None:
    scenario = parse_scenario({"sets": [{"id": 12345678901234567, "name": 2026}]})

    assert (scenario.sets[0].id, scenario.sets[0].name) == ("12345678901234567", "2026")


def test_every_call_of_the_router_can_be_named() -> None:
    groups = {"any", "read", "write", "add_members", "delete_members", "replace_members"}

    assert set(CALLS) == {name for _, _, name, _ in _TABLE} | groups


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("M4*", "M44", True),
        ("M4?", "M4", False),
        ("ITEM where ((a [b*", "ITEM where ((a [b] c\nd", True),
        ("m44", "M44", False),
        ("", "", True),
    ],
)
def test_patterns_know_two_special_characters(pattern: str, text: str, expected: bool) -> None:
    assert fits(pattern, text) is expected


def test_a_moment_is_read_again_as_it_is() -> None:
    moment = Moment(since_start=timedelta(hours=1))
    instant = datetime(2026, 3, 2, 1, tzinfo=UTC)

    scenario = parse_scenario(
        {"other_runs": [{"job": "x", "at": moment}, {"job": "y", "at": instant}]}
    )

    assert scenario.other_runs[0].at is moment
    assert scenario.other_runs[1].at.instant == instant


def test_the_first_local_time_after_the_start_may_be_tomorrow() -> None:
    start, zone = datetime(2026, 3, 28, 12, tzinfo=UTC), ZoneInfo("Europe/Zurich")
    (other,) = parse_scenario({"other_runs": [{"job": "x", "at": "9:30"}]}).other_runs

    # Clocks go forward that night: 09:30 is 07:30 UTC, not 08:30.
    assert other.at.first(start, zone) == datetime(2026, 3, 29, 7, 30, tzinfo=UTC)


# --- furnishing -----------------------------------------------------------------------------------


def test_members_are_counted_as_the_scenario_says() -> None:
    rules = [
        {"query": "ITEM where*", "set": "special*", "count": 1},
        {"query": "ITEM where*", "count": 2},
        {"set": "Conservation*", "count": 3},
        {"query": "*", "count": 4, "institution": "branch"},
    ]
    world = World({"members": rules})
    query = {"value": 'ITEM where ITEM ((a EQUAL "1"))'}
    body = {"type": {"value": "LOGICAL"}, "content": {"value": "ITEM"}, "query": query}

    special = world.json("POST", "/conf/sets", {**body, "name": "special one"})
    other = world.json("POST", "/conf/sets", {**body, "name": "other one"})

    assert special["number_of_members"]["value"] == 1
    assert other["number_of_members"]["value"] == 2
    assert world.alma.sets()["Conservation items"] == 2
    assert world.alma.sets()["Reserve collection"] == 64


def test_further_sets_stand_beside_or_in_place_of_the_built_in_ones() -> None:
    sets = [
        {"name": "Weeding list", "content": "ITEM", "members": ["1", "2"], "created": "1h"},
        {"name": "Conservation items", "id": "42", "content": "ITEM", "members": 5},
        {"name": "A query", "query": "x", "members": 9, "created_by": "exl_api", "private": True},
        {"name": "elsewhere", "institution": "branch"},
    ]
    world = World({"sets": sets})

    found = world.alma.sets()

    assert (found["Weeding list"], found["Conservation items"], found["A query"]) == (2, 5, 9)
    assert "elsewhere" not in found
    assert world.get("/conf/sets/42")["created_by"]["value"] == "exl_impl"
    listed = world.get("/conf/sets?q=name~weeding_list")["set"][0]
    assert listed["created_date"] == "2026-03-02T09:15:00.000Z"


def test_further_jobs_and_profiles_stand_beside_or_in_place_of_the_built_in_ones() -> None:
    library = {
        "jobs": [
            {"id": "M999", "name": "My job", "content": "ITEM", "mandatory": "x", "duration": "1h"},
            {"id": "M998", "name": "Two tasks", "tasks": 2},
            {"id": "S7", "name": "Publishing by hand"},
            {"id": "O9", "name": "elsewhere", "institution": "branch"},
        ],
        "integration_profiles": [
            {"code": "SIS_LIVE", "type": "USER", "name": "New students", "id": "77"},
            {"code": "ROBOT", "jobs": ["Send Requests to Remote Storage robot"]},
            {"code": "HOOKS", "type": "WEBHOOKS", "jobs": "Ping"},
            {"code": "ELSEWHERE", "institution": "branch"},
        ],
        "import_profiles": [
            {"name": "OCLC WorldShare updates", "records": 8},
            {"name": "elsewhere", "institution": "branch"},
        ],
        "publishing_profiles": [
            {"name": "Union catalogue", "id": "55"},
            {"name": "elsewhere", "institution": "branch"},
        ],
    }
    world = World({"library": library})

    def jobs_of(code: str) -> list[str]:
        (profile,) = world.get(f"/conf/integration-profiles?q=code~{code}")["integration_profile"]
        jobs = world.get(f"/conf/jobs?profile_id={profile['id']}").get("job", [])
        return [job["name"] for job in jobs]

    assert jobs_of("SIS_LIVE")[1] == "SIS Import using profile New students"
    assert jobs_of("ROBOT") == ["Send Requests to Remote Storage robot"]
    assert jobs_of("HOOKS") == ["Ping"]
    assert world.get("/conf/jobs?profile_id=55")["job"][0]["name"] == (
        "Publishing Platform Job Union catalogue"
    )
    assert world.get("/conf/md-import-profiles")["total_record_count"] == 4
    run = world.submit(world.job_named("Metadata Import using profile OCLC"))
    world.submit("S7")
    assert world.code("GET", "/conf/jobs/O9") == "402216"
    names = [job.name for job in world.main.jobs.values()]
    assert "SIS Import using profile Student Information System" not in names
    body = {"parameter": [{"name": {"value": "set_id"}, "value": "1"}]}
    assert world.error("POST", "/conf/jobs/M999?op=run", body)[2].endswith("from input. x")
    assert world.code("POST", "/conf/jobs/M998?op=run", body) == "402231"
    world.wait(hours=1)
    assert world.counters(run)[0] == "8"
