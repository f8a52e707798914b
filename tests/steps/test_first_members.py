"""`first` of `create_set`: a set of the first members only."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from almaflow.steps.first_members import MOST_FIRST, whole_first
from tests.harness import Stage

SOURCE = "59317390720001276"
SETS = {
    "sets": [
        {"id": SOURCE, "name": "Source", "content": "ITEM", "members": 250},
        {"id": "59317390720002276", "name": "Titles", "content": "BIB_MMS", "members": 5},
    ]
}
OF_LIST = """
    inputs: {first: {default: 2}}
    steps:
      - id: it
        create_set:
          name: trial
          content: ITEM
          members: [39001, 39001, " ", 39002, 39003]
          id_type: BARCODE
          first: "{{ inputs.first }}"
"""


def of_set(first: int, source: str = SOURCE, name: str = "trial", more: str = "") -> str:
    return f"""
        steps:
          - id: it
            create_set:
              {{name: {name}, content: ITEM, from_set: "{source}", first: {first} {more}}}
          - id: them
            set_members: "{{{{ steps.it.set_id }}}}"
          - id: all
            set_members: "{source}"
    """


def test_the_first_members_of_a_list_are_taken_before_any_is_added(stage: Stage) -> None:
    played = stage.run(OF_LIST)

    assert (played.outcome, played.steps["it"]["member_count"]) == ("succeeded", 2)
    assert stage.alma.sets("main")["trial"] == 2


def test_more_than_there_are_is_all_of_them(stage: Stage) -> None:
    assert stage.run(OF_LIST, first="100").steps["it"]["member_count"] == 3


@pytest.mark.parametrize(("first", "pages"), [(20, 1), (100, 1), (120, 2), (250, 3)])
def test_the_first_members_of_another_set_are_copied(
    set_stage: Callable[..., Stage], first: int, pages: int
) -> None:
    stage = set_stage(SETS)

    played = stage.run(of_set(first))

    assert (played.outcome, played.steps["it"]["member_count"]) == ("succeeded", first)
    assert sorted(played.steps["them"]["ids"]) == sorted(played.steps["all"]["ids"][:first])
    listed = [one.target for one in stage.alma.received("list_members") if SOURCE in one.target]
    assert len(listed) == pages + 3


@pytest.mark.parametrize("first", ["0", "-1", "2.5", "ten", "", "1000000"])
def test_a_number_that_no_trial_has_fails_before_anything_is_made(stage: Stage, first: str) -> None:
    played = stage.run(OF_LIST, first=first)

    assert played.outcome == "failed"
    assert stage.sent("create_set") == 0
    with pytest.raises(ValueError, match="from 1 to"):
        whole_first(first)


def test_the_set_that_members_are_taken_from_is_never_replaced(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(SETS)

    played = stage.run(of_set(20, name="Source", more=", if_exists: replace"))

    assert played.outcome == "failed"
    assert stage.sent("delete_set") == stage.sent("create_set") == 0


def test_a_set_of_something_else_fails_before_anything_is_made(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(SETS)

    played = stage.run(of_set(20, source="59317390720002276"))

    assert played.outcome == "failed"
    assert stage.sent("create_set") == 0


def test_the_largest_trial_is_a_valid_one() -> None:
    assert whole_first(f" {MOST_FIRST} ") == MOST_FIRST


@pytest.mark.slow  # every request, or every commit, of a run
@pytest.mark.parametrize("what", ["request", "commit"])
def test_a_crash_anywhere_leaves_one_set_with_the_first_members(
    set_stage: Callable[..., Stage], tmp_path: Path, what: str
) -> None:
    workflow = f"""
        steps:
          - create_set: {{name: trial, content: ITEM, from_set: "{SOURCE}", first: 120}}
    """
    for at in itertools.count(1):
        (tmp_path / "almaflow.db").unlink(missing_ok=True)
        stage = set_stage(SETS, durable=True)

        crashed = stage.crash(workflow, what, at, after=True)
        played = crashed if crashed.outcome is not None else stage.resume()

        assert (played.outcome, stage.alma.sets("main")["trial"]) == ("succeeded", 120)
        assert stage.done("create_set") == 1
        if crashed.outcome is not None:
            break
