"""Checks the project's files: almaflow.yaml, secrets, workflows, git."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from almaflow.cli.doctor_checks.findings import Finding, Findings, bad, doubtful, good
from almaflow.errors import RequestWrong
from almaflow.git_reading import GitUnreadable, read_git, without_filters
from almaflow.operations.env_file_checks import env_file_problems
from almaflow.plan import git_commit
from almaflow.problems import Problem, Severity
from almaflow.settings import FILE_NAME, Project
from almaflow.settings.env_file import ENV_FILE
from almaflow.workflow_loader import LoadedWorkflow, load_paths


def check_settings(project: Project) -> Finding:
    """Check almaflow.yaml, which is loaded already."""
    if project.document is None:
        return bad(
            FILE_NAME,
            f"there is no almaflow.yaml in {project.folder} or a folder above it",
            "Change to the project's folder, or create a project with `almaflow init`.",
        )
    if not project.institutions:
        return bad(FILE_NAME, "it has no institution", "Add an entry under `institutions`.")
    names = ", ".join(project.institutions)
    return good(FILE_NAME, f"{project.document.file} is valid; institutions: {names}")


def check_secrets(project: Project) -> Findings:
    """Check that the values of `secrets` can be read."""
    findings = Findings()
    for name, reference in project.settings.secrets.items():
        with findings.about(f"secret {name}"):
            reference.resolve(project.folder, f"secrets.{name}")
            findings.append(good(f"secret {name}", f"{reference} holds a value"))
    return findings


def check_env_file(project: Project) -> Iterator[Finding]:
    """Check that `.env`, if there is one, is kept as secrets are."""
    if project.document is None or not os.path.lexists(project.folder / ENV_FILE):
        return
    problems = list(env_file_problems(project))
    for problem in problems:
        make = bad if problem.severity is Severity.ERROR else doubtful
        yield make(ENV_FILE, problem.message)
    if not problems:
        yield good(ENV_FILE, "only this user can read it, and git does not track it")


def check_workflows(project: Project) -> tuple[Findings, list[LoadedWorkflow]]:
    """Check the workflows in the project's folder; return the valid ones, too."""
    what, findings = "workflows", Findings()
    try:
        loaded, problems = load_paths([project.workflows], project)
    except RequestWrong as error:
        findings.append(doubtful(what, str(error)))
        return findings, []
    errors = [one for one in problems if one.severity is Severity.ERROR]
    for file, number in Counter(one.location.file for one in errors).items():
        first = next(one for one in errors if one.location.file == file)
        findings.append(
            bad(what, _summary(first, number), f"`almaflow validate {file}` shows all problems.")
        )
    warnings = len(problems) - len(errors)
    scheduled = sum(bool(one.workflow.schedule) for one in loaded)
    text = f"{len(loaded)} valid, {scheduled} with a timetable"
    if warnings:
        text += f", {warnings} warning{'s' * (warnings > 1)}"
        findings.append(doubtful(what, text, "`almaflow validate` shows them."))
    else:
        findings.append(good(what, text))
    return findings, loaded


def _summary(first: Problem, number: int) -> str:
    more = f" (and {number - 1} more)" if number > 1 else ""
    place = first.location
    return f"{place.file}:{place.line}:{place.column}: {first.message}{more}"


def check_git(project: Project) -> Finding:
    """Check that the files are in git, because each run records the commit."""
    what = "git"
    commit = git_commit(project.folder)
    if commit is None:
        text = f"almaflow cannot record a git commit with runs: {_why_no_commit(project)}"
        return doubtful(what, text, "Keep the project's folder in git.")
    paths = [
        str(one) for one in (project.workflows, project.folder / FILE_NAME) if os.path.exists(one)
    ]
    try:
        settings = without_filters(project.folder)
        listed = read_git(project.folder, "status", "--porcelain", "--", *paths, settings=settings)
    except GitUnreadable as error:
        return doubtful(what, f"git cannot compare the files: {error}")
    changed = listed.splitlines()
    text = f"the files are at commit {commit[:10]}"
    if changed:
        text += f", and {len(changed)} of them {'is' if len(changed) == 1 else 'are'} changed since"
        return doubtful(what, text, "Commit them, so that the history shows what ran.")
    return good(what, text)


def _why_no_commit(project: Project) -> str:
    try:
        read_git(project.folder, "rev-parse", "HEAD")
    except GitUnreadable as error:
        return str(error)
    return "git does not answer"
