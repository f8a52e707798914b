"""Programs that almaflow is measured beside, where they are installed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Command, NotMeasured

DBOS_PYTHON = "ALMAFLOW_BENCH_DBOS_PYTHON"
DAGU = "ALMAFLOW_BENCH_DAGU"


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


def dagu_reads(folder: Path, url: str, count: int) -> Iterator[Command]:
    """Return the command that has Dagu read *url* *count* times, in both of its dialects.

    Raises:
        NotMeasured: Dagu is not installed.
    """
    dagu = os.environ.get(DAGU) or shutil.which("dagu")
    if not dagu:
        raise NotMeasured(f"not installed; {DAGU} may name the program")
    home = folder / "dagu"
    home.mkdir(exist_ok=True)
    environment = os.environ | {"DAGU_HOME": str(home)}
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
        file = folder / f"{dialect}.yaml"
        file.write_text(f"steps:\n{steps}", "utf-8")
        yield Command((dagu, "start", str(file)), folder, environment)


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
