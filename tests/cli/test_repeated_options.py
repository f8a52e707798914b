"""An option that takes one value is refused when it is given twice."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Almaflow, Write

WORKFLOW = "inputs: {n: {type: list, default: []}}\nsteps: [{notify: a}]\n"


@pytest.mark.parametrize(
    "line",
    [
        "next --count 3 --count 4",
        "next -n 3 --count=3",
        "runs -n1 -n2",
        "store migrate --from a.db --from b.db",
        "run w --simulate --inputs a.yaml --inputs b.yaml",
        "validate --format text --format json",
    ],
)
def test_an_option_that_is_given_twice_is_refused(
    almaflow: Almaflow, write: Write, line: str
) -> None:
    write("workflows/w.yaml", WORKFLOW)

    typed = almaflow(*line.split())

    assert typed.code == 2
    assert "twice" in typed.err + typed.out


@pytest.mark.parametrize(
    "line", ["run w --simulate --simulate", "run w --simulate -i n=a -i m=b", "validate -v -v"]
)
def test_flags_and_options_that_take_several_values_may_be_repeated(
    almaflow: Almaflow, write: Write, line: str
) -> None:
    write("workflows/w.yaml", WORKFLOW.replace("}}", "}, m: {type: list, default: []}}"))

    assert almaflow(*line.split()).code == 0


@pytest.mark.parametrize("value", ['[{"a": 1, "a": 2}]', "[NaN]", "[-Infinity]"])
def test_a_list_in_json_that_programs_read_differently_is_refused(
    almaflow: Almaflow, write: Write, value: str
) -> None:
    write("workflows/w.yaml", WORKFLOW)

    typed = almaflow("run", "w", "--simulate", "-i", f"n={value}")

    assert typed.code == 2
    assert "The input `n`" in typed.err
