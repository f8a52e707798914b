"""Sets: making them in every way, reading, changing, deleting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from tests.simulator.served import Served
from tests.simulator.world import World, error_of

TITLES_OF_MINE = 'BIB_MMS where BIB_MMS ((title CONTAIN "mine"))'


def itemized(name: str = "mine", content: str = "ITEM", **more: Any) -> dict[str, Any]:
    coded = {key: {"value": value} for key, value in more.items()}
    return {"name": name, "type": {"value": "ITEMIZED"}, "content": {"value": content}, **coded}


def logical(name: str = "mine", query: str = TITLES_OF_MINE, content: str = "BIB_MMS") -> Any:
    return {
        "name": name,
        "type": {"value": "LOGICAL"},
        "content": {"value": content},
        "query": {"value": query},
    }


# --- making ---------------------------------------------------------------------------------------


def test_a_new_itemized_set_is_empty_and_shown_whole() -> None:
    world = World()

    made = world.json(
        "POST", "/conf/sets", {**itemized(private="false", status="ACTIVE"), "note": "a note"}
    )

    link = f"https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/sets/{made['id']}"
    assert made == {
        "link": link,
        "id": made["id"],
        "name": "mine",
        "type": {"value": "ITEMIZED", "desc": "Itemized"},
        "content": {"value": "ITEM", "desc": "Physical items"},
        "private": {"value": "false", "desc": "No"},
        "status": {"value": "ACTIVE", "desc": "Active"},
        "status_date": "2026-03-02T08:15:00.000Z",
        "created_by": {"value": "exl_api", "desc": "API, Ex Libris"},
        "created_date": "2026-03-02T08:15:00.000Z",
        "origin": {"value": "UI", "desc": "Institution only"},
        "note": "a note",
        "number_of_members": {"value": 0, "link": f"{link}/members"},
    }
    assert world.get(f"/conf/sets/{made['id']}") == made


def test_a_set_is_made_and_shown_in_xml() -> None:
    world = World()
    body = (
        '<set><name>mine &amp; yours</name><type desc="x">ITEMIZED</type><content>ITEM</content>'
        "<private>false</private><members/></set>"
    )

    made = world.xml("POST", "/conf/sets", body)

    number = made.find("number_of_members")
    assert number is not None
    assert (made.tag, made.findtext("name"), number.text) == ("set", "mine & yours", "0")
    assert (number.get("link") or "").endswith("/members")


def test_the_same_query_always_finds_the_same_members() -> None:
    world, other = World(), World()
    first = world.json("POST", "/conf/sets", logical())
    again = world.json("POST", "/conf/sets", logical("mine again"))
    there = other.json("POST", "/conf/sets", logical())

    count = first["number_of_members"]["value"]
    assert 20 <= count <= 5000
    assert again["number_of_members"]["value"] == there["number_of_members"]["value"] == count
    assert first["query"] == {"value": TITLES_OF_MINE}
    page = world.get(f"/conf/sets/{first['id']}/members")
    assert page == world.get(f"/conf/sets/{again['id']}/members")
    assert page["total_record_count"] == count


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (logical(query='ITEM where ITEM ((all CONTAIN "x"))'), "402269"),
        (logical(query='BIB_MMS where BIB_MMS ((all CONTAIN "x)'), "402270"),
        (logical(query=""), "402228"),
        (logical(query='PO_LINE where X ((a EQUAL "1"))', content="PO_LINE"), "402265"),
        (itemized(name=""), "402228"),
        (itemized(content="PENCILS"), "402265"),
        ({**itemized(), "type": {"value": "MIXED"}}, "402262"),
        ({"name": "x"}, "402262"),
        (itemized(private="maybe"), "60209"),
        (itemized(status="ASLEEP"), "60210"),
        ({**itemized(), "type": "ITEMIZED"}, "BAD_REQUEST"),
        ({**itemized(), "name": {"value": "x"}}, "BAD_REQUEST"),
        (b"", "BAD_REQUEST"),
    ],
)
def test_what_is_no_set_is_refused(body: Any, code: str) -> None:
    world = World()

    assert world.error("POST", "/conf/sets", body)[:2] == (400, code)
    assert world.main.set_named("mine") is None


def test_names_are_unique() -> None:
    world = World()
    world.new_set("mine")

    status, code, message = world.error("POST", "/conf/sets", itemized("mine"))

    assert (status, code) == (400, "402263")
    assert message == "The set name already exists. Please choose a different name."


def test_members_in_the_body_are_ignored_or_by_switch_added() -> None:
    body = {**itemized(), "members": {"member": [{"id": "230000000010009990"}]}}
    plain, adding = World(), World({"alma": {"members_on_create": "add"}})

    assert plain.json("POST", "/conf/sets", body)["number_of_members"]["value"] == 0
    assert adding.json("POST", "/conf/sets", body)["number_of_members"]["value"] == 1
    assert adding.ask("POST", "/conf/sets", itemized("empty")).status == 200


# --- sets from others -----------------------------------------------------------------------------


def test_a_copy_of_a_logical_set_fills_in_time() -> None:
    world = World()
    source = world.set_called("Open access portfolios")
    path = f"/conf/sets?from_logical_set={source}&combine=None&set1=None&set2=None"

    made = world.json("POST", path, itemized(content="PORTFOLIO"))

    counts = []
    for _ in range(4):
        counts.append(world.get(f"/conf/sets/{made['id']}")["number_of_members"]["value"])
        world.wait(seconds=5)
    members = world.get(f"/conf/sets/{made['id']}/members?limit=100&offset=2300")
    assert counts == [0, 1000, 2000, 2375]
    assert len(members["member"]) == 75


def test_only_logical_sets_of_the_same_content_are_copied() -> None:
    world = World()
    source = world.set_called("Open access portfolios")
    itemized_one = world.new_set("source")

    def code(set_id: str, content: str = "PORTFOLIO") -> str:
        path = f"/conf/sets?from_logical_set={set_id}"
        return world.code("POST", path, itemized(content=content))

    assert code("1") == "402264"
    assert code(itemized_one) == "402262"
    assert code(source, "ITEM") == "402265"


@pytest.mark.parametrize(
    ("operator", "expected"), [("AND", {"2"}), ("", {"2"}), ("OR", {"1", "2", "3"}), ("NOT", {"1"})]
)
def test_sets_are_combined(operator: str, expected: set[str]) -> None:
    world = World(
        {
            "sets": [
                {"id": "111", "name": "one", "members": ["1", "2"]},
                {"id": "222", "name": "two", "members": ["2", "3"]},
            ]
        }
    )

    combine = f"&combine={operator}" if operator else ""
    made = world.json("POST", f"/conf/sets?set1=111&set2=222{combine}", {"name": None})

    world.wait(seconds=5)
    members = world.get(f"/conf/sets/{made['id']}/members")["member"]
    assert {member["id"] for member in members} == expected
    assert made["name"] == "one - Combined - 03/02/2026 09:15:00"


def test_what_cannot_be_combined_is_refused() -> None:
    world = World()
    items, titles = world.new_set("items"), world.new_set("titles", "BIB_MMS")
    community = world.json("POST", "/conf/sets", itemized("cz", origin="UI_CZ"))["id"]

    def code(query: str) -> str:
        return world.code("POST", f"/conf/sets?{query}", {"name": "x"})

    assert code(f"set1={items}&set2={titles}") == "60205"
    assert code(f"set1={items}&set2={community}") == "60311"
    assert code(f"set1={items}&set2={items}&combine=XOR") == "60204"
    assert code(f"set1={items}") == "60206"
    assert code(f"set1={items}&set2=1") == "402264"


def test_a_combination_that_outlives_the_gateway_appears_later() -> None:
    world = World({"sets": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]})
    world.fault("routing_error", call="create_set", nth=1, delay="30m")

    refused = world.ask("POST", "/conf/sets?set1=1&set2=2&combine=OR", {"name": "both"})

    assert (refused.status, error_of(refused)[0]) == (500, "ROUTING_ERROR")
    assert "set" not in world.get("/conf/sets?q=name~both")
    assert world.code("POST", "/conf/sets", itemized("both")) == "402263"
    world.wait(minutes=30)
    assert world.get("/conf/sets?q=name~both")["set"][0]["name"] == "both"


def test_a_set_of_an_imports_titles_is_filled_by_a_job() -> None:
    world = World()
    job_id = world.job_named("Metadata Import using profile Vendor")
    run = world.submit(job_id)
    world.wait(hours=1)
    action = world.run(run)["action"][2]
    assert action["population"]["value"] == "IMPORTED_RECORDS_NO_MATCH"

    path = action["link"].partition("/almaws/v1")[2]
    made = world.json("POST", path, itemized(content="BIB_MMS"))

    filling = made["additional_info"]["link"].rpartition("/")[2]
    path = made["additional_info"]["link"].partition("/almaws/v1")[2]
    assert made["number_of_members"]["value"] == 0
    assert world.get(path)["id"] == filling
    world.wait(minutes=2)
    assert world.status(filling) == "COMPLETED_SUCCESS"
    count = world.get(f"/conf/sets/{made['id']}")["number_of_members"]["value"]
    assert count == action["members"] == 247


def test_sets_of_imports_need_both_parameters_and_an_import() -> None:
    world = World()
    export = world.submit("M48", set_id=world.new_set(members=1))
    imported = world.submit(world.job_named("Metadata Import using profile Vendor"))
    world.wait(hours=1)

    def code(query: str) -> str:
        return world.code("POST", f"/conf/sets?{query}", itemized("x", "BIB_MMS"))

    assert code("population=MULTI_MATCHES") == "500127"
    assert code("job_instance_id=1") == "500127"
    assert code("population=MULTI_MATCHES&job_instance_id=1") == "402218"
    assert code(f"population=MULTI_MATCHES&job_instance_id={export}") == "402267"
    assert code(f"population=NONSENSE&job_instance_id={imported}") == "402266"


def test_network_sets_are_for_networks_only() -> None:
    assert World().code("POST", "/conf/sets?nz_set_from_iz_set=1", itemized()) == "60335"


def test_a_set_is_filtered_by_an_indication_rule() -> None:
    world = World()
    source = world.new_set("source", members=9)

    made = world.json("POST", f"/conf/sets?filter_set={source}&indication_rule=r", {"name": "x"})

    world.wait(seconds=1)
    assert world.get(f"/conf/sets/{made['id']}")["number_of_members"]["value"] == 3
    assert world.code("POST", f"/conf/sets?filter_set={source}", {"name": "y"}) == "402119"


# --- reading --------------------------------------------------------------------------------------


def test_a_search_finds_names_that_contain_the_words() -> None:
    world = World()
    world.new_set("weeding north_wing 2026")

    def names(query: str) -> list[str]:
        return [found["name"] for found in world.get(f"/conf/sets?{query}").get("set", [])]

    assert names("q=name~WEEDING") == ["weeding north_wing 2026", "Weeding candidates 2025"]
    assert names("q=name~north_weeding") == ["weeding north_wing 2026"]
    assert names("q=name~wing%202026") == ["weeding north_wing 2026"]
    assert names("q=created_by~jdoe&content_type=ITEM") == ["Weeding candidates 2025"]
    assert names("content_type=ITEM&set_type=LOGICAL") == ["Conservation items"]
    assert names("set_origin=UI_CZ") == []


def test_listed_sets_carry_neither_number_nor_query() -> None:
    (listed,) = World().get("/conf/sets?q=name~conservation")["set"]

    assert listed["created_date"] == "2025-08-14T08:15:00.000Z"
    assert {"number_of_members", "query", "members"}.isdisjoint(listed)


def test_a_search_without_exact_hit_says_what_a_scenario_would_say() -> None:
    world = World()

    similar = world.ask("GET", "/conf/sets?q=name~Weeding_candidates")
    exact = world.ask("GET", "/conf/sets?q=name~Weeding_candidates_2025")
    nothing = world.ask("GET", "/conf/sets?q=name~M%C3%BCnze%20%22x%22")

    hint = 'sets: [{name: "Weeding candidates", content: BIB_MMS, members: 25}]'
    assert similar.headers["x-simulator-hint"] == hint
    assert json.loads(similar.body)["total_record_count"] == 1
    assert "x-simulator-hint" not in exact.headers
    assert nothing.headers["x-simulator-hint"].isascii()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("q=mine", "60106"),
        ("q=colour~red", "60106"),
        ("content_type=PENCIL", "40166410"),
        ("set_type=MIXED", "40166410"),
    ],
)
def test_searches_are_checked(query: str, code: str) -> None:
    assert World().error("GET", f"/conf/sets?{query}")[:2] == (400, code)


def test_an_unknown_set_is_answered_as_alma_does_with_a_hint() -> None:
    reply = World().ask("GET", "/conf/sets/123")

    assert error_of(reply) == ("60107", "Set not found: Set ID 123")
    assert reply.headers["x-simulator-hint"] == (
        'sets: [{id: "123", name: "Set 123", content: BIB_MMS, members: 25}]'
    )


def test_a_private_set_of_staff_is_not_seen() -> None:
    world = World()

    assert world.code("GET", f"/conf/sets/{world.set_called('My scratch set')}") == "60107"
    assert "set" not in world.get("/conf/sets?q=name~scratch")
    assert world.code("POST", "/conf/sets", itemized("My scratch set")) == "402263"


def test_older_answers_show_nulls_in_sets() -> None:
    world = World({"alma": {"nulls": "legacy"}})

    made = world.get(f"/conf/sets/{world.new_set()}")

    assert (made["description"], made["query"], made["members"]) == (None, None, None)


# --- changing and deleting ------------------------------------------------------------------------


def test_an_update_changes_what_may_be_changed() -> None:
    world = World()
    made = world.json("POST", "/conf/sets", logical())
    world.wait(minutes=1)
    query = 'BIB_MMS where BIB_MMS ((title CONTAIN "yours"))'
    body = {**logical("yours", query), "status": {"value": "INACTIVE"}, "description": "new"}

    changed = world.json("PUT", f"/conf/sets/{made['id']}", body)

    assert changed["name"] == "yours"
    assert changed["description"] == "new"
    assert changed["query"] == {"value": query}
    assert changed["status_date"] == "2026-03-02T08:16:00.000Z"
    assert changed["created_date"] == made["created_date"]
    assert changed["number_of_members"]["value"] != made["number_of_members"]["value"]


def test_an_update_leaves_alone_what_is_not_said() -> None:
    world = World()
    set_id = world.json("POST", "/conf/sets", itemized(private="false", status="INACTIVE"))["id"]

    changed = world.json("PUT", f"/conf/sets/{set_id}", {"name": "mine"})

    assert (changed["private"]["value"], changed["status"]["value"]) == ("false", "INACTIVE")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "402261"),
        ({"note": "x"}, "402228"),
        ({"name": "Conservation items"}, "402263"),
        ({"name": "mine", "private": {"value": "x"}}, "60209"),
        ({"name": "mine", "query": {"value": 'ITEM where ITEM ((a EQUAL "1"))'}}, "402269"),
        ({"name": "mine", "query": {"value": "nonsense"}}, "402270"),
    ],
)
def test_updates_are_checked(body: Any, code: str) -> None:
    world = World()
    set_id = world.json("POST", "/conf/sets", logical())["id"]

    assert world.code("PUT", f"/conf/sets/{set_id}", body) == code
    assert world.code("PUT", "/conf/sets/1", body) == "60107"


def test_an_itemized_set_takes_no_query() -> None:
    world = World()
    body = {"name": "mine", "query": {"value": TITLES_OF_MINE}}

    assert world.code("PUT", f"/conf/sets/{world.new_set()}", body) == "40166408"


def test_deleting_a_set_answers_204_with_nothing() -> None:
    world = World()
    set_id = world.new_set("mine")

    reply = world.ask("DELETE", f"/conf/sets/{set_id}")

    assert (reply.status, reply.body) == (204, b"")
    assert "content-type" not in reply.headers
    assert world.error("DELETE", f"/conf/sets/{set_id}") == (400, "402264", "Invalid Set ID.")
    assert world.code("GET", f"/conf/sets/{set_id}") == "60107"
    assert world.new_set("mine") != set_id


def test_the_truth_about_sets_can_be_read() -> None:
    world = World()
    world.alma.add_institution("branch")
    world.new_set("mine", members=3)

    assert world.alma.sets()["mine"] == 3
    assert "mine" not in world.alma.sets("branch")


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
def test_the_answer_of_a_small_copy_counts_its_members(served: Served, accept: str) -> None:
    sets = {set_.name: set_.id for set_ in served.world.main.sets.values()}
    body = {**itemized(content="BIB_MMS"), "name": "copy"}
    path = f"/almaws/v1/conf/sets?from_logical_set={sets['New titles of the last month']}"

    reply = served.session.post(
        served.server.url + path, json=body, headers={"Accept": accept}, timeout=10
    )

    if accept.endswith("xml"):
        assert fromstring(reply.content).findtext("number_of_members") == "312"
    else:
        assert reply.json()["number_of_members"]["value"] == 312


def test_the_answer_of_a_combination_counts_its_members() -> None:
    sets = [{"id": "1", "name": "a", "members": 3}, {"id": "2", "name": "b", "members": 4}]
    small, slow = World({"sets": sets}), World({"sets": sets, "alma": {"filled_at_once": 2}})

    counts = [
        world.json("POST", "/conf/sets?set1=1&set2=2&combine=OR", {"name": "both"})
        for world in (small, slow)
    ]

    assert [made["number_of_members"]["value"] for made in counts] == [7, 0]
