"""The files of the project that a step names; `payload_files` reads payloads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from almaflow.check.collector import ProblemCollector
from almaflow.check.loader import CheckContext
from almaflow.check.project_files import check_keys, find_file, refuse_path, slashes
from almaflow.check.set_values import note_zeros
from almaflow.check.traversal import below, data_at, fields_of
from almaflow.check.value_shapes import without_templates
from almaflow.document import PathTo
from almaflow.document.hazards import WINDOWS_PATH
from almaflow.field_types import Model, Template
from almaflow.problems import Severity, did_you_mean
from almaflow.rounded_numbers import ends_in_zeros
from almaflow.settings import PathRefused, data_path
from almaflow.steps.base import Kind
from almaflow.steps.member_source import MemberSource, column_of, read_members_file
from almaflow.steps.result import StepFailed
from almaflow.steps.which_kind import (
    is_append_file,
    is_csv_rows,
    is_fetch_files,
    is_notify,
    is_submit_job,
)
from almaflow.text_files import names_in

if TYPE_CHECKING:
    from almaflow.steps.csv_rows import CsvRows
    from almaflow.steps.fetch_files import FetchFiles
    from almaflow.steps.notify import Notify

C = TypeVar("C")
T = TypeVar("T")
# One id in so many that ends in zeros may do so by chance.
_SPOILED = 20


def check_files(notes: ProblemCollector, around: CheckContext, path: PathTo, kind: Kind) -> None:
    """Note what is wrong with the files that the *kind* at *path* names."""
    files = _Files(notes, around)
    if is_submit_job(kind) and kind.payload is not None and "{{" not in kind.payload:
        from almaflow.check.payload_files import check_payload

        check_payload(notes, around, path, kind)
    if is_fetch_files(kind):
        files.check_folders(path, kind)
    if is_append_file(kind):
        files.check_inside((*path, "file"), kind.file)
    if is_notify(kind):
        files.check_attached(path, kind)
    if is_csv_rows(kind) and "{{" not in kind.file.text:
        files.check_rows(path, kind)
    for place, members in _members(kind, data_at(notes.document.data, path), path):
        if members.file is not None and "{{" not in members.file.text:
            files.check_members(place, members)


def _members(model: Model, data: Any, path: PathTo) -> Iterator[tuple[PathTo, MemberSource]]:
    """Yield everything in a kind that names members."""
    for key, value in fields_of(model):
        if isinstance(value, MemberSource):
            yield below(model, key, data, path)[1], value


class _Files:
    """Looks for the files that one workflow names."""

    def __init__(self, notes: ProblemCollector, around: CheckContext) -> None:
        self.notes = notes
        self.around = around

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
        if "\\" in without_templates(name.text) and name.text.isprintable():
            message = f"Folders are divided by `/` on every system. Write `{slashes(name.text)}`."
            self.notes.at(path, WINDOWS_PATH, message, Severity.WARNING)
        if "{{" in name.text:
            return None
        try:
            return data_path(self.around.root, name.text, beside=self.around.folder)
        except PathRefused as error:
            refuse_path(self.notes, path, error)
            return None

    def check_members(self, path: PathTo, members: MemberSource) -> None:
        """Note a file of members that is not there yet, or that its step could not read now.

        Another one may be there when its step runs, so this is a warning.
        """
        assert members.file is not None
        place, name = (*path, "file"), members.file.text
        ids = self._check_data(place, name, column_of, members.column) or ()
        spoiled = list(filter(ends_in_zeros, ids))
        if spoiled and len(spoiled) * _SPOILED >= len(ids):
            note_zeros(self.notes, place, spoiled[0], name)

    def check_rows(self, path: PathTo, kind: CsvRows) -> None:
        """Note a file of rows as `check_members` does a file of members."""
        from almaflow.steps.csv_rows import read_rows

        self._check_data((*path, "file"), kind.file.text, read_rows, kind.columns)

    def _check_data(
        self, path: PathTo, name: str, read: Callable[[str, str, C], T], columns: C
    ) -> T | None:
        """Return what `read(name, text, columns)` gives of the file called *name*.

        None, and a note, when it cannot be read.
        """
        target = find_file(self.notes, self.around, path, name, Severity.WARNING)
        if target is None:
            return None
        try:
            text = read_members_file(name, target)
            check_keys(self.notes, name, text)
            return read(name, text, columns)
        except StepFailed as error:
            message = f"The step will fail unless this file is replaced before it runs: {error}"
            self.notes.at(path, "unreadable", message, Severity.WARNING)
        return None
