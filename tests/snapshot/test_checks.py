"""`validate` with a snapshot: what Alma has is known without a network."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.clock import SystemClock
from almaflow.snapshot.model import JobEntry, Snapshot
from tests.cli.conftest import Almaflow, Typed, Write
from tests.problem_examples import LINTS
from tests.snapshot.library import BOTH, EXPORTED, MAIN, SETTINGS, ZONE, put

FIND = "  - {id: titles, find_set: {name: My set}}\n"
SET = 'set: "{{ steps.titles.set_id }}"'


@pytest.fixture(autouse=True)
def project(folder: Path) -> Path:
    put(folder)
    return folder


class Checked:
    """Types `almaflow validate` on one workflow."""

    def __init__(self, almaflow: Almaflow, write: Write) -> None:
        self._almaflow = almaflow
        self._write = write

    def problems(self, steps: str, head: str = "") -> list[tuple[str, str]]:
        """Return code and severity of each problem."""
        return [(one["code"], one["severity"]) for one in self.every(steps, head)]

    def every(self, steps: str, head: str = "") -> list[dict[str, Any]]:
        self._write("workflows/wf.yaml", f"{head}steps:\n{steps}")
        typed: Typed = self._almaflow("validate", "--json", "workflows/wf.yaml")
        assert typed.code in (0, 1), typed.err
        hidden = LINTS - {"unused-ignore"}
        # Much is missing in these parts of workflows, which lints mention.
        return [one for one in typed.json["problems"] if one["code"] not in hidden]


@pytest.fixture
def checked(almaflow: Almaflow, write: Write) -> Checked:
    return Checked(almaflow, write)


JOBS = {
    f"  - submit_job: {{job: M44, {SET}}}": [],
    f"  - submit_job: {{job: {{name: EXPORT  bibliographic Records}}, {SET}}}": [],
    f"  - submit_job: {{job: M441, {SET}}}": [("job-not-in-snapshot", "warning")],
    f"  - submit_job: {{job: M99999, {SET}}}": [("job-not-in-snapshot", "warning")],
    f"  - submit_job: {{job: {{name: Withdraw item}}, {SET}}}": [
        ("job-not-in-snapshot", "warning")
    ],
    f"  - submit_job: {{job: {{id: M44, name: Withdraw items}}, {SET}}}": [
        ("other-name", "warning")
    ],
    f"  - submit_job: {{job: {{name: Add BIB to Collection}}, {SET}}}": [],
    f"  - submit_job: {{job: {{name: add bib to COLLECTION}}, {SET}}}": [
        ("job-name-not-unique", "error")
    ],
    "  - submit_job: {job: {name: Metadata Import using profile Vendor}}": [
        ("job-only-scheduled", "error")
    ],
    "  - wait_for_run: {job: {name: Metadata Import using profile Vendor}}": [],
    "  - wait_for_run: {job: S77}": [("job-not-in-snapshot", "warning")],
}


@pytest.mark.parametrize("step", JOBS)
def test_jobs_are_known_by_id_and_name(checked: Checked, step: str) -> None:
    assert checked.problems(f"{FIND}{step}\n") == JOBS[step]


@pytest.mark.parametrize(
    ("job", "wanted"),
    [
        ("M441", ("M44", "Export Bibliographic records")),
        ("{name: Withdraw item}", ("Withdraw items", "M157")),
        ("{id: M1570, name: Withdraw items}", ("M157", "Withdraw items")),
        ("M58", ("zone",)),
    ],
)
def test_the_job_that_is_meant_is_named(
    checked: Checked, job: str, wanted: tuple[str, ...]
) -> None:
    (problem,) = checked.every(f"{FIND}  - submit_job: {{job: {job}, {SET}}}\n")

    assert all(word in problem["message"] for word in (*wanted, "2026-11-03", "almaflow snapshot"))


PROFILES = {
    "  - run_profile: {integration: STORAGE_NORTH}": [],
    "  - run_profile: {integration: {id: 7002}}": [],
    "  - run_profile: {integration: {name: North depot}}": [],
    "  - run_profile: {integration: STORAGE_SOUTH}": [("profile-not-in-snapshot", "warning")],
    "  - run_profile: {integration: North depot}": [("profile-not-in-snapshot", "warning")],
    "  - run_profile: {integration: Vendor records weekly}": [
        ("profile-not-in-snapshot", "warning")
    ],
    "  - run_profile: {integration: ERP_MAIN, job: ERP export}": [],
    "  - run_profile: {integration: ERP_MAIN, job: ERP}": [("profile-has-several-jobs", "error")],
    "  - run_profile: {integration: ERP_MAIN}": [("profile-has-several-jobs", "error")],
    "  - run_profile: {integration: ERP_MAIN, job: Import}": [
        ("profile-job-not-in-snapshot", "warning")
    ],
    "  - wait_for_run: {integration: ERP_MAIN, job: {name: ERP import}}": [],
    "  - run_profile: {import: Vendor records weekly}": [],
    "  - run_profile: {import: {id: 8001}}": [],
    "  - run_profile: {import: E-books}": [("profile-name-not-unique", "error")],
    "  - run_profile: {import: Vendor records week}": [("profile-not-in-snapshot", "warning")],
}


@pytest.mark.parametrize("step", PROFILES)
def test_profiles_are_known_by_id_code_and_name(checked: Checked, step: str) -> None:
    assert checked.problems(f"{step}\n") == PROFILES[step]


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("integration: STORAGE_NORT", "`STORAGE_NORTH`"),
        ("integration: North depot", "integration: {name: North depot}"),
        ("integration: Vendor records weekly", "import: {name: Vendor records weekly}"),
        ("import: STORAGE_NORTH", "integration: {code: STORAGE_NORTH}"),
    ],
)
def test_the_profile_that_is_meant_is_named(checked: Checked, given: str, advice: str) -> None:
    (problem,) = checked.every(f"  - run_profile: {{{given}}}\n")

    assert advice in problem["message"]


def made(content: str) -> str:
    return f'  - {{id: titles, create_set: {{name: X, content: {content}, query: "a"}}}}\n'


CONTENTS = {
    ("BIB_MMS", "M44"): [],
    ("IEP", "M44"): [],
    ("ITEM", "M44"): ["set-does-not-fit-job"],
    ("BIB_MMS", "M157"): ["set-does-not-fit-job"],
    ("BIB_MMS", "M50215"): [],
    ("USER", "M50215"): ["set-does-not-fit-job"],
    ("USER", "M601"): [],
}


@pytest.mark.parametrize(("content", "job"), CONTENTS)
def test_the_set_that_a_workflow_creates_has_to_fit_its_job(
    checked: Checked, content: str, job: str
) -> None:
    problems = checked.problems(f"{made(content)}  - submit_job: {{job: {job}, {SET}}}\n")

    assert problems == [(code, "error") for code in CONTENTS[content, job]]


def test_a_job_that_fits_the_set_is_offered(checked: Checked) -> None:
    (problem,) = checked.every(f"{made('ITEM')}  - submit_job: {{job: M44, {SET}}}\n")

    assert "`M48` (Export Physical items)" in problem["message"]


def exported(expression: str) -> str:
    return f'{FIND}  - submit_job: {{job: M44, {SET}, expect: ["{expression}"]}}\n'


COUNTERS = {
    f"counters.number('{EXPORTED}') > 0": [],
    "counters.number('c.jobs.export.exportd') > 0": ["counter-not-seen"],
    "counters.number('Records exported') > 0": ["counter-not-seen"],
    "counters.number('never.heard.of') > 0": ["counter-not-seen"],
    "counters.number('never.heard.of', 0) == 0": [],
    "counters.number('c.jobs.export.faild', 0) == 0": ["counter-not-seen"],
    "counters.number('c.jobs.export.file') == 0": ["counter-is-text"],
    "counters.text('c.jobs.export.file') != ''": [],
    "counters.number(0) > 0": [],
}


@pytest.mark.parametrize("expression", COUNTERS)
def test_counters_are_compared_with_those_seen(checked: Checked, expression: str) -> None:
    problems = checked.problems(exported(expression))

    assert problems == [(code, "warning") for code in COUNTERS[expression]]


def test_counters_of_an_earlier_step_are_those_of_its_job(checked: Checked) -> None:
    steps = (
        f"{FIND}  - {{id: export, submit_job: {{job: M44, {SET}}}}}\n"
        "  - {id: storage, run_profile: {integration: STORAGE_NORTH}}\n"
        "  - check: steps.export.counters.number('storage.sent') > 0\n"
        "  - check: steps.storage.counters.number('storage.sent') > 0\n"
    )

    (problem,) = checked.every(steps)

    assert (problem["code"], problem["line"]) == ("counter-not-seen", 5)


def test_counters_are_checked_in_outputs_too(checked: Checked) -> None:
    steps = f"{FIND}  - {{id: export, submit_job: {{job: M44, {SET}}}}}\n"
    head = "outputs:\n  n: \"{{ steps.export.counters.number('exported') }}\"\n"

    assert checked.problems(steps, head) == [("counter-not-seen", "warning")]


def test_of_a_job_without_instances_nothing_is_said(checked: Checked) -> None:
    steps = f"{FIND}  - submit_job: {{job: M28, {SET}, expect: [\"counters.number('x') > 0\"]}}\n"

    assert checked.problems(steps) == []


def test_parameters_are_compared_with_those_known(checked: Checked) -> None:
    steps = (
        f"{FIND}  - submit_job: {{job: M44, {SET}, parameters: {{job_name: x, "
        "task_ExportBibParams_outputFormat_strin: MARC21_XML}}\n"
    )

    (problem,) = checked.every(steps)

    assert (problem["code"], problem["severity"]) == ("parameter-not-known", "warning")
    assert "`task_ExportBibParams_outputFormat_string`" in problem["message"]


def test_a_slip_in_a_parameter_is_found_with_the_payload_of_the_step(
    checked: Checked, write: Write
) -> None:
    write(
        "workflows/p.xml",
        "<job><parameters><parameter><name>task_A_fromValue_string</name><value>1</value>"
        "</parameter></parameters></job>",
    )
    steps = (
        f"{FIND}  - submit_job: {{job: M28, {SET}, payload: p.xml, parameters: "
        "{task_A_fromValue_strng: 2, another_one: 3}}\n"
    )

    assert checked.problems(steps) == [("parameter-not-known", "warning")]


def test_codes_that_only_the_snapshot_has_are_known(checked: Checked, project: Path) -> None:
    steps = f"{FIND}  - submit_job: {{job: M44, {SET}, accept: [ON_HOLD]}}\n"
    assert checked.problems(steps) == []

    (project / "alma-catalog.json").unlink()

    assert checked.problems(steps) == [("unknown-status", "warning")]


# --- which part of the snapshot counts ------------------------------------------------------------


def test_a_step_at_another_institution_is_compared_with_that_one(checked: Checked) -> None:
    steps = f"{FIND}  - {{institution: zone, submit_job: {{job: M58, {SET}}}}}\n"

    assert checked.problems(steps) == []
    assert checked.problems(steps.replace("zone", "main")) == [("job-not-in-snapshot", "warning")]


def test_a_step_whose_institution_only_the_run_knows_is_not_compared(checked: Checked) -> None:
    head = "inputs: {where: {type: string}}\n"
    steps = f'{FIND}  - {{institution: "{{{{ inputs.where }}}}", submit_job: {{job: M1, {SET}}}}}\n'

    assert checked.problems(steps, head) == []


def test_a_called_workflow_is_compared_with_the_institution_that_calls_it(
    checked: Checked, write: Write
) -> None:
    write("workflows/part.yaml", f"steps:\n{FIND}  - submit_job: {{job: M58, {SET}}}\n")

    assert checked.problems("  - {institution: zone, call: part.yaml}\n") == []
    assert checked.problems("  - call: part.yaml\n") == [("job-not-in-snapshot", "warning")]


def test_a_part_that_the_key_could_not_read_says_nothing(checked: Checked, project: Path) -> None:
    partial = replace(MAIN, profiles=(), missing=("integration_profiles", "import_profiles"))
    put(project, Snapshot({"main": partial}))

    assert checked.problems("  - run_profile: {integration: ANY}\n") == []


def test_a_snapshot_of_another_institution_is_not_used(checked: Checked, project: Path) -> None:
    put(project, settings=SETTINGS.replace("01ABC_INST", "01XYZ_INST"))

    problems = checked.problems(f"{FIND}  - submit_job: {{job: M99999, {SET}}}\n")

    assert problems == [("snapshot-of-other-institution", "warning")]


def test_a_snapshot_of_the_sandbox_is_not_used_for_production(
    checked: Checked, project: Path
) -> None:
    put(project, Snapshot({"main": replace(MAIN, environment="sandbox"), "zone": ZONE}))

    problems = checked.problems(f"{FIND}  - submit_job: {{job: M99999, {SET}}}\n")

    assert problems == [("snapshot-of-other-institution", "warning")]


def test_a_part_for_no_institution_of_almaflow_yaml_is_named(
    almaflow: Almaflow, checked: Checked, project: Path
) -> None:
    put(project, Snapshot({**BOTH.sections, "mian": replace(MAIN, institution="mian")}))

    (problem,) = checked.every("  - wait: 1m\n")

    assert problem["code"] == "snapshot-of-other-institution"
    assert problem["file"].endswith("alma-catalog.json")
    assert problem["line"] > 1


def test_a_broken_snapshot_is_an_error_of_validate_alone(
    almaflow: Almaflow, checked: Checked, project: Path
) -> None:
    (project / "alma-catalog.json").write_text("{")
    steps = f"{FIND}  - submit_job: {{job: M99999, {SET}}}\n"

    assert checked.problems(steps) == [("snapshot-unreadable", "error")]
    assert almaflow("run", "workflows/wf.yaml", "--simulate").code == 0


def test_plan_shows_the_warnings_of_the_snapshot(almaflow: Almaflow, checked: Checked) -> None:
    checked.problems(f"{FIND}  - submit_job: {{job: M99999, {SET}}}\n")

    typed = almaflow("plan", "workflows/wf.yaml")

    assert "job-not-in-snapshot" in typed.out + typed.err


def test_a_value_with_another_problem_has_no_second_one(checked: Checked) -> None:
    steps = f"{FIND}  - submit_job: {{job: S77, {SET}}}\n"

    assert checked.problems(steps) == [("scheduled-job", "warning")]


def test_names_with_spaces_are_compared_as_alma_has_them(checked: Checked, project: Path) -> None:
    (profile,) = (one for one in MAIN.profiles if one.id == "7002")
    spaced = replace(MAIN, profiles=(replace(profile, name="North  depot"),))
    put(project, Snapshot({"main": spaced}))

    assert checked.problems('  - run_profile: {integration: {name: "North  depot"}}\n') == []


def test_a_job_whose_kind_is_not_known_may_be_manual(checked: Checked, project: Path) -> None:
    put(project, Snapshot({"main": replace(MAIN, jobs=(JobEntry("M5", "Odd job"),))}))

    assert checked.problems(f"{FIND}  - submit_job: {{job: {{name: Odd job}}, {SET}}}\n") == []


def test_a_warning_is_ignored_where_it_is_meant(checked: Checked) -> None:
    comment = "# almaflow: ignore[job-not-in-snapshot]"
    steps = f"{FIND}  - submit_job: {{job: M99999, {SET}}}  {comment}\n"

    assert checked.problems(steps) == []
    assert checked.problems(steps.replace("M99999", "M44")) == [("unused-ignore", "warning")]


# --- doctor ---------------------------------------------------------------------------------------


def found(almaflow: Almaflow) -> list[tuple[str, str]]:
    findings = almaflow("doctor", "--json").json["findings"]
    return [(one["verdict"], one["text"]) for one in findings if one["what"] == "snapshot"]


def test_doctor_mentions_an_old_snapshot(almaflow: Almaflow, project: Path) -> None:
    today = SystemClock().now().date()
    recent = Snapshot({"main": replace(MAIN, taken=today - timedelta(days=29))})
    old = Snapshot({"main": replace(MAIN, taken=today - timedelta(days=33))})
    offline = SETTINGS.replace("region: eu", 'base_url: "http://localhost:9"')

    put(project, recent, offline)
    assert [verdict for verdict, _ in found(almaflow)] == ["ok"]
    put(project, old, offline)
    ((verdict, text),) = found(almaflow)
    assert (verdict, "3" in text) == ("warning", True)
    (project / "alma-catalog.json").write_text("{")
    assert [verdict for verdict, _ in found(almaflow)] == ["warning"]
