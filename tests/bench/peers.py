"""Programs that almaflow is measured beside, where they are installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.figures import Command, NotMeasured
from tests.bench.project import ROOT

DBOS_PYTHON = "ALMAFLOW_BENCH_DBOS_PYTHON"
DAGU = "ALMAFLOW_BENCH_DAGU"
CHECK_JSONSCHEMA = "ALMAFLOW_BENCH_CHECK_JSONSCHEMA"


def dbos_step(folder: Path, few: int, many: int) -> float:
    """Return the seconds of one durable step of DBOS on SQLite.

    Raises:
        NotMeasured: DBOS is not installed, or does not run.
    """
    python = os.environ.get(DBOS_PYTHON, sys.executable)
    if subprocess.run([python, "-c", "import dbos"], capture_output=True, check=False).returncode:
        raise NotMeasured(f"not installed; {DBOS_PYTHON} may name an interpreter that has it")
    script = Path(__file__).with_name("dbos_peer.py")
    database = folder / "dbos.sqlite"
    words = (python, str(script), str(database), str(few), str(many))
    return float(Command(words, folder, os.environ).run().split()[-1])


def plain_reads(folder: Path, url: str, count: int) -> Command:
    """Return the command of a plain program that reads *url* *count* times and records it."""
    script = Path(__file__).with_name("plain_peer.py")
    words = (sys.executable, str(script), url, str(folder / "plain.db"), str(count))
    return Command(words, folder, os.environ)


def dagu_reads(folder: Path, url: str, count: int) -> Command:
    """Return the command that has Dagu read *url* *count* times.

    Raises:
        NotMeasured: Dagu is not installed, or understands neither of the dialects that we write.
    """
    dagu = os.environ.get(DAGU) or shutil.which("dagu")
    if not dagu:
        raise NotMeasured(f"not installed; {DAGU} may name the program")
    home = folder / "dagu"
    home.mkdir(exist_ok=True)
    environment = os.environ | {"DAGU_HOME": str(home)}
    commands = [
        Command((dagu, "start", str(file)), folder, environment)
        for file in _dagu_files(folder, url, count)
    ]
    return _first_that_runs(commands)


def _dagu_files(folder: Path, url: str, count: int) -> Iterator[Path]:
    bodies = {
        "actions": f"    action: http.request\n    with: {{method: GET, url: '{url}'}}\n",
        "executors": f"    executor: {{type: http}}\n    command: GET {url}\n",
    }
    for dialect, body in bodies.items():
        steps = ""
        for number in range(count):
            key = "id" if dialect == "actions" else "name"
            steps += f"  - {key}: read_{number}\n{body}"
            steps += f"    depends: [read_{number - 1}]\n" if number else ""
        file = folder / f"{dialect}-{count}.yaml"
        file.write_text(f"steps:\n{steps}", "utf-8")
        yield file


def _first_that_runs(commands: Sequence[Command]) -> Command:
    for command in commands[:-1]:
        with contextlib.suppress(NotMeasured):
            command.run()
            return command
    commands[-1].run()
    return commands[-1]


def check_jsonschema(folder: Path, file: str) -> Command:
    """Return the command that has check-jsonschema validate a workflow file.

    Raises:
        NotMeasured: check-jsonschema is not installed.
    """
    here = Path(sys.executable).with_name("check-jsonschema")
    program = os.environ.get(CHECK_JSONSCHEMA) or shutil.which(
        "check-jsonschema", path=f"{here.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if not program:
        raise NotMeasured(f"not installed; {CHECK_JSONSCHEMA} may name the program")
    schema = str(ROOT / "schemas/workflow.schema.json")
    return Command((program, "--schemafile", schema, file), folder, os.environ)


def sqlite_commit(folder: Path, count: int) -> float:
    """Return the seconds of one commit of one small row, as the store's journal is set up."""
    connection = sqlite3.connect(folder / "commits.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, text TEXT)")
    began = time.perf_counter()
    for number in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO row VALUES (?, ?)", (number, "succeeded"))
        connection.execute("COMMIT")
    duration = time.perf_counter() - began
    connection.close()
    return duration / count
