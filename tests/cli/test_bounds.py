"""What a file asks for beyond all measure ends soon, with one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from almaflow.engine import simulated_waits
from almaflow.engine.simulated_waits import EXACT_WAITS
from tests.cli.conftest import Almaflow, Write

POLLING = """\
    defaults: {poll: {first: 1s, max: 1s}}
    timeout: 30d
    steps:
      - id: nightly
        wait_for_run:
          job: {name: Publishing Platform Job General Publishing}
          since: "22:00"
        timeout: 25d
"""

# Without a scenario everything that a file names exists, so the run would be found; and the jobs
# of the invented library ran within the last day.
NEVER_RUN = "sets: []\nstarts_at: 2026-03-02T22:30:00Z\n"


def test_a_simulation_that_polls_every_second_for_a_month_ends_soon(
    almaflow: Almaflow, write: Write
) -> None:
    write("w.yaml", POLLING)
    write("w.scenario.yaml", NEVER_RUN)

    ended = almaflow("plan", "w.yaml", "--json")

    steps = json.loads(ended.out)["steps"]
    assert steps[0]["outcome"] == "timed_out"
    assert sum(one["times"] for one in steps[0]["requests"]) < 10 * EXACT_WAITS


@pytest.mark.parametrize("command", [("plan",), ("run", "--simulate")])
@pytest.mark.parametrize("around", ["", "on_failure: continue", "retry: {on: [timed_out]}"])
def test_a_simulation_ends_after_its_most_waits(
    almaflow: Almaflow,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    around: str,
) -> None:
    monkeypatch.setattr(simulated_waits, "MOST_WAITS", 20)
    write("w.scenario.yaml", NEVER_RUN)
    write("w.yaml", POLLING + (f"        {around}\n" if around else ""))

    ended = almaflow(*command, "w.yaml")

    assert ended.code == 2
    assert "step nightly" in " ".join(ended.err.split())


def test_the_waits_of_neighbours_count_together(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_waits, "MOST_WAITS", 4)
    write(
        "w.yaml",
        """\
        steps:
          - id: all
            for_each:
              items: [1, 2, 3, 4, 5, 6]
              max_parallel: 3
              steps: [{wait: 1h}]
        """,
    )

    assert almaflow("run", "w.yaml", "--simulate").code == 2


def test_a_plan_as_json_lists_some_members_and_counts_all(almaflow: Almaflow, write: Write) -> None:
    members = "\n".join(f"9912345678{number:04}" for number in range(1000))
    write("members.txt", members)
    write(
        "w.yaml",
        """\
        steps:
          - create_set: {name: Many, content: BIB_MMS, members: {file: members.txt}}
        """,
    )

    planned = almaflow("plan", "w.yaml", "--json")

    requests = json.loads(planned.out)["steps"][0]["requests"]
    (body,) = [one["body"] for one in requests if one["body"] and "members" in one["body"]]
    assert len(body["members"]["member"]) == 20
    assert body["members"]["total_record_count"] == 1000


def submitting(parameters: Iterable[str]) -> str:
    """Return a file whose one step submits a job with these *parameters*."""
    lines = "".join(f"        {one}\n" for one in parameters)
    return f"steps:\n  - submit_job:\n      job: M1\n      parameters:\n{lines}"


@pytest.mark.parametrize("form", ['x{n}: "{e}"', "x{n}: *long"])
def test_a_file_has_a_bound_for_all_its_expressions(
    almaflow: Almaflow, write: Write, form: str
) -> None:
    text = "{{ 1" + " + 1" * 40 + " }}"
    values = [f'long: &long "{text}"', *(form.format(n=n, e=text) for n in range(2000))]
    write("w.yaml", submitting(values))

    checked = almaflow("validate", "w.yaml", "--format", "json")

    assert checked.code == 1
    codes = [one["code"] for one in json.loads(checked.out)["problems"]]
    assert codes == ["expressions-limit"]


@pytest.mark.parametrize(
    "expression",
    [
        "1 + " * 40 + "1",
        pytest.param("run" + ".id" * 60, marks=pytest.mark.slow),
        pytest.param("[[[[1]]]]" * 20, marks=pytest.mark.slow),
    ],
)
def test_a_file_with_too_many_expressions_has_one_problem_for_them(
    almaflow: Almaflow, write: Write, expression: str
) -> None:
    count = 900_000 // len(expression)
    write("w.yaml", submitting(f'x{n}: "{{{{ {expression} }}}}"' for n in range(count)))

    checked = almaflow("validate", "w.yaml", "--format", "json")

    codes = [one["code"] for one in json.loads(checked.out)["problems"]]
    assert codes.count("expressions-limit") == 1


def test_a_caller_of_a_file_with_too_many_expressions_has_no_further_problem(
    almaflow: Almaflow, write: Write
) -> None:
    text = "{{ 1" + " + 1" * 40 + " }}"
    steps = submitting(f'x{n}: "{text}"' for n in range(2000))
    write("called.yaml", steps + 'outputs: {count: "{{ 1 }}"}\n')
    write(
        "caller.yaml",
        """
        steps:
          - id: part
            call: {workflow: called.yaml}
          - check: steps.part.count == 1
        """,
    )

    checked = almaflow("validate", "caller.yaml", "--format", "json")

    codes = {one["code"] for one in json.loads(checked.out)["problems"]}
    assert codes == {"expressions-limit", "call-of-invalid"}


def test_two_files_that_differ_only_in_capital_letters_are_a_warning(
    almaflow: Almaflow, write: Write
) -> None:
    for name, called in (("case.yaml", "one"), ("CASE.yaml", "two")):
        write(f"flows/{name}", f"name: {called}\nsteps: [{{wait: 1h}}]\n")
    if len(list(write("flows/note.txt", "").parent.glob("*.yaml"))) < 2:
        pytest.skip("the two are one file here")

    checked = almaflow("validate", "flows", "--format", "json")

    assert [one["code"] for one in json.loads(checked.out)["problems"]] == ["twin-names"]


def test_run_by_name_says_how_two_names_with_an_accent_differ(
    almaflow: Almaflow, write: Write
) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    write("almaflow.yaml", "workflows: flows\n")
    for name in (composed, decomposed):
        write(f"flows/{name}.yaml", "steps: [{wait: 1h}]\n")
    if len(list(write("flows/note.txt", "").parent.glob("*.yaml"))) < 2:
        pytest.skip("the two are one file here")

    for name in (composed, decomposed):
        ended = almaflow("run", name, "--simulate")

        assert ended.code == 2
        for file in (composed, decomposed):
            assert ascii(f"{file}.yaml") in ended.err
        assert almaflow("run", f"flows/{name}.yaml", "--simulate").code == 0
