"""What a workflow names outside of its file: entries of almaflow.yaml, payloads, member files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

from almaflow.alma.payload import (
    LARGEST_PAYLOAD,
    ParameterRepeated,
    PayloadInvalid,
    decode_payload,
    merge_parameters,
    read_payload,
)
from almaflow.alma.wire import JobParameter
from almaflow.alma_keys import find_keys
from almaflow.check.collector import Notes
from almaflow.check.job_sets import check_payload_set
from almaflow.check.loader import Surroundings
from almaflow.check.payload_jobs import check_inline_payload, check_payload_job
from almaflow.check.traversal import below, data_at, fields_of
from almaflow.check.value_shapes import saved_as_csv
from almaflow.document import PathTo
from almaflow.document.hazards import ALMA_KEY, KEY_MESSAGE, keys_in_file
from almaflow.field_types import Model, Template
from almaflow.problems import Location, Problem, Severity, did_you_mean
from almaflow.settings import PathRefused, data_path
from almaflow.settings.project import LOG_CHANNEL
from almaflow.steps.append_file import AppendFile
from almaflow.steps.base import StepBase
from almaflow.steps.csv_rows import CsvRows, read_rows
from almaflow.steps.fetch_files import FetchFiles
from almaflow.steps.member_source import Members, column_of, read_members_file
from almaflow.steps.notify import Notify
from almaflow.steps.result import StepFailed
from almaflow.steps.submit_job import SubmitJob
from almaflow.text_files import FileUnreadable, names_in, read_bytes
from almaflow.workflow import Workflow
from almaflow.workflow_names import name_problem

T = TypeVar("T")


def check_institution(
    notes: Notes, around: Surroundings, path: PathTo, name: str, environment: str
) -> None:
    """Note an institution that almaflow.yaml does not have, or has in another *environment*.

    A template is known later.
    """
    known = around.project.institutions
    if not around.settings_count or "{{" in name:
        return
    if name not in known:
        hint = did_you_mean(name, known) or "."
        message = f"{around.file} has no institution `{name}`{hint}"
        notes.at(path, "unknown-institution", message)
    elif environment not in ("any", known[name].environment):
        notes.at(
            path,
            "wrong-environment",
            f"This workflow is for {environment}, but `{name}` is a {known[name].environment} "
            f"in {around.file}, so almaflow refuses to run it there.",
        )


def check_main_institution(notes: Notes, around: Surroundings, workflow: Workflow) -> None:
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


def check_file_name(notes: Notes, workflow: Workflow) -> None:
    """Note a file whose stem cannot be the name of a workflow that gives none."""
    if workflow.name is None and (why := name_problem(Path(notes.document.file).stem)):
        message = (
            f"{why} The workflow has no `name`, so almaflow uses the name of its file. Add a "
            "`name`."
        )
        notes.at((), "bad-name", message)


def check_channel(notes: Notes, around: Surroundings, path: PathTo, channel: str) -> None:
    """Note a channel that almaflow.yaml does not have."""
    known = {*around.project.settings.channels, LOG_CHANNEL}
    if not around.settings_count or channel in known:
        return
    notes.at(
        path,
        "unknown-channel",
        f"{around.file} has no channel `{channel}`{did_you_mean(channel, known) or '.'} The "
        "channel `log` always exists.",
    )


def check_ping(notes: Notes, around: Surroundings, path: PathTo, ping: str) -> None:
    """Note a dead man's switch that almaflow.yaml does not have."""
    known = around.project.settings.pings
    if around.settings_count and ping not in known:
        message = f"{around.file} has no ping `{ping}`{did_you_mean(ping, known) or '.'}"
        notes.at(path, "unknown-ping", message)


def check_connection(notes: Notes, around: Surroundings, path: PathTo, connection: str) -> None:
    """Note a connection that almaflow.yaml does not have."""
    known = around.project.settings.connections
    if around.settings_count and connection not in known:
        hint = did_you_mean(connection, known) or "."
        message = f"{around.file} has no connection `{connection}`{hint}"
        notes.at(path, "unknown-connection", message)


def check_names_outside(notes: Notes, around: Surroundings, path: PathTo, step: StepBase) -> None:
    """Note what a step names that does not exist; *path* is that of the step."""
    kind, path = step.kind, (*path, step.kind.key)
    if isinstance(kind, Notify):
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
    if isinstance(kind, FetchFiles) and kind.connection is not None:
        check_connection(notes, around, (*path, "connection"), kind.connection)
    if around.folder is None:
        return
    files = Files(notes, around.root, around.folder)
    if isinstance(kind, SubmitJob) and kind.payload is not None and "{{" not in kind.payload:
        files.check_payload(path, kind)
    if isinstance(kind, FetchFiles):
        files.check_folders(path, kind)
    if isinstance(kind, AppendFile):
        files.check_inside((*path, "file"), kind.file)
    if isinstance(kind, Notify):
        files.check_attached(path, kind)
    if isinstance(kind, CsvRows) and "{{" not in kind.file.text:
        files.check_rows(path, kind)
    for place, members in _members(kind, data_at(notes.document.data, path), path):
        if members.file is not None and "{{" not in members.file.text:
            files.check_members(place, members)


def _members(model: Model, data: Any, path: PathTo) -> Iterator[tuple[PathTo, Members]]:
    """Yield everything in a kind that names members."""
    for key, value in fields_of(model):
        if isinstance(value, Members):
            yield below(model, key, data, path)[1], value


class Files:
    """Looks for the files that one workflow names."""

    def __init__(self, notes: Notes, project: Path, folder: Path) -> None:
        self.notes = notes
        self.project = project
        self.folder = folder

    def check_payload(self, path: PathTo, kind: SubmitJob) -> None:
        """Note a payload that is not there, is none, or does not fit its parameters."""
        assert kind.payload is not None
        place = (*path, "payload")
        if check_inline_payload(self.notes, place, kind.payload):
            return
        target = self.find(place, kind.payload, Severity.ERROR)
        if target is None:
            return
        text = ""
        try:
            text = decode_payload(read_bytes(target, LARGEST_PAYLOAD))
            payload = read_payload(text)
        except FileUnreadable as error:
            message = f"The payload `{kind.payload}` cannot be read: {error.reason}."
            self.notes.at(place, "unreadable", message)
        except PayloadInvalid as error:
            self._in_payload(kind.payload, text, error)
        else:
            parameters = payload.parameters
            self._check_overrides(path, kind, parameters)
            check_payload_set(self.notes, path, kind, parameters)
            check_payload_job(self.notes, path, kind, payload)
            if any(find_keys(one.value) for one in parameters) and not find_keys(text):
                # Escapes of XML or JSON hide it.
                self.notes.at(place, ALMA_KEY, KEY_MESSAGE)
        self._check_keys(kind.payload, text)

    def _check_keys(self, name: str, text: str) -> None:
        """Note the Alma keys in the *text* of the file *name*, at their places there."""
        for problem in keys_in_file(text, self._beside(name)):
            self.notes.add(problem)

    def _beside(self, name: str) -> str:
        """Return what messages call the file that the workflow calls *name*."""
        folder = os.path.dirname(self.notes.document.file)
        return os.path.normpath(os.path.join(folder, name))

    def _in_payload(self, name: str, text: str, error: PayloadInvalid) -> None:
        """Note a mistake in the payload at its place there."""
        location = Location(self._beside(name), error.line, error.column)
        line = error.line_of(text)
        self.notes.add(Problem(location, "bad-payload", str(error), line_text=line))

    def _check_overrides(self, path: PathTo, kind: SubmitJob, payload: list[JobParameter]) -> None:
        """Note names of a mapping of parameters that the payload has several times."""
        if not isinstance(kind.parameters, dict):
            return
        for name in kind.parameters:
            try:
                merge_parameters(payload, {name: ""}, None, None)
            except ParameterRepeated as error:
                self.notes.at_key((*path, "parameters", name), "parameter-repeated", str(error))

    def check_folders(self, path: PathTo, kind: FetchFiles) -> None:
        """Note a folder outside of the project, which files cannot be fetched to, or from."""
        here = kind.folder if kind.connection is None else None
        for key, folder in (("to", kind.to), ("folder", here)):
            if folder is None or (key == "folder" and PurePath(folder.text).is_absolute()):
                continue
            self.check_inside((*path, key), folder)

    def check_attached(self, path: PathTo, kind: Notify) -> None:
        """Note files to attach that are outside of the project, or have another name there.

        A file that is not there may be one that the run makes.
        """
        for number, name in enumerate(kind.attach):
            place = (*path, "attach", number)
            target = self.check_inside(place, name)
            if target is None or os.path.isfile(target):
                continue
            if (names := names_in(target.parent)) and (hint := did_you_mean(target.name, names)):
                message = f"The file `{name.text}` does not exist yet{hint}"
                self.notes.at(place, "no-such-file", message, Severity.WARNING)

    def check_inside(self, path: PathTo, name: Template) -> Path | None:
        """Note a path, given at *path*, that leads out of the project; else return it.

        None, too, when only the run will know it.
        """
        if "{{" in name.text:
            return None
        try:
            return data_path(self.project, name.text, beside=self.folder)
        except PathRefused as error:
            self.notes.at(path, error.code, str(error))
            return None

    def check_members(self, path: PathTo, members: Members) -> None:
        """Note a file of members that is not there yet, or that its step could not read now.

        Another one may be there when its step runs, so this is a warning.
        """
        assert members.file is not None
        self._check_data((*path, "file"), members.file.text, column_of, members.column)

    def check_rows(self, path: PathTo, kind: CsvRows) -> None:
        """Note a file of rows as `check_members` does a file of members."""
        self._check_data((*path, "file"), kind.file.text, read_rows, kind.columns)

    def _check_data(
        self, path: PathTo, name: str, read: Callable[[str, str, T], object], columns: T
    ) -> None:
        """Note what `read(name, text, columns)` says about the file called *name*."""
        target = self.find(path, name, Severity.WARNING)
        if target is None:
            return
        try:
            text = read_members_file(name, target)
            self._check_keys(name, text)
            read(name, text, columns)
        except StepFailed as error:
            message = f"The step will fail unless this file is replaced before it runs: {error}"
            self.notes.at(path, "unreadable", message, Severity.WARNING)

    def find(
        self, path: PathTo, name: str, severity: Severity, endings: Sequence[str] = ()
    ) -> Path | None:
        """Return the file called *name*, or that with one of *endings*.

        None, and a note, when it is not there.
        """
        try:
            target = data_path(self.project, name, beside=self.folder)
            others = [data_path(self.project, name + one, beside=self.folder) for one in endings]
        except PathRefused as error:
            self.notes.at(path, error.code, str(error))
            return None
        for candidate in (target, *others):
            if os.path.isfile(candidate):
                return candidate
        if os.path.isdir(target):
            message = f"`{name}` is a folder. Specify a file in it."
        elif os.path.lexists(target):
            message = f"`{name}` is not a regular file that can be read."
        elif severity is Severity.WARNING:
            message = (
                f"The file `{name}` does not exist yet. The step will fail unless it exists by "
                f"then{_nearest(target, name)}"
            )
            if saved := saved_as_csv(name):
                message += f" It must be text: save the workbook as CSV, and write `{saved}`."
        else:
            message = (
                f"There is no file `{name}` in the folder of the workflow{_nearest(target, name)}"
            )
        self.notes.at(path, "no-such-file", message, severity)
        return None


def _nearest(target: Path, name: str) -> str:
    """Return which file of the same folder may be meant, as the end of a sentence."""
    folder = os.path.dirname(name)
    names = names_in(target.parent)
    if names is None:
        return f", and there is no folder `{folder}` either."
    return did_you_mean(name, [os.path.join(folder, one) for one in names]) or "."
