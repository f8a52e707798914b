"""Sets under a hostile Alma: whatever happens to a call, one set, its members, none twice.

EventKind by the simulator, which knows the truth.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.alma import calls
from almaflow.alma.simulator import parse_scenario
from almaflow.alma.simulator.records import Members
from tests.harness import Process, Stage

BARCODES = [f"39031{number:09}" for number in range(1, 2503)]
MMS = [f"99{number:09}1000" for number in range(1, 2503)]
STATUSES = (500, 502, 503, 504)

# One of each sort: done and not answered, not done, done later, refused.
FAULTS: list[dict[str, Any]] = [
    {"kind": "lose_answer"},
    {"kind": "status", "status": 503, "processed": False},
    {"kind": "routing_error", "delay": "7m"},
    {"kind": "error_list_in_200", "processed": False},
]
MORE_FAULTS: list[dict[str, Any]] = [
    {"kind": "reset"},
    {"kind": "hang"},
    *({"kind": "status", "status": one, "processed": True} for one in STATUSES),
    *({"kind": "status", "status": one, "processed": False} for one in STATUSES if one != 503),
    {"kind": "routing_error"},
    {"kind": "routing_error", "processed": False},
    {"kind": "html", "processed": True},
    {"kind": "html", "processed": False},
    {"kind": "garbage"},
    {"kind": "truncated"},
    {"kind": "empty"},
    {"kind": "error_list_in_200", "processed": True},
    {"kind": "drip", "delay": "20m"},
]


def fault_id(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


every_fault = pytest.mark.parametrize(
    "fault",
    [*FAULTS, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE_FAULTS)],
    ids=fault_id,
)

SCENARIO: dict[str, Any] = {
    "sets": [
        {"id": "1001000", "name": "one", "content": "BIB_MMS", "members": MMS[:5]},
        {"id": "1002000", "name": "two", "content": "BIB_MMS", "members": MMS[3:9]},
        {
            "id": "1003000",
            "name": "logical",
            "content": "BIB_MMS",
            "query": 'BIB_MMS where BIB_MMS ((all CONTAIN "y"))',
            "members": 12,
        },
    ],
    "members": [{"query": '*"x"*', "count": 7}],
}

LOAD = "  - {id: load, run_profile: {import: {name: Vendor MARC records weekly}}}\n"
VARIANTS: dict[str, tuple[str, int]] = {
    "query": ("query: 'BIB_MMS where BIB_MMS ((all CONTAIN \"x\"))'", 7),
    "members": (f"members: {json.dumps(MMS[:4])}", 4),
    "from_set": ('from_set: "1003000"', 12),
    "from_run": (
        'from_run: {run: "{{ steps.load.instance_id }}", population: SINGLE_MATCHES}',
        85,
    ),
    "and": ('combine: {operator: and, sets: ["1001000", "1002000"]}', 2),
    "or": ('combine: {operator: or, sets: ["1001000", "1002000"]}', 9),
    "not": ('combine: {operator: not, sets: ["1001000", "1002000"]}', 3),
}


def create(variant: str) -> str:
    before = LOAD if variant == "from_run" else ""
    made = f"{{name: ours, content: BIB_MMS, {VARIANTS[variant][0]}}}"
    return f"steps:\n{before}  - {{id: it, create_set: {made}}}\n"


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    return set_stage(SCENARIO)


def names(stage: Stage) -> Counter[str]:
    """Return how many sets there really are of each name."""
    return Counter(one.name for one in stage.alma.institution("main").sets.values())


def truth(stage: Stage, name: str = "ours") -> list[str]:
    """Return the ids that really are in the one set of that name."""
    assert names(stage)[name] == 1
    found = stage.alma.institution("main").set_named(name)
    assert found is not None
    return list(found.members)


def barcodes(stage: Stage, name: str = "ours") -> list[str]:
    """Return the barcodes that really are in the one set of that name."""
    records = stage.alma.institution("main").records
    return [records.describe("ITEM", one) for one in truth(stage, name)]


# --- making a set ---------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@every_fault
def test_a_creation_under_a_fault_makes_one_set(
    stage: Stage, fault: dict[str, Any], variant: str
) -> None:
    stage.fault(call="create_set", nth=[1], **fault)

    played = stage.run(create(variant))

    assert played.ended == ("succeeded", "")
    count = VARIANTS[variant][1]
    assert len(truth(stage)) == played.steps["it"]["member_count"] == count
    made = stage.alma.institution("main").set_named("ours")
    assert made is not None
    assert played.steps["it"]["set_id"] == made.id
    assert stage.sent("delete_set") == 0


def test_a_combination_that_shows_two_hours_later_is_waited_for(stage: Stage) -> None:
    stage.fault("routing_error", call="create_set", nth=[1], delay="2h")

    played = stage.run(create("or"))

    assert played.ended == ("succeeded", "")
    assert stage.sent("create_set") == 1
    assert len(truth(stage)) == played.steps["it"]["member_count"] == 9
    assert 7200 <= played.steps["it"]["seconds"] <= 7500


def test_another_set_that_shows_only_when_it_was_asked_for_again_is_adopted(stage: Stage) -> None:
    # Past the settling time; the second sending is told that the name is taken.
    stage.fault("routing_error", call="create_set", nth=[1], delay="12m")

    played = stage.run(create("members"))

    assert played.ended == ("succeeded", "")
    assert stage.sent("create_set") == 2
    assert truth(stage) == MMS[:4]


def test_a_creation_that_is_lost_twice_fails_and_makes_nothing_more(stage: Stage) -> None:
    stage.fault("reset", call="create_set", nth=[1, 2])

    played = stage.run(create("members"))

    assert played.outcome == "failed"
    assert stage.sent("create_set") == 2
    assert names(stage)["ours"] == 0


def test_a_retry_takes_over_what_a_lost_creation_made(stage: Stage) -> None:
    stage.fault("lose_answer", call="create_set", nth=[1])
    stage.fault("status", call="add_members", nth=[1], status=400, code="60118")

    played = stage.run(create("members").replace("{id: it,", "{id: it, retry: {attempts: 2},"))

    assert played.outcome == "succeeded"
    assert played.steps["it"]["attempts"] == 2
    assert truth(stage) == MMS[:4]


def test_a_retry_takes_over_a_set_that_shows_up_after_it_was_given_up(stage: Stage) -> None:
    # Both sendings are lost; the set of the first shows when the first attempt has failed.
    stage.fault("routing_error", call="create_set", nth=[1], delay="40m")
    stage.fault("reset", call="create_set", nth=[2])
    retry = "{id: it, retry: {attempts: 2, delay: 1h},"

    played = stage.run(create("members").replace("{id: it,", retry))

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["attempts"] == 2
    assert truth(stage) == MMS[:4]
    assert (stage.sent("create_set"), stage.sent("delete_set")) == (3, 1)


@pytest.mark.parametrize("minutes", [-40, 40])
def test_a_retry_takes_over_its_set_whatever_the_clocks_say(
    set_stage: Callable[..., Stage], minutes: int
) -> None:
    stage = set_stage(SCENARIO, alma_ahead=timedelta(minutes=minutes))
    test_a_retry_takes_over_a_set_that_shows_up_after_it_was_given_up(stage)


@pytest.mark.parametrize(
    "foreign",
    [
        {"created_by": "jdoe", "created": "30m"},
        {"created_by": "exl_api", "created": "2026-02-28T00:00:00Z"},
        {"created_by": "exl_api", "created": "30m", "content": "ITEM"},
    ],
)
def test_a_set_that_may_be_somebody_else_s_is_not_taken_over(
    stage: Stage, foreign: dict[str, Any]
) -> None:
    stage.fault("reset", call="create_set", nth=[1, 2])
    retry = "{id: it, retry: {attempts: 2, delay: 1h},"

    async def meddle(process: Process) -> None:
        await process.wait(minutes=30)
        main = stage.alma.institution("main")
        made = parse_scenario({"sets": [{"name": "ours", **foreign}]}).sets[0]
        assert made.created is not None
        main.add_set(
            "ours",
            made.content,
            Members(),
            created_at=made.created.first(stage.clock.start, UTC),
            created_by=made.created_by,
            private=False,
            set_id="77",
        )

    played = stage.run(create("members").replace("{id: it,", retry), beside=meddle)

    assert played.outcome == "failed"
    assert "A set named `ours` already exists (77)." in played.record.error
    assert stage.sent("delete_set") == 0


# --- members --------------------------------------------------------------------------------------


def fill(stage: Stage, more: str = "") -> str:
    stage.write("items.txt", "\n".join(BARCODES))
    return f"""
steps:
  - id: it
    create_set:
      name: ours
      content: ITEM
      members: {{file: items.txt}}
      id_type: BARCODE
{more}
"""


@pytest.mark.parametrize("batch", [1, 2, 3])
@every_fault
def test_a_batch_under_a_fault_is_added_once(
    stage: Stage, fault: dict[str, Any], batch: int
) -> None:
    stage.fault(call="add_members", nth=[batch], **fault)

    played = stage.run(fill(stage))

    assert played.ended == ("succeeded", "")
    assert barcodes(stage) == BARCODES
    assert played.steps["it"]["member_count"] == 2502
    assert played.steps["it"]["rejected"] == 0


def test_every_batch_may_be_lost(stage: Stage) -> None:
    stage.fault("lose_answer", call="add_members")

    played = stage.run(fill(stage))

    assert played.outcome == "succeeded"
    assert barcodes(stage) == BARCODES
    assert stage.sent("edit_members") == 3


def test_a_lost_batch_with_unknown_ids_is_found_by_what_has_come(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"unknown_members": [BARCODES[3], BARCODES[1500]]})
    stage.fault("lose_answer", call="add_members", nth=[1, 2])

    played = stage.run(fill(stage, "      on_invalid: skip"))

    assert played.ended == ("succeeded", "")
    assert len(barcodes(stage)) == 2500
    assert played.steps["it"]["rejected"] == 2
    assert stage.sent("edit_members") == 3


def test_a_batch_that_comes_after_it_was_sent_again_is_not_added_twice(stage: Stage) -> None:
    stage.fault("routing_error", call="add_members", nth=[2], delay="11m")

    played = stage.run(fill(stage))
    stage.pass_time(minutes=10)

    assert played.outcome == "succeeded"
    assert Counter(barcodes(stage)) == Counter(BARCODES)


def test_a_lost_batch_is_made_whole_when_somebody_else_changes_the_set(stage: Stage) -> None:
    # The number of members looks as if the batch had come, by a foreign member.
    stage.fault("reset", call="add_members", nth=[2])
    handle = stage.alma.handle

    def meddle(method: str, target: str, headers: Any, body: bytes) -> Any:
        reply = handle(method, target, headers, body)
        if stage.sent("edit_members") == 2 and "op=add_members" in target:
            made = stage.alma.institution("main").set_named("ours")
            assert made is not None
            made.members.add(["2399999999"])
        return reply

    stage.alma.handle = meddle  # type: ignore[method-assign]

    played = stage.run(fill(stage))

    assert played.outcome == "succeeded"
    there = truth(stage)
    assert len(there) == 2503
    there.remove("2399999999")
    records = stage.alma.institution("main").records
    assert sorted(records.describe("ITEM", one) for one in there) == BARCODES


def test_a_refusal_that_was_lost_is_met_again(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"unknown_members": [BARCODES[3]]})
    stage.fault("lose_answer", call="add_members", nth=[1])

    played = stage.run(fill(stage))

    assert played.outcome == "failed"
    assert "code 60120" in played.record.error
    assert barcodes(stage) == []


def test_the_good_ids_of_a_refused_and_lost_call_do_not_pass_for_the_whole(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"unknown_members": [BARCODES[3]], "alma": {"partial_adds": True}})
    stage.fault("lose_answer", call="add_members", nth=[1])

    played = stage.run(fill(stage))

    assert played.outcome == "failed"
    assert "code 60120" in played.record.error


def changed(keys: str) -> str:
    return f'steps:\n  - id: it\n    update_set: {{id: "1001000", {keys}}}\n'


CHANGES = {
    "add": (f"add: {json.dumps(MMS[3:8])}", MMS[:8]),
    "remove": (f"remove: {json.dumps(MMS[3:8])}", MMS[:3]),
    "replace": (f"replace: {json.dumps(MMS[3:8])}", MMS[3:8]),
    "clear": ("replace: []", []),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("nth", [1, 2])
@every_fault
def test_a_change_under_a_fault_is_made_once(
    stage: Stage, fault: dict[str, Any], nth: int, change: str
) -> None:
    keys, expected = CHANGES[change]
    stage.fault(call="edit_members", nth=[nth], **fault)

    played = stage.run(changed(keys))
    stage.pass_time(minutes=15)

    assert played.ended == ("succeeded", "")
    assert truth(stage, "one") == expected
    assert played.steps["it"]["member_count"] == len(expected)


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("kind", ["lose_answer", "reset", "routing_error"])
def test_a_batch_of_a_replacement_under_a_fault_is_there_once(
    stage: Stage, kind: str, batch: int
) -> None:
    stage.fault(kind, call="edit_members", nth=[batch])

    played = stage.run(changed(f"replace: {json.dumps(MMS[2:2402])}"))

    assert played.ended == ("succeeded", "")
    assert truth(stage, "one") == MMS[2:2402]


# --- deleting -------------------------------------------------------------------------------------


@every_fault
def test_a_deletion_under_a_fault_is_made(stage: Stage, fault: dict[str, Any]) -> None:
    stage.fault(call="delete_set", nth=[1], **fault)

    played = stage.run("steps: [{id: it, delete_set: '1001000'}]")

    assert played.ended == ("succeeded", "")
    assert names(stage)["one"] == 0
    assert names(stage)["two"] == 1


@every_fault
def test_a_sweep_under_a_fault_takes_what_it_should(
    set_stage: Callable[..., Stage], fault: dict[str, Any]
) -> None:
    old = [
        {"id": f"{number}000", "name": f"old {number}", "created_by": "exl_api"}
        for number in range(1, 5)
    ]
    stage = set_stage({"sets": [*old, {"id": "9000", "name": "old 9"}]})
    stage.fault(call="delete_set", nth=[2, 4], **fault)

    played = stage.run('steps: [{id: it, delete_set: {prefix: "old ", older_than: 1d}}]')

    assert played.ended == ("succeeded", "")
    assert played.steps["it"]["deleted"] == 4
    assert [name for name in names(stage) if name.startswith("old ")] == ["old 9"]


# --- crashes --------------------------------------------------------------------------------------

CRASHING = """
steps:
  - id: made
    create_set: {name: ours, content: ITEM, members: {file: items.txt}, id_type: BARCODE}
  - id: added
    update_set: {id: "{{ steps.made.set_id }}", add: {file: more.txt}, id_type: BARCODE}
  - id: both
    create_set:
      name: both
      content: ITEM
      combine: {operator: not, sets: ["{{ steps.made.set_id }}", "1004000"]}
  - id: removed
    update_set: {id: "{{ steps.made.set_id }}", remove: {file: fewer.txt}, id_type: BARCODE}
  - id: again
    create_set:
      name: again
      content: ITEM
      members: {file: more.txt}
      id_type: BARCODE
      if_exists: replace
  - id: replaced
    update_set: {id: "{{ steps.again.set_id }}", replace: {file: items.txt}, id_type: BARCODE}
  - id: old
    delete_set: {prefix: "old ", older_than: 1d}
"""
OLD = [
    {"id": "1007000", "name": "again", "content": "ITEM", "members": 2},
    {"id": "1005000", "name": "old 1", "created_by": "exl_api"},
    {"id": "1006000", "name": "old 2", "created_by": "exl_api"},
    {"id": "1004000", "name": "third", "content": "ITEM", "members": 2},
]


def crashing(set_stage: Callable[..., Stage]) -> Stage:
    stage = set_stage({"sets": OLD}, durable=True)
    stage.write("items.txt", "\n".join(BARCODES[:15]))
    stage.write("more.txt", "\n".join(BARCODES[13:18]))
    stage.write("fewer.txt", "\n".join(BARCODES[:3] + BARCODES[30:32]))
    return stage


# What is before a request or a commit is after the commit or request before it.
# Not at every one, for the time it takes; the stride goes through all kinds of them.
@pytest.mark.slow
@pytest.mark.parametrize(("what", "stride"), [("request", 2), ("commit", 3)])
def test_a_crash_anywhere_leaves_each_set_as_it_should_be(
    set_stage: Callable[..., Stage],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    what: str,
    stride: int,
) -> None:
    # Batches of a size at which many crashes take little time.
    monkeypatch.setattr(calls, "MEMBERS_IN_ONE_CALL", 10)
    at, ended = 1 - stride, False
    while not ended:
        at += stride
        (tmp_path / "almaflow.db").unlink(missing_ok=True)
        stage = crashing(set_stage)

        died = stage.crash(CRASHING, what, at, after=True)
        ended = died.outcome is not None
        played = died if ended else stage.resume()

        where = (what, at)
        assert played.ended == ("succeeded", ""), where
        assert barcodes(stage) == BARCODES[3:18], where
        assert barcodes(stage, "again") == BARCODES[:15], where
        assert len(truth(stage, "both")) == played.steps["both"]["member_count"], where
        assert not any(name.startswith("old ") for name in names(stage)), where
    assert at >= 40
