"""The project's files: almaflow.yaml, the secrets it names, the workflows, their history in git."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from almaflow.cli.doctor_checks.findings import Findings, bad, doubtful, good
from almaflow.errors import RequestWrong
from almaflow.plan import git_commit
from almaflow.problems import Problem, Severity
from almaflow.settings import FILE_NAME, Project
from almaflow.workflow_loader import LoadedWorkflow, load_paths

# Seconds that git gets for an answer.
_PATIENCE = 10


def look_at_settings(project: Project) -> Findings:
    """Look at almaflow.yaml, which was read already."""
    found = Findings()
    if project.document is None:
        found.append(
            bad(
                FILE_NAME,
                f"there is no almaflow.yaml in {project.folder} or a folder above it",
                "Change to the project's folder, or create the file; the README shows how.",
            )
        )
    elif not project.institutions:
        found.append(bad(FILE_NAME, "it has no institution", "Add an entry under `institutions`."))
    else:
        names = ", ".join(project.institutions)
        found.append(good(FILE_NAME, f"{project.document.file} is valid; institutions: {names}"))
    return found


def look_at_secrets(project: Project) -> Findings:
    """Look whether the secrets of `secrets` are where almaflow.yaml says."""
    found = Findings()
    for name, reference in project.settings.secrets.items():
        with found.about(f"secret {name}"):
            reference.resolve(project.folder, f"secrets.{name}")
            found.append(good(f"secret {name}", f"{reference} holds a value"))
    return found


def look_at_workflows(project: Project) -> tuple[Findings, list[LoadedWorkflow]]:
    """Check the workflows of the project's folder; returns the valid ones, too."""
    what, found = "workflows", Findings()
    try:
        loaded, problems = load_paths([project.workflows], project)
    except RequestWrong as error:
        found.append(doubtful(what, str(error)))
        return found, []
    errors = [one for one in problems if one.severity is Severity.ERROR]
    for file, number in Counter(one.location.file for one in errors).items():
        first = next(one for one in errors if one.location.file == file)
        found.append(
            bad(what, _told(first, number), f"`almaflow validate {file}` shows all problems.")
        )
    warnings = len(problems) - len(errors)
    scheduled = sum(bool(one.workflow.schedule) for one in loaded)
    told = f"{len(loaded)} valid, {scheduled} with a timetable"
    if warnings:
        told += f", {warnings} warning{'s' * (warnings > 1)}"
        found.append(doubtful(what, told, "`almaflow validate` shows them."))
    else:
        found.append(good(what, told))
    return found, loaded


def _told(first: Problem, number: int) -> str:
    more = f" (and {number - 1} more)" if number > 1 else ""
    place = first.location
    return f"{place.file}:{place.line}:{place.column}: {first.message}{more}"


def look_at_git(project: Project) -> Findings:
    """Look whether the files are kept in git, as each run records the commit."""
    what, found = "git", Findings()
    commit = git_commit(project.folder)
    if commit is None:
        why = _git(project.folder, "rev-parse", "HEAD")[1]
        told = f"almaflow cannot record a git commit with runs: {why}"
        found.append(doubtful(what, told, "Keep the project's folder in git."))
        return found
    paths = [
        str(one) for one in (project.workflows, project.folder / FILE_NAME) if os.path.exists(one)
    ]
    changed = _git(project.folder, "status", "--porcelain", "--", *paths)[0].splitlines()
    told = f"the files are at commit {commit[:10]}"
    if changed:
        told += f", and {len(changed)} of them {'is' if len(changed) == 1 else 'are'} changed since"
        found.append(doubtful(what, told, "Commit them, so that the history shows what ran."))
    else:
        found.append(good(what, told))
    return found


def _git(folder: Path, *arguments: str) -> tuple[str, str]:
    """Return what git answers, and its first line of complaint."""
    command: Sequence[str] = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        return "", "git is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"git does not answer ({type(error).__name__})"
    return answer.stdout, next(iter(answer.stderr.splitlines()), "")
