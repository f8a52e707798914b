"""`submit_job`: what is submitted, how its run is followed, and how it is judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.steps.base import PollSettings
from almaflow.steps.job_step import next_pace
from tests.harness import Process, Stage

SET: dict[str, Any] = {
    "id": "59317390720001276",
    "name": "Weeding",
    "content": "ITEM",
    "members": 100,
}
TITLES: dict[str, Any] = {
    "id": "59317390720002276",
    "name": "Titles",
    "content": "BIB_MMS",
    "members": 100,
}


def scenario(**more: Any) -> dict[str, Any]:
    """Return a scenario whose library has two sets."""
    return {"sets": [SET, TITLES], **more}


def export(*lines: str, after: str = "") -> str:
    """Return a workflow with one job on the set of items."""
    more = "\n".join(f"      {line}" for line in lines)
    return f"""
name: weekly
steps:
  - id: work
    submit_job:
      job: M48
      set: "{SET["id"]}"
{more}
{after}
"""


def sent(stage: Stage) -> list[tuple[str, str]]:
    """Return the parameters of the one submission that Alma took."""
    (submission,) = stage.submissions
    return list(submission.parameters)


# --- which job ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "job",
    [
        "M48",
        "{id: M48}",
        "{name: Export Physical items}",
        "{name: export  physical Items}",
        "{id: M48, name: Export Physical items}",
    ],
)
def test_a_job_is_meant_by_id_name_or_both(set_stage: Callable[..., Stage], job: str) -> None:
    stage = set_stage(scenario())

    played = stage.run(export().replace("job: M48", f"job: {job}"))

    assert played.ended == ("succeeded", "")
    assert [one.job_id for one in stage.submissions] == ["M48"]
    work = played.steps["work"]
    assert work["job_id"] == "M48"
    assert work["instance_id"] == stage.submissions[0].instance_id
    assert work["status"] == "COMPLETED_SUCCESS"
    assert work["submitted_at"] == stage.submissions[0].at
    assert work["progress"] == 100
    assert work["counters"]
    assert work["alerts"][0]["code"] == "alert_general_success"
    assert work["link"] == (
        "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/M48/instances/"
        + work["instance_id"]
    )


@pytest.mark.parametrize(
    "written", [f" {SET['id']} ", f"{SET['id']}\\u00a0", f" {{{{ '{SET['id']} ' }}}}"]
)
def test_spaces_around_the_id_of_a_set_are_not_sent(
    set_stage: Callable[..., Stage], written: str
) -> None:
    stage = set_stage(scenario())

    played = stage.run(export().replace(SET["id"], written))

    assert played.ended == ("succeeded", "")
    assert dict(sent(stage))["set_id"] == SET["id"]


def test_another_name_than_that_of_the_id_is_reported(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    played = stage.run(export().replace("job: M48", "job: {id: M48, name: Export things}"))

    assert played.outcome == "succeeded"
    assert [one.job_id for one in stage.submissions] == ["M48"]
    (said,) = [line for line in played.said() if "is named" in line]
    assert "job M48 is named 'Export Physical items', not 'Export things'" in said


def test_a_name_that_no_job_has_is_refused_with_what_is_near(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(scenario())

    played = stage.run(export().replace("job: M48", "job: {name: Export Physical Item}"))

    assert played.outcome == "failed"
    assert "did you mean `Export Physical items`?" in played.record.error


def test_a_job_of_another_institution_fails_with_a_line_for_the_scenario(
    set_stage: Callable[..., Stage],
) -> None:
    played = set_stage(scenario()).run(export().replace("job: M48", "job: M999999"))

    assert played.outcome == "failed"
    assert "code 402216, tracking id E01-" in played.record.error
    assert "An id is valid in one institution only; other institutions," in played.record.error
    assert "library" in played.record.error


def test_a_job_without_id_and_name_is_refused(stage: Stage) -> None:
    with pytest.raises(DocumentsInvalid, match="A job needs an `id`, a `name`, or both"):
        stage.run(export().replace("job: M48", "job: {}"))


# --- what is sent ---------------------------------------------------------------------------------


def test_a_job_without_payload_gets_its_parameters_its_set_and_a_name(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(scenario())

    played = stage.run(
        export("parameters:", '  a: "{{ 1 + 1 }}"', "  b: Null", "  c:", "  d: 0012")
    )

    assert played.outcome == "succeeded"
    *parameters, (name, value) = sent(stage)
    assert parameters == [
        ("a", "2"),
        ("b", "Null"),
        ("c", ""),
        ("d", "0012"),
        ("set_id", SET["id"]),
    ]
    assert name == "job_name"
    assert value.startswith("weekly work [af-")
    assert stage.alma.instances("M48")[-1].name.startswith(value)


XML = """\
<job><parameters>
<parameter><name>format</name><value>XML</value></parameter>
<parameter><name>xxx</name><value>1</value></parameter>
<parameter><name>xxx</name><value/></parameter>
<parameter><name>set_id</name><value>1</value></parameter>
<parameter><name>job_name</name><value>Export - via API - mine</value></parameter>
</parameters></job>
"""
JSON = json.dumps(
    {
        "parameter": [
            {"name": {"value": "format"}, "value": "XML"},
            {"name": {"value": "xxx"}, "value": "1"},
            {"name": {"value": "xxx"}, "value": ""},
            {"name": {"value": "set_id"}, "value": "1"},
            {"name": {"value": "job_name"}, "value": "Export - via API - mine"},
        ]
    }
)


@pytest.mark.parametrize(("name", "text"), [("p.xml", XML), ("p.json", JSON)])
def test_a_payload_is_sent_in_its_order_with_what_the_mapping_changes(
    set_stage: Callable[..., Stage], name: str, text: str
) -> None:
    stage = set_stage(scenario())
    stage.write(f"payloads/{name}", text)

    stage.run(export(f"payload: payloads/{name}", "parameters: {format: CSV, more: 1}"))

    *parameters, (_, job_name) = sent(stage)
    assert parameters == [
        ("format", "CSV"),
        ("xxx", "1"),
        ("xxx", ""),
        ("more", "1"),
        ("set_id", SET["id"]),
    ]
    assert job_name.startswith("Export - via API - mine [af-")


def test_a_list_replaces_all_parameters_of_its_names(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())
    stage.write("p.xml", XML)

    stage.run(
        export(
            "payload: p.xml",
            "parameters:",
            "  - {name: xxx, value: '{{ run.name }}'}",
            "  - {name: xxx}",
            "  - {name: job_name, value: listed}",
        )
    )

    assert sent(stage)[:4] == [
        ("format", "XML"),
        ("xxx", "weekly"),
        ("xxx", ""),
        ("job_name", sent(stage)[3][1]),
    ]
    assert dict(sent(stage))["job_name"].startswith("listed [af-")


def test_parameters_are_read_as_the_json_of_alma_has_them(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())
    parameters = (
        "[{name: {value: a, desc: null}, value: x}, {name: {value: a}, value: y}, {name: b}]"
    )

    played = stage.run(export(f"parameters: {parameters}"))

    assert played.outcome == "succeeded"
    names = [one for one in sent(stage) if one[0] in ("a", "b")]
    assert names == [("a", "x"), ("a", "y"), ("b", "")]


def test_a_job_may_be_written_behind_the_kind(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    played = stage.run("steps: [{id: work, submit_job: M48}]")

    assert stage.sent("submit") == 1
    assert "set_id" in played.record.error


def test_parameters_may_be_left_empty(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    stage.run(export("parameters:"))

    assert [name for name, _ in sent(stage)] == ["set_id", "job_name"]


def test_the_payload_is_the_one_that_was_recorded_with_the_run(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(scenario())
    file = stage.write("p.xml", XML)
    stage.add(export("payload: p.xml"))
    file.unlink()

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert sent(stage)[0] == ("format", "XML")


def test_a_mapping_may_not_replace_a_name_that_the_payload_has_twice(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(scenario())
    stage.write("p.xml", XML)

    with pytest.raises(DocumentsInvalid, match="contains the parameter `xxx` 2 times"):
        stage.run(export("payload: p.xml", "parameters: {xxx: 1}"))


def test_a_recorded_payload_that_is_none_any_more_fails_the_step(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage(scenario())
    stage.write("p.xml", XML)
    workflow = export("payload: p.xml", "parameters: {xxx: 1}")
    texts = iter(["", XML.replace("<job>", "<html>"), XML, None])

    def made(*_: Any) -> dict[str, Any]:
        text = next(texts)
        payloads = {} if text is None else {"p.xml": text}
        return {
            "file": "test.yaml", "text": workflow,
            "folder": str(stage.folder), "root": str(stage.folder),
            "payloads": payloads, "timezone": "UTC", "commit": None,
        }  # fmt: skip

    monkeypatch.setattr("almaflow.plan.make_definition", made)
    errors = []
    for _ in range(4):
        stage.add(export("payload: p.xml"))
        errors.append(stage.resume().record.error)

    assert "p.xml: The payload is empty" in errors[0]
    assert errors[1].startswith("Step work: p.xml: ")
    assert "p.xml: The payload contains the parameter `xxx` 2 times" in errors[2]
    assert errors[3] == "Step work: The payload p.xml was not recorded with the run."
    assert stage.submissions == []


def test_the_step_says_what_the_run_is_called(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    played = stage.run(export("job_name: \"{{ run.name }} {{ 'x' * 200 }}\""))

    name = dict(sent(stage))["job_name"]
    assert name.startswith("weekly " + "x" * 93 + " [af-")
    assert len(name) == 100 + len(" [af-0123456789]")
    assert played.outcome == "succeeded"


def test_a_name_that_is_empty_counts_as_none(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())
    stage.write("p.xml", XML.replace("Export - via API - mine", " "))

    stage.run(export('job_name: " "'))
    stage.run(export("payload: p.xml"))

    names = [dict(one.parameters)["job_name"] for one in stage.submissions]
    assert [name.partition(" [af-")[0] for name in names] == ["weekly work", "weekly work"]


def test_a_job_that_refuses_a_name_gets_none(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())
    stage.write("p.xml", XML)

    stage.run(export("payload: p.xml", "job_name: false"))

    assert "job_name" not in dict(sent(stage))


def test_an_empty_set_id_is_not_submitted(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    played = stage.run(export().replace(f'"{SET["id"]}"', "\"{{ '' }}\""))

    assert played.ended == (
        "failed",
        "Step work: `set` is empty. Nothing was submitted.",
    )
    assert stage.sent("submit") == 0


def test_a_refused_submission_fails_with_alma_s_words(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    played = stage.run(export().replace(SET["id"], "1"))

    assert played.outcome == "failed"
    assert "code 402229, tracking id E01-" in played.record.error
    assert "Compare the parameters with" in played.record.error
    assert stage.submissions == []


# --- following ------------------------------------------------------------------------------------


def test_a_job_is_not_followed_when_told_so(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario())

    played = stage.run(export("wait: false"))

    assert played.outcome == "succeeded"
    assert played.steps["work"]["status"] == ""
    assert played.steps["work"]["counters"] == []
    assert played.steps["work"]["instance_id"] == stage.submissions[0].instance_id
    assert stage.sent("get_instance") == 0


def looks(stage: Stage) -> list[float]:
    """Return the seconds between submission and each look at the run."""
    (submission,) = stage.submissions
    return [(one.at - submission.at).total_seconds() for one in stage.alma.received("get_instance")]


def test_a_run_is_looked_at_less_and_less_often(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "10m"}]))

    played = stage.run(export("poll: {first: 10s, max: 1m}"))

    assert looks(stage) == pytest.approx(
        [10, 25, 47.5, 81.25, 131.875, *(191.875 + 60 * n for n in range(8))], abs=0.1
    )
    assert played.outcome == "succeeded"


def test_the_workflow_says_how_often_runs_are_looked_at(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "2m"}]))

    stage.run(export(after="defaults: {poll: {first: 40s, max: 40s}}"))

    assert looks(stage) == [40, 80, 120]


def test_learned_durations_spare_looks(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "40m"}]))
    stage.run(export("poll: {first: 10s, max: 1h}"))
    stage.run(export("poll: {first: 10s, max: 1h}"))
    seen = stage.sent("get_instance")

    stage.run(export("poll: {first: 10s, max: 1h}"))

    third = stage.sent("get_instance") - seen
    assert third <= seen / 2
    assert played_looks(stage, 3)[1] >= 1000


@pytest.mark.parametrize("minutes", [-40, -2, 2, 40])
def test_durations_are_learned_and_looks_are_made_whatever_the_clocks_say(
    set_stage: Callable[..., Stage], minutes: int
) -> None:
    jobs = scenario(jobs=[{"job": "M48", "duration": "30m"}], alma={"skip_phases": True})
    stage = set_stage(jobs, alma_ahead=timedelta(minutes=minutes))

    stage.run(export())

    (learned,) = stage.open_store().learned_durations()
    assert learned["seconds"] == pytest.approx(1800, abs=2)
    seen = played_looks(stage, 1)
    assert seen[0] <= 10
    assert max(later - earlier for earlier, later in pairwise(seen)) <= 120


def played_looks(stage: Stage, number: int) -> list[float]:
    at = stage.submissions[number - 1].at
    times = [(one.at - at).total_seconds() for one in stage.alma.received("get_instance")]
    return [seconds for seconds in times if seconds > 0]


def test_the_pace_never_gets_below_the_first_look() -> None:
    poll = PollSettings(first=timedelta(minutes=5), max=timedelta(minutes=2))

    pace = next_pace(timedelta(minutes=5), poll, None, timedelta(minutes=5))

    assert pace == timedelta(minutes=5)


def test_a_poll_across_the_change_of_clocks_is_not_an_hour_late(
    set_stage: Callable[..., Stage],
) -> None:
    # 02:59:55 in Zurich, five seconds before the clocks go back to 02:00.
    start = datetime(2026, 10, 25, 0, 59, 55, tzinfo=UTC)
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "30s"}]), start=start)

    played = stage.run("timezone: Europe/Zurich" + export("poll: {first: 40s}"))

    assert looks(stage) == [40]
    assert played.outcome == "succeeded"


# --- judging --------------------------------------------------------------------------------------


def ending(set_stage: Callable[..., Stage], code: str, *lines: str, **rule: Any) -> tuple[Any, Any]:
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "5m", "outcomes": code, **rule}]))
    played = stage.run(export(*lines))
    return played.steps["work"], played


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("COMPLETED_SUCCESS", "succeeded"),
        ("COMPLETED_WARNING", "warning"),
        ("COMPLETED_NO_BULKS", "succeeded"),
        ("COMPLETED_FAILED", "failed"),
        ("FAILED", "failed"),
        ("SKIPPED", "failed"),
        ("SYSTEM_ABORTED", "failed"),
        ("USER_ABORTED", "failed"),
        ("MANUAL_HANDLING_REQUIRED", "failed"),
        ("COMPLETED_PARTIALLY", "failed"),
    ],
)
def test_alma_s_status_becomes_an_outcome(
    set_stage: Callable[..., Stage], code: str, outcome: str
) -> None:
    work, played = ending(set_stage, code)

    assert (work["status"], work["outcome"], played.outcome) == (code, outcome, outcome)


def test_a_failure_says_what_the_status_means_and_where_the_report_is(
    set_stage: Callable[..., Stage],
) -> None:
    work, _ = ending(set_stage, "MANUAL_HANDLING_REQUIRED")

    assert work["error"] == (
        f"Alma ended Export Physical items (M48, instance {work['instance_id']}) as "
        "MANUAL_HANDLING_REQUIRED (stopped; a person must act in Alma): The job completed "
        "with errors. For more information view the report details (or contact Support using "
        f"the process ID). Alma's report: {work['link']}"
    )


def test_a_status_that_nobody_knows_is_named(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(set_stage, "COMPLETED_PARTIALLY")

    assert "as COMPLETED_PARTIALLY (a status that almaflow does not know)" in work["error"]


def test_an_unknown_status_is_followed_until_the_run_has_an_end(
    set_stage: Callable[..., Stage],
) -> None:
    work, _ = ending(set_stage, "COMPLETED_SUCCESS", running_status="REHEATING")

    assert (work["status"], work["outcome"]) == ("COMPLETED_SUCCESS", "succeeded")
    assert work["seconds"] >= 300


def test_a_status_that_alma_shows_wrong_for_a_while_is_followed_too(
    set_stage: Callable[..., Stage],
) -> None:
    odd = {"kind": "unknown_status_code", "code": "REHEATING", "call": "get_instance", "for": "4m"}
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "10m"}], faults=[odd]))

    played = stage.run(export())

    assert played.outcome == "succeeded"
    assert any("(REHEATING)" in one for one in played.said_waiting)


def test_a_run_that_is_pending_for_hours_is_followed_to_its_end(
    set_stage: Callable[..., Stage],
) -> None:
    work, played = ending(set_stage, "COMPLETED_SUCCESS", stays_pending="9h")

    assert (work["status"], work["outcome"]) == ("COMPLETED_SUCCESS", "succeeded")
    assert work["seconds"] >= 9 * 3600
    assert any("(PENDING)" in one for one in played.said_waiting)


@pytest.mark.parametrize("progress", ["zero", "overshoot", "stuck"])
def test_progress_says_nothing_about_the_end(
    set_stage: Callable[..., Stage], progress: str
) -> None:
    work, played = ending(set_stage, "COMPLETED_SUCCESS", progress=progress)

    assert played.outcome == "succeeded"
    assert work["seconds"] >= 300
    assert work["progress"] == {"zero": 0, "overshoot": 101.3, "stuck": 100}[progress]


def test_a_run_is_followed_through_hours_without_an_answer(
    set_stage: Callable[..., Stage],
) -> None:
    away = {"kind": "html", "status": 503, "call": "read", "from": "2m", "for": "3h"}
    stage = set_stage(scenario(jobs=[{"job": "M48", "duration": "10m"}], faults=[away]))

    played = stage.run(export())

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1
    assert 182 * 60 <= played.steps["work"]["seconds"] <= 184 * 60


def test_an_accepted_ending_is_success(set_stage: Callable[..., Stage]) -> None:
    work, played = ending(set_stage, "COMPLETED_FAILED", "accept: [COMPLETED_FAILED]")

    assert (work["status"], work["outcome"], work["error"]) == ("COMPLETED_FAILED", "succeeded", "")
    assert played.outcome == "succeeded"


def test_an_accepted_ending_must_be_as_expected_too(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(
        set_stage, "COMPLETED_FAILED", "accept: [COMPLETED_FAILED]", "expect: [progress == 7]"
    )

    assert work["outcome"] == "failed"


COUNTERS = {"c.done": "66", "c.failed": "2"}


def test_what_is_expected_holds(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(
        set_stage,
        "COMPLETED_SUCCESS",
        "expect:",
        "  - counters.number('c.failed') == 2",
        "  - {that: status == 'COMPLETED_SUCCESS' and steps is defined}",
        counters=COUNTERS,
    )

    assert work["outcome"] == "succeeded"
    assert 300 <= work["seconds"] < 420


def test_what_is_not_as_expected_fails_with_the_counters(set_stage: Callable[..., Stage]) -> None:
    work, played = ending(
        set_stage,
        "COMPLETED_SUCCESS",
        "expect:",
        "  - that: counters.number('c.failed') == 0",
        "    message: \"{{ counters.number('c.failed') }} items were not exported\"",
        counters=COUNTERS,
    )

    assert work["outcome"] == "failed"
    assert work["error"] == (
        "An expectation was not met: 2 items were not exported (`counters.number('c.failed') "
        "== 0` is not true). Alma ended the job as COMPLETED_SUCCESS; its counters: c.done = "
        "66, c.failed = 2."
    )
    assert work["counters"].number("c.done") == 66
    assert played.outcome == "failed"


def test_a_counter_that_is_no_number_does_not_hold(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(
        set_stage,
        "COMPLETED_SUCCESS",
        "expect: [counters.number('c.done') > 0]",
        counters={"c.done": "The report was not generated"},
    )

    assert work["outcome"] == "failed"
    assert "is not a number, but the text `The report was not generated`." in work["error"]


def test_a_counter_that_is_missing_does_not_hold(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(
        set_stage, "COMPLETED_SUCCESS", "expect: [counters.number('c.x') > 0]", counters={}
    )

    assert work["outcome"] == "failed"
    assert "it reported no counters." in work["error"]


@pytest.mark.parametrize("lag", ["20s", "29s"])
def test_counters_that_arrive_late_are_read_once_more(
    set_stage: Callable[..., Stage], lag: str
) -> None:
    work, played = ending(
        set_stage,
        "COMPLETED_SUCCESS",
        "poll: {first: 5m, max: 5m}",
        "expect: [counters.number('c.done') == 66]",
        counters=COUNTERS,
        counter_lag=lag,
    )

    assert work["outcome"] == "succeeded"
    assert work["seconds"] == 330
    assert "the job has ended, but its counters are not available yet" in played.said_waiting


def test_counters_that_arrive_after_that_are_missing(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(
        set_stage,
        "COMPLETED_SUCCESS",
        "poll: {first: 5m, max: 5m}",
        "expect: [counters.number('c.done') == 66]",
        counters=COUNTERS,
        counter_lag="2m",
    )

    assert work["outcome"] == "failed"
    assert work["seconds"] == 330


def test_some_counters_may_be_later_than_others(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(
        scenario(jobs=[{"job": "M48", "duration": "5m", "counters": {"c.done": "66"}}])
    )

    async def later(process: Process) -> None:
        await process.wait(seconds=310)
        (run,) = stage.alma.instances("M48")[-1:]
        run.counters = (*run.counters, run.counters[0].model_copy(update={"type": "c.failed"}))

    played = stage.run(
        export("poll: {first: 5m, max: 5m}", "expect: [counters.number('c.failed') == 66]"),
        beside=later,
    )

    assert played.steps["work"]["outcome"] == "succeeded"


def test_nothing_to_work_on_may_be_unexpected(set_stage: Callable[..., Stage]) -> None:
    work, _ = ending(set_stage, "COMPLETED_NO_BULKS", "expect: [status == 'COMPLETED_SUCCESS']")

    assert work["outcome"] == "failed"


def test_a_warning_says_why(set_stage: Callable[..., Stage]) -> None:
    work, played = ending(set_stage, "COMPLETED_WARNING")

    assert work["error"].startswith("Alma ended Export Physical items (M48, instance ")
    assert "as COMPLETED_WARNING (completed with warnings)" in work["error"]
    assert played.ended == ("warning", "")
