"""Real processes in real time, killed, frozen and led astray for as long as told.

Run as `python -m tests.soak --minutes 10`. It prints what happened and exits 1 when something was
done twice, or lost, or a tick has no row.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.kills import FILE
from tests.soak import runs, serving


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each part goes (1)")
    parser.add_argument("--only", choices=["runs", "serve"], help="one part; default: both")
    parser.add_argument("--seed", type=int, default=None, help="for the same choices again")
    parser.add_argument(
        "--store", default=FILE, help="of the runs: an empty store; default: a file"
    )
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    seconds, code = given.minutes * 60, 0
    if given.only != "runs":
        with tempfile.TemporaryDirectory(prefix="almaflow-soak-") as folder:
            code |= serving.soak(seconds, Path(folder), seed)
    if given.only != "serve":
        with tempfile.TemporaryDirectory(prefix="almaflow-soak-") as folder:
            code |= runs.soak(seconds, Path(folder), seed, given.store)
    return code


if __name__ == "__main__":
    sys.exit(main())
