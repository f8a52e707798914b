"""`update_set`: members added, removed and replaced, a batch at a time, and what Alma minds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.store import EntryState
from tests.harness import Stage

ITEMS = "1001000"
TITLES = "1002000"
USERS = "1003000"
PORTFOLIOS = "1004000"
BARCODES = [f"39031{number:09}" for number in range(1, 2503)]
MMS = [f"99{number:09}1000" for number in range(1, 2503)]

SETS: list[dict[str, Any]] = [
    {"id": ITEMS, "name": "weeding", "content": "ITEM", "members": []},
    {"id": TITLES, "name": "titles", "content": "BIB_MMS", "members": MMS[:3]},
    {"id": USERS, "name": "users", "content": "USER", "members": ["anna", "ben"]},
    {"id": PORTFOLIOS, "name": "links", "content": "PORTFOLIO", "members": ["5300001", "5300002"]},
]


def update(set_id: str, **said: Any) -> str:
    lines = "\n".join(f"      {key}: {json.dumps(value)}" for key, value in said.items())
    return f'steps:\n  - id: it\n    update_set:\n      id: "{set_id}"\n{lines}\n'


def barcodes(*said: Any, **more: Any) -> str:
    return update(ITEMS, **dict(zip(["add"], said, strict=False)), id_type="BARCODE", **more)


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """A stage with sets to be changed."""
    return set_stage({"sets": SETS})


def members(stage: Stage, set_id: str) -> list[str]:
    """Return the ids that really are in a set."""
    return list(stage.alma.institution("main").sets[set_id].members)


def descriptions(stage: Stage, set_id: str = ITEMS) -> list[str]:
    """Return the barcodes that really are in a set of items."""
    main = stage.alma.institution("main")
    return [main.records.describe("ITEM", one) for one in main.sets[set_id].members]


def sent(stage: Stage) -> list[tuple[str, int]]:
    """Return the operation and number of ids of every change that was sent."""
    return [
        (one.target.partition("op=")[2].partition("&")[0].removesuffix("_members"), count(one.body))
        for one in stage.alma.received("edit_members")
    ]


def count(body: bytes) -> int:
    return len(json.loads(body)["members"]["member"])


# --- add ------------------------------------------------------------------------------------------


def test_members_are_added(stage: Stage) -> None:
    played = stage.run(update(TITLES, add=MMS[3:6]))

    assert played.ended == ("succeeded", "")
    it = played.steps["it"]
    assert (it["set_id"], it["name"], it["member_count"], it["rejected"]) == (
        TITLES,
        "titles",
        6,
        0,
    )
    assert members(stage, TITLES) == MMS[:6]


def test_more_than_a_thousand_are_added_in_batches_from_a_file(stage: Stage) -> None:
    stage.write("items.csv", "barcode\n" + "\n".join(BARCODES))

    played = stage.run(barcodes({"file": "items.csv", "column": "barcode"}))

    assert played.outcome == "succeeded"
    assert descriptions(stage) == BARCODES
    assert sent(stage) == [("add", 1000), ("add", 1000), ("add", 502)]
    assert [played.state("it", f"add-{number}") for number in (1, 2, 3)] == [EntryState.DONE] * 3
    assert [played.entry("it", f"before-add-{number}").value for number in (1, 2, 3)] == [
        0,
        1000,
        2000,
    ]


def test_members_come_from_an_expression(stage: Stage) -> None:
    workflow = update(TITLES, add="{{ inputs.new }}") + "inputs: {new: {type: list}}\n"

    stage.run(workflow, new=MMS[3:5])

    assert members(stage, TITLES) == MMS[:5]


def test_what_is_a_member_already_is_not_added_again(stage: Stage) -> None:
    played = stage.run(update(TITLES, add=MMS[1:5]))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 5
    assert members(stage, TITLES) == MMS[:5]
    assert sent(stage) == [("add", 4), ("add", 2)]
    assert played.state("it", "add-1") is EntryState.REFUSED
    assert played.entry("it", "rest-of-add-1").value == MMS[3:5]


def test_members_that_all_are_there_are_left_at_that(stage: Stage) -> None:
    played = stage.run(update(TITLES, add=MMS[:3]))

    assert played.outcome == "succeeded"
    assert sent(stage) == [("add", 3)]
    assert members(stage, TITLES) == MMS[:3]


def test_barcodes_of_members_are_found_among_the_members(stage: Stage) -> None:
    stage.run(barcodes(BARCODES[:1200]))

    played = stage.run(barcodes(BARCODES[1100:1300]))

    assert played.outcome == "succeeded"
    assert descriptions(stage) == BARCODES[:1300]
    assert sent(stage)[-2:] == [("add", 200), ("add", 100)]


def test_members_under_another_name_are_found_by_halving(stage: Stage) -> None:
    # A title is shown by its MMS id; which one has a number of OCLC's cannot be read off.
    numbers = [f"ocm{number:08}" for number in range(1, 9)]
    stage.run(update(TITLES, add=numbers[2:4], id_type="OCLC_NUMBER"))

    played = stage.run(update(TITLES, add=numbers, id_type="OCLC_NUMBER"))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 11
    assert len(set(members(stage, TITLES))) == 11
    assert played.state("it", "add-1-2") is EntryState.DONE
    assert played.state("it", "add-1-1-2-1") is EntryState.REFUSED


def test_one_record_under_two_names_is_added_once(stage: Stage) -> None:
    same = ["978-3-16-148410-0", "9783161484100", "9783161484117"]

    played = stage.run(update(TITLES, add=same, id_type="ISBN"))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 5
    assert played.steps["it"]["rejected"] == 0


def test_nobody_to_add_changes_nothing(stage: Stage) -> None:
    played = stage.run(update(TITLES, add=[]))

    assert played.outcome == "succeeded"
    assert played.steps["it"]["member_count"] == 3
    assert sent(stage) == []


# --- ids that Alma does not know ------------------------------------------------------------------


def test_an_unknown_id_fails_the_step(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": SETS, "unknown_members": [BARCODES[1]]})

    played = stage.run(barcodes(BARCODES[:3]))

    assert played.outcome == "failed"
    assert "A member ID is not valid for the content and identifier (code 60120" in (
        played.record.error
    )
    assert descriptions(stage) == []


def test_an_unknown_id_fails_the_step_also_beside_one_that_is_a_member(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"sets": SETS, "unknown_members": [BARCODES[1]]})
    stage.run(barcodes(BARCODES[:1]))

    played = stage.run(barcodes(BARCODES[:3]))

    assert played.outcome == "failed"
    assert "code 60120" in played.record.error


def test_unknown_ids_may_be_left_out(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": SETS, "unknown_members": [BARCODES[1], BARCODES[1500]]})
    stage.write("items.txt", "\n".join(BARCODES))
    stage.run(barcodes(BARCODES[:1]))

    played = stage.run(barcodes({"file": "items.txt"}, on_invalid="skip"))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 2500
    assert played.steps["it"]["rejected"] == 2
    assert len(descriptions(stage)) == 2500


def test_unknown_ids_are_left_out_where_alma_itself_does_not(
    set_stage: Callable[..., Stage],
) -> None:
    # Alma passes over them in sets of titles, items and users only.
    stage = set_stage({"sets": SETS, "unknown_members": ["5300004"]})

    played = stage.run(
        update(PORTFOLIOS, add=["5300002", "5300003", "5300004", "5300005"], on_invalid="skip")
    )

    assert played.ended == ("succeeded", "")
    assert members(stage, PORTFOLIOS) == ["5300001", "5300002", "5300003", "5300005"]
    assert played.steps["it"]["rejected"] == 1


def test_what_alma_adds_of_a_refused_call_is_not_added_again(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"sets": SETS, "alma": {"partial_adds": True}})

    played = stage.run(update(TITLES, add=MMS[1:5]))

    assert played.outcome == "succeeded"
    assert members(stage, TITLES) == MMS[:5]
    assert sent(stage) == [("add", 4)]


# --- remove ---------------------------------------------------------------------------------------


def test_members_are_removed(stage: Stage) -> None:
    played = stage.run(update(TITLES, remove=MMS[:2]))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 1
    assert members(stage, TITLES) == MMS[2:3]
    assert sent(stage) == [("delete", 2)]
    assert played.state("it", "remove-1") is EntryState.DONE


@pytest.mark.parametrize("on_invalid", ["fail", "skip"])
def test_what_is_no_member_need_not_be_removed(stage: Stage, on_invalid: str) -> None:
    played = stage.run(update(TITLES, remove=MMS[2:6], on_invalid=on_invalid))

    assert played.ended == ("succeeded", "")
    assert members(stage, TITLES) == MMS[:2]
    assert played.steps["it"]["rejected"] == 0


def test_nothing_is_removed_from_a_set_that_has_none_of_it(stage: Stage) -> None:
    played = stage.run(update(TITLES, remove=MMS[5:9]))

    assert played.outcome == "succeeded"
    assert members(stage, TITLES) == MMS[:3]
    assert sent(stage) == [("delete", 4)]


def test_users_are_removed_by_an_identifier_that_members_do_not_show(stage: Stage) -> None:
    played = stage.run(update(USERS, remove=["carl", "anna", "dora"], id_type="BARCODE"))

    assert played.ended == ("succeeded", "")
    assert members(stage, USERS) == ["ben"]


def test_more_than_a_thousand_are_removed_in_batches(stage: Stage) -> None:
    stage.run(barcodes(BARCODES[:2200]))

    played = stage.run(update(ITEMS, remove=BARCODES[100:2200], id_type="BARCODE"))

    assert played.outcome == "succeeded"
    assert descriptions(stage) == BARCODES[:100]
    assert sent(stage)[-3:] == [("delete", 1000), ("delete", 1000), ("delete", 100)]


# --- replace --------------------------------------------------------------------------------------


def test_members_are_replaced(stage: Stage) -> None:
    played = stage.run(update(TITLES, replace=MMS[2:5]))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 3
    assert members(stage, TITLES) == MMS[2:5]
    assert sent(stage) == [("replace", 3)]


def test_more_than_a_thousand_replace_with_the_first_batch_and_add_the_others(
    stage: Stage,
) -> None:
    played = stage.run(update(TITLES, replace=MMS[2:2402]))

    assert played.outcome == "succeeded"
    assert members(stage, TITLES) == MMS[2:2402]
    assert sent(stage) == [("replace", 1000), ("add", 1000), ("add", 400)]
    assert [played.state("it", one) for one in ("replace-1", "add-2", "add-3")] == (
        [EntryState.DONE] * 3
    )


def test_replacing_by_nothing_empties_the_set(stage: Stage) -> None:
    stage.run(barcodes(BARCODES[:1100]))

    played = stage.run(update(ITEMS, replace=[], id_type="BARCODE"))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["member_count"] == 0
    assert members(stage, ITEMS) == []
    assert sent(stage)[-2:] == [("delete", 1000), ("delete", 100)]


def test_replacing_an_empty_set_by_nothing_asks_alma_for_nothing(stage: Stage) -> None:
    played = stage.run(update(ITEMS, replace=[], id_type="BARCODE"))

    assert played.outcome == "succeeded"
    assert sent(stage) == []


def test_unknown_ids_are_left_out_of_a_replacement(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": SETS, "unknown_members": ["5300009", "5300008"]})

    played = stage.run(
        update(PORTFOLIOS, replace=["5300009", "5300008", "5300003", "5300004"], on_invalid="skip")
    )

    assert played.ended == ("succeeded", "")
    assert members(stage, PORTFOLIOS) == ["5300003", "5300004"]
    assert played.steps["it"]["rejected"] == 2


def test_replacing_by_unknown_ids_only_empties_the_set(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": SETS, "unknown_members": ["5300009", "5300008"]})

    played = stage.run(update(PORTFOLIOS, replace=["5300009", "5300008"], on_invalid="skip"))

    assert played.ended == ("succeeded", "")
    assert members(stage, PORTFOLIOS) == []
    assert (played.steps["it"]["member_count"], played.steps["it"]["rejected"]) == (0, 2)


def test_a_replacement_that_somebody_else_undoes_is_a_failure(stage: Stage) -> None:
    reads = 0

    def undo(method: str, target: str, headers: Any, body: bytes) -> Any:
        nonlocal reads
        reads += method == "GET" and target.endswith(TITLES)
        if reads == 2:
            stage.alma.institution("main").sets[TITLES].members.discard(MMS[2:4])
        return handle(method, target, headers, body)

    handle = stage.alma.handle
    stage.alma.handle = undo  # type: ignore[method-assign]

    played = stage.run(update(TITLES, replace=MMS[2:5]))

    assert played.ended == (
        "failed",
        f"Step it: The set `titles` ({TITLES}) has 1 members, but 3 were added. Another person "
        "or process is changing it at the same time. Check the set in Alma, and run the step "
        "again.",
    )


# --- refusals -------------------------------------------------------------------------------------


def test_the_members_of_a_logical_set_are_not_changed(set_stage: Callable[..., Stage]) -> None:
    logical = {"id": "77", "name": "all", "query": 'BIB_MMS where BIB_MMS ((all CONTAIN "x"))'}
    stage = set_stage({"sets": [logical]})

    played = stage.run(update("77", add=MMS[:1]))

    assert played.ended == (
        "failed",
        "Step it: The set `all` (77) is logical: its query determines its members, so they "
        "cannot be changed. Copy the set with `create_set` and `from_set`, and change the copy.",
    )
    assert sent(stage) == []


def test_a_type_of_id_that_does_not_fit_the_set_is_refused(stage: Stage) -> None:
    played = stage.run(update(TITLES, add=["1"], id_type="BARCODE"))

    assert played.ended == (
        "failed",
        f"Step it: The set `titles` ({TITLES}): Sets of BIB_MMS do not support `id_type: "
        "BARCODE`. Use `SYSTEM_NUMBER`, `OCLC_NUMBER`, `ISBN` or `ISSN`, or omit `id_type` for "
        "Alma's own ids. Nothing was changed.",
    )
    assert sent(stage) == []


def test_an_empty_id_changes_nothing(stage: Stage) -> None:
    played = stage.run(update("{{ '' }}", add=["1"]))

    assert played.ended == (
        "failed",
        "Step it: The `id` of `update_set` is empty. Nothing was changed.",
    )
    assert stage.alma.received() == []


def test_a_set_that_is_not_there_fails_with_alma_s_words(stage: Stage) -> None:
    played = stage.run(update("9", add=["1"]))

    assert played.outcome == "failed"
    assert "code 60107" in played.record.error


@pytest.mark.parametrize("said", [{}, {"add": [], "remove": []}, {"add": [], "replace": []}])
def test_one_change_is_made_at_a_time(stage: Stage, said: dict[str, Iterable[str]]) -> None:
    with pytest.raises(
        DocumentsInvalid, match="`update_set` needs exactly one of `add`, `remove` and `replace`"
    ):
        stage.run(update(TITLES, **said))


def test_a_refused_member_is_named_where_the_request_tells_it(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"sets": SETS, "unknown_members": BARCODES[:3]})

    assert f"'{BARCODES[1]}'" in stage.run(barcodes(BARCODES[1:2])).record.error
    error = stage.run(barcodes(BARCODES[:3])).record.error
    assert f"'{BARCODES[0]}'" in error
    assert f"'{BARCODES[2]}'" in error
