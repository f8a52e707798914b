"""The files of a new workflow hold what a person decided."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from almaflow.alma.wire import JobParameter
from almaflow.authoring.new_workflow.jobs import KnownJob
from almaflow.authoring.new_workflow.parameters import divide
from almaflow.authoring.new_workflow.texts import NewSet, NewWorkflow, workflow_files

CHOSEN = [JobParameter("a", "{{ x }}")]
TWICE = [JobParameter("b", "1"), JobParameter("b", "2"), JobParameter("a", "3")]


def made(job: KnownJob, alma_set: NewSet | None, **more: Any) -> dict[str, Any]:
    """Return the files of a new workflow, those in YAML as data."""
    new = NewWorkflow(
        name="weekly",
        job=job,
        parameters=divide(more.pop("parameters", CHOSEN)),
        alma_set=alma_set,
        limit=50,
        schemas=".",
        **more,
    )
    yaml = YAML(typ="safe")
    return {
        name.removeprefix("tests/").removeprefix("weekly."): yaml.load(text)
        if name.endswith(".yaml")
        else text
        for name, text in workflow_files(new).items()
    }


def test_a_job_without_a_set_has_no_set_and_no_limit() -> None:
    files = made(KnownJob("M44", label="Export"), None, cron="0 4 * * *", job_name="Weekly")

    workflow = files["yaml"]
    assert workflow["schedule"] == [{"cron": "0 4 * * *"}]
    assert "inputs" not in workflow
    assert "finally" not in workflow
    [step] = workflow["steps"]
    assert step["submit_job"]["parameters"] == {"a": '{{ "{{" }} x }}'}
    assert step["submit_job"]["job_name"] == "Weekly"
    assert "set" not in step["submit_job"]
    assert set(files["scenario.yaml"]) == {"everything_exists", "jobs"}
    assert [one["name"] for one in files["tests.yaml"]["tests"]] == [
        "the job runs",
        "a job that fails ends the run as failed",
    ]


@pytest.mark.parametrize(
    ("alma_set", "step", "scenario"),
    [
        (NewSet(id="38"), {"find_set": {"id": "38"}}, "sets"),
        (NewSet(name="My set"), {"find_set": {"name": "My set"}}, "sets"),
        (NewSet(query="title ~ x", content="BIB_MMS"), {"query": "title ~ x"}, "members"),
        (
            NewSet(members="ids.csv", column="id", id_type="BARCODE", content="ITEM"),
            {"members": {"file": "ids.csv", "column": "id"}, "id_type": "BARCODE"},
            "",
        ),
        (NewSet(members="ids.csv", content="ITEM"), {"members": {"file": "ids.csv"}}, ""),
    ],
)
def test_a_set_is_found_or_made_and_deleted(
    alma_set: NewSet, step: dict[str, Any], scenario: str
) -> None:
    files = made(KnownJob("M44"), alma_set)

    workflow = files["yaml"]
    first = workflow["steps"][0]
    assert (first["create_set"] if alma_set.is_made else first).items() >= step.items()
    assert ("finally" in workflow) is alma_set.is_made
    assert workflow["inputs"]["limit"]["default"] == 50
    assert workflow["steps"][-1]["submit_job"]["set"] == "{{ steps.records.set_id }}"
    assert set(files["scenario.yaml"]) == {"everything_exists", "jobs", scenario} - {""}


@pytest.mark.parametrize(
    ("job", "named", "expected"),
    [
        (KnownJob("M44"), {"id": "M44"}, ["counters | length > 0"]),
        (
            KnownJob("M44", name="Export", counters=("c.done",)),
            {"id": "M44", "name": "Export"},
            ["counters | length > 0"],
        ),
        (
            KnownJob("M44", counters=("c.done", "c.bad"), failures=("c.bad",)),
            {"id": "M44"},
            ["counters.number('c.bad', 0) == 0"],
        ),
    ],
)
def test_what_is_known_of_a_job_is_expected_of_it(
    job: KnownJob, named: dict[str, str], expected: list[str]
) -> None:
    submitted = made(job, NewSet(id="38"))["yaml"]["steps"][-1]["submit_job"]

    assert submitted["job"] == named
    assert [one["that"] for one in submitted["expect"]] == expected


@pytest.mark.parametrize(
    ("parameters", "shown", "filed"),
    [
        ([], None, False),
        (TWICE, {"a": "3"}, True),
        (TWICE[:2], None, True),
        ([JobParameter("b", ""), JobParameter("b", ""), JobParameter("a", "3")], {"a": "3"}, True),
    ],
)
def test_parameters_are_in_the_workflow_and_all_in_the_file(
    parameters: list[JobParameter], shown: dict[str, str] | None, filed: bool
) -> None:
    files = made(KnownJob("M44"), None, parameters=parameters)

    submitted = files["yaml"]["steps"][0]["submit_job"]
    assert submitted.get("parameters") == shown
    assert ("payload" in submitted) is filed
    assert ("payloads/weekly.xml" in files) is filed
