"""Hosts that die, freeze and lose the database: nothing twice, nothing lost, no limit exceeded."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

SCHEDULES = int(os.environ.get("ALMAFLOW_FLEET_INCIDENTS", "500"))
"""How many; two slow processors play 500 in four minutes when they do nothing else."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


def test_hosts_that_die_freeze_and_lose_the_database_do_nothing_twice_and_lose_nothing() -> None:
    seed = os.environ.get("ALMAFLOW_FLEET_SEED", str(random.SystemRandom().randrange(1_000_000)))

    done = subprocess.run(
        [sys.executable, "-m", "tests.fleet", "--seed", seed, "--schedules", str(SCHEDULES)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    begun = re.search(r"^(\d+) schedules", done.stdout, re.MULTILINE)
    assert begun is not None
    assert int(begun[1]) >= SCHEDULES
