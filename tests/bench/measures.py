"""What is measured: one function for each line, or each few lines, of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.figures import Amount, Command, Figure, NotMeasured, Proof, median_times
from tests.bench.fleet import many_machines
from tests.bench.pages import pages
from tests.bench.peers import check_jsonschema, dagu_reads, dbos_step, plain_reads, sqlite_commit
from tests.bench.project import READ, checks, hundred_lines, make_project, reads
from tests.bench.proofs import crash_sweep, fault_matrix, kills, makespan, waiting
from tests.bench.scaling import scaling
from tests.bench.server import answered, serving
from tests.bench.serving import a_serve, year_of_schedulers, year_of_ticks

READS = 100
# Steps of the shorter and of the longer workflow; what one more step costs is between them.
FEW, MANY = 50, 550


def start_up(folder: Path, repeat: int) -> Iterator[Figure]:
    """What a command costs: next to an interpreter that does nothing, and to a plain program."""
    with serving() as port:
        project = make_project(folder, port)
        file = project.write("workflows/reads.yaml", reads(1))
        commands = {
            "version": project.almaflow("--version"),
            "run": project.almaflow("run", file),
            "runs": project.almaflow("runs"),
            "show": project.almaflow("show", "last"),
            "next": project.almaflow("next"),
        }
        bare = project.python("pass")
        plain = plain_reads(folder, f"http://127.0.0.1:{port}{READ}", 1)

        works = (bare.run, partial(all_reads, plain, port, 1), commands["run"].run)
        others = [command.run for name, command in commands.items() if name != "run"]
        empty, floor, run, version, *queries = median_times(repeat, *works, *others)

    bound = "at most 3× + 100 ms"
    yield Figure("almaflow --version", version, "bare interpreter", empty, 3 * empty + 0.1, bound)
    beside = "requests and sqlite3"
    yield Figure("almaflow run, one get", run, beside, floor, 2 * floor, "at most 2×")
    for name, query in zip(("runs", "show", "next"), queries, strict=True):
        yield Figure(f"almaflow {name}", query, beside, floor, 1.5 * floor, "at most 1.5×")


def validate(folder: Path, repeat: int) -> Iterator[Figure]:
    """`almaflow validate`: of one file of 100 steps, and of 1 and of 100 files of 100 lines."""
    project = make_project(folder)
    steps = project.write("steps/reads.yaml", reads(READS))
    one = project.write("one/workflow-0.yaml", hundred_lines("workflow-0"))
    for number in range(100):
        project.write(f"many/workflow-{number}.yaml", hundred_lines(f"workflow-{number}"))
    names = (steps, one, "many")
    works = [project.almaflow("validate", name, "--no-cache").run for name in names]
    unchanged = project.almaflow("validate", "many").run
    unchanged()
    peer, missing = _if_installed(check_jsonschema, folder, steps)

    hundred_steps, single, hundred, again, *theirs = median_times(repeat, *works, unchanged, *peer)

    yield _next_to("validate 100 steps", hundred_steps, "check-jsonschema", theirs, missing)
    yield Figure("validate 1 file of 100 lines", single, at_most=0.4, bound="under 400 ms")
    yield Figure("validate 100 files of 100 lines", hundred, at_most=4.0, bound="under 4 s")
    yield Figure("the same, unchanged", again, at_most=1.0, bound="under 1 s")


def sequential_reads(folder: Path, repeat: int) -> Iterator[Figure]:
    """A durable workflow of 100 reads over loopback HTTP, the whole process."""
    with serving() as port:
        project = make_project(folder, port)
        run = project.almaflow("run", project.write("workflows/reads.yaml", reads(READS)))
        url = f"http://127.0.0.1:{port}{READ}"
        plain = plain_reads(folder, url, READS)
        peer, missing = _if_installed(dagu_reads, folder, url, READS)

        works = [partial(all_reads, command, port, READS) for command in (run, plain)]
        ours, floor, *theirs = median_times(repeat, *works, *peer)

    what = f"run {READS} reads over loopback"
    yield Figure(what, ours, "requests and sqlite3", floor)
    yield _next_to(what, ours, "Dagu", theirs, missing)


def _if_installed(
    peer: Callable[..., Command], *arguments: Any
) -> tuple[list[Callable[[], object]], str]:
    """Return how *peer* runs, as a list of one; or an empty list and why it does not."""
    try:
        return [peer(*arguments).run], ""
    except NotMeasured as error:
        return [], str(error)


def _next_to(what: str, ours: float, peer: str, theirs: Sequence[float], missing: str) -> Figure:
    """Return a figure that should not be slower than a peer's, if that was measured."""
    bound = f"not slower than {peer}"
    if not theirs:
        return Figure(what, ours, peer, missing, bound=bound)
    return Figure(what, ours, peer, theirs[0], theirs[0], bound)


def all_reads(command: Command, port: int, count: int) -> None:
    """Run *command* and make sure that it read what it should."""
    before = answered(port)
    command.run()
    if (seen := answered(port) - before) != count:
        raise NotMeasured(f"{seen} reads arrived in place of {count}")


def durable_step(folder: Path, repeat: int) -> Iterator[Figure]:
    """What one more step costs a durable run."""
    project = make_project(folder)
    runs = [
        project.almaflow("run", project.write(f"workflows/checks-{count}.yaml", checks(count)))
        for count in (FEW, MANY)
    ]

    few, many = median_times(repeat, *(run.run for run in runs))

    ours = (many - few) / (MANY - FEW)
    yield Figure("one durable step", ours, "one SQLite commit", sqlite_commit(folder, MANY))
    try:
        theirs = dbos_step(folder, FEW, MANY)
    except NotMeasured as error:
        yield Figure("one durable step", ours, "DBOS", str(error), bound="at most half of DBOS's")
    else:
        yield Figure("one durable step", ours, "DBOS", theirs, theirs / 2, "at most half of DBOS's")


MEASURES: Mapping[str, Callable[[Path, int], Iterator[Figure | Proof | Amount]]] = {
    "startup": start_up,
    "steps": sequential_reads,
    "validate": validate,
    "step": durable_step,
    "faults": fault_matrix,
    "sweep": crash_sweep,
    "kills": kills,
    "makespan": makespan,
    "waiting": waiting,
    "timetables": year_of_ticks,
    "year": year_of_schedulers,
    "serving": a_serve,
    "fleet": many_machines,
    "scaling": scaling,
    "pages": pages,
}
