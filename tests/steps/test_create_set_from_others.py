"""`create_set` with what Alma fills by itself: `combine` and `from_run`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from almaflow.alma.simulator import Reply
from almaflow.store import EntryState
from tests.harness import Stage

FIRST = {"id": "1001000", "name": "first", "content": "ITEM", "members": ["1", "2", "3"]}
SECOND = {"id": "1002000", "name": "second", "content": "ITEM", "members": ["2", "3", "4", "5"]}
TITLES = {"id": "1003000", "name": "titles", "content": "BIB_MMS", "members": 3}


def combined(operator: str = "", *more: str, sets: str = '["1001000", "1002000"]') -> str:
    chosen = f"operator: {operator}, " if operator else ""
    lines = "\n".join(f"      {line}" for line in more)
    return f"""
steps:
  - id: both
    create_set:
      name: both
      content: ITEM
      combine: {{{chosen}sets: {sets}}}
{lines}
"""


def members_of(stage: Stage, name: str) -> list[str]:
    """Return the ids that really are in the one set of that name."""
    found = [one for one in stage.alma.institution("main").sets.values() if one.name == name]
    assert len(found) == 1
    return list(found[0].members)


@pytest.fixture
def two(set_stage: Callable[..., Stage]) -> Stage:
    """A stage with two sets of items and one of titles."""
    return set_stage({"sets": [FIRST, SECOND, TITLES]})


# --- combine --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("", ["2", "3"]), ("and", ["2", "3"]), ("or", ["1", "2", "3", "4", "5"]), ("not", ["1"])],
)
def test_two_sets_are_combined(two: Stage, operator: str, expected: list[str]) -> None:
    played = two.run(combined(operator))

    assert played.ended == ("succeeded", "")
    both = played.steps["both"]
    assert (both["name"], both["member_count"], both["rejected"]) == ("both", len(expected), 0)
    assert members_of(two, "both") == expected
    assert two.alma.institution("main").sets[both["set_id"]].private is False


def test_a_combination_counts_as_filled_when_it_stands_still_or_can_have_no_more(
    set_stage: Callable[..., Stage],
) -> None:
    many = {**FIRST, "members": 2000}
    stage = set_stage({"sets": [many, {**SECOND, "members": 3000}], "alma": {"fill_rate": 40}})

    played = stage.run(combined("or"))

    # 50 seconds a set of 2000, then the two minutes for which nothing came.
    together = len(members_of(stage, "both"))
    assert played.steps["both"]["member_count"] == together
    assert together / 40 + 120 <= played.steps["both"]["seconds"] <= together / 40 + 145
    assert any(one.startswith("Alma is filling the set: ") for one in played.said_waiting)


def test_a_combination_that_can_have_no_more_members_is_not_waited_for(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - id: one
            create_set: {name: one, content: ITEM, members: ["2300000001"]}
          - id: copy
            create_set:
              name: copy
              content: ITEM
              combine: {operator: and, sets: ["{{ steps.one.set_id }}", "{{ steps.one.set_id }}"]}
        """
    )

    assert played.steps["copy"]["member_count"] == 1
    assert played.steps["copy"]["seconds"] <= 20


def test_sets_of_another_content_are_not_combined(two: Stage) -> None:
    played = two.run(combined(sets='["1001000", "1003000"]'))

    assert played.ended == (
        "failed",
        "Step both: The set `titles` (1003000) contains BIB_MMS, not ITEM. Nothing was "
        "created. Correct `content` or the id.",
    )
    assert two.sent("create_set") == 0


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ('["1001000", "9"]', "code 60107"),
        ('["1001000", "{{ \'\' }}"]', "The id of the set is empty."),
    ],
)
def test_sets_that_are_not_there_are_not_combined(two: Stage, sets: str, told: str) -> None:
    played = two.run(combined(sets=sets))

    assert played.outcome == "failed"
    assert told in played.record.error
    assert two.sent("create_set") == 0


def test_a_set_is_not_replaced_by_one_that_is_made_of_it(two: Stage) -> None:
    played = two.run(combined("or", "if_exists: replace").replace("name: both", "name: second"))

    assert played.ended == (
        "failed",
        "Step both: The set `second` (1002000) cannot be replaced, because the new set is made "
        "from it. Nothing was changed. Choose a different name.",
    )
    assert two.sent("delete_set") == 0


def test_a_set_gives_way_to_a_combination_only_when_that_can_be_made(two: Stage) -> None:
    played = two.run(
        combined("or", "if_exists: replace", sets='["1001000", "9"]').replace(
            "name: both", "name: titles"
        )
    )

    assert played.outcome == "failed"
    assert "titles" in two.alma.sets("main")


def test_a_combination_may_use_a_set_of_its_name(two: Stage) -> None:
    played = two.run(combined("or", "if_exists: reuse").replace("name: both", "name: first"))

    assert played.steps["both"]["set_id"] == "1001000"
    assert two.sent("create_set") == 0


def test_an_itemized_set_is_not_copied_as_a_logical_one(two: Stage) -> None:
    played = two.run('steps: [{id: c, create_set: {name: c, content: ITEM, from_set: "1001000"}}]')

    assert played.ended == (
        "failed",
        "Step c: The set `first` (1001000) is itemized, but `from_set` copies logical sets "
        "only. To copy it, use `combine: {operator: or, sets: [id, id]}` with its id twice.",
    )


def test_what_an_earlier_attempt_combined_gives_way(two: Stage) -> None:
    fault = {"kind": "status", "call": "get_set", "nth": [4], "status": 400, "code": "60107"}
    two.fault(**fault)  # type: ignore[arg-type]

    played = two.run(combined("or") + "    retry: {attempts: 2}\n")

    assert played.outcome == "succeeded"
    assert (two.done("create_set"), two.done("delete_set")) == (2, 1)
    assert len(members_of(two, "both")) == 5


def test_an_earlier_set_is_not_removed_while_a_job_of_ours_works_on_it(two: Stage) -> None:
    workflow = """
    steps:
      - submit_job: {job: M48, set: "1001000", wait: false}
      - id: again
        create_set:
          name: first
          content: ITEM
          members: ["2300000001"]
          if_exists: replace
    """

    played = two.run(workflow)

    assert played.outcome == "succeeded"
    assert played.steps["again"]["seconds"] >= 60
    (instance,) = two.alma.instances("M48")[-1:]
    assert f"job M48 is still using the set, as instance {instance.id}" in played.said_waiting
    assert members_of(two, "first") == ["2300000001"]


# --- from_run -------------------------------------------------------------------------------------

LOADED = """
steps:
  - id: load
    run_profile: {import: {name: Vendor MARC records weekly}}
  - id: new
    create_set:
      name: "new titles"
      content: BIB_MMS
      from_run: {run: "{{ steps.load.instance_id }}", population: POPULATION}
"""


def loaded(population: str = "IMPORTED_RECORDS_NO_MATCH") -> str:
    return LOADED.replace("POPULATION", population)


def test_a_set_is_made_of_an_import_s_titles_and_waited_for(stage: Stage) -> None:
    played = stage.run(loaded())

    assert played.ended == ("succeeded", "")
    assert played.steps["new"]["member_count"] == 247
    assert len(members_of(stage, "new titles")) == 247
    filling = stage.alma.instances("O2")[-1]
    assert f"job O2 is filling the set, as instance {filling.id}" in played.said_waiting
    assert played.steps["new"]["seconds"] >= 10


def test_the_run_s_job_may_be_named(stage: Stage) -> None:
    workflow = loaded().replace("population:", 'job: "{{ steps.load.job_id }}", population:')

    played = stage.run(workflow)

    assert played.outcome == "succeeded"
    job_id = played.steps["load"]["job_id"]
    run_id = played.steps["load"]["instance_id"]
    paths = [one["path"] for one in played.requests if one["method"] == "GET"]
    assert f"/conf/jobs/{job_id}/instances/{run_id}" in paths
    assert f"/conf/jobs/ALL/instances/{run_id}" not in paths


def test_an_unknown_population_fails_and_those_that_are_there_are_listed(stage: Stage) -> None:
    played = stage.run(loaded("NEW"))

    run_id = played.steps["load"]["instance_id"]
    assert played.ended == (
        "failed",
        f"Step new: Instance {run_id} has no population `NEW`; its populations are "
        "SINGLE_MATCHES (85), MULTI_MATCHES (8), IMPORTED_RECORDS_NO_MATCH (247), "
        "NOT_ADDED_LOCKED (0), NOT_ADDED_DUPLICATED (0).",
    )
    assert stage.sent("create_set") == 0


def test_a_population_without_titles_makes_an_empty_set(stage: Stage) -> None:
    played = stage.run(loaded("NOT_ADDED_LOCKED"))

    assert played.outcome == "succeeded"
    assert played.steps["new"]["member_count"] == 0


def of_run(run_id: str) -> str:
    return f"""
    steps:
      - id: new
        create_set:
          name: new
          content: BIB_MMS
          from_run: {{run: "{run_id}", population: MULTI_MATCHES}}
    """


def test_a_run_that_goes_on_has_no_populations_yet(set_stage: Callable[..., Stage]) -> None:
    other = {"job": "Metadata Import using profile Vendor MARC records weekly", "at": "0s"}
    stage = set_stage({"other_runs": [{**other, "duration": "1h"}]})
    stage.open_connection("main")
    job_id = next(
        job.id for job in stage.alma.institution("main").jobs.values() if job.name == other["job"]
    )
    (run,) = stage.alma.instances(job_id)

    played = stage.run(of_run(run.id))

    status = run.status(stage.clock.now())
    assert played.ended == (
        "failed",
        f"Step new: Instance {run.id} has not ended yet ({status}), so its populations are not "
        "known. Nothing was created. Wait for the instance first.",
    )


def test_a_run_that_is_no_import_has_no_populations(stage: Stage) -> None:
    stage.open_connection("main")
    past = next(one for one in stage.alma.instances("M18"))

    played = stage.run(of_run(past.id))

    assert played.ended == (
        "failed",
        f"Step new: Instance {past.id} ({past.name}) has no populations; only metadata imports "
        "have them. Nothing was created.",
    )
    # They may come a little after the end, as counters do.
    assert (
        "the instance has ended, but its populations are not available yet"
    ) in played.said_waiting


@pytest.mark.parametrize(
    ("status", "outcome", "told"),
    [
        ("COMPLETED_NO_BULKS", "succeeded", ""),
        (
            "COMPLETED_WARNING",
            "warning",
            "Step new: Alma ended the job that fills the set (Create set from import run, "
            "instance {id}) as COMPLETED_WARNING.",
        ),
        (
            "SYSTEM_ABORTED",
            "failed",
            "Step new: Alma ended the job that fills the set (Create set from import run, "
            "instance {id}) as SYSTEM_ABORTED; the set is not complete.",
        ),
    ],
)
def test_the_ending_of_the_filling_job_is_the_step_s(
    set_stage: Callable[..., Stage], status: str, outcome: str, told: str
) -> None:
    stage = set_stage({"jobs": [{"job": "O2", "outcomes": [status]}]})

    played = stage.run(loaded())

    filling = stage.alma.instances("O2")[-1]
    assert played.steps["new"]["outcome"] == outcome
    assert played.steps["new"]["error"] == told.replace("{id}", filling.id).removeprefix(
        "Step new: "
    )
    assert "set_id" in played.steps["new"]


def test_a_set_without_a_filling_job_is_watched_itself(stage: Stage) -> None:
    handle = stage.alma.handle

    def forget(method: str, target: str, headers: Any, body: bytes) -> Reply:
        made = stage.alma.institution("main").set_named("new titles")
        if made is not None:
            made.filling_run = None
        return handle(method, target, headers, body)

    stage.alma.handle = forget  # type: ignore[method-assign]

    played = stage.run(loaded())

    assert played.outcome == "succeeded"
    assert played.steps["new"]["member_count"] == 247
    assert any(one.startswith("Alma is filling the set: ") for one in played.said_waiting)


def test_an_empty_run_is_not_asked_for(stage: Stage) -> None:
    played = stage.run(of_run("{{ '' }}"))

    assert played.outcome == "failed"
    assert "The id of the job instance is empty." in played.record.error
    assert stage.sent("create_set") == 0


def test_what_is_recorded_about_the_origin_is_not_asked_for_again(two: Stage) -> None:
    played = two.run(combined())

    assert played.state("both", "most") is EntryState.DONE
    assert played.entry("both", "most").value == 3
