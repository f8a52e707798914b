"""Whether the file `.env` of a project is kept as secrets are: out of git, and for one user."""

from __future__ import annotations

import os
from collections.abc import Iterator

from almaflow.errors import RequestWrong
from almaflow.git_reading import GitUnreadable, read_git
from almaflow.problems import Location, Problem, Severity
from almaflow.settings import Project
from almaflow.settings.env_file import ENV_FILE, env_values, others_can_read
from almaflow.text_files import display_path


def env_file_problems(project: Project) -> Iterator[Problem]:
    """Yield what is wrong with the project's `.env`; its content is not shown."""
    file = project.folder / ENV_FILE
    if project.document is None or not os.path.lexists(file):
        return
    location = Location(display_path(file))
    try:
        env_values(project.folder)
    except RequestWrong as error:
        yield Problem(location, "env-file-unreadable", str(error))
    if others_can_read(project.folder):
        yield Problem(
            location,
            "env-file-readable",
            "Every user of this machine can read this file, and it holds secrets. Run "
            f"`chmod 600 {ENV_FILE}`.",
            Severity.WARNING,
        )
    if _is_tracked(project):
        yield Problem(
            location,
            "env-file-tracked",
            "Git tracks this file, so its secrets are in every copy of the repository. Run `git "
            f"rm --cached {ENV_FILE}`, add `{ENV_FILE}` to `.gitignore`, and replace the keys and "
            "passwords in it, because the history keeps the old ones.",
            Severity.WARNING,
        )


def _is_tracked(project: Project) -> bool:
    try:
        return bool(read_git(project.folder, "ls-files", "-z", "--", ENV_FILE))
    except GitUnreadable:
        # Without a repository nothing is tracked.
        return False
