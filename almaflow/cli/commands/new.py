"""`almaflow new`: a workflow, its scenario and its tests from what Alma's job wizard shows."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from almaflow.alma.pasted_payload import JOB_ID
from almaflow.alma.payload import Payload
from almaflow.authoring.new_files import check_missing, way_to_schemas, write_missing
from almaflow.authoring.new_workflow.jobs import KnownJob, known_job
from almaflow.authoring.new_workflow.parameters import divide
from almaflow.authoring.new_workflow.schedule_words import cron_of
from almaflow.authoring.new_workflow.texts import NewSet, NewWorkflow, workflow_files
from almaflow.check.job_sets import SET_JOBS
from almaflow.cli import new_questions
from almaflow.cli.commands.import_payload import line_break_warnings, pasted_payload, payload_in
from almaflow.cli.input_files import STDIN
from almaflow.cli.prompts import answered, can_be_asked
from almaflow.cli.render.run_report import print_warnings
from almaflow.cli.render.terminal import emit, emit_json, emit_lines, say
from almaflow.cli.settings_above import find_existing_project
from almaflow.errors import RequestWrong
from almaflow.problems import did_you_mean
from almaflow.settings import PathRefused, Project, data_path
from almaflow.snapshot.files import snapshot_in
from almaflow.text_files import display_path

MOST = 5000
"""Records that one run works on at most, unless a person wants another number."""


def new(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The name of the workflow, and of its file.", show_default=False
        ),
    ] = None,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="The panel as copied from Alma (URL and payload); default: standard input.",
            show_default=False,
        ),
    ] = STDIN,
    clipboard: Annotated[
        bool, typer.Option("--clipboard", help="Read the panel from the clipboard.")
    ] = False,
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="The job's id, if the panel has none.")
    ] = None,
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="A set that is saved in Alma.")
    ] = None,
    query: Annotated[
        str | None, typer.Option("--query", help="Make a logical set of this query in each run.")
    ] = None,
    members: Annotated[
        str | None,
        typer.Option("--members", metavar="FILE", help="Make a set of the ids in this file."),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="With --members: the column of the ids.")
    ] = None,
    id_type: Annotated[
        str | None,
        typer.Option("--id-type", help="With --members: what the ids are, such as BARCODE."),
    ] = None,
    content: Annotated[
        str | None, typer.Option("--content", help="What the set holds, such as BIB_MMS or ITEM.")
    ] = None,
    most: Annotated[
        int | None,
        typer.Option("--max", min=1, help=f"Most records that one run works on; default: {MOST}."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule", "--cron", metavar="WHEN", help="Cron's fields, or `sunday 04:00`."
        ),
    ] = None,
    notify: Annotated[
        str, typer.Option("--notify", metavar="CHANNEL", help="Who is notified of bad runs.")
    ] = "log",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing; use the options and the defaults.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the names of the files as JSON; run nothing.")
    ] = False,
) -> None:
    """Write a workflow from the panel "API information" on the last page of Alma's job wizard.

    Writes the workflow with a set, a guard on its size and what must be true after the job, next
    to it a scenario and tests for the simulator, and, when the job has many parameters, a payload
    file. In the workflow are at most 12 parameters: those whose value is not empty, `false`, `0`,
    `-1`, `null` or `none`. No file is overwritten. Nothing is sent to Alma. On a terminal, almaflow
    asks what the options leave open.
    """
    asks = not (yes or as_json) and can_be_asked()
    project = find_existing_project()
    if file == STDIN and not clipboard and name is not None and os.path.isfile(name):
        raise RequestWrong(
            f"`{name}` is a file, and the new workflow has no name. Name it first, such as "
            f"`almaflow new weekly-export {name}`."
        )
    name = _name(name, asks=asks)
    cron = cron_of(schedule) if schedule is not None else ""
    _check_channel(project, notify)
    alma_set = _set_of(set_name, query, members, column, id_type, content)
    payload = _payload(file, clipboard)
    if asks:
        alma_set, most, cron = _asked(payload, alma_set, most, cron if schedule else None)
    snapshot = snapshot_in(project.folder)
    section = None if snapshot is None else snapshot.section(project.default_institution)
    known = known_job(_job_id(payload, job), section)
    texts = workflow_files(
        NewWorkflow(
            name=name,
            job=known,
            parameters=divide(payload.parameters),
            alma_set=_completed(alma_set, payload, known, project),
            limit=most or MOST,
            schemas=way_to_schemas(project.folder / "schemas", project.workflows),
            job_name=_value(payload, "job_name"),
            cron=cron,
            notify=notify,
        )
    )
    check_missing(project.workflows, texts, "Choose another name, or rename what is there.")
    files = write_missing(project.workflows, texts)
    if as_json:
        written = [display_path(project.workflows / one) for one in files.written]
        emit_json({"written": written})
        return
    emit_lines(f"Wrote {display_path(project.workflows / one)}." for one in files.written)
    for note in line_break_warnings(payload):
        say(note, err=True)
    _show(project, name)


def _check_channel(project: Project, channel: str) -> None:
    known = {"log", *project.settings.channels}
    if channel not in known:
        raise RequestWrong(
            f"almaflow.yaml has no channel `{channel}`{did_you_mean(channel, known) or '.'} Add it "
            f"under `channels`, or use {' or '.join(f'`{one}`' for one in sorted(known))}."
        )


# --- what a person says ----------------------------------------------------------------------


def _name(given: str | None, *, asks: bool) -> str:
    if given is not None:
        return new_questions.read_name(given)
    if not asks:
        raise RequestWrong("Name the new workflow, such as `almaflow new weekly-export panel.txt`.")
    with new_questions.nothing_written():
        return answered("Name of the workflow", None, new_questions.read_name)


def _asked(
    payload: Payload, alma_set: NewSet | None, most: int | None, cron: str | None
) -> tuple[NewSet | None, int | None, str]:
    """Return set, limit and timetable, as far as they are not given as a person answers."""
    with new_questions.nothing_written():
        new_questions.introduce()
        has_set = any(one.name == "set_id" for one in payload.parameters)
        if alma_set is None and (has_set or payload.job in SET_JOBS):
            set_id = _value(payload, "set_id")
            question = "Set that the job works on (its name in Alma, or its id)"
            default = set_id if set_id.isdecimal() else None
            alma_set = answered(question, default, new_questions.read_set)
        if most is None and alma_set is not None:
            question = "Most records that one run works on"
            most = answered(question, str(MOST), new_questions.read_limit)
        if cron is None:
            question = "When it runs (such as `sunday 04:00` or `daily 02:30`)"
            cron = answered(question, new_questions.BY_HAND, new_questions.read_schedule)
        return alma_set, most, cron


# --- the panel --------------------------------------------------------------------------------


def _payload(file: str, clipboard: bool) -> Payload:
    if clipboard:
        return _from_clipboard()
    if file == STDIN and can_be_asked():
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        say(f'Paste the content of the panel "API information", then press Enter and {end}:')
    return payload_in(file)


def _from_clipboard() -> Payload:
    try:
        pyperclip = importlib.import_module("pyperclip")
    except ImportError as error:
        raise RequestWrong(
            "`--clipboard` needs the package pyperclip. Install it with `pip install "
            "'almaflow[clipboard]'`, or save the panel in a file and name the file."
        ) from error
    try:
        text = str(pyperclip.paste())
    except pyperclip.PyperclipException as error:
        raise RequestWrong(
            "The clipboard of this machine cannot be read. Save the panel in a file and name the "
            "file, or paste it on standard input."
        ) from error
    return pasted_payload("clipboard", text.encode("utf-8", "replace"))


def _job_id(payload: Payload, given: str | None) -> str:
    if given is not None and not JOB_ID.fullmatch(given):
        raise RequestWrong(f"`{given}` is not a valid job id, such as M44.")
    if given and payload.job and given != payload.job:
        raise RequestWrong(
            f"The panel is of job {payload.job}, but `--job` names {given}. Remove `--job`, or "
            "copy the panel of that job."
        )
    job = given or payload.job
    if job is None:
        raise RequestWrong(
            "The panel does not name its job. Copy the URL above the payload too, or add `--job` "
            "with the id (`almaflow jobs list` shows it)."
        )
    if job.startswith("S"):
        raise RequestWrong(
            f"{job} is a scheduled job, and its parameters are in its profile, so it has no "
            "payload to copy. Write `run_profile: {integration: CODE}` or `run_profile: {import: "
            "NAME}` (`almaflow explain run_profile`)."
        )
    return job


def _value(payload: Payload, name: str) -> str:
    values = [one.value for one in payload.parameters if one.name == name]
    return values[0].strip() if len(values) == 1 else ""


# --- the set ----------------------------------------------------------------------------------


def _set_of(
    name: str | None,
    query: str | None,
    members: str | None,
    column: str | None,
    id_type: str | None,
    content: str | None,
) -> NewSet | None:
    """Return the set that the options describe; Raises: RequestWrong when they contradict."""
    if sum(one is not None for one in (name, query, members)) > 1:
        raise RequestWrong("Use only one of `--set`, `--query` and `--members`.")
    if members is None and (column or id_type):
        raise RequestWrong("`--column` and `--id-type` belong to `--members FILE`.")
    if content is not None:
        content = _content(content)
    if name is None and query is None and members is None:
        return None
    return NewSet(
        name=name or "",
        query=query or "",
        members=members or "",
        column=column or "",
        id_type=id_type or "",
        content=content or "",
    )


def _content(text: str) -> str:
    from almaflow.steps.content_type import CONTENT_CODES, code_of_label

    code = text.strip().upper()
    if code in CONTENT_CODES:
        return code
    if label := code_of_label(text):
        return label
    raise RequestWrong(
        f"`{text}` is not what a set can hold{did_you_mean(code, CONTENT_CODES) or '.'} Use a code "
        "of Alma, such as BIB_MMS, ITEM or USER."
    )


def _completed(
    alma_set: NewSet | None, payload: Payload, job: KnownJob, project: Project
) -> NewSet | None:
    """Return the set with what panel and job say; None: the job has no set."""
    if alma_set is None:
        has_set = any(one.name == "set_id" for one in payload.parameters) or job.id in SET_JOBS
        set_id = _value(payload, "set_id")
        if has_set and not (set_id.isascii() and set_id.isdecimal()):
            raise RequestWrong(
                "The panel has no id of a set in `set_id`. Name the set: `--set NAME` for one that "
                "is saved in Alma, `--query QUERY` or `--members FILE` for one that each run makes."
            )
        return NewSet(id=set_id) if has_set else None
    content = alma_set.content or job.content
    if alma_set.is_made and not content:
        raise RequestWrong(
            f"It is not known what the set of job {job.id} holds. Add `--content`, such as "
            "`--content BIB_MMS` or `--content ITEM`."
        )
    members = _beside_workflows(alma_set.members, project) if alma_set.members else ""
    return replace(alma_set, members=members, content=content)


def _beside_workflows(file: str, project: Project) -> str:
    """Return the path of a member file from the folder of the workflows."""
    try:
        target = data_path(project.folder, os.path.abspath(file))
    except PathRefused as error:
        raise RequestWrong(f"`--members`: {error}") from error
    if not target.is_file():
        raise RequestWrong(f"There is no file `{file}`. Name the file of the members.")
    return os.path.relpath(target, os.path.realpath(project.workflows)).replace(os.sep, "/")


# --- the project ------------------------------------------------------------------------------


def _show(project: Project, name: str) -> None:
    """Check the new workflow, run it on the simulator, and say what follows."""
    from almaflow.cli.commands.run import run_simulated
    from almaflow.workflow_loader import load_workflow

    path: Path = project.workflows / f"{name}.yaml"
    loaded = load_workflow(path, project, simulated=True)
    print_warnings(loaded.warnings, as_json=False)
    emit()
    emit(f"Running {name} on the simulator; nothing is sent to Alma.")
    run_simulated(project, loaded, {}, None, as_json=False)
    shown = f'"{name}"' if " " in name else name
    emit_lines(
        [
            "",
            "What to do next:",
            f"  1. Read {display_path(path)}: the parameters, the limit, who is notified.",
            f"  2. `almaflow test` plays its tests, `almaflow plan {shown}` shows every request.",
            f"  3. `almaflow run {shown}` runs it in Alma, once the API key is there.",
        ],
        wrap=True,
    )
