"""`find_set` and `delete_set`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.store import EntryState
from tests.harness import Stage

WEEDING = {"id": "59317390720001276", "name": "Weeding", "content": "ITEM", "members": 17}


def test_a_set_is_found_by_its_id(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": [WEEDING]})

    played = stage.run(f"steps: [{{id: it, find_set: {{id: {WEEDING['id']}}}}}]")

    it = played.steps["it"]
    assert (it["set_id"], it["name"], it["member_count"], it["rejected"]) == (
        WEEDING["id"],
        "Weeding",
        17,
        0,
    )


def test_a_set_is_found_by_its_exact_name(set_stage: Callable[..., Stage]) -> None:
    similar = {"name": "Weeding 2025", "content": "ITEM", "members": 1}
    stage = set_stage({"sets": [similar, WEEDING]})

    played = stage.run("steps: [{id: it, find_set: {name: \"{{ 'Weed' + 'ing' }}\"}}]")

    assert played.steps["it"]["set_id"] == WEEDING["id"]
    assert played.steps["it"]["member_count"] == 17


def test_a_set_is_found_by_the_name_behind_the_kind(set_stage: Callable[..., Stage]) -> None:
    played = set_stage({"sets": [WEEDING]}).run("steps: [{id: it, find_set: Weeding}]")

    assert played.steps["it"]["set_id"] == WEEDING["id"]


def test_a_name_that_no_set_has_fails_the_step_and_says_what_a_scenario_needs(
    stage: Stage,
) -> None:
    played = stage.run("steps: [{find_set: {name: Weeding}}]")

    assert played.outcome == "failed"
    assert played.record.error.startswith(
        "Step find_set-1: There is no set named `Weeding` at main. The name must match "
        "exactly. The API does not list private sets of other users."
    )


def test_an_unknown_id_fails_the_step_with_alma_s_words(stage: Stage) -> None:
    played = stage.run("steps: [{find_set: {id: '59317390720009999'}}]")

    assert played.outcome == "failed"
    assert "code 60107, tracking id E01-" in played.record.error


def test_an_empty_id_is_not_asked_for(stage: Stage) -> None:
    played = stage.run("steps: [{find_set: {id: \"{{ '' }}\"}}]")

    assert played.ended == ("failed", "Step find_set-1: The `id` of `find_set` is empty.")
    assert stage.alma.received() == []


def test_find_set_needs_either_id_or_name(stage: Stage) -> None:
    with pytest.raises(DocumentsInvalid, match="`find_set` needs either `id` or `name`"):
        stage.run("steps: [{find_set: {}}]")


def test_a_set_is_deleted(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": [WEEDING]})

    played = stage.run(f"steps: [{{id: it, delete_set: '{WEEDING['id']}'}}]")

    assert played.outcome == "succeeded"
    assert played.steps["it"]["deleted"] == 1
    assert "Weeding" not in stage.alma.sets("main")


def test_a_set_that_is_gone_already_is_fine(stage: Stage) -> None:
    played = stage.run("steps: [{id: it, delete_set: '59317390720009999'}]")

    assert played.outcome == "succeeded"
    assert played.steps["it"]["deleted"] == 0
    assert played.said() == ["Set 59317390720009999 does not exist any more."]


def test_a_deletion_whose_answer_is_lost_is_sent_again(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(
        {"sets": [WEEDING], "faults": [{"kind": "lose_answer", "call": "delete_set", "nth": 1}]}
    )

    played = stage.run(f"steps: [{{id: it, delete_set: '{WEEDING['id']}'}}]")

    assert played.outcome == "succeeded"
    assert stage.sent("delete_set") == 2
    assert played.state("it", "delete") is EntryState.REFUSED
    assert "Weeding" not in stage.alma.sets("main")


def test_a_set_that_cannot_be_deleted_fails_the_step(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "call": "delete_set", "status": 400, "code": "402282"}
    stage = set_stage({"sets": [WEEDING], "faults": [fault]})

    played = stage.run(f"steps: [{{delete_set: '{WEEDING['id']}'}}]")

    assert played.outcome == "failed"
    assert "402282" in played.record.error


def test_an_empty_id_deletes_nothing(stage: Stage) -> None:
    played = stage.run("steps: [{delete_set: \"{{ '' }}\"}]")

    assert played.ended == (
        "failed",
        "Step delete_set-1: The `id` of `delete_set` is empty. Nothing was deleted.",
    )
    assert stage.alma.received() == []


ON_SET = f"""
steps:
  - id: work
    submit_job: {{job: M48, set: "{WEEDING["id"]}", wait: false}}
  - id: away
    delete_set: "{WEEDING["id"]}"
"""


def test_a_set_is_not_deleted_while_a_job_of_the_run_works_on_it(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"sets": [WEEDING], "jobs": [{"job": "M48", "duration": "10m"}]})

    played = stage.run(ON_SET)

    assert played.outcome == "succeeded"
    assert 600 <= played.steps["away"]["seconds"] <= 660
    (instance,) = stage.alma.instances("M48")[-1:]
    assert instance.outcome == "COMPLETED_SUCCESS"
    told = f"job M48 is still using the set, as instance {instance.id}"
    assert told in played.said_waiting


def test_a_job_on_another_set_does_not_keep_a_set(set_stage: Callable[..., Stage]) -> None:
    other = {"id": "59317390720002276", "name": "Other", "content": "ITEM"}
    stage = set_stage({"sets": [WEEDING, other], "jobs": [{"job": "M48", "duration": "10m"}]})

    played = stage.run(ON_SET.replace(f'M48, set: "{WEEDING["id"]}"', f'M48, set: "{other["id"]}"'))

    assert played.steps["away"]["seconds"] == 0


def test_a_set_stays_when_nobody_knows_whether_a_job_works_on_it(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(
        {"sets": [WEEDING], "faults": [{"kind": "reset", "call": "submit"}]},
        connection={"settle": None},
    )
    workflow = ON_SET.replace("  - id: away", "finally:\n  - id: away")

    stage.run(workflow)
    stage.open_store().ask_cancel(stage.open_store().find_run("last").id, "tester")
    played = stage.resume()

    assert played.outcome == "unknown"
    assert played.steps["finally/away"]["outcome"] == "failed"
    assert played.steps["finally/away"]["error"] == (
        f"Job M48 may be using set {WEEDING['id']}: it is not known whether Alma accepted its "
        "submission. The set was not deleted. Check the job in Alma, and then delete the set "
        "there."
    )
    assert "Weeding" in stage.alma.sets("main")
