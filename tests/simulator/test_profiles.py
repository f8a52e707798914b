"""Profiles, code tables, the institution's own data, analytics reports."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from tests.simulator.world import World, error_of


def test_integration_profiles_are_found_by_code_name_and_type() -> None:
    world = World()

    def codes(query: str) -> list[str]:
        answer = world.get(f"/conf/integration-profiles{query}")
        return [profile["code"] for profile in answer.get("integration_profile", [])]

    assert codes("?limit=100") == [
        "SIS_LIVE", "SIS_STAFF", "REMOTE_STORAGE_NORTH", "REMOTE_STORAGE_SOUTH", "ERP_MAIN",
        "BURSAR", "FUNDS", "COURSES",
    ]  # fmt: skip
    assert codes("?q=code~REMOTE_STORAGE") == ["REMOTE_STORAGE_NORTH", "REMOTE_STORAGE_SOUTH"]
    assert codes("?q=name~depot_south") == ["REMOTE_STORAGE_SOUTH"]
    assert codes("?type=PAYMENT") == ["ERP_MAIN"]
    assert codes("?q=created_by~nobody") == []


def test_an_integration_profile_is_shown() -> None:
    world = World()
    listed = world.get("/conf/integration-profiles?q=code~ERP_MAIN")["integration_profile"][0]

    shown = world.get(f"/conf/integration-profiles/{listed['id']}")

    assert shown == listed
    assert shown["type"] == {"value": "PAYMENT", "desc": "ERP"}
    assert shown["default"] is False
    root = world.xml("GET", "/conf/integration-profiles?q=code~ERP_MAIN")
    assert (root.tag, root.findtext("integration_profile/code")) == (
        "integration_profiles",
        "ERP_MAIN",
    )


@pytest.mark.parametrize(
    ("query", "code"), [("type=X", "40166404"), ("q=X", "40166410"), ("q=id~1", "40166410")]
)
def test_searches_for_profiles_are_checked(query: str, code: str) -> None:
    assert World().code("GET", f"/conf/integration-profiles?{query}") == code


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (
            "?q=code~DEPOT_EAST",
            "library: {integration_profiles: [{code: DEPOT_EAST, type: REMOTE_STORAGE, "
            'jobs: ["Job of DEPOT_EAST"]}]}',
        ),
        (
            "?q=name~east_depot",
            'library: {integration_profiles: [{code: "east depot", name: "east depot", '
            'type: REMOTE_STORAGE, jobs: ["Job of east depot"]}]}',
        ),
        (
            "/123",
            'library: {integration_profiles: [{id: "123", code: PROFILE_123, '
            'type: REMOTE_STORAGE, jobs: ["Job of PROFILE_123"]}]}',
        ),
    ],
)
def test_missing_profiles_come_with_a_hint(path: str, hint: str) -> None:
    reply = World().ask("GET", f"/conf/integration-profiles{path}")

    assert reply.headers["x-simulator-hint"] == hint
    if reply.status != 200:
        assert error_of(reply) == ("60304", "Invalid profile ID.")


def test_import_profiles_name_their_job() -> None:
    world = World()

    answer = world.get("/conf/md-import-profiles?type=REPOSITORY")

    names = [profile["name"] for profile in answer["import_profile"]]
    assert answer["total_record_count"] == len(names) == 4
    assert names[:2] == ["Vendor MARC records weekly", "OCLC WorldShare updates"]
    first = answer["import_profile"][0]
    assert world.get(f"/conf/jobs/{first['job_id']['value']}")["name"] == (
        "Metadata Import using profile Vendor MARC records weekly"
    )
    assert world.get(f"/conf/md-import-profiles/{first['id']}") == first
    assert world.code("GET", "/conf/md-import-profiles?type=X") == "402123"


def test_an_unknown_import_profile_comes_with_a_hint() -> None:
    reply = World().ask("GET", "/conf/md-import-profiles/123")

    assert error_of(reply) == ("401871", "Failed to find the Profile ID.")
    assert reply.headers["x-simulator-hint"] == (
        'library: {import_profiles: [{id: "123", name: "Profile 123"}]}'
    )


def test_an_import_profile_is_run_the_old_way() -> None:
    world = World()
    profile = world.get("/conf/md-import-profiles")["import_profile"][0]
    path = f"/conf/md-import-profiles/{profile['id']}"

    answer = world.json("POST", f"{path}?op=run", {})

    (made,) = world.alma.submissions()
    assert answer["additional_info"].startswith(f"Job no. {made.instance_id} triggered on Mon, ")
    assert made.job_id == profile["job_id"]["value"]
    assert world.code("POST", path, {}) == "402220"
    assert world.code("POST", f"{path}?op=x", {}) == "402221"


def test_code_tables_are_read() -> None:
    world = World()

    tables = world.get("/conf/code-tables")
    statuses = world.get("/conf/code-tables/systemJobStatus")

    assert "SetContentType" in [table["name"] for table in tables["code_table"]]
    assert {row["code"] for row in statuses["row"]} >= {"PENDING", "COMPLETED_NO_BULKS"}
    assert statuses["row"][5]["description"] == "Completed Successfully"
    rows = world.xml("GET", "/conf/code-tables/SetType").find("rows")
    assert rows is not None
    assert [row.findtext("code") for row in rows] == ["ITEMIZED", "LOGICAL"]
    assert world.code("GET", "/conf/code-tables/nothing") == "40166411"
    assert world.error("GET", "/conf/code-tables?scope=X")[2] == "Failed to find scope."


def test_writing_can_be_probed() -> None:
    assert World().ask("POST", "/conf/test").body == b"<test>POST - OK</test>"


def test_the_institution_tells_its_environment_in_xml_too() -> None:
    root = World(environment="sandbox").xml("GET", "/conf/general")

    assert root.findtext("environment_type") == "sandbox"
    assert root.findtext("institution") == "01MAIN_INST"
    assert "-psb." in (root.findtext("alma_url") or "")


# --- reports --------------------------------------------------------------------------------------

PATH = "/shared/My Library/Discarded"
ROWS = [[f"3903{i}", "a < b" if i % 2 else ""] for i in range(60)]
SCENARIO = {"reports": [{"path": PATH, "columns": ["Barcode", "Note & more"], "rows": ROWS}]}


def test_a_report_is_read_page_by_page_with_its_token() -> None:
    world = World(SCENARIO)

    def page(query: str) -> str:
        return world.ask("GET", f"/analytics/reports?{query}", accept=None).body.decode()

    first = page(f"path={quote(PATH)}")
    token = first.partition("<ResumptionToken>")[2].partition("<")[0]
    second, third = page(f"token={token}"), page(f"token={token}&limit=30")

    assert [text.count("<Row>") for text in (first, second, third)] == [25, 25, 10]
    assert [("<IsFinished>true" in text) for text in (first, second, third)] == [False, False, True]
    assert 'name="Column2" saw-sql:columnHeading="Note &amp; more"' in first
    assert 'saw-sql:tableHeading="Discarded" saw-sql:type="varchar" type="xsd:string"' in first
    assert '<rowset xmlns="urn:schemas-microsoft-com:xml-analysis:rowset">' in first
    assert "xsd:schema" not in second
    assert "ResumptionToken" not in second
    assert "<Row><Column0>0</Column0><Column1>39030</Column1></Row>" in first
    assert "<Column2>a &lt; b</Column2>" in first


@pytest.mark.parametrize(
    "query",
    ["", "token=1", f"path={quote(PATH)}&limit=5", f"path={quote(PATH)}&limit=x"],
)
def test_reports_are_asked_for_properly(query: str) -> None:
    assert World(SCENARIO).code("GET", f"/analytics/reports?{query}") == "40166410"


def test_a_missing_report_is_an_error_of_the_server_and_comes_with_a_hint() -> None:
    reply = World().ask("GET", "/analytics/reports?path=/x")

    assert (reply.status, *error_of(reply)) == (
        500,
        "INTERNAL_SERVER_ERROR",
        "Path not found (/x)",
    )
    assert json.loads(reply.body)["errorsExist"] is True
    assert reply.headers["x-simulator-hint"].startswith(
        'reports: [{path: "/x", columns: [Title, "MMS Id", Barcode], rows: [["Title 1", '
    )


@pytest.mark.parametrize("late", [False, True])
def test_a_slow_report_has_no_rows_at_first(late: bool) -> None:
    slow = {"path": PATH, "columns": ["A"], "rows": [["1"]] * 30, "ready_after": "2m"}
    world = World({"reports": [{**slow, "late_token": late}]})

    def page(query: str) -> str:
        return world.ask("GET", f"/analytics/reports?{query}", accept=None).body.decode()

    early = page(f"path={quote(PATH)}")
    world.wait(minutes=2)
    token = early.partition("<ResumptionToken>")[2].partition("<")[0]
    ready = page(f"token={token}" if token else f"path={quote(PATH)}")

    assert "<IsFinished>false" in early
    assert "<Row>" not in early
    assert "<ResultXml/>" in early
    assert ("<ResumptionToken>" in early, "<ResumptionToken>" in ready) == (not late, late)
    assert "xsd:schema" in ready
    assert ready.count("<Row>") == 25


def test_a_cell_without_value_is_missing_from_its_row() -> None:
    world = World(
        {"reports": [{"path": "/x", "columns": ["A", "B"], "rows": [["", "1"], ["", ""]]}]}
    )

    body = world.ask("GET", "/analytics/reports?path=/x&col_names=False", accept=None).body.decode()

    assert "<Row><Column0>0</Column0><Column2>1</Column2></Row>" in body
    assert "<Row><Column0>0</Column0></Row>" in body
    assert 'minOccurs="0" name="Column1" saw-sql:displayFormula="s_1"' in body
    assert "Heading" not in body


def test_asked_for_json_a_report_s_rows_stay_xml() -> None:
    reply = World(SCENARIO).ask("GET", f"/analytics/reports?path={quote(PATH)}")

    [inside] = json.loads(reply.body)["anies"]
    assert inside.startswith('<?xml version="1.0" encoding="UTF-16"?><QueryResult>')
    assert '<rowset xmlns="urn:schemas-microsoft-com:xml-analysis:rowset"><xsd:schema' in inside
    assert "<Row><Column0>0</Column0><Column1>39030</Column1></Row>" in inside


def test_a_report_s_columns_have_the_types_of_their_values() -> None:
    rows = [["1", "2026-03-02", "2026-03-02T14:39:01", "2026-03-02"], ["2", "2026-03-03", "", "x"]]
    world = World({"reports": [{"path": "/x", "columns": ["A", "B", "C", "D"], "rows": rows}]})

    body = world.ask("GET", "/analytics/reports?path=/x", accept=None).body.decode()

    kinds = re.findall(r'minOccurs="(.)" name="(\w+)".*? type="xsd:(\w+)"/>', body)
    assert kinds == [
        ("1", "Column0", "int"),
        ("1", "Column1", "string"),
        ("1", "Column2", "date"),
        ("0", "Column3", "dateTime"),
        ("1", "Column4", "string"),
    ]
