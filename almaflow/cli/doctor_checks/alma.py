"""Checks institutions: whether Alma accepts the key, its rights, its institution, and the clock.

Alma's `/conf/test` reports whether a key may read (GET) and write (POST) the area Configuration; it
changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import anyio

from almaflow.alma import calls
from almaflow.alma.errors import AlmaError, AlmaRefused
from almaflow.cli import bootstrap
from almaflow.cli.doctor_checks.findings import Finding, Findings, bad, doubtful, good
from almaflow.clock import SystemClock
from almaflow.durations import format_duration
from almaflow.errors import AlmaflowError
from almaflow.redaction import Mask
from almaflow.settings import Project

if TYPE_CHECKING:
    from almaflow.engine.alma_writes.institutions import InstitutionConnection

# The largest accepted difference between this machine's clock and Alma's; reconciliation after a
# lost response compares times.
_TOLERANCE = timedelta(seconds=60)

# Institutions that are checked in parallel.
_AT_A_TIME = 8


async def check_institutions(project: Project, mask: Mask) -> Findings:
    """Check every institution of almaflow.yaml, several in parallel."""
    open_connection = bootstrap.live_connections(project, mask)
    limiter = anyio.CapacityLimiter(_AT_A_TIME)
    of_each: dict[str, Findings] = {name: Findings() for name in project.institutions}

    async def look(name: str, findings: Findings) -> None:
        async with limiter:
            with findings.about(f"institution {name}"):
                connection = open_connection(name)
                try:
                    await _look(connection, findings)
                finally:
                    connection.client.close()

    async with anyio.create_task_group() as tasks:
        for name, findings in of_each.items():
            tasks.start_soon(look, name, findings)
    return Findings(one for findings_here in of_each.values() for one in findings_here)


async def _look(connection: InstitutionConnection, findings: Findings) -> None:
    """Check one institution; Raises: AlmaError when it refuses the key."""
    what = f"institution {connection.name}"
    code = await connection.client.send(calls.probe())
    general = await connection.client.send(calls.general())
    try:
        connection.verify_identity(general)
    except AlmaflowError as error:
        findings.append(bad(what, str(error)))
    else:
        named = general.institution_code or code or "an institution whose code Alma does not show"
        where = f"{general.environment or 'environment not known'}, {connection.base_url}"
        findings.append(good(what, f"the key belongs to {named} ({where})"))
    findings.append(await _may_write(connection, what))
    findings.append(_clock(connection, what))
    findings.extend(_calls_left(connection, what))


async def _may_write(connection: InstitutionConnection, what: str) -> Finding:
    try:
        await connection.client.send(calls.probe(write=True))
    except AlmaRefused as error:
        return bad(
            what,
            f"the key cannot write Configuration: {error.text}",
            "In the Developer Network, give the key the area Configuration with read/write.",
        )
    except AlmaError as error:
        return doubtful(what, f"it is not known whether the key can write: {error.text}")
    return good(what, "the key can read and write Configuration")


def _clock(connection: InstitutionConnection, what: str) -> Finding:
    if connection.client.last_date is None:
        return doubtful(what, "Alma's responses do not show its time")
    # Of the machine's clock, which this process corrects when machines share a store.
    ahead = connection.client.ahead - SystemClock.ahead()
    # Alma reports whole seconds, and its response takes a moment.
    rounded = timedelta(seconds=round(abs(ahead.total_seconds()), -1))
    if abs(ahead) <= _TOLERANCE:
        return good(what, f"this clock is within {format_duration(_TOLERANCE)} of Alma's")
    behind = "behind" if ahead > timedelta() else "before"
    return doubtful(
        what,
        f"this machine's clock is about {format_duration(rounded)} {behind} Alma's",
        "Let the system synchronize its clock by NTP (`timedatectl set-ntp true`).",
    )


def _calls_left(connection: InstitutionConnection, what: str) -> list[Finding]:
    left = connection.client.remaining_calls
    if left is None:
        return []
    if left < connection.reserve_calls:
        text = (
            f"{left} calls are left today, fewer than the {connection.reserve_calls} reserved ones"
        )
        move = "Until tomorrow only started runs continue. Check what else uses the key."
        return [doubtful(what, text, move)]
    return [good(what, f"{left} calls are left today")]
