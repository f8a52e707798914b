"""What is measured: one function for each line, or each few lines, of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.bench.figures import Amount, Command, Figure, NotMeasured, Proof, median_times
from tests.bench.peers import dagu_reads, dbos_step, sqlite_commit
from tests.bench.project import SET_ID, checks, hundred_lines, make_project, reads
from tests.bench.proofs import crash_sweep, fault_matrix, kills, makespan, waiting
from tests.bench.server import answered, serving
from tests.bench.serving import a_serve, year_of_schedulers, year_of_ticks

READS = 100
# Steps of the shorter and of the longer workflow; what one more step costs is between them.
FEW, MANY = 50, 550


def start_up(folder: Path, repeat: int) -> Iterator[Figure]:
    """`almaflow --version` beside an interpreter that does nothing."""
    project = make_project(folder)

    ours, bare = median_times(
        4 * repeat, project.almaflow("--version").run, project.python("pass").run
    )

    bound = 3 * bare + 0.1
    yield Figure("almaflow --version", ours, "bare interpreter", bare, bound, "at most 3× + 100 ms")


def validate(folder: Path, repeat: int) -> Iterator[Figure]:
    """`almaflow validate` of one file and of a hundred, 100 lines each."""
    project = make_project(folder)
    one = project.write("one/workflow-0.yaml", hundred_lines("workflow-0"))
    for number in range(100):
        project.write(f"many/workflow-{number}.yaml", hundred_lines(f"workflow-{number}"))

    single, hundred = median_times(
        repeat, project.almaflow("validate", one).run, project.almaflow("validate", "many").run
    )

    yield Figure("validate 1 file of 100 lines", single, at_most=0.4, bound="under 400 ms")
    yield Figure("validate 100 files of 100 lines", hundred, at_most=4.0, bound="under 4 s")


def sequential_reads(folder: Path, repeat: int) -> Iterator[Figure]:
    """A durable workflow of 100 reads over loopback HTTP, the whole process."""
    with serving() as port:
        project = make_project(folder, port)
        run = project.almaflow("run", project.write("workflows/reads.yaml", reads(READS)))
        url = f"http://127.0.0.1:{port}/almaws/v1/conf/sets/{SET_ID}"
        bare = project.python(
            "import requests\nwith requests.Session() as session:\n"
            f"    for _ in range({READS}): session.get({url!r}, timeout=10).json()"
        )

        ours, floor = median_times(repeat, lambda: all_reads(run, port), bare.run)

        what = f"run {READS} reads over loopback"
        yield Figure(what, ours, "the same by requests", floor)
        try:
            dagu = median_times(repeat, lambda: any_dialect(folder, url, port))[0]
        except NotMeasured as error:
            yield Figure(what, ours, "Dagu", str(error), bound="not slower than Dagu")
        else:
            yield Figure(what, ours, "Dagu", dagu, dagu, "not slower than Dagu")


def any_dialect(folder: Path, url: str, port: int) -> None:
    """Run Dagu on the workflow, in the first dialect that it understands."""
    *others, last = dagu_reads(folder, url, READS)
    for command in others:
        try:
            return all_reads(command, port)
        except NotMeasured:
            continue
    return all_reads(last, port)


def all_reads(command: Command, port: int) -> None:
    """Run *command* and make sure that it read what it should."""
    before = answered(port)
    command.run()
    if (seen := answered(port) - before) != READS:
        raise NotMeasured(f"{seen} reads arrived in place of {READS}")


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
    "start-up": start_up,
    "validate": validate,
    "reads": sequential_reads,
    "step": durable_step,
    "faults": fault_matrix,
    "sweep": crash_sweep,
    "kills": kills,
    "makespan": makespan,
    "waiting": waiting,
    "timetables": year_of_ticks,
    "year": year_of_schedulers,
    "serving": a_serve,
}
