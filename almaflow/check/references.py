"""What a workflow names outside of its file: entries of almaflow.yaml, and files.

What is in the files is checked in `named_files`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from almaflow.check.collector import ProblemCollector
from almaflow.check.loader import CheckContext
from almaflow.document import PathTo
from almaflow.problems import Severity, did_you_mean
from almaflow.settings.project import LOG_CHANNEL
from almaflow.steps.base import StepBase
from almaflow.steps.which_kind import is_fetch_files, is_notify
from almaflow.workflow import Workflow
from almaflow.workflow_names import name_problem


def check_institution(
    notes: ProblemCollector, around: CheckContext, path: PathTo, name: str, environment: str
) -> None:
    """Note an institution that almaflow.yaml does not have, or has in another *environment*.

    A template is known later.
    """
    known = around.project.institutions
    if not around.settings_count or "{{" in name:
        return
    if name not in known:
        _check_entry(notes, around, path, "unknown-institution", name, known)
    elif environment not in ("any", known[name].environment):
        notes.at(
            path,
            "wrong-environment",
            f"This workflow is for {environment}, but `{name}` is a {known[name].environment} "
            f"in {around.file}, so almaflow refuses to run it there.",
        )


def check_main_institution(
    notes: ProblemCollector, around: CheckContext, workflow: Workflow
) -> None:
    """Note that the institution of the whole workflow is not there, or not named."""
    if workflow.institution is not None:
        name = workflow.institution.text
        check_institution(notes, around, ("institution",), name, workflow.environment)
        return
    default = around.project.default_institution
    if default is not None:
        check_institution(notes, around, ("environment",), default, workflow.environment)
    elif around.settings_count and around.project.institutions:
        names = ", ".join(f"`{name}`" for name in around.project.institutions)
        notes.at(
            (),
            "missing-institution",
            f"{around.file} has several institutions ({names}) and no `default_institution`, "
            "so the workflow must specify one: `institution: …`.",
        )


def check_file_name(notes: ProblemCollector, workflow: Workflow) -> None:
    """Note a file whose stem cannot be the name of a workflow that gives none."""
    if workflow.name is None and (why := name_problem(Path(notes.document.file).stem)):
        message = (
            f"{why} The workflow has no `name`, so almaflow uses the name of its file. Add a "
            "`name`."
        )
        notes.at((), "bad-name", message)


def check_channel(
    notes: ProblemCollector, around: CheckContext, path: PathTo, channel: str
) -> None:
    """Note a channel that almaflow.yaml does not have."""
    known = {*around.project.settings.channels, LOG_CHANNEL}
    more = " The channel `log` always exists."
    _check_entry(notes, around, path, "unknown-channel", channel, known, more)


def check_ping(notes: ProblemCollector, around: CheckContext, path: PathTo, ping: str) -> None:
    """Note a dead man's switch that almaflow.yaml does not have."""
    _check_entry(notes, around, path, "unknown-ping", ping, around.project.settings.pings)


def check_connection(
    notes: ProblemCollector, around: CheckContext, path: PathTo, connection: str
) -> None:
    """Note a connection that almaflow.yaml does not have."""
    known = around.project.settings.connections
    _check_entry(notes, around, path, "unknown-connection", connection, known)


def check_calendar(
    notes: ProblemCollector, around: CheckContext, path: PathTo, calendar: str
) -> None:
    """Note a calendar that almaflow.yaml does not have."""
    _check_entry(
        notes, around, path, "unknown-calendar", calendar, around.project.settings.calendars
    )


def _check_entry(
    notes: ProblemCollector,
    around: CheckContext,
    path: PathTo,
    code: str,
    name: str,
    known: Collection[str],
    more: str = "",
) -> None:
    """Note that almaflow.yaml has no entry *name* of the kind that *code* has in its own name."""
    if around.settings_count and name not in known:
        noun, hint = code.removeprefix("unknown-"), did_you_mean(name, known) or "."
        notes.at(path, code, f"{around.file} has no {noun} `{name}`{hint}{more}")


def check_names_outside(
    notes: ProblemCollector, around: CheckContext, path: PathTo, step: StepBase
) -> None:
    """Note what a step names that does not exist; *path* is that of the step."""
    kind, path = step.kind, (*path, step.kind.key)
    if is_notify(kind):
        if notes.document.has((*path, "to")):
            check_channel(notes, around, (*path, "to"), kind.to)
        if kind.attach and kind.to == LOG_CHANNEL:
            notes.at(
                (*path, "attach"),
                "attached-to-log",
                "The log of the run names these files and does not keep them. Write `to` with a "
                "channel of almaflow.yaml that carries files, such as mail.",
                Severity.WARNING,
            )
    if is_fetch_files(kind) and kind.connection is not None:
        check_connection(notes, around, (*path, "connection"), kind.connection)
    if kind.names_files and around.folder is not None:
        from almaflow.check.named_files import check_files

        check_files(notes, around, path, kind)
