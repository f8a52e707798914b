"""The workflow files in a folder, and what a person must know about the rest that is there.

What is in the folder is not ours: nothing that can be there stops a reading. Files are read later,
so a link that leads nowhere, a named pipe or the like is listed as a file, and reading it reports
the error.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from almaflow.late_dataclasses import dataclass
from almaflow.problems import Location, Problem, Severity
from almaflow.settings import FILE_NAME
from almaflow.text_files import display_path

SCENARIO = ".scenario.yaml"
"""How the names of the simulator's scenario files end, which are next to the workflows."""

TESTS = (".tests.yaml", ".tests.yml")
"""How the names of files with tests end, which are next to the workflows or in `TESTS_FOLDER`."""

TESTS_FOLDER = "tests"
"""The folder next to workflows for their tests, so that a shell's `*.yaml` leaves tests out."""

ENDINGS = (".yaml", ".yml")
"""How the names of workflow files end, in upper or lower case."""

MOST_ENTRIES = 200_000
"""How many files and folders are read; a folder with more is not one of workflows."""

# How the names of editors' backups and lock files begin; other ones are hidden, or end otherwise.
_BACKUPS = ("~", "#")


@dataclass(frozen=True)
class Listing:
    """The workflow files in a folder and in those below it.

    *files* are sorted by their paths. *problems* are those of names and folders, sorted; what is
    wrong in a file is known when it is read. *unreadable* are the folders that could not be
    listed, with the reason as a sentence; they are among the problems too. *tests* are the files
    with tests of workflows, *scenarios* those of the simulator, sorted.
    """

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    unreadable: Mapping[Path, str]
    tests: tuple[Path, ...] = ()
    scenarios: tuple[Path, ...] = ()


def list_workflows(folder: Path, *, project_file: bool = False) -> Listing:
    """List the workflow files in *folder*; what is hidden, scenarios and tests are left out.

    Its almaflow.yaml is listed only as a *project_file*. Links to folders are not followed.
    """
    walk = _Walk()
    walk.take(folder)
    names = sorted(one for one in walk.files if _is_meant(os.path.basename(one), project_file))
    problems = sorted([*walk.problems, *_twins(names)])
    tests = sorted(one for one in walk.files if is_tests(os.path.basename(one)))
    scenarios = sorted(one for one in walk.files if one.casefold().endswith(SCENARIO))
    return Listing(
        tuple(map(Path, names)),
        tuple(problems),
        walk.unreadable,
        tuple(map(Path, tests)),
        tuple(map(Path, scenarios)),
    )


def is_tests(name: str) -> bool:
    """Whether a file of this *name* holds tests of a workflow."""
    return name.casefold().endswith(TESTS)


def same_name(name: str) -> str:
    """Return what is equal for two names that look the same to people.

    `ö` is one character, or an `o` and a mark (Unicode's forms NFC and NFD); macOS writes the
    second.
    """
    return unicodedata.normalize("NFC", name)


def _is_meant(name: str, project_file: bool) -> bool:
    folded = name.casefold()
    return not folded.endswith((SCENARIO, *TESTS)) and (project_file or name != FILE_NAME)


class _Walk:
    """Goes through folders, one after the other, without following links."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.problems: list[Problem] = []
        self.unreadable: dict[Path, str] = {}
        self._left = MOST_ENTRIES

    def take(self, folder: Path) -> None:
        """Take in *folder* and all below it."""
        waiting = [folder]
        while waiting and self._left >= 0:
            current = waiting.pop()
            try:
                waiting += self._folders(current)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                message = f"The folder cannot be read, so its workflows are not loaded: {reason}."
                self._refuse(current, "unreadable", message)
        if self._left < 0:
            message = (
                f"There are more than {MOST_ENTRIES:,} files and folders here, so almaflow did "
                "not read all of them. Keep workflows in a separate folder."
            )
            self._refuse(folder, "too-many-files", message)

    def _folders(self, folder: Path) -> list[Path]:
        """Take in the files of *folder*; returns the folders in it that are to be read."""
        files = []
        with os.scandir(folder) as entries:
            for entry in entries:
                self._left -= 1
                if self._left < 0:
                    break
                if entry.name.startswith((".", *_BACKUPS)):
                    continue
                if _is_folder(entry, follow=False):
                    files.append(Path(entry.path))
                    self._note_folder(entry.path)
                elif entry.is_symlink() and _is_folder(entry, follow=True):
                    message = (
                        "This is a link to a folder, and almaflow does not follow links to "
                        "folders, so it reads no workflow in it. Move the folder here."
                    )
                    self._note(Path(entry.path), "link-to-folder", message, Severity.WARNING)
                elif entry.name.casefold().endswith(ENDINGS):
                    self.files.append(entry.path)
        return files

    def _note_folder(self, path: str) -> None:
        if path.casefold().endswith(ENDINGS):
            message = "This is a folder, but it has the name of a workflow file. Rename it."
            self._note(Path(path), "folder-named-as-file", message, Severity.WARNING)

    def _refuse(self, folder: Path, code: str, message: str) -> None:
        self.unreadable[folder] = message
        self._note(folder, code, message, Severity.ERROR)

    def _note(self, path: Path, code: str, message: str, severity: Severity) -> None:
        self.problems.append(Problem(Location(display_path(path)), code, message, severity))


def _is_folder(entry: os.DirEntry[str], *, follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        # A link that leads back to itself, or a deleted file: reading it reports the error.
        return False


_DIFFERENCE = {True: "its accents encoded in another way", False: "other capital letters"}


def _twins(files: list[str]) -> Iterator[Problem]:
    """Yield a warning for each file whose path looks the same as another one's."""
    alike = defaultdict(list)
    for file in files:
        alike[same_name(same_name(file).casefold())].append(file)
    for first, *others in alike.values():
        for other in others:
            accents = same_name(first) == same_name(other)
            message = (
                f"Another file has the same name, with {_DIFFERENCE[accents]} "
                f"({os.path.basename(first)!a} and {os.path.basename(other)!a}). Some systems "
                "treat the two as one file. Rename one of them."
            )
            location = Location(display_path(Path(other)))
            yield Problem(location, "twin-names", message, Severity.WARNING)
