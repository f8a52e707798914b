"""Arguments and options that several commands share, and how the inputs of a run are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import has_errors
from almaflow.workflow_folder import SCENARIO, is_tests

FileArgument = Annotated[str, typer.Argument(help="A workflow file, or the name of a workflow.")]
InputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", metavar="KEY=VALUE", help="A value for an input; may be repeated."
    ),
]
InputsFileOption = Annotated[
    Path | None,
    typer.Option("--inputs", metavar="FILE", help="A YAML file with values for inputs."),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Any unique part of the run's id, or `last`.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit with 1 if the run ends as warning.")
]


def read_inputs(pairs: list[str], file: Path | None) -> dict[str, Any]:
    """Return the inputs of the command line; `-i` overrides the file.

    Raises:
        RequestWrong: a pair is not KEY=VALUE, a name is given twice, or the file is not a mapping.
        DocumentsInvalid: the file is not YAML, or holds an API key.
    """
    from almaflow.document import read_document

    values: dict[str, Any] = {}
    if file is not None:
        if "=" in file.name and not os.path.lexists(file):
            raise RequestWrong(f"`--inputs` takes a file. Write the input itself as `-i {file}`.")
        document = read_document(file, str(file), is_data=True)
        if has_errors(document.findings):
            raise DocumentsInvalid(document.findings)
        if not isinstance(document.data, dict):
            raise RequestWrong(f"{file} must contain `name: value` lines, one for each input.")
        values.update(document.data)
    return values | _pairs(pairs)


def _pairs(pairs: list[str]) -> dict[str, str]:
    inputs: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise RequestWrong(f"`-i {pair}` is not an input; write `-i name=value`.")
        if name in inputs:
            raise RequestWrong(
                f"The input `{name}` is given twice, by `-i {name}={inputs[name]}` and by `-i "
                f"{name}={value}`. Remove one of them. A list is one value: `-i {name}=a,b`."
            )
        inputs[name] = value
    return inputs


def in_order(file: str, scenario: str | None) -> tuple[str, str | None]:
    """Accept the scenario before the file: `--simulate SCENARIO FILE` reads naturally too."""
    if scenario is not None and file.endswith(SCENARIO):
        file, scenario = scenario, file
    if scenario is not None and (message := _not_a_scenario(file, scenario)):
        raise RequestWrong(message)
    return file, scenario


def _not_a_scenario(file: str, other: str) -> str:
    """Return what to do with the file *other* that is given after a workflow; empty: nothing."""
    from almaflow.scenario_files import is_workflow_text

    tests = next((one for one in (other, file) if is_tests(one)), None)
    if tests is not None:
        return (
            f"`{tests}` has tests of a workflow, and is not a scenario. Run them with `almaflow "
            f"test {tests}`, and repeat this command without them."
        )
    if other.casefold().endswith(SCENARIO):
        return ""
    if not os.path.lexists(other):
        if "=" in other:
            return f"An input of the run needs `-i` in front of it: `-i {other}`."
        return (
            f"There is no file `{other}`, which would be the scenario. A value with spaces needs "
            'quotes, such as `-i "name=My titles"`.'
        )
    if not is_workflow_text(Path(other)):
        return ""
    return (
        f"`{file}` and `{other}` are two workflows, and this command takes one of them. Repeat it "
        "for each, or check both with `almaflow validate`."
    )
