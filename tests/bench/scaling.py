"""What more workers bring, and what many runs cost that wait on several of them.

The runs read from a simulator with fifty institutions; with `--full` there are as many as a large
consortium has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.plan import make_plan
from almaflow.settings import find_project
from almaflow.workflow_loader import load_workflow
from tests.bench.figures import Amount, Figure
from tests.bench.fleet import KEY, Fleet, fleet_on, wait_until
from tests.postgres import PostgresServer, running_server

INSTITUTIONS = [f"member{number:02}" for number in range(50)]

INSTITUTION = """\
  {name}: {{base_url: "{url}", api_key: "env:KEY_{name}", environment: production, \
limits: {{calls_per_second: 1000, calls_per_minute: 60000}}}}
"""

# Five reads and five steps that only evaluate.
TEN_STEPS = (
    """\
inputs: {at: {type: string}}
institution: "{{ inputs.at }}"
steps:
"""
    + 5 * ("  - find_set: {id: '9800000000000001'}\n  - check: run.attempt == 1\n")
)

WAITS = 'inputs: {at: {type: string}}\ninstitution: "{{ inputs.at }}"\nsteps: [{wait: 10h}]\n'

# For how long the database is watched while nothing happens (seconds).
IDLE = 30


def is_full() -> bool:
    """Whether `--full` was given."""
    return bool(os.environ.get("ALMAFLOW_BENCH_FULL"))


def scaling(folder: Path, repeat: int) -> Iterator[Figure | Amount]:
    """Runs a second with 1, 2 and 4 workers; then three workers with runs that wait."""
    counts = (1_000, 4_000) if is_full() else (200,)
    with running_server() as server:
        for count in counts:
            for workers in (1, 2, 4):
                yield _ten_steps(server, folder, count, workers)
        yield from _waiting(server, folder, 10_000 if is_full() else 600)


@contextmanager
def _consortium(server: PostgresServer, folder: Path) -> Iterator[Fleet]:
    """Give a fleet whose institutions are simulated."""
    scenario = parse_scenario(
        {
            "sets": [{"id": "9800000000000001", "name": "Bench", "content": "ITEM", "members": 10}],
            "alma": {
                "calls_per_second": 100_000,
                "calls_per_minute": 6_000_000,
                "calls_per_day": 100_000_000,
            },
        }
    )
    alma = SimulatedAlma(lambda: datetime.now(UTC), scenario)
    os.environ["NO_PROXY"] = "*"
    for name in INSTITUTIONS:
        alma.add_institution(name, key=f"{KEY}{name}")
        os.environ[f"KEY_{name}"] = f"{KEY}{name}"
    simulator = SimulatorServer(alma).start()
    with fleet_on(server, folder) as fleet:
        lines = [INSTITUTION.format(name=name, url=simulator.url) for name in INSTITUTIONS]
        text = "store: env:BENCH_STORE\ninstitutions:\n" + "".join(lines)
        (folder / "almaflow.yaml").write_text(text, "utf-8")
        try:
            yield fleet
        finally:
            fleet.stop()
            simulator.stop()


def _record(fleet: Fleet, text: str, count: int) -> None:
    """Record runs that are spread over the institutions, in one transaction."""
    project, now = find_project(fleet.folder), SystemClock().now()
    file = fleet.folder / "workflows/bench.yaml"
    file.write_text(text, "utf-8")
    loaded = load_workflow(file, project)
    plans = [make_plan(loaded, project, {"at": at}, run_id="x", now=now) for at in INSTITUTIONS]
    with fleet.store.batch():
        for number in range(count):
            plan, run_id = plans[number % len(plans)], f"{now:%Y%m%d-%H%M%S}-{number:05}"
            fleet.store.add_run(plan.definition, replace(plan.record(), id=run_id, key=run_id))


def _ten_steps(server: PostgresServer, folder: Path, count: int, workers: int) -> Figure:
    with _consortium(server, folder) as fleet:
        fleet.start(workers)
        _record(fleet, TEN_STEPS, count)
        began = time.monotonic()
        wait_until(lambda: fleet.number("status != 'finished'") == 0)
        each = (time.monotonic() - began) / count
        assert fleet.number("outcome = 'succeeded'") == count, "runs failed"
    plural = "" if workers == 1 else "s"
    what = f"a run of ten steps, {count:,} over {workers} worker{plural} ({1 / each:.0f} a second)"
    return Figure(what, each)


def _waiting(server: PostgresServer, folder: Path, count: int) -> Iterator[Figure | Amount]:
    with _consortium(server, folder) as fleet:
        fleet.start(3)
        _record(fleet, WAITS, count)
        began = time.monotonic()
        wait_until(lambda: fleet.number("status = 'waiting'") == count)
        yield Figure(f"until {count:,} runs wait over 3 workers", time.monotonic() - began)
        memory = max(fleet.memories)
        yield Amount(f"memory of a worker, {count:,} runs wait over 3", memory, "MiB", 300)
        before, usage = fleet.transactions(), server_seconds(fleet)
        time.sleep(IDLE)
        a_second = (fleet.transactions() - before) / IDLE
        yield Amount("transactions a second while all wait", a_second, "", 30)
        cost = 100 * (server_seconds(fleet) - usage) / IDLE
        yield Amount("cost of the database while all wait", cost, "%", 5, "of a core")
        began = time.monotonic()
        fleet.kill_one()
        wait_until(lambda: _all_taken(fleet, count))
        yield Figure(f"until {count:,} runs wait again after a kill", time.monotonic() - began)


def _all_taken(fleet: Fleet, count: int) -> bool:
    alive = [one.process.id for one in fleet.store.at_work()]
    owners = ", ".join(f"'{process_id}'" for process_id in alive) or "''"
    return fleet.number(f"status = 'waiting' AND owner IN ({owners})") == count


def server_seconds(fleet: Fleet) -> float:
    """Return the processor time that the connections of the fleet have used on the server."""
    pids: Sequence[int] = fleet.backends()
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
