"""Revisions of a project's git repository: what a person names, and the files in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from almaflow.errors import RequestWrong
from almaflow.git_reading import GitUnreadable, read_git
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean
from almaflow.text_files import printable

# Bytes of a list of files; 200,000 files have about twenty million.
_LONGEST_LIST = 32 * 1024 * 1024
_SECONDS = 30.0
# Characters of a revision that a person names.
_LONGEST_NAME = 1000
_SUBMODULE, _LINK = "160000", "120000"
_ENTRY = re.compile(rb"(\d{6}) (\w+) ([0-9a-f]+) +(\S+)\t(.*)", re.DOTALL)


# A number of commits before another one: `main~3`, `HEAD^^`.
_BEFORE = re.compile(r"(?P<base>.+?)(?:[~^]\d*)+")


@dataclass(frozen=True)
class TreeEntry:
    """A file of a revision; *path* is relative to the project's folder, with `/`."""

    path: str
    blob: str
    size: int
    is_link: bool


@dataclass(frozen=True)
class Revision:
    """A revision of the repository; *name* is what the person wrote."""

    name: str
    commit: str


class Repository:
    """The git repository that contains the folder of a project."""

    def __init__(self, folder: Path) -> None:
        """Raises: RequestWrong when *folder* is in none, or git cannot be read."""
        self.folder = folder
        try:
            answer = read_git(folder, "rev-parse", "--is-shallow-repository", "--show-prefix")
        except GitUnreadable as error:
            raise RequestWrong(f"Revisions cannot be compared. {error}") from error
        shallow, _, prefix = answer.decode("utf-8", "replace").partition("\n")
        self.is_shallow = shallow.strip() == "true"
        self.prefix = prefix.rstrip("\n")

    def find(self, name: str) -> Revision | None:
        """Return the commit that *name* means: a branch, a tag, `HEAD~2`, a hash; else None."""
        if not name or name.startswith("-") or len(name) > _LONGEST_NAME or "\0" in name:
            return None
        try:
            wanted = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            answer = read_git(self.folder, "rev-parse", *wanted)
        except GitUnreadable:
            return None
        return Revision(name, answer.decode("ascii", "replace").split()[-1])

    def named(self, name: str) -> Revision:
        """Return the commit that *name* means.

        Raises:
            RequestWrong: there is none; says what else may be meant.
        """
        found = self.find(name)
        if found is None:
            raise RequestWrong(self.missing(name))
        return found

    def missing(self, name: str) -> str:
        """Return the sentences about a revision that is not there."""
        if not name:
            return "The name of a revision is empty. Specify a branch, a tag or a commit."
        shown = printable(name[:100])
        message = f"There is no revision or file `{shown}`"
        before = _BEFORE.fullmatch(name)
        base = self.find(before["base"]) if before else None
        hint = "" if base else did_you_mean(name[:100], self._names())
        message += f": `{base.name}` has too few commits here." if base else hint or "."
        if self.is_shallow:
            message += (
                " The clone is shallow: it lacks older commits and perhaps other branches. Fetch "
                "them with `git fetch --unshallow` (in GitHub's checkout action: `fetch-depth: 0`)."
            )
        elif not hint and not base:
            message += " `git branch --all` lists the branches; `git fetch` gets newer ones."
        return message

    def merge_base(self, one: Revision, other: Revision) -> Revision:
        """Return the last common commit of two branches, as `ONE...OTHER` means it.

        Raises:
            RequestWrong: they have none here.
        """
        try:
            answer = read_git(self.folder, "merge-base", one.commit, other.commit)
        except GitUnreadable as error:
            hint = " The clone is shallow; use `git fetch --unshallow`." if self.is_shallow else ""
            raise RequestWrong(
                f"`{one.name}` and `{other.name}` have no common commit here.{hint}"
            ) from error
        commit = answer.decode("ascii", "replace").split()[0]
        return Revision(f"{one.name} (where {other.name} began)", commit)

    def _names(self) -> Sequence[str]:
        """Return the names of branches and tags."""
        try:
            wanted = ("--count=900", "--format=%(refname:short)")
            answer = read_git(self.folder, "for-each-ref", *wanted)
        except GitUnreadable:
            return ()
        return [*answer.decode("utf-8", "replace").split("\n"), "HEAD"]

    def files(self, revision: Revision) -> tuple[list[TreeEntry], list[str]]:
        """Return the files of the project in a revision, and its submodules.

        Raises:
            RequestWrong: there are too many, or git cannot read the revision.
        """
        try:
            answer = read_git(
                self.folder,
                *("ls-tree", "-r", "-z", "--long", revision.commit),
                most=_LONGEST_LIST,
                seconds=_SECONDS,
            )
        except GitUnreadable as error:
            raise RequestWrong(f"The files of `{revision.name}` cannot be read. {error}") from error
        if len(answer) >= _LONGEST_LIST:
            raise RequestWrong(
                f"`{revision.name}` has too many files in {self.folder}. Put the project into a "
                "separate folder."
            )
        return _entries(answer.split(b"\0"))

    def contents(self, entries: Iterable[TreeEntry], most: int) -> dict[str, bytes]:
        """Return the contents of files by their blobs, *most* bytes in all.

        Raises:
            RequestWrong: git cannot read one, such as in a partial clone.
        """
        blobs = list(dict.fromkeys(entry.blob for entry in entries))
        asked = "".join(f"{blob}\n" for blob in blobs).encode("ascii")
        try:
            answer = read_git(
                self.folder, "cat-file", "--batch", given=asked, most=most, seconds=_SECONDS
            )
        except GitUnreadable as error:
            raise RequestWrong(f"Files of a revision cannot be read. {error}") from error
        return _blobs(answer)


def _entries(lines: Iterable[bytes]) -> tuple[list[TreeEntry], list[str]]:
    files: list[TreeEntry] = []
    submodules: list[str] = []
    for line in lines:
        match = _ENTRY.fullmatch(line)
        if match is None:
            continue
        mode, _, blob, size, path = match.groups()
        name = os.fsdecode(path)
        if mode == _SUBMODULE.encode():
            submodules.append(name)
        elif _is_safe(name):
            is_link = mode == _LINK.encode()
            # A partial clone does not know the size of what it lacks.
            number = int(size) if size.isdigit() else 0
            files.append(TreeEntry(name, blob.decode(), number, is_link))
    return files, submodules


# Names that Windows reads in another way.
_STRANGE = re.compile(r'[\\:*?"<>|\0]')


def _is_safe(path: str) -> bool:
    """Whether a file of this path can be laid out below a folder, on this system."""
    parts = path.split("/")
    if os.name == "nt" and _STRANGE.search(path):
        return False
    return all(part not in ("", ".", "..") and part.casefold() != ".git" for part in parts)


def _blobs(answer: bytes) -> dict[str, bytes]:
    """Return the contents in what `git cat-file --batch` prints, by their blobs."""
    contents: dict[str, bytes] = {}
    at = 0
    while at < len(answer):
        end = answer.find(b"\n", at)
        head = answer[at:end].split() if end > 0 else []
        if len(head) != 3 or not head[2].isdigit():
            # A blob that is missing: the next line may be another one.
            if end < 0:
                break
            at = end + 1
            continue
        size = int(head[2])
        content = answer[end + 1 : end + 1 + size]
        if len(content) == size:
            contents[head[0].decode("ascii")] = content
        at = end + 2 + size
    return contents
