"""`almaflow doctor`: checks whether everything that almaflow needs is available and works."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from almaflow import __version__
from almaflow.cli import bootstrap
from almaflow.cli.doctor_checks import alma, files, outside, service, snapshots, store, zones
from almaflow.cli.doctor_checks.findings import Finding, Verdict, bad, good
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.options import JsonOption
from almaflow.cli.render.symbols import mark_of, shows_signs
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.text_layout import many, on_one_line
from almaflow.clock import SystemClock
from almaflow.errors import DocumentsInvalid
from almaflow.json_data import as_data
from almaflow.outcome import Outcome, Status
from almaflow.redaction import Mask
from almaflow.settings import Project

_LIKE = {
    Verdict.OK: Outcome.SUCCEEDED,
    Verdict.WARNING: Outcome.WARNING,
    Verdict.ERROR: Outcome.FAILED,
}
"""The outcome whose symbol and colour a verdict uses."""


def doctor(
    send: Annotated[
        bool, typer.Option("--send", help="Also send a test notification to every channel.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check whether everything that almaflow needs is available and works, with advice.

    Checks almaflow.yaml, secrets, workflows, git, the snapshot of Alma, time zone data, store,
    disk, the service, channels, pings, connections, and for every institution the API key, its
    rights and the clock.
    Nothing is changed in Alma. Exits with 1 if something will not work.
    """
    findings: list[Finding] = []
    try:
        for finding in _findings(send):
            findings.append(finding)
            if not as_json:
                _print(finding)
    except Interrupted:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    errors = sum(one.verdict is Verdict.ERROR for one in findings)
    if as_json:
        emit_json({"ok": not errors, "findings": as_data(findings)})
    else:
        _print_sum(findings)
    raise typer.Exit(1 if errors else 0)


def _findings(send: bool) -> Iterator[Finding]:
    """Yield all findings, each as soon as it is known."""
    yield good("almaflow", f"version {__version__}, Python {platform.python_version()}")
    try:
        project = bootstrap.open_project()
    except DocumentsInvalid as error:
        for problem in error.problems:
            yield bad("almaflow.yaml", str(problem))
        yield bad("almaflow.yaml", "other checks need valid settings")
        return
    mask = Mask(project.known_secrets(strict=False))
    yield from _of_project(project, mask, send)


def _of_project(project: Project, mask: Mask, send: bool) -> Iterator[Finding]:
    now = SystemClock().now()
    yield files.check_settings(project)
    yield from files.check_secrets(project)
    yield from files.check_env_file(project)
    findings, loaded = files.check_workflows(project)
    yield from findings
    yield files.check_git(project)
    yield from snapshots.check_snapshot(project, now)
    yield from zones.check_zones(project, loaded, now)
    findings, health = store.check_store(project)
    yield from findings
    if health is not None and health.is_made:
        yield from service.check_scheduler(project, loaded)
    yield from outside.check_channels(project, send=send)
    yield from outside.check_pings(project)
    yield from outside.check_connections(project)
    yield from run_interruptible(lambda: alma.check_institutions(project, mask))


def _print(finding: Finding) -> None:
    mark = mark_of(Status.FINISHED, _LIKE[finding.verdict])
    say(f"{mark} {finding.what}: {on_one_line(finding.text)}")
    if finding.move:
        arrow = "→" if shows_signs(sys.stdout.encoding) else "->"
        say(f"    {arrow} {on_one_line(finding.move)}")


def _print_sum(findings: list[Finding]) -> None:
    errors = sum(one.verdict is Verdict.ERROR for one in findings)
    warnings = sum(one.verdict is Verdict.WARNING for one in findings)
    if not errors and not warnings:
        emit("Everything works.")
        return
    counted = [many(errors, "error")] if errors else []
    counted += [many(warnings, "warning")] if warnings else []
    emit(f"{' and '.join(counted)}.")
