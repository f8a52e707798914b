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
    "printers": ("printers", "printer"),
    "license-terms": ("license_terms", "license_term"),
    "utilities/fee-transactions": ("fees", "fee"),
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
    ("path", "code"),
    [
        ("libraries/X", "402119"),
        ("libraries/X/locations", "402119"),
        ("libraries/MAIN/locations/X", "402119"),
        ("libraries/MAIN/circ-desks/X", "402119"),
        ("letters/X", "60344"),
        ("reminders/1", "60177"),
        ("license-terms/X", "403400"),
        ("mapping-tables/X", "40166411"),
        ("code-tables/X", "40166411"),
        ("relations", "40166413"),
        ("open-hours?scope=X", "402119"),
    ],
)
def test_what_does_not_exist_is_refused(path: str, code: str) -> None:
    assert World().code("GET", f"/conf/{path}") == code


def test_every_library_exists_where_everything_does() -> None:
    world = World({"everything_exists": True})

    assert world.get("/conf/libraries/B7/locations")["total_record_count"] == 1
    assert world.get("/conf/libraries/B7")["code"] == "B7"
    assert world.get("/conf/libraries/B7/locations/SHELF")["code"] == "SHELF"
    assert world.get("/conf/libraries/B8/circ-desks/DESK")["code"] == "DESK"
    assert world.get("/conf/code-tables/AnyTable")["row"][0]["code"] == "DEFAULT"


def test_a_scenario_adds_libraries_with_what_is_in_them() -> None:
    library = {
        "code": "A100",
        "name": "Old Town",
        "locations": [{"code": "FH", "name": "Reading room"}, {"code": "MAG"}],
        "desks": [{"code": "KUR"}],
        "departments": [{"code": "ACQ-A", "type": "Other"}],
    }
    world = World({"library": {"libraries": [library]}})

    assert world.get("/conf/libraries/A100")["name"] == "Old Town"
    assert world.get("/conf/libraries")["total_record_count"] == 4
    assert world.get("/conf/libraries/A100/locations/MAG")["name"] == "MAG"
    desk = world.get("/conf/libraries/A100/circ-desks/KUR")
    assert [one["location_code"] for one in desk["location"]] == ["FH", "MAG"]
    owned = world.get("/conf/departments?library=A100")["department"]
    assert [(one["code"], one["type"]["value"]) for one in owned] == [("ACQ-A", "Other")]


def test_open_hours_cover_a_week_in_both_formats() -> None:
    world = World()

    days = world.get("/conf/libraries/MAIN/open-hours")["day"]
    root = world.xml("GET", "/conf/libraries/MAIN/open-hours")

    assert [days[0]["date"], len(days)] == ["2026-03-02Z", 7]
    assert [day.findtext("date") for day in root] == [day["date"] for day in days]
    assert root.findtext("day/hours/hour/from") == "08:00"


@pytest.mark.parametrize(
    "path",
    [
        "bibs/test",
        "users/operation/test",
        "analytics/test",
        "acq/test",
        "courses/test",
        "partners/operation/test",
    ],
)
def test_keys_are_tested_for_other_areas(served: Served, path: str) -> None:
    alma = served.world.alma
    narrow = alma.add_key("main", rights={"conf": True})
    reading = alma.add_key("main", rights=READ_ONLY)

    assert b"GET - OK - institutionCode: 01MAIN_INST" in served.get(f"/almaws/v1/{path}").content
    assert served.world.ask("POST", f"/{path}").body == b"<test>POST - OK</test>"
    assert served.world.code("GET", f"/{path}", key=narrow) == "UNAUTHORIZED"
    assert served.world.code("POST", f"/{path}", key=reading) == "UNAUTHORIZED"


def test_the_links_of_analytics_lead_from_folder_to_folder_to_the_report() -> None:
    report = {"path": "/shared/Mine/Sub/Weeding", "columns": ["A"], "rows": [["x"]]}
    other = {"path": "/shared/Mine/Other", "columns": ["A"]}
    world = World({"reports": [report, other], "alma": {"links": "relative"}})

    path, kinds = "/analytics/paths", []
    while path.startswith("/analytics/paths"):
        entry = world.get(path)["path"][0]
        kinds.append((entry["value"], entry["type"]))
        path = entry["link"].removeprefix("/almaws/v1")

    assert kinds == [
        ("shared", "folder"),
        ("Mine", "folder"),
        ("Sub", "folder"),
        ("Weeding", "report"),
    ]
    assert world.xml("GET", path).findtext("QueryResult/IsFinished") == "true"


@pytest.mark.parametrize("folder", ["%2Fshared%2FMine", "shared/Mine", "/shared/Mine/"])
def test_a_folder_of_analytics_may_be_written_as_it_is_or_encoded(folder: str) -> None:
    world = World({"reports": [{"path": "/shared/Mine/Weeding", "columns": ["A"]}]})

    found = world.get(f"/analytics/paths/{folder}")["path"]
    element = world.xml("GET", f"/analytics/paths/{folder}")[0]

    assert [(one["value"], one["type"]) for one in found] == [("Weeding", "report")]
    assert (element.tag, element.text, element.attrib["type"]) == ("path", "Weeding", "report")
    assert world.code("GET", "/analytics/paths/other") == "90109"


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


@pytest.mark.parametrize("as_xml", [False, True])
def test_reminders_are_made_found_changed_and_deleted(as_xml: bool) -> None:
    world, path = World(), "/conf/reminders"
    body = {
        "entity": {"entity_id": "991", "entity_type": {"value": "BIB_MMS"}},
        "type": {"value": "CHECK"},
        "text": "Look again",
    }
    text = (
        "<reminder><entity><entity_id>991</entity_id><entity_type>BIB_MMS</entity_type></entity>"
        "<type>CHECK</type><text>Look again</text></reminder>"
    )

    made = world.json("POST", path, text if as_xml else body)
    found = world.get(f"{path}?entity_id=991&status=NEW&limit=100")
    changed = world.json("PUT", f"{path}/{made['id']}", {**made, "text": "Done"})
    deleted = world.ask("DELETE", f"{path}/{made['id']}")

    assert (made["type"]["value"], made["status"]["value"]) == ("CHECK", "NEW")
    assert (found["total_record_count"], found["reminder"][0]["id"]) == (1, made["id"])
    assert world.get(f"{path}?entity_id=992") == {"total_record_count": 0}
    assert (changed["text"], changed["id"]) == ("Done", made["id"])
    assert (deleted.status, world.code("GET", f"{path}/{made['id']}")) == (204, "60177")
    assert world.code("POST", path, {"type": {"value": "CHECK"}}) == "60184"


def test_locations_are_made_changed_and_deleted() -> None:
    world, path = World(), "/conf/libraries/MAIN/locations"
    body = {**world.get(f"{path}/STACKS"), "code": "NEW", "name": "New"}

    made = world.json("POST", path, body)
    changed = world.json("PUT", f"{path}/NEW", {"fulfillment_unit": {"value": "CLOSED"}})

    assert made["link"].endswith(f"{path}/NEW")
    assert (changed["name"], changed["fulfillment_unit"]["value"]) == ("New", "CLOSED")
    assert world.code("POST", path, body) == "402119"
    assert world.code("POST", path, {"name": "x"}) == "401664"
    assert world.ask("DELETE", f"{path}/NEW").status == 204
    assert world.code("GET", f"{path}/NEW") == "402119"


def test_departments_and_desks_are_those_of_their_library() -> None:
    world = World()

    owned = world.get("/conf/departments?library=MAIN")["department"]
    desk = world.get("/conf/libraries/MAIN/circ-desks/DEFAULT_CIRC_DESK")

    assert {one["owner"]["value"] for one in owned} == {"MAIN"}
    assert [place["location_code"] for place in desk["location"]] == ["STACKS", "RESERVE"]


def test_open_hours_are_replaced_and_deleted() -> None:
    world, path = World(), "/conf/open-hours?scope=MAIN"
    rules = world.get(path)["open_hour"]

    changed = world.json("PUT", path, {"open_hour": [*rules, {**rules[-1], "desc": "Works"}]})

    assert [rule["desc"] for rule in changed["open_hour"]][-1] == "Works"
    assert len(world.get(path)["open_hour"]) == len(rules) + 1
    assert world.ask("DELETE", path).status == 204
    assert "open_hour" not in world.get(path)


def test_open_hours_may_name_their_library_in_the_body() -> None:
    world, path = World(), "/conf/open-hours"
    hours = world.get(f"{path}?scope=MAIN")

    world.json("PUT", path, {**hours, "open_hour": hours["open_hour"][:1]})

    assert len(world.get(f"{path}?scope=MAIN")["open_hour"]) == 1
    assert world.get(path)["scope"]["value"] == "01MAIN_INST"


@pytest.mark.parametrize("table", ["code-tables/SetStatus", "mapping-tables/OtherSettings"])
def test_rows_of_tables_are_replaced(table: str) -> None:
    world, path = World(), f"/conf/{table}"
    before = world.get(path)

    world.json("PUT", path, {**before, "row": before["row"][:1]})

    assert world.get(path)["row"] == before["row"][:1]


def test_relations_of_a_library_are_kept() -> None:
    world, path = World(), "/conf/relations?scope=MAIN"

    world.json("PUT", path, {"deliver_to": [{"value": "DEPOT"}]})

    assert world.get(path)["deliver_to"] == [{"value": "DEPOT"}]
    assert world.code("DELETE", path) == "40166413"
    assert world.ask("DELETE", f"{path}&libraryCode=DEPOT").status == 204


def test_fields_that_cannot_be_elements_are_left_out_of_xml() -> None:
    world, path = World(), "/conf/license-terms"
    body = {"code": "A/B 1", "name": "x", "<a>": 1, "b c": {"d>": 2, "e": 3}, "value": [{"&": 4}]}

    made = world.json("POST", path, body)
    root = world.xml("GET", made["link"].partition("/almaws/v1")[2])

    assert made["<a>"] == 1
    assert (root.findtext("code"), root.find("a")) == ("A/B 1", None)


@pytest.mark.parametrize(
    "body",
    [
        {"entity": "x", "type": "y"},
        {"entity": {"entity_id": [1], "entity_type": {}}, "type": {"value": {"value": 1}}},
        {"code": {"value": 1}, "name": []},
        {"open_hour": "x", "scope": [1]},
        {"row": [1]},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "reminders"),
        ("POST", "license-terms"),
        ("POST", "libraries/MAIN/locations"),
        ("PUT", "libraries/MAIN/locations/STACKS"),
        ("PUT", "open-hours?scope=MAIN"),
        ("PUT", "relations?scope=MAIN"),
        ("PUT", "code-tables/SetStatus"),
        ("PUT", "letters/HoldShelfLetter"),
    ],
)
def test_odd_bodies_are_answered_in_both_formats(method: str, path: str, body: object) -> None:
    world = World()

    first = world.ask(method, f"/conf/{path}", body)
    again = world.ask("GET", f"/conf/{path}", accept="application/xml")

    assert first.status in (200, 400)
    assert fromstring(again.body) is not None
