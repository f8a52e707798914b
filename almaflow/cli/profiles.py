"""`almaflow profiles`: integration and import profiles, whose jobs `run_profile` starts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import NotInAlma
from almaflow.alma.wire import ImportProfile, IntegrationProfile, Job
from almaflow.cli.asking import (
    Asked,
    InstitutionOption,
    JsonOption,
    NameOption,
    SimulateOption,
    ask,
    matching,
)
from almaflow.cli.import_payload import quoted
from almaflow.cli.output import columns_of, emit, emit_json
from almaflow.cli.texts import on_one_line, padded, table
from almaflow.problems import did_you_mean

app = typer.Typer(
    help="List and show integration and import profiles.",
    add_completion=False,
    rich_markup_mode=None,
)

Profile = IntegrationProfile | ImportProfile


@app.command("list")
def list_profiles(
    institution: InstitutionOption = None,
    name: NameOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the integration and import profiles of an institution."""

    async def question(alma: Asked) -> tuple[str, list[Profile]]:
        return alma.institution, await _profiles(alma)

    asked, profiles = ask(question, institution, simulated=simulate)
    profiles = [one for one in profiles if matching(name, one.name, _code(one))]
    if as_json:
        emit_json({"institution": asked, "profiles": [_as_data(one) for one in profiles]})
        return
    if not profiles:
        emit(f"{asked} has no such profile.")
        return
    lines = table(
        ("KIND", "ID", "CODE", "TYPE", "NAME"),
        [(_kind(one), one.id, _code(one), one.type, one.name) for one in profiles],
        columns=columns_of(sys.stdout),
        flexible=(3, 4),
    )
    emit("\n".join(lines))


@app.command("show")
def show_profile(
    profile: Annotated[
        str, typer.Argument(metavar="ID|CODE|NAME", help="The profile's id, code or exact name.")
    ],
    institution: InstitutionOption = None,
    simulate: SimulateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a profile, the jobs that belong to it, and the step that runs it."""

    async def question(alma: Asked) -> tuple[str, Profile, list[Job]]:
        found = _one(await _profiles(alma), profile, alma.institution)
        return alma.institution, found, await _jobs(alma, found)

    asked, found, jobs = ask(question, institution, simulated=simulate)
    if as_json:
        listed = [{"id": job.id, "name": job.name} for job in jobs]
        emit_json({"institution": asked, "profile": {**_as_data(found), "jobs": listed}})
    else:
        emit("\n".join(_lines(found, jobs)))


async def _profiles(alma: Asked) -> list[Profile]:
    """Return the profiles of both kinds, each kind by name."""
    integration = await read_pages(
        alma.read, lambda offset: calls.integration_profiles(offset=offset)
    )
    imports = (await alma.read(calls.import_profiles())).items
    return [
        *sorted(integration, key=lambda one: one.name),
        *sorted(imports, key=lambda one: one.name),
    ]


async def _jobs(alma: Asked, profile: Profile) -> list[Job]:
    if isinstance(profile, ImportProfile) and profile.job_id:
        return [await alma.directory.job(id=profile.job_id)]
    found = await read_pages(
        alma.read,
        lambda offset: calls.list_jobs(type="SCHEDULED", profile_id=profile.id, offset=offset),
    )
    return [job for job in found if job.profile_id in ("", profile.id)]


def _one(profiles: list[Profile], wanted: str, institution: str) -> Profile:
    """Return the profile of this id, code or name; Raises: NotInAlma."""
    found = [one for one in profiles if wanted in (one.id, _code(one), one.name)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.id} ({_kind(one)})" for one in found)
        text = f"At {institution} several profiles are called '{wanted}': {listed}."
        raise NotInAlma(text, noun="profile", name=wanted, advice="Give the id of one.")
    known = [name for one in profiles for name in (one.id, _code(one), one.name) if name]
    raise NotInAlma(
        f"{institution} has no profile '{wanted}'{did_you_mean(wanted, known) or '.'}",
        noun="profile",
        name=wanted,
        advice="`almaflow profiles list` shows what there is.",
    )


def _lines(profile: Profile, jobs: list[Job]) -> Iterator[str]:
    yield f"{profile.id}  {on_one_line(profile.name)}"
    for name, value in _as_data(profile).items():
        if value not in ("", None) and name not in ("id", "name"):
            yield f"  {padded(name, 16)} {on_one_line(str(value))}"
    for job in jobs:
        yield f"  {padded('job', 16)} {job.id}  {on_one_line(job.name)}"
    if not jobs:
        yield "It has no job that can be run; its action is not configured, or not active, in Alma."
        return
    yield ""
    yield "In a workflow:"
    yield "  - run_profile:"
    if isinstance(profile, ImportProfile):
        yield f"      import: {quoted(profile.name)}"
        return
    yield f"      integration: {quoted(profile.code or profile.name)}"
    if len(jobs) > 1:
        yield f"      job: {quoted(jobs[0].name)}"


def _kind(profile: Profile) -> str:
    return "import" if isinstance(profile, ImportProfile) else "integration"


def _code(profile: Profile) -> str:
    return "" if isinstance(profile, ImportProfile) else profile.code


def _as_data(profile: Profile) -> dict[str, Any]:
    return {"kind": _kind(profile), **asdict(profile)}
