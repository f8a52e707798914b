"""`almaflow validate`: reports every problem of every file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from almaflow.check.lints import SWEEP, LintedFile, lint_problems
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems, problem_lines
from almaflow.cli.render.terminal import emit, emit_document, emit_lines, has_colours
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.settings_above import find_named_project
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import Problem, Severity, counted, has_errors, is_clean
from almaflow.settings import FILE_NAME, Project, Settings
from almaflow.settings.env_file import ENV_FILE
from almaflow.workflow_folder import is_tests, list_workflows
from almaflow.workflow_loader import LoadedWorkflow, load_paths, others_with


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Workflow files, files of tests, folders of them, or an almaflow.yaml. Default: "
            "the project's workflows folder and almaflow.yaml.",
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
) -> None:
    """Check workflow files, their tests and almaflow.yaml. Nothing is sent, except with --online.

    Prints all problems of all files with their place. Exits with 0 if there are no errors, 1 if
    there are errors (with --strict: or warnings), and 2 if a path does not exist.
    """
    style = ProblemFormat.JSON if as_json else style
    project, problems = _project()
    paths = paths or _default_paths(project, problems)
    loaded, found_in_files = load_paths(paths, project)
    if fix or diff:
        from almaflow.cli.fixing import fix_files, show_fixes

        company = [*map(_linted, loaded)]
        if diff:
            raise typer.Exit(1 if show_fixes(paths, project, company) else 0)
        if fix_files(paths, project, company, aside=style is not ProblemFormat.TEXT):
            loaded, found_in_files = load_paths(paths, project)
    problems += [*found_in_files, *_lints(loaded, project, paths)]
    problems += _problems_of_tests(paths, loaded, project)
    problems += _problems_of_env_file(project)
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
        _print_text(problems, loaded, project, verbose=verbose)
    raise typer.Exit(1 if has_errors(problems) or (strict and not is_clean(problems)) else 0)


def _lints(loaded: list[LoadedWorkflow], project: Project, paths: Sequence[Path]) -> list[Problem]:
    """Return what may not be meant in the workflows that were *loaded* from *paths*."""
    folders = [path for path in paths if os.path.isdir(path)]
    others = [] if folders else others_with(SWEEP, loaded, project)
    return lint_problems(list(map(_linted, loaded)), project, list(map(_linted, others)), folders)


def _linted(loaded: LoadedWorkflow) -> LintedFile:
    return LintedFile(loaded.document, loaded.workflow, loaded.name, loaded.path, loaded.ignored)


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


def _problems_of_env_file(project: Project) -> list[Problem]:
    if not os.path.lexists(project.folder / ENV_FILE):
        return []
    from almaflow.operations.env_file_checks import env_file_problems

    return list(env_file_problems(project))


def _tests_at(path: Path) -> Sequence[Path]:
    if os.path.isdir(path):
        return list_workflows(path).tests
    return [path] if is_tests(path.name) else []


def _project() -> tuple[Project, list[Problem]]:
    """Return the project and its problems; with problems it has no settings."""
    try:
        return find_named_project(), []
    except DocumentsInvalid as error:
        folder = Path(error.problems[0].location.file).absolute().parent
        return Project(folder, Settings(), None), list(error.problems)


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
    problems: list[Problem], loaded: list[LoadedWorkflow], project: Project, *, verbose: bool
) -> None:
    if problems:
        emit_lines(problem_lines(problems, colours=has_colours(sys.stdout)))
    if verbose:
        for workflow in sorted(loaded, key=lambda workflow: workflow.document.file):
            file, name = on_one_line(workflow.document.file), on_one_line(workflow.name)
            emit(f"{file}: workflow {name} is valid.")
            for words in _timetable(workflow, project):
                emit(f"  runs {on_one_line(words)}")
    counts = [
        _count(len(loaded), "valid workflow"),
        _count(counted(problems, Severity.ERROR), "error"),
    ]
    counts += [
        _count(number, str(severity))
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


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
