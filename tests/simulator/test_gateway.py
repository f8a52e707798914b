"""The gateway: keys, formats, quotas, envelopes of errors."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from almaflow.alma.simulator.keys import READ_ONLY
from tests.simulator.world import START, World, error_of

NOT_ALLOWED = "API-key not defined or not configured to allow this API."


def test_a_key_is_taken_from_the_header_or_the_query() -> None:
    world = World()

    by_header = world.ask("GET", "/conf/test")
    by_query = world.alma.handle("GET", f"/almaws/v1/conf/test?apikey={world.key}", {}, b"")
    by_other = world.alma.handle("GET", f"/almaws/v1/conf/test?apiKey={world.key}", {}, b"")

    expected = b"<test>GET - OK - institutionCode: 01MAIN_INST</test>"
    assert (by_header.status, by_header.body) == (200, expected)
    assert (by_query.status, by_query.body) == (200, expected)
    assert (by_other.status, by_other.body) == (200, expected)


@pytest.mark.parametrize("key", ["", "l8xxunknown"])
def test_a_wrong_key_is_answered_in_xml_although_json_was_asked_for(key: str) -> None:
    reply = World().ask("GET", "/conf/jobs", key=key)

    assert reply.status == 400
    assert reply.headers["content-type"] == "application/xml;charset=UTF-8"
    assert error_of(reply) == ("UNAUTHORIZED", NOT_ALLOWED)
    assert "x-exl-api-remaining" not in reply.headers


def test_a_key_that_only_reads_may_not_write() -> None:
    world = World()
    reader = world.alma.add_key("main", rights=READ_ONLY)

    assert world.ask("GET", "/conf/jobs", key=reader).status == 200
    assert world.error("POST", "/conf/test", key=reader) == (400, "UNAUTHORIZED", NOT_ALLOWED)


def test_a_key_is_good_for_its_areas_only() -> None:
    world = World()
    key = world.alma.add_key("main", rights={"analytics": True})

    assert world.code("GET", "/conf/jobs", key=key) == "UNAUTHORIZED"


def test_a_wrong_key_can_be_refused_the_newer_way() -> None:
    world = World({"alma": {"auth_failure": "forbidden"}})

    assert world.error("GET", "/conf/jobs", key="x") == (403, "INVALID_REQUEST", "Invalid API Key")


def test_a_wrong_key_can_be_refused_in_bare_text() -> None:
    reply = World({"alma": {"auth_failure": "plain_text"}}).ask("GET", "/conf/jobs", key="x")

    assert (reply.status, reply.body) == (403, b"Invalid API Key")
    assert reply.headers["content-type"] == "text/plain"


def test_a_key_may_be_chosen_and_institutions_do_not_see_each_other() -> None:
    world = World()
    world.alma.add_institution("branch", code="01XYZ_INST", environment="sandbox", key="l7branch")
    set_id = world.new_set()

    general = world.get("/conf/general", key="l7branch")

    assert general["institution"] == {"value": "01XYZ_INST", "desc": "branch"}
    assert general["environment_type"] == "sandbox"
    assert world.code("GET", f"/conf/sets/{set_id}", key="l7branch") == "60107"
    assert world.get("/conf/general")["environment_type"] == "production"


def test_ids_end_in_a_suffix_of_their_institution() -> None:
    world = World()
    for name in ("branch", "archive", "museum"):
        world.alma.add_institution(name)

    suffixes = {world.alma.institution(n).suffix for n in ("main", "branch", "archive", "museum")}

    assert len(suffixes) == 4
    set_id = world.new_set()
    assert set_id.endswith(f"000{world.main.suffix}")
    assert {len(world.new_set(f"set {i}")) for i in range(20)} == {16, 17}


@pytest.mark.parametrize(
    ("accept", "query", "is_json"),
    [
        (None, "", False),
        ("*/*", "", False),
        ("application/json", "", True),
        ("application/xml", "", False),
        ("application/xml;q=0.5, application/json", "", True),
        ("application/xml, application/json;q=0.9", "", False),
        ("application/json;q=x", "", True),
        ("application/json;q=1.1.1", "", True),
        ("application/xml", "?format=json", True),
        ("application/json", "?format=xml", False),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str | None, query: str, is_json: bool) -> None:
    reply = World().ask("GET", f"/conf/general{query}", accept=accept)

    assert reply.body.startswith(b"{" if is_json else b"<?xml")
    kind = "json" if is_json else "xml"
    assert reply.headers["content-type"] == f"application/{kind};charset=UTF-8"


def test_every_answer_has_the_headers_of_the_gateway() -> None:
    reply = World().ask("GET", "/conf/general")

    assert reply.headers["server"] == "Layer7-API-Gateway"
    assert reply.headers["date"] == "Mon, 02 Mar 2026 08:15:00 GMT"
    assert reply.headers["x-exl-api-remaining"] == "299999"
    assert len(reply.headers["x-request-id"]) == 16


def test_an_unknown_path_has_the_envelope_of_the_framework() -> None:
    reply = World().ask("GET", "/conf/nothing")

    assert reply.status == 404
    assert json.loads(reply.body) == {
        "web_service_result": {
            "errorsExist": True,
            "errorList": {
                "error": {
                    "errorCode": "NOT_FOUND",
                    "errorMessage": "The requested resource was not found.",
                    "trackingId": "unknown",
                }
            },
        }
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/conf/jobs/M44/instances"),
        ("PATCH", "/conf/sets/1"),
        ("GET", "/conf/jobs/a/b/c/d"),
    ],
)
def test_what_alma_does_not_offer_is_not_found(method: str, path: str) -> None:
    assert World().error(method, path, {}, accept="application/xml")[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize("target", ["/other", "//[", "", "/almaws/v1/conf/jobs?limit=\ud800"])
def test_targets_that_make_no_sense_are_answered(target: str) -> None:
    world = World()

    reply = world.alma.handle("GET", target, {"authorization": f"apikey {world.key}"}, b"")

    assert reply.status in (400, 404)


def test_an_application_error_lists_code_message_and_tracking_id() -> None:
    reply = World().ask("GET", "/conf/jobs/M1")

    data = json.loads(reply.body)
    assert data["errorsExist"] is True
    (error,) = data["errorList"]["error"]
    assert (error["errorCode"], error["errorMessage"]) == ("402216", "Invalid job id.")
    assert error["trackingId"].startswith("E01-0203081500-")
    assert "result" not in data


def test_older_answers_carry_nulls() -> None:
    world = World({"alma": {"nulls": "legacy"}})

    error = json.loads(world.ask("GET", "/conf/jobs/M1").body)
    job = world.get("/conf/jobs/M44")
    run = world.run(world.submit("M48", set_id=world.new_set(members=1)))

    assert error["result"] is None
    assert b"<result/>" in world.ask("GET", "/conf/jobs/M1", accept=None).body
    assert (job["parameter"], job["next_run"]) == (None, None)
    assert (run["end_time"], run["counter"]) == (None, None)
    assert world.xml("GET", "/conf/jobs/M44").find("parameter") is None


def test_links_may_be_relative_as_in_older_proxies() -> None:
    world = World({"alma": {"links": "relative"}})

    assert world.get("/conf/jobs/M44")["link"] == "/almaws/v1/conf/jobs/M44"


def test_an_institution_that_exists_is_not_founded_again() -> None:
    world = World()
    world.new_set("mine")

    key = world.alma.add_institution("main")

    assert key != world.key
    assert world.get("/conf/sets?q=name~mine", key=key)["total_record_count"] == 1


def test_many_institutions_have_suffixes_of_their_own() -> None:
    world = World()
    names = [f"library {i}" for i in range(150)]

    for name in names:
        world.alma.add_institution(name)

    assert len({world.alma.institution(name).suffix for name in names}) == 150
    assert world.alma.scenario.alma.running_jobs == 3


# --- quotas ---------------------------------------------------------------------------------------


def test_the_51st_call_within_a_second_is_refused_and_not_processed() -> None:
    world = World()
    for _ in range(50):
        assert world.ask("GET", "/conf/test").status == 200

    refused = world.ask("POST", "/conf/sets", {"name": "x"})

    assert refused.status == 429
    assert error_of(refused)[0] == "PER_SECOND_THRESHOLD"
    assert refused.headers["content-type"].startswith("application/xml")
    world.wait(seconds=1)
    assert world.ask("GET", "/conf/test").status == 200


def test_a_sandbox_allows_ten_calls_a_second() -> None:
    world = World(environment="sandbox")

    statuses = [world.ask("GET", "/conf/test").status for _ in range(11)]

    assert statuses == [200] * 10 + [429]


def test_the_calls_of_a_minute_are_bounded() -> None:
    world = World({"alma": {"calls_per_minute": 30, "throttle_status": 400}})
    statuses = []
    for _ in range(31):
        statuses.append(world.ask("GET", "/conf/test").status)
        world.wait(seconds=1)

    assert statuses == [200] * 30 + [400]
    world.wait(seconds=29)
    assert world.ask("GET", "/conf/test").status == 200


def test_the_calls_of_a_day_come_back_at_midnight() -> None:
    world = World({"alma": {"calls_per_day": 2}})
    remaining = [world.ask("GET", "/conf/test").headers["x-exl-api-remaining"] for _ in range(2)]

    assert remaining == ["1", "0"]
    assert world.error("GET", "/conf/test")[:2] == (429, "DAILY_THRESHOLD")
    world.now = START.replace(hour=0, minute=0) + timedelta(days=1)
    assert world.ask("GET", "/conf/test").status == 200


def test_latency_is_told_and_not_slept() -> None:
    assert World({"alma": {"latency": "2s"}}).ask("GET", "/conf/test").delay == 2.0
    assert World().ask("GET", "/conf/test").delay == 0.0


# --- truth ----------------------------------------------------------------------------------------


def test_requests_are_remembered() -> None:
    world = World()
    world.ask("GET", "/conf/jobs/M44")
    world.ask("GET", "/conf/nothing", key="wrong")

    (first, second) = world.alma.received()

    assert (first.call, first.institution, first.status) == ("get_job", "main", 200)
    assert (second.call, second.institution, second.status) == ("", "", 400)
    assert world.alma.received("get_job") == [first]


def test_the_same_seed_and_requests_give_the_same_answers() -> None:
    def play() -> list[bytes]:
        world = World()
        instance = world.submit("M48", set_id=world.new_set(members=3))
        world.wait(minutes=10)
        return [world.ask("GET", f"/conf/jobs/ALL/instances/{instance}").body, world.key.encode()]

    assert play() == play()


def test_the_simulator_imports_nothing_else_of_almaflow() -> None:
    script = (
        "import sys, almaflow.alma.simulator.http\n"
        "print(*sorted(m for m in sys.modules if m.startswith('almaflow')))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()

    foreign = {name for name in loaded if not name.startswith("almaflow.alma.simulator")}
    assert foreign == {"almaflow", "almaflow.alma"}


def test_objects_in_json_begin_with_their_id_and_end_with_their_link() -> None:
    """As in the captures of 2025 (alma-api.md 2)."""
    world = World()
    world.submit("M48", set_id=world.new_set())
    paths = ("/conf/jobs/M44", "/conf/sets", "/conf/jobs/M48/instances", "/conf/libraries")

    def check(value: Any) -> None:
        if isinstance(value, list):
            list(map(check, value))
        elif isinstance(value, dict):
            names = list(value)
            assert "id" not in names[1:]
            assert "link" not in names[:-1]
            list(map(check, value.values()))

    for path in paths:
        answer = world.get(path)
        assert '"link"' in json.dumps(answer)
        check(answer)


def test_quotas_may_keep_to_another_clock_than_the_simulated_one() -> None:
    world = World()
    real = [START]
    world.alma.quota_clock = lambda: real[0]
    for _ in range(50):
        assert world.ask("GET", "/conf/test").status == 200
        world.wait(minutes=1)

    assert world.ask("GET", "/conf/test").status == 429
    real[0] += timedelta(seconds=1)
    assert world.ask("GET", "/conf/test").status == 200
