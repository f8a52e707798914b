"""Commands whose files a shell names for `*`: workflows, their scenarios and their tests."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Almaflow, Write

WORKFLOW = """\
    name: {name}
    institution: main
    steps:
      - find_set: {{name: Titles}}
    """
SCENARIO = "everything_exists: true\n"
TESTS = "tests:\n  - name: it runs\n    expect: {outcome: succeeded}\n"
ALL = ("a.scenario.yaml", "a.tests.yaml", "a.yaml", "b.yaml")


@pytest.fixture(autouse=True)
def project(write: Write) -> None:
    write("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}\n")
    for name in ("a", "b"):
        write(f"workflows/{name}.yaml", WORKFLOW.format(name=name))
    write("workflows/a.scenario.yaml", SCENARIO)
    write("workflows/a.tests.yaml", TESTS)


def paths(*names: str) -> list[str]:
    return [f"workflows/{name}" for name in names]


def test_each_file_is_checked_as_what_it_is(almaflow: Almaflow, write: Write) -> None:
    checked = almaflow("validate", *paths(*ALL))
    assert (checked.code, checked.out) == (0, "2 valid workflows, no errors.\n")

    write("workflows/a.scenario.yaml", "setz: []\n")
    for named in (paths(*ALL), paths("a.scenario.yaml"), ["workflows"], []):
        broken = almaflow("validate", "--json", *named)
        problems = [(one["file"], one["code"]) for one in broken.json["problems"]]
        assert problems == [("workflows/a.scenario.yaml", "unknown-key")], named


def test_of_several_files_those_that_have_tests_are_tested(almaflow: Almaflow) -> None:
    for named in (ALL, ("a.scenario.yaml",), ("a.yaml", "b.yaml")):
        tested = almaflow("test", "--json", *paths(*named))
        assert (tested.code, len(tested.json["tests"])) == (0, 1), named

    assert almaflow("test", *paths("b.yaml")).code == 2


@pytest.mark.parametrize("command", ["run", "plan", "graph"])
def test_a_command_for_one_workflow_names_the_first_one(almaflow: Almaflow, command: str) -> None:
    refused = almaflow(command, *paths(*ALL))

    assert refused.code == 2
    assert f"`almaflow {command} workflows/a.yaml`" in " ".join(refused.err.split())


@pytest.mark.parametrize("command", ["next", "runs", "show", "why", "pause"])
def test_other_commands_say_that_a_shell_wrote_the_names(almaflow: Almaflow, command: str) -> None:
    refused = almaflow(command, *paths(*ALL))

    assert refused.code == 2
    assert "4 files" in refused.err


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (("a.yaml", "b.yaml"), "two workflows"),
        (("a.yaml", "a.tests.yaml"), "almaflow test workflows/a.tests.yaml"),
        (("a.scenario.yaml", "a.tests.yaml"), "almaflow test workflows/a.tests.yaml"),
        (("a.scenario.yaml",), "--simulate"),
        (("a.tests.yaml",), "almaflow test"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("run", "--simulate"), ("plan",)])
def test_what_else_is_given_for_a_workflow_is_named(
    almaflow: Almaflow, command: tuple[str, ...], files: tuple[str, ...], named: str
) -> None:
    refused = almaflow(*command, *paths(*files))

    assert refused.code == 2
    assert named in " ".join(refused.err.split())


@pytest.mark.parametrize(
    ("starts_at", "advice"),
    [
        ("2026-03-02T01:30", "Write `2026-03-02T01:30:00Z`"),
        ("2026-03-02", "Write `2026-03-02T00:00:00Z`"),
        ("20260302", "Write `2026-03-02T00:00:00Z`"),
        ("1772000000", "Write it as `2026-03-02T01:00:00Z`"),
        ("tomorrow", "Write it as `2026-03-02T01:00:00Z`"),
        ("2026-13-02T00:00:00Z", "Write it as `2026-03-02T01:00:00Z`"),
    ],
)
def test_an_instant_without_its_offset_is_shown_with_one(
    almaflow: Almaflow, write: Write, starts_at: str, advice: str
) -> None:
    write("w.scenario.yaml", f"starts_at: {starts_at}\n")

    (problem,) = almaflow("validate", "w.scenario.yaml", "--format", "json").json["problems"]

    assert (problem["code"], problem["line"], problem["column"]) == ("bad-value", 1, 12)
    assert advice in problem["message"]


def test_a_scenario_alone_is_counted_as_a_file(almaflow: Almaflow, write: Write) -> None:
    write("w.scenario.yaml", "starts_at: 2026-03-02T01:30Z\n")

    assert almaflow("validate", "w.scenario.yaml").out == "1 file, no errors.\n"
