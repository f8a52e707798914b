"""`set_members`: the members of a set as a list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.harness import Stage

WEEDING = "59317390720001276"
SETS = {
    "sets": [
        {"id": WEEDING, "name": "Weeding", "content": "ITEM", "members": 250},
        {"name": "Empty", "content": "ITEM", "members": 0},
    ]
}


def test_all_pages_of_the_members_are_listed(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(SETS)

    played = stage.run(f"""
        steps:
          - id: them
            set_members: {WEEDING}
          - check: steps.them.ids | length == 250 and steps.them.members[249].id != ''
    """)

    them = played.steps["them"]
    assert (played.outcome, them["count"], them["name"]) == ("succeeded", 250, "Weeding")
    assert len(set(them["ids"])) == 250
    assert [one["id"] for one in them["members"]] == them["ids"]
    assert all(one["description"] for one in them["members"])
    assert stage.sent("list_members") == 3


def test_a_set_is_found_by_its_name_and_may_be_empty(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(SETS).run("steps: [{id: them, set_members: {name: Empty}}]")

    assert played.outcome == "succeeded"
    assert (played.steps["them"]["ids"], played.steps["them"]["count"]) == ([], 0)


def test_the_members_can_be_those_of_another_set(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(SETS).run(f"""
        steps:
          - id: them
            set_members: {{id: "{WEEDING}"}}
          - id: copy
            create_set: {{name: copy, content: ITEM, members: "{{{{ steps.them.ids }}}}"}}
    """)

    assert played.steps["copy"]["member_count"] == 250


def test_a_set_with_too_many_members_fails_before_any_is_listed(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.steps.set_members.MOST_LISTED", 200)
    stage = set_stage(SETS)

    played = stage.run(f"steps: [{{id: them, set_members: {WEEDING}}}]")

    assert played.ended == (
        "failed",
        f"Step them: The set `Weeding` ({WEEDING}) has 250 members, but at most 200 can be "
        "listed. Use a smaller set.",
    )
    assert stage.sent("list_members") == 0
