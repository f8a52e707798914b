"""`almaflow test`: the tests of workflows, on the simulator and in virtual time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from almaflow.authoring.workflow_tests.checking import CheckedTests, check_tests
from almaflow.authoring.workflow_tests.coverage import Coverage, coverage_of, percent_of
from almaflow.authoring.workflow_tests.files import WorkflowShelf, find_tests, tests_named
from almaflow.authoring.workflow_tests.running import Situations
from almaflow.authoring.workflow_tests.suite import PlayedTest, play_tests
from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted
from almaflow.cli.options import JsonOption
from almaflow.cli.render.played_tests import (
    conclusion,
    coverage_lines,
    difference_lines,
    played_lines,
    results,
)
from almaflow.cli.render.problem_formats import problem_lines
from almaflow.cli.render.terminal import emit, emit_json, emit_lines, has_colours
from almaflow.cli.simulated_play import SimulatedPlayer
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.problems import Problem, has_errors
from almaflow.settings import Project
from almaflow.whole_files import write_whole
from almaflow.workflow_loader import with_names


def run_tests(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH|NAME",
            help="Names or files of workflows, files of tests (`weekly.tests.yaml`), or folders of "
            "them. Default: the project's workflows folder.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("-k", metavar="NAME", help="Only the tests with this text in their names."),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(
            "--junit", metavar="FILE", help="Also write the results as JUnit XML, for CI systems."
        ),
    ] = None,
    coverage: Annotated[
        bool,
        typer.Option(
            "--coverage",
            help="Also list the steps, arms, guards and allowed failures that no test reaches.",
        ),
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            metavar="PERCENT",
            min=0,
            max=100,
            help="With --coverage: exit with 1 if the tests reach less than this percentage.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the tests of workflows on the simulator, in virtual time. Nothing is sent.

    The tests of `weekly.yaml` are in `tests/weekly.tests.yaml`, or without that folder next to it;
    `almaflow explain tests` describes them. Exits with 0 if all tests pass, 1 if a test fails, and
    2 if a file of tests or a workflow has errors.
    """
    if fail_under is not None and not coverage:
        raise RequestWrong("`--fail-under` needs `--coverage`.")
    project = bootstrap.open_project()
    shelf = WorkflowShelf(project)
    named = with_names(paths, project) if paths else [_default_path(project)]
    files = [check_tests(path, shelf) for path in find_tests(named)]
    problems = sorted({one for file in files for one in (*file.problems, *file.workflow_problems)})
    played = _play(project, files, _chosen(files, name), show=not as_json)
    reached = _coverage(played) if coverage else []
    if junit is not None:
        _write_junit(junit, played, problems)
    if as_json:
        emit_json(results(played, problems, reached if coverage else None))
    else:
        emit_lines(_rest(played, problems, reached))
    raise typer.Exit(_exit_code(played, problems, reached, fail_under or 0))


def _play(
    project: Project, files: Sequence[CheckedTests], chosen: set[str], *, show: bool
) -> list[PlayedTest]:
    """Play the tests of the valid *files*; Raises: typer.Exit when interrupted."""
    played: list[PlayedTest] = []
    usable = [one for one in files if one.is_valid]
    player, situations = SimulatedPlayer(project), Situations(project)
    try:
        for one in play_tests(usable, player, situations, chosen):
            if show:
                new_file = not played or played[-1].file is not one.file
                emit_lines(played_lines(one, new_file=new_file))
            played.append(one)
    except Interrupted:
        emit("Interrupted; the tests that were not played have no result.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    return played


def _coverage(played: Sequence[PlayedTest]) -> list[Coverage]:
    """Return what the tests reach of each workflow, in the order of the tests."""
    workflows = {id(one.workflow): one.workflow for one in played}
    return [
        coverage_of(loaded, [one.record for one in played if one.workflow is loaded])
        for loaded in workflows.values()
    ]


def _write_junit(file: Path, played: Sequence[PlayedTest], problems: Sequence[Problem]) -> None:
    """Write the results, or nothing at all; an older file is replaced."""
    # Only who wants the file pays for the library.
    from almaflow.authoring.workflow_tests.junit import junit_xml

    try:
        write_whole(file, junit_xml(played, problems))
    except OSError as error:
        raise AlmaflowError(
            f"The results could not be written to {file}: {error.strerror or error}. Specify a "
            "file in a folder that exists and is writable."
        ) from error


def _default_path(project: Project) -> Path:
    if os.path.isdir(project.workflows):
        return project.workflows
    raise RequestWrong(
        f"There is no folder {project.workflows}. Name the tests to run, such as `almaflow test "
        "weekly.tests.yaml`."
    )


def _chosen(files: Sequence[CheckedTests], text: str | None) -> set[str]:
    """Return the names of the tests to play; Raises: RequestWrong when there are none."""
    names = [one.name for file in files if file.tests is not None for one in file.tests.tests]
    return set(names) if text is None or not names else tests_named(text, names)


def _rest(
    played: Sequence[PlayedTest], problems: Sequence[Problem], reached: Sequence[Coverage]
) -> Iterator[str]:
    """Yield the lines below the list of tests."""
    colours = has_colours(sys.stdout)
    for one in played:
        if not one.passed:
            yield from difference_lines(one, colours=colours)
    if problems:
        yield from [""] if played else []
        yield from problem_lines(problems, colours=colours)
    yield ""
    yield from coverage_lines(reached)
    yield conclusion(played, problems)


def _exit_code(
    played: Sequence[PlayedTest],
    problems: Sequence[Problem],
    reached: Sequence[Coverage],
    fail_under: float,
) -> int:
    if has_errors(problems):
        return RequestWrong.exit_code
    is_covered = percent_of(reached) >= fail_under
    return 0 if is_covered and all(one.passed for one in played) else 1
