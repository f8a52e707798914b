"""`jobs`, `profiles`, `sets` and `validate --online`: what is there in Alma, live and simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from almaflow.alma.errors import NotInAlma
from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.wire import ImportProfile, IntegrationProfile, Job, JobParameter
from almaflow.cli.commands import jobs, profiles
from almaflow.operations import alma_finding
from almaflow.operations.alma_finding import IntegrationProfileDetails
from almaflow.operations.alma_lists import Profile, job_view, profile_view
from tests.cli.conftest import Almaflow, Write
from tests.problem_examples import LINTS

NOW = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
SCENARIO = {
    "library": {"sets": [{"id": "4711", "name": "2026", "content": "ITEM", "members": 3}]},
}


@pytest.fixture
def alma() -> Iterator[SimulatedAlma]:
    """An Alma on a socket."""
    alma = SimulatedAlma(lambda: NOW)
    with SimulatorServer(alma):
        yield alma


@pytest.fixture
def connected(alma: SimulatedAlma, write: Write, monkeypatch: pytest.MonkeyPatch) -> SimulatedAlma:
    """An Alma that almaflow.yaml names, with its key in the environment."""
    write(
        "almaflow.yaml",
        f"""\
        institutions:
          main: {{base_url: "{alma.link_base}", api_key: env:ALMA_KEY_OF_TESTS}}
        """,
    )
    monkeypatch.setenv("ALMA_KEY_OF_TESTS", alma.add_institution("main"))
    return alma


def test_jobs_are_listed_by_name_with_their_whole_ids(almaflow: Almaflow) -> None:
    typed = almaflow("jobs", "list", "--simulate", "--name", "EXPORT Ph", "--type", "manual")

    assert (typed.code, typed.err) == (0, "")
    assert typed.out == (
        "ID   TYPE    CATEGORY  NAME\n"
        "M48  MANUAL  EXPORT    Export Physical items\n"
        "M49  MANUAL  EXPORT    Export Physical items labels\n"
    )


def test_jobs_come_from_the_institution_of_almaflow_yaml(
    almaflow: Almaflow, connected: SimulatedAlma
) -> None:
    typed = almaflow("jobs", "list", "--json", "--name", "withdraw")

    assert typed.json["institution"] == "main"
    assert [job["id"] for job in typed.json["jobs"]] == ["M157"]
    assert all(one.method == "GET" for one in connected.received())


def test_what_is_not_there_is_said(almaflow: Almaflow) -> None:
    for noun in ("job", "profile", "set"):
        typed = almaflow(f"{noun}s", "list", "--simulate", "--name", "xyzzy")

        assert (typed.code, typed.out) == (0, f"main has no matching {noun}.\n")


@pytest.mark.parametrize("name", ["M48", "Export Physical items"])
def test_a_job_is_shown_by_id_or_name_with_its_step(almaflow: Almaflow, name: str) -> None:
    typed = almaflow("jobs", "show", name, "--simulate")

    assert typed.out.startswith("M48  Export Physical items\n")
    assert typed.out.endswith(
        "In a workflow:\n"
        "  - submit_job:\n"
        "      job: {id: M48, name: Export Physical items}\n"
        '      set: "{{ steps.NAME.set_id }}"\n'
    )
    assert almaflow("jobs", "show", name, "--simulate", "--json").json["job"]["id"] == "M48"


def test_a_scheduled_job_takes_no_set(almaflow: Almaflow) -> None:
    listed = almaflow("jobs", "list", "--simulate", "--type", "SCHEDULED", "--json").json["jobs"]

    typed = almaflow("jobs", "show", listed[0]["id"], "--simulate")

    assert "profile_id" in typed.out
    assert "set:" not in typed.out


def test_a_job_that_is_not_there_is_told_with_its_neighbour(almaflow: Almaflow) -> None:
    typed = almaflow("jobs", "show", "Export Physical Item", "--simulate")

    assert typed.code == 1
    assert typed.err == (
        "Error: main has no job named 'Export Physical Item'; did you mean `Export Physical "
        "items`? Use `almaflow jobs list` to see which ones exist.\n"
    )


def test_profiles_of_both_kinds_are_listed(almaflow: Almaflow) -> None:
    listed = almaflow("profiles", "list", "--simulate", "--json").json["profiles"]

    lines = almaflow("profiles", "list", "--simulate").out.splitlines()
    assert {one["kind"] for one in listed} == {"integration", "import"}
    assert lines[0].split() == ["KIND", "ID", "CODE", "TYPE", "NAME"]
    assert len(lines) == len(listed) + 1


def test_an_integration_profile_is_shown_with_its_jobs_and_its_step(almaflow: Almaflow) -> None:
    typed = almaflow("profiles", "show", "REMOTE_STORAGE_NORTH", "--simulate")

    assert "  job              S" in typed.out
    assert "  - run_profile:\n      integration: REMOTE_STORAGE_NORTH\n" in typed.out


def test_a_profile_with_several_jobs_wants_one_named(almaflow: Almaflow) -> None:
    listed = almaflow("profiles", "list", "--simulate", "--json").json["profiles"]
    shown = [
        almaflow("profiles", "show", one["id"], "--simulate", "--json").json["profile"]
        for one in listed
    ]
    several = next(one for one in shown if len(one["jobs"]) > 1)

    typed = almaflow("profiles", "show", several["id"], "--simulate")

    assert "\n      job: " in typed.out


def test_an_import_profile_is_shown_with_its_step(almaflow: Almaflow) -> None:
    typed = almaflow("profiles", "show", "Vendor MARC records weekly", "--simulate")

    assert typed.out.endswith("  - run_profile:\n      import: Vendor MARC records weekly\n")


def test_a_profile_that_is_not_there_is_told_with_its_neighbour(almaflow: Almaflow) -> None:
    typed = almaflow("profiles", "show", "BURSER", "--simulate")

    assert typed.code == 1
    assert typed.err == (
        "Error: main has no profile 'BURSER'; did you mean `BURSAR`? `almaflow profiles list` "
        "shows all profiles.\n"
    )


def test_sets_are_listed_and_shown_by_id_or_name(almaflow: Almaflow) -> None:
    sets = almaflow("sets", "list", "--simulate", "--name", "weeding", "--json").json["sets"]

    (one,) = sets
    lines = almaflow("sets", "list", "--simulate", "--content", "ITEM").out.splitlines()
    by_id = almaflow("sets", "show", one["id"], "--simulate")
    by_name = almaflow("sets", "show", one["name"], "--simulate", "--json")
    assert one["id"] in " ".join(lines)
    assert by_id.out.startswith(f"{one['id']}  {one['name']}\n")
    assert "  member_count " in by_id.out
    assert by_name.json["set"]["id"] == one["id"]


def test_a_set_may_be_called_by_a_number(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    alma = SimulatedAlma(lambda: NOW, parse_scenario({"sets": [SCENARIO["library"]["sets"][0]]}))
    with SimulatorServer(alma):
        write(
            "almaflow.yaml",
            f"institutions: {{main: {{base_url: '{alma.link_base}', api_key: env:ALMA_KEY}}}}",
        )
        monkeypatch.setenv("ALMA_KEY", alma.add_institution("main"))

        assert almaflow("sets", "show", "2026").out.startswith("4711  2026\n")
        assert almaflow("sets", "show", "2027").code == 1


def test_a_set_that_is_not_there_is_told(almaflow: Almaflow) -> None:
    typed = almaflow("sets", "show", "Nothing", "--simulate")

    assert typed.code == 1
    assert typed.err.startswith("Error: main has no set 'Nothing'. The name must match exactly.")


def test_what_needs_alma_shows_the_lines_to_write(almaflow: Almaflow) -> None:
    typed = almaflow("jobs", "list")

    assert typed.code == 2
    assert "institutions:\n  main:\n    region: eu" in typed.err


def test_an_interrupted_question_exits_with_130(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("anyio.run", interrupt)

    assert almaflow("jobs", "list", "--simulate").code == 130


# --- validate --online ------------------------------------------------------------------------


def test_online_finds_what_alma_does_not_have(
    almaflow: Almaflow, connected: SimulatedAlma, write: Write
) -> None:
    write(
        "w.yaml",
        """\
        steps:
          - submit_job: {job: M999}
          - submit_job: {job: {name: Withdraw item}}
          - run_profile: {integration: BURSER}
          - run_profile: {import: Nothing weekly}
          - find_set: {id: "1"}
          - find_set: {name: Nothing}
          - branch:
              on: "'x'"
              cases:
                x:
                  - create_set: {name: copy, content: ITEM, from_set: "2"}
        finally:
          - submit_job: {job: {id: M157, name: Export}}
        """,
    )

    typed = almaflow("validate", "w.yaml", "--online", "--json")

    assert typed.code == 1
    problems = [one for one in typed.json["problems"] if one["code"] not in LINTS]
    assert [(one["line"], one["code"], one["severity"]) for one in problems] == [
        (2, "no-such-job", "error"),
        (3, "no-such-job", "error"),
        (4, "no-such-profile", "error"),
        (5, "no-such-profile", "error"),
        (6, "no-such-set", "warning"),
        (7, "no-such-set", "warning"),
        (12, "no-such-set", "warning"),
        (14, "no-set", "warning"),
        (14, "other-name", "warning"),
    ]
    assert "'Withdraw items', not 'Export'" in problems[-1]["message"]
    assert "did you mean `Withdraw items`?" in problems[1]["message"]
    assert all(one.method == "GET" for one in connected.received())


def test_online_finds_nothing_wrong_with_what_is_there(
    almaflow: Almaflow, connected: SimulatedAlma, write: Write
) -> None:
    write(
        "w.yaml",
        """\
        institution: main
        inputs: {name: {default: x}, there: {default: main}}
        steps:
          - id: items
            find_set: {name: Conservation items}
          - check: steps.items.member_count < 500
          - submit_job:
              job: {id: M157, name: Withdraw items}
              set: "{{ steps.items.set_id }}"
              expect: [counters.number(0) > 0]
          - run_profile: {integration: REMOTE_STORAGE_NORTH, job: Send Requests}
          - run_profile: {import: Vendor MARC records weekly}
          - find_set: {name: "{{ inputs.name }}"}
          - {find_set: {name: Not asked for}, institution: "{{ inputs.there }}"}
          - wait: 1m
        """,
    )

    typed = almaflow("validate", "w.yaml", "--online")

    assert (typed.code, typed.out) == (0, "1 valid workflow, no errors.\n")


def test_online_looks_into_iterations_branches_and_called_workflows(
    almaflow: Almaflow, connected: SimulatedAlma, write: Write
) -> None:
    write(
        "w.yaml",
        """\
        inputs: {there: {default: main}}
        steps:
          - for_each:
              items: [a]
              steps:
                - {find_set: {name: Nothing one}}
          - parallel:
              left:
                - {find_set: {name: Nothing two}}
                - {call: part, institution: "{{ inputs.there }}"}
              right:
                - call: other
          - call: part
        """,
    )
    write("part.yaml", "steps:\n  - find_set: {name: Nothing three}\n  - submit_job: {job: M999}\n")
    write("other.yaml", "institution: main\nsteps: [{find_set: {name: Nothing four}}]\n")

    typed = almaflow("validate", "w.yaml", "--online", "--json")

    assert [(one["file"], one["line"], one["code"]) for one in typed.json["problems"]] == [
        ("other.yaml", 2, "no-such-set"),
        ("part.yaml", 2, "no-such-set"),
        ("part.yaml", 3, "no-such-job"),
        ("w.yaml", 6, "no-such-set"),
        ("w.yaml", 9, "no-such-set"),
    ]


def test_online_looks_for_what_a_step_waits_for(
    almaflow: Almaflow, connected: SimulatedAlma, write: Write
) -> None:
    write(
        "w.yaml",
        """\
        steps:
          - wait_for_run: {job: M999}
          - wait_for_run: {job: {name: Withdraw item}}
          - wait_for_run: {integration: BURSER}
          - wait_for_run: {import: Nothing weekly}
          - wait_for_run: {job: {id: M157, name: Export}}
          - wait_for_run: {job: {id: M157, name: Withdraw items}}
          - wait_for_run: {integration: REMOTE_STORAGE_NORTH, job: {name: Send Requests}}
          - wait_for_run: {import: Vendor MARC records weekly}
        """,
    )

    typed = almaflow("validate", "w.yaml", "--online", "--json")

    assert typed.code == 1
    problems = [one for one in typed.json["problems"] if one["code"] not in LINTS]
    assert [(one["line"], one["code"]) for one in problems] == [
        (2, "no-such-job"),
        (3, "no-such-job"),
        (4, "no-such-profile"),
        (5, "no-such-profile"),
        (6, "other-name"),
    ]


def test_online_with_a_wrong_key_says_so_once(
    almaflow: Almaflow,
    connected: SimulatedAlma,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALMA_KEY_OF_TESTS", "l8xxwrong")
    write("w.yaml", "steps: [{submit_job: {job: M44}}, {submit_job: {job: M48}}]\n")

    typed = almaflow("validate", "w.yaml", "--online")

    assert (typed.code, typed.out) == (1, "")
    assert typed.err.startswith("Error: Alma (main) refused GET /conf/jobs/M44")
    assert "l8xxwrong" not in typed.err


def test_a_name_that_several_profiles_have_wants_an_id() -> None:
    both: list[Profile] = [
        IntegrationProfile("1", name="Loader"),
        ImportProfile("2", name="Loader"),
    ]

    with pytest.raises(NotInAlma) as caught:
        alma_finding._one(both, "Loader", "main")

    assert str(caught.value) == (
        "main has several profiles named 'Loader': 1 (integration), 2 (import). Specify the id "
        "of one."
    )


def test_a_profile_without_a_job_shows_no_step() -> None:
    view = vars(profile_view(IntegrationProfile("1", name="Idle")))
    assert list(profiles._lines(IntegrationProfileDetails(**view, jobs=()))) == [
        "1  Idle",
        f"  {'kind':<16} integration",
        "It has no job to run: its action is not configured, or not active, in Alma.",
    ]


def test_an_import_profile_that_names_no_job_is_asked_for_it(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ImportProfile.read
    monkeypatch.setattr(ImportProfile, "read", lambda data: replace(read(data), job_id=""))

    typed = almaflow("profiles", "show", "Vendor MARC records weekly", "--simulate")

    assert (typed.code, typed.err) == (0, "")


def test_a_job_without_a_set_shows_its_parameters() -> None:
    job = Job("O1", "Odd", type="OTHER", parameters=(JobParameter("a", "b"),))

    assert f"  {'parameter':<12} a = b" in list(jobs._lines(job_view(job)))
