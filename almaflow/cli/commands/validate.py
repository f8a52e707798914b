"""`almaflow validate`: reports every problem of every file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from almaflow.checked_before import Findings
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems, problem_lines
from almaflow.cli.render.terminal import emit, emit_document, emit_lines, has_colours
from almaflow.cli.render.text_layout import many, on_one_line
from almaflow.cli.settings_above import find_project_anyway
from almaflow.document import Document
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.operations.kept_checks import workflows_checked_once
from almaflow.problems import Problem, Severity, counted, has_errors, is_clean
from almaflow.scenario_files import is_scenario
from almaflow.settings import FILE_NAME, Project
from almaflow.settings.env_file import ENV_FILE
from almaflow.workflow_folder import is_tests, list_workflows

if TYPE_CHECKING:
    from almaflow.workflow_loader import LoadedWorkflow


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH|NAME",
            help="Names or files of workflows, files of tests, folders of them, or an "
            "almaflow.yaml. Default: the project's workflows folder and almaflow.yaml.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        ProblemFormat,
        typer.Option(
            "--format", help="The format of the problems.", case_sensitive=False, show_default=True
        ),
    ] = ProblemFormat.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
    online: Annotated[
        bool,
        typer.Option(
            "--online",
            help="Also check in Alma whether the jobs, profiles and sets named in the files "
            "exist. Only reads.",
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Exit with 1 even if there are only warnings; notes do not count."
        ),
    ] = False,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Fix what is certain in the files: slips in keys, missing quotes and spaces, "
            "comments that ignore nothing. Then check them.",
        ),
    ] = False,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff", help="Only show what --fix would change; exit with 1 if that is anything."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also list the valid workflows.")
    ] = False,
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache", help="Check everything, even if nothing has changed since the last check."
        ),
    ] = False,
) -> None:
    """Check workflow files, their tests and almaflow.yaml. Nothing is sent, except with --online.

    Prints all problems of all files with their place. Exits with 0 if there are no errors, 1 if
    there are errors (with --strict: or warnings), and 2 if a path does not exist.
    """
    style = ProblemFormat.JSON if as_json else style
    project, problems = find_project_anyway()
    paths = _with_names(paths, project) if paths else _default_paths(project, problems)
    if fix or diff:
        _fix(paths, project, only_show=diff, aside=style is not ProblemFormat.TEXT)
    loaded: list[LoadedWorkflow] = []
    if online or verbose or no_cache or project.document is None:
        loaded, found = _check(paths, project)
        findings = Findings(len(loaded), tuple(found))
    else:
        findings = _checked_once(paths, project, project.document)
    problems += [*findings.problems, *_problems_of_env_file(project)]
    if online:
        from almaflow.cli.online_checks import ASKED_ONLINE, missing_in_alma

        # Alma knows better than its snapshot.
        problems = [one for one in problems if one.code not in ASKED_ONLINE]
        problems += missing_in_alma(loaded, project)
    problems = sorted(set(problems))
    if style is not ProblemFormat.TEXT:
        text = format_problems(problems, style)
        if text:
            emit_document(text)
    else:
        checked = many(findings.valid, "valid workflow", zero="no")
        if all(not os.path.isdir(one) and (_tests_at(one) or _scenarios_at(one)) for one in paths):
            checked = many(len(paths), "file", zero="no")
        _print_text(problems, checked, loaded if verbose else [], project)
    raise typer.Exit(1 if has_errors(problems) or (strict and not is_clean(problems)) else 0)


def _fix(paths: Sequence[Path], project: Project, *, only_show: bool, aside: bool) -> None:
    """Correct what is certain in the files at *paths*, or show how and exit."""
    from almaflow.authoring.linted_files import linted_files
    from almaflow.cli.fixing import fix_files, show_fixes
    from almaflow.workflow_loader import read_paths

    company = linted_files(read_paths(paths, project))
    if only_show:
        raise typer.Exit(1 if show_fixes(paths, project, company) else 0)
    fix_files(paths, project, company, aside=aside)


def _checked_once(paths: Sequence[Path], project: Project, document: Document) -> Findings:
    """Check *paths*, unless nothing has changed since they were checked."""

    def check() -> Findings:
        loaded, problems = _check(paths, project)
        return Findings(len(loaded), tuple(problems))

    asked = (document.file, document.text)
    return workflows_checked_once(project.folder, paths, check, Findings, asked)


def _check(paths: Sequence[Path], project: Project) -> tuple[list[LoadedWorkflow], list[Problem]]:
    """Return the valid workflows at *paths*, and the problems of everything there."""
    from almaflow.authoring.linted_files import lints_of
    from almaflow.workflow_loader import read_paths

    read = read_paths(paths, project)
    problems = [
        *read.problems,
        *lints_of(read, project, [path for path in paths if os.path.isdir(path)]),
        *_problems_of_tests(paths, read.valid, project),
        *_problems_of_scenarios(paths, project),
    ]
    return read.valid, sorted(set(problems))


def _problems_of_tests(
    paths: Sequence[Path], loaded: list[LoadedWorkflow], project: Project
) -> list[Problem]:
    """Return what is wrong in the files of tests among *paths*, and with what they test."""
    files = [file for path in paths for file in _tests_at(path)]
    if not files:
        return []
    from almaflow.authoring.workflow_tests.checking import check_tests
    from almaflow.authoring.workflow_tests.files import WorkflowShelf

    shelf = WorkflowShelf(project)
    for workflow in loaded:
        shelf.add(workflow)
    checked = [check_tests(file, shelf) for file in files]
    return [one for file in checked for one in (*file.problems, *file.workflow_problems)]


def _problems_of_scenarios(paths: Sequence[Path], project: Project) -> list[Problem]:
    """Return what is wrong in the scenarios of the simulator among *paths*."""
    files = [file for path in paths for file in _scenarios_at(path)]
    if not files:
        return []
    from almaflow.authoring.workflow_tests.running import read_scenario

    problems: list[Problem] = []
    for file in files:
        try:
            read_scenario(project, file)
        except DocumentsInvalid as error:
            problems += error.problems
    return problems


def _scenarios_at(path: Path) -> Sequence[Path]:
    if os.path.isdir(path):
        return list_workflows(path).scenarios
    return [path] if not is_tests(path.name) and is_scenario(path) else []


def _problems_of_env_file(project: Project) -> list[Problem]:
    if not os.path.lexists(project.folder / ENV_FILE):
        return []
    from almaflow.operations.env_file_checks import env_file_problems

    return list(env_file_problems(project))


def _tests_at(path: Path) -> Sequence[Path]:
    if os.path.isdir(path):
        return list_workflows(path).tests
    return [path] if is_tests(path.name) else []


def _with_names(paths: Sequence[Path], project: Project) -> list[Path]:
    if all(map(os.path.lexists, paths)):
        return list(paths)
    from almaflow.workflow_loader import with_names

    return with_names(paths, project)


def _default_paths(project: Project, problems: list[Problem]) -> list[Path]:
    folder, file = project.workflows, project.folder / FILE_NAME
    paths = [path for path in (folder, file) if os.path.lexists(path)]
    if not paths and not problems:
        raise RequestWrong(
            f"There is no folder {folder} and no {FILE_NAME} in {project.folder.absolute()}. Name "
            "the files to check, such as `almaflow validate my-workflow.yaml`, or create a project "
            "with `almaflow init`."
        )
    return paths


def _print_text(
    problems: list[Problem], checked: str, listed: Sequence[LoadedWorkflow], project: Project
) -> None:
    if problems:
        emit_lines(problem_lines(problems, colours=has_colours(sys.stdout)))
    for workflow in sorted(listed, key=lambda workflow: workflow.document.file):
        file, name = on_one_line(workflow.document.file), on_one_line(workflow.name)
        emit(f"{file}: workflow {name} is valid.")
        for words in _timetable(workflow, project):
            emit(f"  runs {on_one_line(words)}")
    counts = [checked, many(counted(problems, Severity.ERROR), "error", zero="no")]
    counts += [
        many(number, str(severity), zero="no")
        for severity in (Severity.WARNING, Severity.NOTE)
        if (number := counted(problems, severity))
    ]
    emit(", ".join(counts) + ".")
    if problems and has_colours(sys.stdout):
        code = problems[0].code
        emit(f"`almaflow explain CODE` describes a problem, such as `almaflow explain {code}`.")


def _timetable(loaded: LoadedWorkflow, project: Project) -> list[str]:
    """Return what each schedule entry says in plain English."""
    from almaflow.timetable_entries import entries_of

    try:
        return [entry.words() for entry in entries_of(loaded.name, loaded.workflow, project)]
    except RequestWrong as error:
        # Without an almaflow.yaml its calendars are not known.
        return [f"on a timetable that cannot be calculated completely: {error}"]
