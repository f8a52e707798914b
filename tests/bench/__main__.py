"""Measures everything, or what is named, and prints one table."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import NotMeasured, table
from tests.bench.measures import MEASURES


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--repeat", type=int, default=5, help="runs, the median counts (5)")
    parser.add_argument("--full", action="store_true", help="measure `scaling` at full size")
    arguments = parser.parse_args()
    if arguments.full:
        os.environ["ALMAFLOW_BENCH_FULL"] = "1"
    if unknown := set(arguments.names) - set(MEASURES):
        parser.error(f"{unknown.pop()} is not measured; there are {', '.join(MEASURES)}")

    rows: list[tuple[str, ...]] = []
    for name, measure in MEASURES.items():
        if arguments.names and name not in arguments.names:
            continue
        with tempfile.TemporaryDirectory(prefix="almaflow-bench-") as folder:
            try:
                for figure in measure(Path(folder), arguments.repeat):
                    # Some take minutes: who interrupts the others has this one.
                    print("  ".join(figure.cells), file=sys.stderr, flush=True)
                    rows.append(figure.cells)
            except NotMeasured as error:
                rows.append((f"{name}: not measured, {error}",))

    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {loads}"
    )
    print(table(rows))


if __name__ == "__main__":
    main()
