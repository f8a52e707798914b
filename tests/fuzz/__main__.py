"""Plays mutated workflow files and mutated answers; prints seeds, figures and failures."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz import answers, workflows


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--workflows", type=int, default=50_000, help="how many files (50,000)")
    parser.add_argument("--answers", type=int, default=5_000, help="how many answers (5,000)")
    parser.add_argument("--seed", type=int, help="which ones (default: drawn)")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    failures = _play_workflows(given.workflows, seed) + _play_answers(given.answers, seed)
    print(f"{len(failures)} failures, peak {answers.peak()} MiB")
    return 1 if failures else 0


def _play_workflows(count: int, seed: int) -> list[str]:
    figures, keep = workflows.Figures(), Path(tempfile.mkdtemp(prefix="almaflow-fuzz-"))
    began = time.monotonic()
    failures = workflows.run(count, seed, figures, keep)
    slowest, where = figures.slowest
    print(
        f"workflows: {figures.files} files, {figures.valid} valid, {figures.simulated} simulated, "
        f"{time.monotonic() - began:.0f} s; slowest {slowest:.2f} s: {where}",
        flush=True,
    )
    for failure in failures:
        print(f"  {failure}")
    for file in figures.reproducers:
        print(f"  reproducer: {file}")
    return failures


def _play_answers(count: int, seed: int) -> list[str]:
    began = time.monotonic()
    failures = answers.run(count, seed)
    print(f"answers: {count}, {time.monotonic() - began:.0f} s", flush=True)
    for failure in failures:
        print(f"  {failure}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
