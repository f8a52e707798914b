"""Scenarios and requests that would have no end: refused with the place, or bounded."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from almaflow.alma.simulator import api_profiles, made_up, parse_scenario
from tests.simulator.world import World

TOO_MUCH: list[tuple[dict[str, Any], str]] = [
    ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
    ({"starts_at": "9999-12-31T23:59:59-12:00"}, "starts_at"),
    ({"jobs": [{"job": "M44", "duration": "999999d"}]}, "jobs.0.duration"),
    ({"jobs": [{"job": "M44"}] * 1001}, "jobs"),
    ({"jobs": [{"job": "M44", "nth": 10**30}]}, "jobs.0.nth.0"),
    ({"jobs": [{"job": "M44", "outcomes": ["x" * 2001]}]}, "jobs.0.outcomes.0"),
    ({"members": [{"set": "*", "count": 10_000_001}]}, "members.0.count"),
    ({"sets": [{"name": "x", "members": 10**12}]}, "sets.0.members.constrained-int"),
    ({"sets": [{"name": "x", "created": "0001-01-01T00:00:00+14:00"}]}, "sets.0.created"),
    ({"library": {"import_profiles": [{"name": "x", "records": 10**9}]}}, "library.import_"),
    ({"faults": [{"kind": "reset", "from": "9999-12-31T00:00:00Z"}]}, "faults.0.from"),
    ({"files": [{"name": "../x"}]}, "files.0.name"),
    ({"files": [{"name": ".."}]}, "files.0.name"),
    ({"files": [{"name": "a\x00b"}]}, "files.0.name"),
    ({"alma": {"speed": 1e-300}}, "alma.speed"),
    ({"alma": {"speed": "inf"}}, "alma.speed"),
    ({"alma": {"calls_per_day": 10**400}}, "alma.calls_per_day"),
    ({"alma": {"base_url": "https://["}}, "alma.base_url"),
    ({"alma": {"base_url": "no address"}}, "alma.base_url"),
]


@pytest.mark.parametrize(
    ("data", "place"), TOO_MUCH, ids=[f"{p}-{i}" for i, (_, p) in enumerate(TOO_MUCH)]
)
def test_what_has_no_bound_is_refused_at_its_place(data: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_scenario(data)

    places = [".".join(map(str, error["loc"])) for error in caught.value.errors()]
    assert any(found.startswith(place) for found in places), places


def test_others_start_ten_thousand_runs_and_no_more() -> None:
    world = World({"other_runs": [{"job": "M44", "at": "1950-01-01T00:00:00Z", "every": "1s"}]})

    assert len(world.alma.instances("M44")) == 10_000


@pytest.mark.parametrize("start", ["1900-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
def test_the_longest_durations_stay_in_the_calendar(start: str) -> None:
    longest = "36500d"
    rule = {"job": "*", "stays_pending": longest, "counter_lag": longest, "duration": longest}
    world = World(
        {
            "jobs": [rule],
            "other_runs": [{"job": "M58", "at": start, "every": longest}],
            "alma": {"speed": 0.001},
        }
    )

    assert world.json("GET", "/conf/jobs/M58/instances")["total_record_count"] >= 0


def test_counters_with_absurd_numbers_are_texts() -> None:
    counters = [{"type": "x", "value": "name"}, {"type": "y", "value": "9" * 1900}]
    world = World(
        {
            "jobs": [{"job": "M58", "duration": "1m", "counters": counters}],
            "other_runs": [{"job": "M58", "at": "1m"}],
        }
    )
    world.wait(minutes=3)

    assert "name" in world.alma.sets()


def test_an_import_without_records_fails_with_none() -> None:
    world = World(
        {
            "jobs": [{"job": "*", "duration": "1m", "outcomes": "COMPLETED_WARNING"}],
            "library": {"import_profiles": [{"name": "x", "id": "1", "records": 0}]},
        }
    )
    job = world.json("GET", "/conf/md-import-profiles/1")["job_id"]["value"]
    started = world.json("POST", f"/conf/jobs/{job}?op=run", {"parameter": []})
    world.wait(minutes=3)
    instance = started["additional_info"]["link"].rpartition("/")[2]

    shown = world.json("GET", f"/conf/jobs/{job}/instances/{instance}")

    assert {action["members"] for action in shown["action"]} == {0}


def test_profiles_of_two_kinds_with_one_id_keep_their_jobs() -> None:
    world = World(
        {
            "library": {
                "integration_profiles": [
                    {"code": "A", "id": "7", "type": "USER"},
                    {"code": "A", "id": "8", "type": "USER"},
                ],
                "import_profiles": [{"name": "x", "id": "7"}],
            }
        }
    )

    assert world.ask("POST", "/conf/md-import-profiles/7?op=run").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "\\ud800", "type": {"value": "ITEMIZED"}, "content": {"value": "ITEM"}}',
        b'{"name": ' + b'{"value": ' * 300 + b"1" + b"}" * 301,
        b'{"type": {"value": ' + b"[" * 300 + b"]" * 300 + b"}}",
        b"<set><name>" + b"<value>" * 300 + b"</value>" * 300 + b"</name></set>",
    ],
)
def test_what_is_no_text_or_too_deep_is_refused(body: bytes) -> None:
    kind = "application/json" if body.startswith(b"{") else "application/xml"
    reply = World().ask("POST", "/conf/sets", body, **{"Content-Type": kind})

    assert reply.status == 400
    assert b"BAD_REQUEST" in reply.body


@pytest.mark.parametrize("limit", ["9" * 5000, "\u0665\u0665", "-1"])
def test_a_limit_of_a_report_that_is_no_number_is_refused(limit: str) -> None:
    world = World({"reports": [{"path": "/r", "columns": ["A"]}]})

    assert world.ask("GET", f"/analytics/reports?path=/r&limit={limit}").status in (200, 400)


@pytest.mark.slow  # ten thousand institutions
def test_more_institutions_than_there_are_suffixes_of_four_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("almaflow.alma.simulator.alma.furnish", lambda institution: None)
    world = World()

    for number in range(9002):
        world.alma.add_institution(f"library {number}")

    suffixes = {one.suffix for one in world.alma._institutions.values()}
    assert len(suffixes) == 9003
    assert sum(len(suffix) == 4 for suffix in suffixes) == 9000


def test_the_reports_that_are_read_longest_ago_are_forgotten() -> None:
    world = World({"reports": [{"path": "/r", "columns": ["A"], "rows": [["1"]] * 50}]})
    for number in range(1500):
        world.main.keep_report_token(f"t{number}", "/r", 25)
    world.main.keep_report_token("t500", "/r", 25)
    world.main.keep_report_token("new", "/r", 25)

    assert len(world.main.report_tokens) == 1000
    assert world.ask("GET", "/analytics/reports?token=t500&limit=25").status == 200
    assert world.ask("GET", "/analytics/reports?token=t501&limit=25").status == 400


@pytest.mark.parametrize(
    ("method", "path", "kept"),
    [
        ("POST", "/conf/integration-profiles", "integration_profiles"),
        ("GET", "/conf/jobs/M{}", "jobs"),
        ("GET", "/conf/sets/{}", "sets"),
    ],
)
def test_callers_make_things_up_to_a_number(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str, kept: str
) -> None:
    most = len(getattr(World().main, kept)) + 2
    for module in (api_profiles, made_up):
        monkeypatch.setattr(module, "MOST_KEPT", most)
    world = World({"everything_exists": True})
    body = {"code": "X", "name": "x", "type": {"value": "AUTHENTICATION"}}

    statuses = [
        world.ask(method, path.format(99900 + number), body if method == "POST" else None).status
        for number in range(4)
    ]

    assert statuses == [200, 200, 400, 400]
    assert len(getattr(world.main, kept)) == most


def test_requests_are_remembered_up_to_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("almaflow.alma.simulator.received._REMEMBERED_BYTES", 10_000)
    world = World()

    for letter in "abcdef":
        world.ask("POST", "/conf/test", letter * 3000)

    assert [one.body[:1] for one in world.alma.received()] == [b"d", b"e", b"f"]
