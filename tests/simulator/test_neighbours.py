"""What other clients read beside jobs and sets, in both formats through HTTP."""

from __future__ import annotations

import pytest
from defusedxml.ElementTree import fromstring

from almaflow.alma.simulator.furnish import add_past_runs
from almaflow.alma.simulator.keys import READ_ONLY
from tests.simulator.served import Served
from tests.simulator.world import World

LISTS = {
    "libraries": ("libraries", "library"),
    "libraries/MAIN/locations": ("locations", "location"),
    "libraries/MAIN/circ-desks": ("circ_desks", "circ_desk"),
    "departments": ("departments", "department"),
    "letters": ("letters", "letter"),
    "mapping-tables": ("mapping_tables", "mapping_table"),
    "reminders": ("reminders", "reminder"),
    "deposit-profiles": ("deposit_profiles", "deposit_profile"),
}


@pytest.mark.parametrize("path", LISTS)
def test_lists_answer_in_both_formats(served: Served, path: str) -> None:
    root, name = LISTS[path]
    url = f"/almaws/v1/conf/{path}"

    data = served.get(url, headers={"Accept": "application/json"}).json()
    element = fromstring(served.get(url, headers={"Accept": "application/xml"}).content)

    assert element.tag == root
    assert int(element.attrib["total_record_count"]) == data["total_record_count"]
    assert len(element.findall(name)) == len(data.get(name, [])) == data["total_record_count"]
    assert (name in data) == (data["total_record_count"] > 0)


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("libraries/MAIN", "library"),
        ("libraries/MAIN/locations/STACKS", "location"),
        ("letters/HoldShelfLetter", "letter"),
        ("mapping-tables/OtherSettings", "mapping_table"),
    ],
)
def test_single_objects_answer_in_both_formats(served: Served, path: str, root: str) -> None:
    url = f"/almaws/v1/conf/{path}"

    data = served.get(url, headers={"Accept": "application/json"}).json()
    element = fromstring(served.get(url, headers={"Accept": "application/xml"}).content)

    assert element.tag == root
    assert element.findtext("name") == data["name"]
    assert element.attrib["link"] == data["link"] == served.server.url + url


@pytest.mark.parametrize(
    "path", ["libraries/X", "libraries/X/locations", "libraries/MAIN/locations/X", "letters/X"]
)
def test_what_does_not_exist_is_refused(path: str) -> None:
    assert World().code("GET", f"/conf/{path}") == "402119"


def test_open_hours_cover_a_week_in_both_formats() -> None:
    world = World()

    days = world.get("/conf/libraries/MAIN/open-hours")["day"]
    root = world.xml("GET", "/conf/libraries/MAIN/open-hours")

    assert [days[0]["date"], len(days)] == ["2026-03-02Z", 7]
    assert [day.findtext("date") for day in root] == [day["date"] for day in days]
    assert root.findtext("day/hours/hour/from") == "08:00"


@pytest.mark.parametrize("path", ["bibs/test", "users/operation/test"])
def test_keys_are_tested_for_other_areas(served: Served, path: str) -> None:
    alma = served.world.alma
    narrow = alma.add_key("main", rights={"conf": True})
    reading = alma.add_key("main", rights=READ_ONLY)

    assert b"GET - OK - institutionCode: 01MAIN_INST" in served.get(f"/almaws/v1/{path}").content
    assert served.world.ask("POST", f"/{path}").body == b"<test>POST - OK</test>"
    assert served.world.code("GET", f"/{path}", key=narrow) == "UNAUTHORIZED"
    assert served.world.code("POST", f"/{path}", key=reading) == "UNAUTHORIZED"


def test_the_paths_of_analytics_are_listed_folder_by_folder() -> None:
    report = {"path": "/shared/Mine/Weeding", "columns": ["A"]}
    world = World({"reports": [report]})

    assert world.get("/analytics/paths")["path"] == [{"value": "/shared", "type": "Folder"}]
    inside = world.get("/analytics/paths/%2Fshared%2FMine")["path"]
    assert inside == [{"value": "/shared/Mine/Weeding", "type": "Report"}]
    assert world.xml("GET", "/analytics/paths/shared").findtext("path/value") == "/shared/Mine"
    assert world.code("GET", "/analytics/paths/other") == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize("as_xml", [False, True])
def test_integration_profiles_are_made_changed_and_deleted(as_xml: bool) -> None:
    world, path = World(), "/conf/integration-profiles"
    body = {"code": "NEW", "name": "New depot", "type": {"value": "REMOTE_STORAGE"}}
    text = (
        "<integration_profile><code>NEW</code><name>New depot</name>"
        "<type>REMOTE_STORAGE</type></integration_profile>"
    )

    made = world.json("POST", path, text if as_xml else body)
    jobs = world.get(f"/conf/jobs?profile_id={made['id']}")
    changed = world.json("PUT", f"{path}/{made['id']}", {"name": "Other"})
    deleted = world.ask("DELETE", f"{path}/{made['id']}")

    assert (made["code"], jobs["total_record_count"]) == ("NEW", 2)
    assert (changed["name"], changed["code"]) == ("Other", "NEW")
    assert (deleted.status, deleted.body) == (204, b"")
    assert world.code("GET", f"{path}/{made['id']}") == "60304"
    assert world.get(f"/conf/jobs?profile_id={made['id']}")["total_record_count"] == 0
    assert world.code("POST", path, {"name": "x"}) == "402228"
    assert world.code("POST", path, {"code": "x", "type": {"value": "X"}}) == "40166404"


def test_common_jobs_have_past_runs_that_have_ended() -> None:
    world = World()
    add_past_runs(world.main)

    found = world.get("/conf/jobs/M44/instances?limit=100")

    assert found["total_record_count"] > 20
    assert {run["status"]["value"] for run in found["job_instance"]} == {"COMPLETED_SUCCESS"}


def test_there_is_no_hosted_workflow() -> None:
    assert World().code("POST", "/conf/workflows/1", {}) == "450001"
