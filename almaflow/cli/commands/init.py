"""`almaflow init`: a new project, asked for at the terminal or described by options."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from almaflow.authoring.new_files import WrittenFiles, check_new_folder, write_missing
from almaflow.authoring.new_project.answers import (
    Answers,
    read_environment,
    read_institution,
    read_region,
    read_zone,
    region_near,
)
from almaflow.authoring.new_project.files import CI_FILES, EXAMPLE, project_texts
from almaflow.cli.prompts import answered, can_be_asked
from almaflow.cli.render.terminal import emit, emit_json, emit_lines, say
from almaflow.errors import RequestWrong
from almaflow.settings import FILE_NAME, Project, find_project
from almaflow.text_files import display_path, printable
from almaflow.timetable.this_machine import zone_of_this_machine


def init(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="The folder of the project; it is created if necessary. Default: this folder.",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Alma's region: na, eu, ap, aps, ca or cn.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="`sandbox` or `production`.")
    ] = None,
    institution: Annotated[
        str | None, typer.Option("--institution", help="What almaflow.yaml calls the institution.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="The time zone, such as Europe/Zurich.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing; use the options and the defaults.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Ask nothing; print the names of the files as JSON.")
    ] = False,
) -> None:
    """Write a project that works: settings, an example, checks for git, settings for editors.

    No file that exists is changed: what is missing is written, and the rest is listed. On a
    terminal, almaflow asks what the options leave open. At the end it runs the example on the
    simulator. Nothing is sent to Alma.
    """
    folder = Path(os.path.abspath(folder or "."))
    check_new_folder(folder)
    project = _existing(folder)
    given = {
        "timezone": timezone,
        "region": region,
        "environment": environment,
        "institution": institution,
    }
    if project is None:
        asks = not (yes or as_json) and can_be_asked()
        answers = _ask(folder, given) if asks else _defaults(given)
        workflows = "workflows"
    else:
        _refuse_options(project, given)
        answers, workflows = _defaults({}), project.settings.workflows.rstrip("/")
    files = write_missing(folder, project_texts(answers, _schemas(), workflows=workflows))
    if as_json:
        emit_json({"folder": str(folder), "written": files.written, "kept": files.kept})
        return
    emit_lines(_report(folder, files))
    if f"{workflows}/{EXAMPLE}.yaml" in files.written:
        _run_example(folder, workflows)
    emit_lines(_next_moves(folder), wrap=True)


def _existing(folder: Path) -> Project | None:
    """Return the project that *folder* has already; Raises: RequestWrong when one is above it."""
    above = next((one for one in (folder, *folder.parents) if one.is_dir()), folder)
    project = find_project(above)
    if project.document is None:
        return None
    if project.folder != folder:
        raise RequestWrong(
            f"{printable(str(folder))} is inside the project of "
            f"{printable(str(project.folder / FILE_NAME))}. Write workflows in "
            f"{printable(str(project.workflows))}, or choose a folder outside of that project."
        )
    return project


def _refuse_options(project: Project, given: Mapping[str, str | None]) -> None:
    """Raise `RequestWrong` when an option describes an almaflow.yaml that is there already."""
    names = [f"`--{name}`" for name, value in given.items() if value is not None]
    if names:
        raise RequestWrong(
            f"{display_path(project.folder / FILE_NAME)} exists already, so {', '.join(names)} "
            "would have no effect. Change that file, or run `almaflow init` without the option."
        )


# --- answers ----------------------------------------------------------------------------------

Reader = Callable[[str], str]

_READERS: Mapping[str, Reader] = {
    "timezone": read_zone,
    "region": read_region,
    "environment": read_environment,
    "institution": read_institution,
}

_QUESTIONS: Mapping[str, str] = {
    "timezone": "Time zone of the library",
    "region": "Region of your Alma (na, eu, ap, aps, ca, cn)",
    "environment": "Environment (sandbox, production)",
    "institution": "Short name of the institution",
}


def _default(name: str, zone: str) -> str:
    match name:
        case "timezone":
            return zone_of_this_machine()
        case "region":
            return region_near(zone)
    return {"environment": "sandbox", "institution": "main"}[name]


def _defaults(given: Mapping[str, str | None]) -> Answers:
    """Return the answers that options give, with defaults; Raises: RequestWrong."""
    return _answers(given, lambda _, default: default)


def _ask(folder: Path, given: Mapping[str, str | None]) -> Answers:
    """Return the answers, those that no option gives from the person; Raises: typer.Abort."""
    say(
        f"A new project in {folder}. Press Enter to accept the value in brackets, Ctrl-C to stop; "
        "every answer can be changed later in almaflow.yaml."
    )
    try:
        return _answers(given, _answer)
    except typer.Abort:
        say("\nNothing was written.", err=True)
        raise


def _answers(given: Mapping[str, str | None], otherwise: Callable[[str, str], str]) -> Answers:
    # Options are read before the first question, so that a wrong one costs no answers.
    values = {name: _READERS[name](value) for name, value in given.items() if value is not None}
    for name in _READERS:
        if name not in values:
            values[name] = otherwise(name, _default(name, values.get("timezone", "UTC")))
    return Answers(**values)


def _answer(name: str, default: str) -> str:
    return answered(_QUESTIONS[name], default, _READERS[name])


# --- what was done ----------------------------------------------------------------------------


def _schemas() -> dict[str, str]:
    """Return the text of each schema by the name of its file."""
    from almaflow.cli.schemas import all_schemas
    from almaflow.json_schema import schema_text

    return {f"{name}.schema.json": schema_text(made) for name, made in all_schemas().items()}


def _report(folder: Path, files: WrittenFiles) -> Iterator[str]:
    if files.written:
        yield f"Wrote in {folder}:"
        yield from (f"  {name}" for name in files.written)
    if files.kept:
        yield "Kept as they are, because they exist already:"
        yield from (f"  {name}" for name in files.kept)
    above = _repository(folder)
    if above not in (None, folder) and set(CI_FILES) & {*files.written, *files.kept}:
        yield (
            f"The folder is part of the git repository {above}. GitHub and GitLab read "
            f"{' and '.join(CI_FILES)} only in the top folder of a repository: move them there."
        )


def _repository(folder: Path) -> Path | None:
    """Return the top folder of the git repository that *folder* is in, as git finds it."""
    above = (folder, *folder.parents)
    return next((one for one in above if os.path.lexists(one / ".git")), None)


def _run_example(folder: Path, workflows: str) -> None:
    from almaflow.cli.commands.run import run_simulated
    from almaflow.cli.render.run_report import print_warnings
    from almaflow.workflow_loader import load_workflow

    emit()
    emit(f"Running {EXAMPLE} on the simulator; nothing is sent to Alma.")
    project = find_project(folder)
    project.store_settings.hide_secrets()
    path = folder / workflows / f"{EXAMPLE}.yaml"
    loaded = load_workflow(path, project, simulated=True)
    print_warnings(loaded.warnings, as_json=False)
    run_simulated(project, loaded, {}, None, as_json=False)


def _next_moves(folder: Path) -> Iterator[str]:
    copy = "copy" if sys.platform == "win32" else "cp"
    yield ""
    yield "What to do next:"
    if folder != Path.cwd():
        yield f"  Change to the folder: `{_typed('cd', folder)}`"
    yield (
        f"  1. `{copy} .env.example .env`, and write your API key into it. `almaflow doctor` "
        "checks the key and everything else."
    )
    yield (
        '  2. In Alma, copy the panel "API information" of a job\'s wizard into `panel.txt`. '
        "`almaflow new my-workflow panel.txt` makes a workflow of it."
    )
    start = "git init" if _repository(folder) is None else "git status"
    yield (
        f"  3. `{start}`, `git add .` and `git commit -m 'Begin with almaflow'`: each run then "
        "records the commit of its files."
    )


def _typed(command: str, path: Path) -> str:
    """Return a command with a path, as a person types it."""
    shown = printable(str(path))
    if sys.platform == "win32":
        return f'{command} "{shown}"' if " " in shown else f"{command} {shown}"
    return f"{command} {shlex.quote(shown)}"
