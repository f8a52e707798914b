"""Members of sets: adding, deleting, replacing, pages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.simulator.world import World, members_body

BY_BARCODE = "&id_type=BARCODE"


def edit(world: World, set_id: str, operation: str, *ids: str, more: str = BY_BARCODE) -> int:
    answer = world.json("POST", f"/conf/sets/{set_id}?op={operation}{more}", members_body(*ids))
    return int(answer["number_of_members"]["value"])


def refusal(
    world: World, set_id: str, body: Any, *, op: str = "add_members", more: str = ""
) -> str:
    return world.code("POST", f"/conf/sets/{set_id}?op={op}{more}", body)


def test_barcodes_become_items() -> None:
    world = World()
    set_id = world.new_set()

    assert edit(world, set_id, "add_members", "B-0001", "39031000000123") == 2

    first, second = world.get(f"/conf/sets/{set_id}/members")["member"]
    assert (first["description"], second["description"]) == ("B-0001", "39031000000123")
    assert first["id"].startswith("23")
    assert first["link"].endswith(f"/items/{first['id']}")


def test_members_are_added_in_xml() -> None:
    world = World()
    set_id = world.new_set()
    body = (
        "<set><name>any</name><members><member><id>11111</id></member>"
        '<member link="x"><id>22222</id><description/></member></members></set>'
    )

    answer = world.xml("POST", f"/conf/sets/{set_id}?op=add_members{BY_BARCODE}", body)

    assert answer.findtext("number_of_members") == "2"
    page = world.xml("GET", f"/conf/sets/{set_id}/members")
    assert (page.tag, page.get("total_record_count")) == ("members", "2")
    assert [m.findtext("description") for m in page.iter("member")] == ["11111", "22222"]


def test_titles_are_added_by_mms_id_and_other_numbers() -> None:
    world = World()
    set_id = world.new_set(content="BIB_MMS")

    assert edit(world, set_id, "add_members", "991082448539705501", more="") == 1
    assert edit(world, set_id, "add_members", "978-3-16-148410-0", more="&id_type=ISBN") == 2
    assert edit(world, set_id, "add_members", "1234-567X", more="&id_type=ISSN") == 3
    assert edit(world, set_id, "add_members", "(OCoLC)1234567", more="&id_type=OCLC_NUMBER") == 4
    descriptions = [m["description"] for m in world.get(f"/conf/sets/{set_id}/members")["member"]]
    assert descriptions[0] == "Title of record 991082448539705501"


def test_users_are_added_by_primary_or_other_id() -> None:
    world = World()
    set_id = world.new_set(content="USER")

    assert edit(world, set_id, "add_members", "jdoe", more="") == 1
    assert edit(world, set_id, "add_members", "x123", more="&id_type=UNIV_ID") == 2
    assert refusal(world, set_id, members_body("a b"), more="&id_type=UNIV_ID") == "60120"
    (first, _) = world.get(f"/conf/sets/{set_id}/members")["member"]
    assert ", " in first["description"]


def test_some_members_have_no_link() -> None:
    world = World()
    set_id = world.set_called("Open access portfolios")

    member = world.get(f"/conf/sets/{set_id}/members?limit=1")["member"][0]

    assert set(member) == {"id", "description"}
    assert member["description"].startswith("Record ")


def test_a_call_that_fails_adds_nothing() -> None:
    world = World({"unknown_members": ["BAD*"]})
    set_id = world.new_set()

    assert refusal(world, set_id, members_body("GOOD1", "BAD01"), more=BY_BARCODE) == "60120"

    assert world.alma.sets()["mine"] == 0


def test_good_ids_of_a_failing_call_are_added_by_switch() -> None:
    world = World({"unknown_members": ["BAD*"], "alma": {"partial_adds": True}})
    set_id = world.new_set()

    assert refusal(world, set_id, members_body("GOOD1", "BAD01"), more=BY_BARCODE) == "60120"
    assert world.alma.sets()["mine"] == 1
    assert refusal(world, set_id, members_body("GOOD1", "GOOD2"), more=BY_BARCODE) == "60176"
    assert world.alma.sets()["mine"] == 2


def test_unknown_ids_are_passed_over_when_that_is_asked_for() -> None:
    world = World({"unknown_members": ["BAD*", "9900000000000*"]})
    items, titles = world.new_set("items"), world.new_set("titles", "BIB_MMS")
    lenient = "&fail_on_invalid_id=false"

    assert edit(world, items, "add_members", "GOOD1", "BAD01", more=BY_BARCODE + lenient) == 1
    assert edit(world, titles, "add_members", "99000000000001", "991234567", more=lenient) == 1
    assert edit(world, items, "delete_members", "OTHER", "GOOD1", more=BY_BARCODE + lenient) == 0


def test_contents_other_than_titles_items_and_users_cannot_pass_over() -> None:
    world = World()
    set_id = world.new_set(content="PORTFOLIO")

    more = "&fail_on_invalid_id=false"
    assert refusal(world, set_id, members_body("no number"), more=more) == "60116"


@pytest.mark.parametrize(
    ("body", "more", "code"),
    [
        ({}, "", "60113"),
        ({"members": {}}, "", "60113"),
        ({"members": {"member": []}}, "", "60113"),
        ({"members": {"member": [{"id": "230000000010009990"}, {}]}}, "", "60114"),
        ({"members": {"member": [{"id": " "}]}}, "", "60114"),
        ({"members": [{"id": "1"}]}, "", "BAD_REQUEST"),
        (members_body("230000000010009990", "230000000010009990"), "", "60119"),
        (members_body("B12345", "B12345"), BY_BARCODE, "60119"),
        (members_body("1234"), "", "60116"),
        (members_body("1234"), BY_BARCODE, "60120"),
        (members_body("B12345"), "&id_type=ISBN", "40166410"),
        (members_body(*(f"B{i:05d}" for i in range(1001))), BY_BARCODE, "60118"),
        ("<set><members><member/></members></set>", "", "60114"),
        ("<set/>", "", "60113"),
        (b"{", "", "BAD_REQUEST"),
    ],
)
def test_members_are_checked(body: Any, more: str, code: str) -> None:
    world = World()

    assert refusal(world, world.new_set(), body, more=more) == code


def test_a_thousand_members_go_into_one_call() -> None:
    world = World()

    assert edit(world, world.new_set(), "add_members", *(f"B{i:05d}" for i in range(1000))) == 1000


def test_two_names_of_one_record_are_a_duplicate() -> None:
    world = World()
    set_id = world.new_set()
    edit(world, set_id, "add_members", "39031000000007")
    record = world.get(f"/conf/sets/{set_id}/members")["member"][0]["id"]

    assert refusal(world, set_id, members_body(record)) == "60115"
    assert refusal(world, set_id, members_body("39031000000007"), more=BY_BARCODE) == "60176"


def test_two_spellings_of_one_number_are_a_duplicate() -> None:
    world = World()
    set_id = world.new_set(content="BIB_MMS")
    body = members_body("1234-567x", "1234567X")

    assert refusal(world, set_id, body, more="&id_type=ISSN") == "60119"


def test_operation_type_and_set_are_checked() -> None:
    world = World()
    set_id = world.new_set()

    assert refusal(world, set_id, members_body("B12345"), op="") == "60111"
    assert refusal(world, set_id, members_body("B12345"), op="add") == "60111"
    assert refusal(world, "1", members_body("B12345")) == "60107"
    logical = world.set_called("Conservation items")
    assert refusal(world, logical, members_body("B12345")) == "60112"


def test_members_are_deleted_and_replaced() -> None:
    world = World()
    set_id = world.new_set()
    edit(world, set_id, "add_members", "B0001", "B0002", "B0003")

    assert edit(world, set_id, "delete_members", "B0002") == 2
    assert (
        refusal(world, set_id, members_body("B0001", "B0002"), op="delete_members", more=BY_BARCODE)
        == "60117"
    )
    assert edit(world, set_id, "replace_members", "B0004") == 1
    members = world.get(f"/conf/sets/{set_id}/members")["member"]
    assert [member["description"] for member in members] == ["B0004"]


def test_large_sets_are_paged_without_being_listed() -> None:
    world = World({"sets": [{"id": "1", "name": "huge", "members": 150_000}]})

    ids = {
        member["id"]
        for offset in (0, 100, 149_950)
        for member in world.get(f"/conf/sets/1/members?limit=100&offset={offset}")["member"]
    }

    assert len(ids) == 250
    assert world.get("/conf/sets/1/members?offset=150000") == {"total_record_count": 150_000}


def test_a_change_that_outlives_the_gateway_shows_later() -> None:
    world = World()
    set_id = world.new_set(members=1)
    world.fault("routing_error", call="add_members", nth=1, delay="5m")

    path = f"/conf/sets/{set_id}?op=add_members{BY_BARCODE}"
    code = world.code("POST", path, members_body("B-00001", "B-00002"))

    def count() -> int:
        return int(world.get(f"/conf/sets/{set_id}")["number_of_members"]["value"])

    assert (code, count()) == ("ROUTING_ERROR", 1)
    world.wait(minutes=5)
    assert count() == 3


def test_a_late_change_that_is_refused_changes_nothing() -> None:
    world = World()
    set_id = world.new_set()
    world.fault("routing_error", call="add_members", nth=1, delay="5m")

    path = f"/conf/sets/{set_id}?op=add_members{BY_BARCODE}"
    world.code("POST", path, members_body("B-00001"))
    world.json("POST", path, members_body("B-00001", "B-00002"))
    world.wait(minutes=5)

    assert world.alma.sets("main")["mine"] == 2


def test_links_of_items_name_their_title_and_holdings() -> None:
    world = World()
    set_id = world.new_set(members=2)

    found = world.get(f"/conf/sets/{set_id}/members")["member"]
    again = world.get(f"/conf/sets/{set_id}/members?offset=1")["member"]

    pattern = r"/bibs/99\d+/holdings/22\d+/items/" + found[1]["id"] + "$"
    assert re.search(pattern, found[1]["link"])
    assert again[0]["link"] == found[1]["link"]
