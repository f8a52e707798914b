"""`almaflow test`: what is played, what differs, what is wrong in files, and the formats."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from almaflow.authoring.workflow_tests.checking import CheckedTests
from almaflow.authoring.workflow_tests.differences import Difference
from almaflow.authoring.workflow_tests.running import Record
from almaflow.authoring.workflow_tests.suite import PlayedTest
from almaflow.cli.render.played_tests import difference_lines
from almaflow.cli.render.terminal import painted
from almaflow.problems import Location
from almaflow.workflow_loader import load_text
from tests.cli.conftest import Almaflow, Write

WEEKLY = """\
name: weekly
timezone: Europe/Zurich
inputs:
  limit: {type: integer, default: 100}
steps:
  - id: titles
    find_set: {name: Weekly titles}
  - id: small
    check: steps.titles.member_count <= inputs.limit
  - id: export
    submit_job:
      job: M44
      parameters: {task_ExportBibParams_outputFormat_string: MARC21_XML}
      set: "{{ steps.titles.set_id }}"
    on_failure: continue
  - id: look
    branch:
      on: steps.export.status
      cases:
        COMPLETED_SUCCESS: []
        COMPLETED_WARNING | COMPLETED_FAILED:
          - notify: {to: systems, message: "Look at the export of {{ today }}"}
      default: []
outputs:
  count: "{{ steps.titles.member_count }}"
"""
SCENARIO = """\
scenario:
  sets: [{name: Weekly titles, members: 40}]
"""


def listed(*tests: str, head: str = SCENARIO) -> str:
    return head + "tests:\n" + "".join(f"  - {one}\n" for one in tests)


@pytest.fixture
def weekly(write: Write) -> Path:
    return write("workflows/weekly.yaml", WEEKLY)


def differences(almaflow: Almaflow, write: Write, expect: str, more: str = "") -> list[Any]:
    """Play one test with this expectation, and return its differences."""
    write("workflows/weekly.tests.yaml", listed(f"{{name: x, expect: {expect}{more}}}"))
    done = almaflow("test", "--json")
    (played,) = done.json["tests"]
    assert done.code == (1 if played["differences"] else 0)
    found: list[Any] = played["differences"]
    return found


AGREES = [
    "{}",
    "{outcome: Succeeded, steps: {titles: succeeded, export: {attempts: 1}}}",
    "{steps: {titles: {outputs: {member_count: 40, name: Weekly *}}}}",
    "{steps: {export: {outputs: {counters: {label.new.records: 0}}}}}",
    "{branches: {look: COMPLETED_SUCCESS}}",
    "{branches: {look: case-1}}",
    "{requests: [{step: export, method: post, set: titles}]}",
    "{requests: [{path: /conf/jobs/M44?op=run, set: Weekly titles, times: 1}]}",
    "{requests: [/almaws/v1/conf/jobs/M44/instances/*]}",
    "{requests: {in_order: [/conf/sets, {path: /conf/jobs/M44?op=run}]}}",
    "{requests: {some: [{parameters: {task_ExportBibParams_outputFormat_string: MARC*}}]}}",
    "{requests: {none: [{method: DELETE}], some: [{contains: set_id}]}}",
    '{notifications: {none: [{to: "*"}]}}',
    "{duration: {at_least: 1s, at_most: 1h}, outputs: {count: 40}}",
    "{duration: 1h}",
    "succeeded",
]


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize("expect", AGREES)
def test_what_the_run_does_agrees_with_what_is_expected(
    almaflow: Almaflow, write: Write, expect: str
) -> None:
    if "counters" in expect:
        more = ", scenario: {jobs: [{job: M44, counters: {label.new.records: 0}}]}"
    else:
        more = ""

    assert differences(almaflow, write, expect, more) == []


DIFFERS = [
    ("{outcome: failed}", "failed", "succeeded", 4),
    ("{error: no such set}", "…no such set…", "empty", 4),
    ("{steps: {export: warning}}", "warning", "succeeded", 4),
    ("{steps: {titles: {outputs: {member_count: 41}}}}", "41", "40", 4),
    ("{branches: {look: default}}", "default", "COMPLETED_SUCCESS", 4),
    ("{requests: [{path: /conf/jobs/M45}]}", "/conf/jobs/M45", "not sent", 4),
    ("{requests: [{path: /conf/jobs/M44?op=run, times: 2}]}", "2 times", "once", 4),
    ("{requests: {none: [{path: /conf/sets}]}}", "not /conf/sets", "sent once", 4),
    (
        "{requests: {in_order: [{path: /conf/jobs/M44?op=run}, /conf/sets]}}",
        "/conf/sets",
        "only",
        4,
    ),
    ("{notifications: [{to: systems}]}", "a message to `systems`", "none was sent", 4),
    ("{duration: {at_most: 1s}}", "at most 1s", "m", 4),
    ("{outputs: {count: 4}}", "4", "40", 4),
]


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize(("expect", "expected", "actual", "line"), DIFFERS)
def test_a_difference_names_what_is_expected_what_happened_and_the_line(
    almaflow: Almaflow, write: Write, expect: str, expected: str, actual: str, line: int
) -> None:
    (found,) = differences(almaflow, write, expect)

    assert expected in found["expected"]
    assert actual in found["actual"]
    assert found["line"] == line


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize(
    ("request_", "hint"),
    [
        ("{path: /conf/job/M44, method: POST}", "its path differs"),
        ("{path: /conf/jobs/M44, set: Monthly titles}", "`Weekly titles`, not `Monthly titles`"),
        (
            "{parameters: {task_ExportBibParams_outputFormat_strin: MARC21}}",
            "did you mean `task_ExportBibParams_outputFormat_string`",
        ),
        ("{step: titles, path: /conf/jobs/M44?op=run}", "its step is `export`"),
    ],
)
def test_the_nearest_request_is_named_when_none_is_as_expected(
    almaflow: Almaflow, write: Write, request_: str, hint: str
) -> None:
    (found,) = differences(almaflow, write, f"{{requests: [{request_}]}}")

    assert "The nearest is" in found["hint"]
    assert hint in found["hint"]


WARNED = ", scenario: {jobs: [{job: M44, outcomes: COMPLETED_WARNING}]}"
COUNTED = ", scenario: {jobs: [{job: M44, counters: {label.new.records: 0, label.old: 7}}]}"
STOPPED = ", inputs: {limit: 2}"


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize(
    ("expect", "more", "expected", "actual", "hint"),
    [
        ("{}", STOPPED, "succeeded", "failed", "small"),
        ("{duration: {at_least: 9h}}", "", "at least 9h", "m", ""),
        ("{steps: {export: {error: no such job}}}", "", "…no such job…", "empty", ""),
        ("{steps: {export: {attempts: 3}}}", "", "3", "1", ""),
        (
            "{outcome: failed, steps: {export: {outputs: {status: COMPLETED_SUCCESS}}}}",
            *(STOPPED, "COMPLETED_SUCCESS", "no such output in this run", ""),
        ),
        (
            "{outcome: failed, steps: {export: succeeded}}",
            *(STOPPED, "succeeded", "skipped", "did not reach"),
        ),
        (
            "{outcome: failed, branches: {look: default}}",
            *(STOPPED, "default", "none", "did not reach the branch"),
        ),
        (
            "{steps: {export: {outputs: {counters: {label.new.records: 0, label.old: 8}}}}}",
            *(COUNTED, "8", "7", ""),
        ),
        (
            "{steps: {export: {outputs: {counters: {label.new.records: 0, label.lost: 1}}}}}",
            *(COUNTED, "1", "missing; it has `", ""),
        ),
        (
            "{outcome: warning, notifications: [{to: systems, times: 2}]}",
            *(WARNED, "a message to `systems`, 2 times", "once", "to systems: Look at"),
        ),
        (
            "{notifications: [{to: systems, contains: export, times: 1}]}",
            *("", "a message to `systems` with the text `export`, once", "never", ""),
        ),
        (
            "{outcome: warning, notifications: {none: [{contains: Look at}]}}",
            *(WARNED, "not a message with the text `Look at`", "to systems: Look at", ""),
        ),
    ],
)
def test_a_difference_of_a_run_that_took_another_way_says_which(
    almaflow: Almaflow, write: Write, expect: str, more: str, expected: str, actual: str, hint: str
) -> None:
    (found,) = differences(almaflow, write, expect, more)

    assert found["expected"] == expected
    assert actual in found["actual"]
    assert hint in found["hint"]


@pytest.mark.usefixtures("weekly")
def test_a_run_whose_submission_is_lost_differs_with_the_reason_why_it_waits(
    almaflow: Almaflow, write: Write
) -> None:
    lost = "{kind: lose_answer, call: submit, processed: false, nth: [1, 2]}"
    scenario = f"scenario: {{faults: [{lost}]}}"
    write(
        "workflows/weekly.tests.yaml",
        listed(f"{{name: a, {scenario}}}", f"{{name: b, {scenario}, expect: unknown}}"),
    )

    first, second = almaflow("test", "--json").json["tests"]

    assert (first["outcome"], second["outcome"]) == ("unknown", "unknown")
    (found,) = first["differences"]
    assert (found["expected"], found["actual"]) == ("succeeded", "unknown")
    assert "almaflow resolve" in found["hint"]
    assert second["differences"] == []


def test_scenario_inputs_and_time_of_a_test_replace_those_of_the_file(
    almaflow: Almaflow, write: Write, weekly: Path
) -> None:
    weekly.with_name("weekly.scenario.yaml").write_text(
        "sets: [{name: Weekly titles, members: 7}]\njobs: [{job: M44, duration: 3h}]\n"
    )
    head = "at: 2026-03-29T03:30\ninputs: {limit: 10}\n"
    write(
        "workflows/weekly.tests.yaml",
        listed(
            "{name: of the file, expect: {outputs: {count: 7}, duration: {at_least: 3h}}}",
            "{name: own, inputs: {limit: 5}, expect: {outcome: failed, steps: {small: failed}}}",
            "{name: time, at: 2026-12-24T23:30, scenario: {jobs: [{job: M44, outcomes: "
            "COMPLETED_FAILED}]}, expect: {outcome: warning, branches: {look: COMPLETED_FAILED}, "
            "notifications: ['Look at the export of 2026-12-24'], duration: {at_most: 1h}}}",
            head=head,
        ),
    )

    done = almaflow("test", "--json")

    assert [one["differences"] for one in done.json["tests"]] == [[], [], []]


MISTAKES = [
    ("{inputs: {limt: 3}}", "unknown-input", "did you mean `limit`"),
    ("{inputs: {limit: many}}", "bad-input", "whole number"),
    ("{expect: {steps: {expert: failed}}}", "unknown-step", "did you mean `export`"),
    ("{expect: {steps: {titles: {outputs: {members: 1}}}}}", "unknown-output", "`member_count`"),
    ("{expect: {outputs: {cont: 1}}}", "unknown-output", "did you mean `count`"),
    ("{expect: {branches: {export: default}}}", "unknown-arm", "has no arms"),
    ("{expect: {branches: {look: COMPLETE_WARNING}}}", "unknown-arm", "`COMPLETED_WARNING`"),
    ("{expect: {requests: [{step: exprt}]}}", "unknown-step", "did you mean `export`"),
    ("{expect: {notifications: [{to: system}]}}", "unknown-channel", "did you mean `systems`"),
    ("{expect: {requests: [POST /conf/sets]}}", "bad-value", "{method: POST, path: /conf/sets}"),
    ("{expect: {requests: [{times: 2}]}}", "missing-key", "is not described"),
    ("{scenario: {approvals: {small: yes}}}", "unknown-step", "`approve`"),
    ("{scenario: {membrs: []}}", "unknown-key", "did you mean `members`"),
    ("{at: tomorrow}", "bad-time", "2026-11-01T02:30"),
    ("{expct: {}}", "unknown-key", "did you mean `expect`"),
    ("{expect: {outcome: ok}}", "bad-value", "did you mean `succeeded`"),
    ("{expect: {steps: {titles: {member_count: 1}}}}", "unknown-key", "{member_count: 1}"),
    ("{expect: {requests: [{path: /x, body: y}]}}", "unknown-key", "`contains: y`"),
    ("{expect: {notify: [x]}}", "unknown-key", "`notifications: [x]`"),
    ("{durations: {M44: 1h}}", "unknown-key", "{job: M44, duration: 1h}"),
]


@pytest.mark.usefixtures("weekly")
@pytest.mark.parametrize(("test", "code", "message"), MISTAKES)
def test_a_mistake_in_a_file_of_tests_is_a_problem_of_test_and_of_validate(
    almaflow: Almaflow, write: Write, test: str, code: str, message: str
) -> None:
    write("workflows/weekly.tests.yaml", listed(f"{{name: a, {test[1:]}"))

    tested, validated = almaflow("test", "--json"), almaflow("validate", "--json")

    (problem,) = tested.json["problems"]
    assert (problem["code"], problem["line"]) == (code, 4)
    assert message in problem["message"]
    assert validated.json["problems"] == [problem]
    assert (tested.code, validated.code) == (2, 1)


@pytest.mark.usefixtures("weekly")
def test_one_reading_shows_mistakes_of_keys_and_of_names(almaflow: Almaflow, write: Write) -> None:
    write(
        "workflows/weekly.tests.yaml",
        listed(
            "{name: a, expct: {}, expect: {steps: {expert: failed}}}",
            "{expect: {outputs: {cont: 1}}}",
            "{name: c, expect: {outputs: {cont: 1}, requests: [{step: exprt}, POST]}}",
            "{name: d, inputs: {limt: 1}, scenario: {jobs: [{job: M44, durations: 1h}]}}",
            head=SCENARIO + "at: never\n",
        ),
    )

    problems = almaflow("test", "--json").json["problems"]

    assert sorted((one["line"], one["code"]) for one in problems) == [
        (3, "bad-time"),
        (5, "unknown-key"),
        (5, "unknown-step"),
        (6, "missing-key"),
        (7, "bad-value"),
        (7, "unknown-output"),
        (8, "unknown-input"),
        (8, "unknown-key"),
    ]


@pytest.mark.usefixtures("weekly")
def test_two_tests_of_one_name_are_a_problem(almaflow: Almaflow, write: Write) -> None:
    write("workflows/weekly.tests.yaml", listed("{name: good}", "{name: Good}"))

    (problem,) = almaflow("test", "--json").json["problems"]

    assert (problem["code"], problem["line"]) == ("duplicate-test", 5)


def test_an_input_without_a_value_is_a_problem_of_the_test(
    almaflow: Almaflow, write: Write
) -> None:
    write("workflows/a.yaml", "inputs: {month: }\nsteps: [{stop: }]\n")
    write("workflows/a.tests.yaml", "tests: [{name: x}, {name: y, inputs: {month: May}}]\n")

    problems = almaflow("test", "--json").json["problems"]

    assert [(one["code"], one["column"]) for one in problems] == [("missing-input", 16)]


@pytest.mark.parametrize("head", ["", "workflow: weekli.yaml\n"])
@pytest.mark.usefixtures("weekly")
def test_a_workflow_that_is_not_there_is_a_problem(
    almaflow: Almaflow, write: Write, head: str
) -> None:
    write("workflows/weekli.tests.yaml", f"{head}tests: [{{name: x}}]\n")

    (problem,) = almaflow("test", "--json").json["problems"]

    assert problem["code"] == "no-such-workflow"
    assert "did you mean `weekly.yaml`" in problem["message"]


def test_an_invalid_workflow_is_shown_once_and_other_files_are_played(
    almaflow: Almaflow, write: Write, weekly: Path
) -> None:
    write("workflows/weekly.tests.yaml", listed("{name: good}"))
    write("workflows/bad.yaml", "steps: [{wiat: 1m}]\n")
    write("workflows/bad.tests.yaml", "tests: [{name: x}]\n")

    done, validated = almaflow("test", "--json"), almaflow("validate", "--json")

    assert (done.code, done.json["passed"]) == (2, 1)
    assert [one["file"] for one in done.json["problems"]] == ["workflows/bad.yaml"]
    assert validated.json["problems"] == done.json["problems"]


def test_mistakes_in_the_scenario_next_to_a_workflow_are_shown_once(
    almaflow: Almaflow, write: Write, weekly: Path
) -> None:
    write("workflows/weekly.scenario.yaml", "job: []\n")
    write("workflows/weekly.tests.yaml", listed("{name: a}", "{name: b}"))

    done = almaflow("test", "--json")

    assert done.code == 2
    assert [one["file"] for one in done.json["problems"]] == ["workflows/weekly.scenario.yaml"]
    assert done.json["tests"] == []


def test_tests_may_name_a_workflow_elsewhere_in_the_project(
    almaflow: Almaflow, write: Write, weekly: Path
) -> None:
    write("almaflow.yaml", "timezone: UTC\n")
    write("checks/night.tests.yaml", "workflow: ../workflows/weekly.yaml\n" + listed("{name: a}"))

    assert almaflow("test", "checks").code == 0

    write("checks/night.tests.yaml", "workflow: ../../w.yaml\n" + listed("{name: a}"))
    (problem,) = almaflow("test", "checks", "--json").json["problems"]
    assert problem["line"] == 1


@pytest.mark.usefixtures("weekly")
def test_tests_are_chosen_by_a_part_of_their_name(almaflow: Almaflow, write: Write) -> None:
    write("workflows/weekly.tests.yaml", listed("{name: Good path}", "{name: Empty set}"))

    done, none = almaflow("test", "-k", "good", "--json"), almaflow("test", "-k", "godo path")

    assert [one["name"] for one in done.json["tests"]] == ["Good path"]
    assert none.code == 2
    assert "did you mean `Good path`" in none.err


def test_what_has_no_tests_is_a_sentence(almaflow: Almaflow, weekly: Path) -> None:
    folder, file, missing = almaflow("test"), almaflow("test", weekly), almaflow("test", "w.yaml")

    assert [one.code for one in (folder, file, missing)] == [2, 2, 2]
    assert "weekly.tests.yaml" in folder.err
    assert "workflows/tests/weekly.tests.yaml" in file.err


@pytest.mark.parametrize("name", ["weekly.tests.yaml", "tests/weekly.tests.yaml"])
def test_tests_are_next_to_their_workflow_or_in_a_folder_for_tests(
    almaflow: Almaflow, write: Write, weekly: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tests = Path(write(f"workflows/{name}", listed("{name: good}")))

    for asked in ([], [weekly], [tests], ["workflows"]):
        done = almaflow("test", *map(str, asked), "--json")
        assert (done.code, [one["name"] for one in done.json["tests"]]) == (0, ["good"]), asked
    assert almaflow("validate", tests).code == 0
    monkeypatch.chdir(tests.absolute().parent)
    assert almaflow("test", tests.name).code == 0


def test_tests_in_a_folder_for_tests_may_have_their_workflow_there(
    almaflow: Almaflow, write: Write
) -> None:
    write("workflows/tests/own.yaml", "steps: [{wait: 1m}]\n")
    own = write("workflows/tests/own.tests.yaml", listed("{name: good}"))
    lone = write("workflows/tests/lone.tests.yaml", listed("{name: good}"))

    assert almaflow("test", own).code == 0
    assert "There is no workflow `lone.yaml`" in almaflow("test", lone).out


def test_a_file_of_tests_is_not_a_workflow(almaflow: Almaflow, write: Write, weekly: Path) -> None:
    file = write("workflows/weekly.tests.yaml", listed("{name: good}"))

    done = almaflow("run", file, "--simulate")

    assert done.code == 2
    assert "almaflow test" in done.err
    assert almaflow("validate").out == "1 valid workflow, no errors.\n"


@pytest.mark.usefixtures("weekly")
def test_coverage_lists_what_no_test_reaches(almaflow: Almaflow, write: Write) -> None:
    write("workflows/weekly.tests.yaml", listed("{name: good}"))

    done = almaflow("test", "--coverage", "--json")
    text = almaflow("test", "--coverage")
    bounded = almaflow("test", "--coverage", "--fail-under", "50")

    (coverage,) = done.json["coverage"]["workflows"]
    missed = [(one["line"], one["path"]) for one in coverage["missed"]]
    assert missed == [
        (9, "small"),
        (15, "export"),
        (21, "look"),
        (22, "look/case-2/notify-1"),
        (23, "look"),
    ]
    assert coverage["points"] == 10
    assert (done.code, bounded.code) == (0, 0)
    assert almaflow("test", "--coverage", "--fail-under", "50.1").code == 1
    assert "workflows/weekly.yaml:9:5: `small` never stops the run" in text.out
    assert almaflow("test", "--fail-under", "50").code == 2


@pytest.mark.usefixtures("weekly")
def test_the_coverage_of_several_tests_adds_up(almaflow: Almaflow, write: Write) -> None:
    failed = "scenario: {jobs: [{job: M44, outcomes: COMPLETED_FAILED}]}"
    strange = "scenario: {jobs: [{job: M44, outcomes: SYSTEM_ABORTED}]}"
    warning = "expect: {outcome: warning}"
    write(
        "workflows/weekly.tests.yaml",
        listed(
            "{name: good}",
            f"{{name: failed, {failed}, {warning}}}",
            f"{{name: strange, {strange}, {warning}}}",
            "{name: many, inputs: {limit: 1}, expect: {outcome: failed}}",
        ),
    )

    done = almaflow("test", "--coverage", "--json")

    assert (done.code, done.json["coverage"]["percent"]) == (0, 100.0)


@pytest.mark.usefixtures("weekly")
def test_junit_xml_has_suites_cases_failures_and_errors(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write(
        "workflows/weekly.tests.yaml",
        listed("{name: good <&>}", '{name: "bad\\e", expect: {outcome: failed}}'),
    )
    write("workflows/other.tests.yaml", "tests: []\n")

    code = almaflow("test", "--junit", "out.xml").code

    root = ET.parse(folder / "out.xml").getroot()
    assert code == 2
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == (
        *("testsuites", "3", "1", "1"),
    )
    cases = {one.get("name"): one for one in root.iter("testcase")}
    assert "good <&>" in cases
    failure = cases["bad\\x1b"].find("failure")
    assert failure is not None
    assert "expected: failed" in (failure.text or "")
    assert len(list(root.iter("error"))) == 1
    # Jenkins' xUnit plugin refuses files with other attributes.
    assert {key for one in root.iter("testcase") for key in one.attrib} == {
        *("name", "classname", "time"),
    }
    assert set(root.attrib) == {"name", "tests", "failures", "errors", "time"}
    assert almaflow("test", "--junit", "missing/out.xml").code == 1


@pytest.mark.usefixtures("weekly")
def test_what_people_read_of_a_failed_test(almaflow: Almaflow, write: Write) -> None:
    write(
        "workflows/weekly.tests.yaml",
        listed(
            "{name: good}", "{name: bad, expect: {steps: {export: failed}, outputs: {count: 4}}}"
        ),
    )

    out = almaflow("test").out

    assert "✓ good" in out
    assert "workflows/weekly.tests.yaml:5:12: failed: bad\n  step `export`: its outcome\n" in out
    assert "    expected: failed\n    actual:   succeeded\n" in out
    assert "1 test passed, 1 failed; " in out


def test_colours_mark_what_is_expected_and_what_happened() -> None:
    place = Location("w.tests.yaml", 3)
    difference = Difference(place, "- {name: bad}", "the run", "succeeded", "failed", "Look.")
    file = CheckedTests(Path("w.tests.yaml"), None, None, None, ())
    workflow = load_text("steps: [{wait: 1m}]\n", "w.yaml")
    played = PlayedTest(file, workflow, "bad", place, "failed", (difference,), 0.1, 60.0, Record())

    lines = list(difference_lines(played, colours=True))

    assert lines[2:6] == [
        "  the run",
        f"    expected: {painted('succeeded', 'green')}",
        f"    actual:   {painted('failed', 'red')}",
        "    Look.",
    ]
    assert painted("failed", "red", bold=True) in lines[1]
    assert painted("failed", "red") not in "\n".join(difference_lines(played, colours=False))


@pytest.mark.usefixtures("weekly")
def test_the_coverage_of_several_workflows_is_shown_together(
    almaflow: Almaflow, write: Write
) -> None:
    write("workflows/weekly.tests.yaml", listed("{name: good}"))
    write("workflows/pause.yaml", "steps: [{wait: 1m}]\n")
    write("workflows/pause.tests.yaml", "tests: [{name: it waits}]\n")

    out = almaflow("test", "--coverage").out

    assert "pause: the tests reach 1 of 1 (100 %)." in out
    assert "weekly: the tests reach 5 of 10 (50 %)." in out
    assert "All workflows together: 54 %." in out


def test_paths_of_iterations_and_called_workflows_are_understood(
    almaflow: Almaflow, write: Write
) -> None:
    write(
        "workflows/all.yaml",
        """\
        steps:
          - id: each
            for_each:
              items: [1, 2]
              steps:
                - {id: big, check: {that: item | int > 1, otherwise: skip}}
          - {id: sub, call: one.yaml}
        """,
    )
    write("workflows/one.yaml", "steps: [{id: x, stop: }]\noutputs: {a: 5}\n")
    steps = (
        "{each/1/big: skipped, each/2/big: succeeded, each/3/big: skipped, sub/x: succeeded, "
        "sub: {outputs: {a: 5}}}"
    )
    write("workflows/all.tests.yaml", f"tests: [{{name: x, expect: {{steps: {steps}}}}}]\n")

    done = almaflow("test", "--json")

    assert (done.code, done.json["tests"][0]["differences"]) == (0, [])

    write(
        "workflows/all.tests.yaml",
        "tests: [{name: x, expect: {steps: {big: succeeded, each/4/big: failed}}}]\n",
    )
    found = almaflow("test", "--json").json["tests"][0]["differences"]
    assert [one["subject"] for one in found] == [
        "step `each/1/big`: its outcome",
        "step `each/4/big`",
    ]


def test_workflows_are_named_as_commands_that_run_them_do(
    almaflow: Almaflow, write: Write, weekly: Path
) -> None:
    write("workflows/weekly.tests.yaml", listed("{name: x}"))
    write("workflows/other.yaml", WEEKLY.replace("name: weekly", "name: monthly"))
    write("workflows/tests/other.tests.yaml", listed("{name: y}"))

    tested = almaflow("test", "--json", "monthly", "weekly")
    checked = almaflow("validate", "monthly")

    assert [one["name"] for one in tested.json["tests"]] == ["y", "x"]
    assert checked.out == "1 valid workflow, no errors.\n"


@pytest.mark.parametrize("command", ["test", "validate"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("weekli", "did you mean `weekly`?"),
        ("weekli.yaml", "no file or folder `weekli.yaml`"),
        ("workflows/weekli.yaml", "did you mean `weekly.yaml`?"),
    ],
)
def test_a_name_that_no_workflow_has_is_refused_with_a_suggestion(
    command: str, name: str, hint: str, almaflow: Almaflow, weekly: Path
) -> None:
    refused = almaflow(command, name)

    assert refused.code == 2
    assert hint in " ".join(refused.err.split())
