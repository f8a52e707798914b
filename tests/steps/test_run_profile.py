"""`run_profile`: the job of a profile, found when the step runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from almaflow.errors import DocumentsInvalid
from tests.harness import Stage

PROFILES = {
    "library": {
        "integration_profiles": [
            {"id": "77000", "code": "DEPOT", "name": "The depot", "jobs": ["Send requests"]},
        ],
        "import_profiles": [{"id": "88000", "name": "Vendor"}],
    }
}


def started(stage: Stage) -> list[str]:
    jobs = stage.alma.institution("main").jobs
    return [jobs[one.job_id].name for one in stage.submissions]


@pytest.mark.parametrize("which", ["DEPOT", "{code: DEPOT}", "{id: 77000}", "{name: The depot}"])
def test_an_integration_profile_is_meant_by_id_code_or_name(
    set_stage: Callable[..., Stage], which: str
) -> None:
    stage = set_stage(PROFILES)

    played = stage.run(f"steps: [{{id: it, run_profile: {{integration: {which}}}}}]")

    assert played.outcome == "succeeded"
    assert started(stage) == ["Send requests"]
    assert played.steps["it"]["status"] == "COMPLETED_SUCCESS"
    # The job's parameters live in the profile; it takes none, and no name.
    assert stage.submissions[0].parameters == ()
    assert stage.alma.received("submit")[0].body == b"{}"


@pytest.mark.parametrize("which", ["Vendor", "{name: Vendor}", "{id: 88000}"])
def test_an_import_profile_is_meant_by_id_or_name(
    set_stage: Callable[..., Stage], which: str
) -> None:
    stage = set_stage(PROFILES)

    played = stage.run(f"steps: [{{run_profile: {{import: {which}}}}}]")

    assert played.outcome == "succeeded"
    assert len(started(stage)) == 1


@pytest.mark.parametrize(
    "which", ["Web catalog", "web  CATALOG", "Publishing Platform Job Web catalog", "{id: 99000}"]
)
def test_a_publishing_profile_is_meant_by_id_or_name(
    set_stage: Callable[..., Stage], which: str
) -> None:
    name = "Publishing Platform Job Web catalog"
    stage = set_stage(
        {
            "library": {
                "integration_profiles": [{"id": "99000", "code": "PUB", "jobs": [name]}],
            }
        }
    )

    played = stage.run(f"steps: [{{run_profile: {{publishing: {which}}}}}]")

    assert played.outcome == "succeeded"
    assert started(stage) == [name]
    assert stage.alma.received("submit")[0].body == b"{}"


def test_one_of_several_jobs_is_chosen_by_how_its_name_begins(stage: Stage) -> None:
    played = stage.run("steps: [{run_profile: {integration: SIS_LIVE, job: SIS Synchronize}}]")

    assert played.outcome == "succeeded"
    assert started(stage) == ["SIS Synchronize using profile Student Information System"]


def test_several_jobs_need_a_choice(stage: Stage) -> None:
    played = stage.run("steps: [{run_profile: {integration: SIS_LIVE}}]")

    assert played.outcome == "failed"
    assert "has 3 jobs" in played.record.error
    assert "Specify one with `job`, the beginning of its name." in played.record.error
    assert started(stage) == []


def test_a_profile_that_does_not_exist_fails_the_step(stage: Stage) -> None:
    played = stage.run("steps: [{run_profile: {integration: SIS_LIFE, job: x}}]")

    assert played.outcome == "failed"
    assert "did you mean `SIS_LIVE`?" in played.record.error


def test_what_is_expected_of_a_job_is_expected_of_a_profile_s(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({**PROFILES, "jobs": [{"job": "Send requests", "outcomes": "FAILED"}]})

    played = stage.run("steps: [{run_profile: {integration: DEPOT}}]")

    assert played.outcome == "failed"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("job: x", "`run_profile` needs exactly one of `integration`, `import` and `publishing`."),
        (
            "integration: A, import: B",
            "`run_profile` needs exactly one of `integration`, `import` and `publishing`.",
        ),
        ("import: A, job: B", "An import profile has only one job. Omit `job`."),
        ("integration: {}", "A profile needs exactly one of `id`, `code` and `name`."),
        ("import: {id: 1, name: A}", "A profile needs either `id` or `name`."),
    ],
)
def test_what_does_not_go_together_is_refused(stage: Stage, keys: str, told: str) -> None:
    with pytest.raises(DocumentsInvalid) as caught:
        stage.run(f"steps: [{{run_profile: {{{keys}}}}}]")

    assert told in str(caught.value)
