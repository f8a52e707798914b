"""Hosts that die, freeze and lose the database: nothing twice, nothing lost, no limit exceeded."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

SCHEDULES = int(os.environ.get("ALMAFLOW_FLEET_INCIDENTS", "0"))
"""How many; 0: those of two minutes."""

TIME = 120
"""For so many seconds schedules begin; the last ones take up to half a minute more."""

FEWEST = 20
"""How many a slow and busy machine begins in that time."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


def test_hosts_that_die_freeze_and_lose_the_database_do_nothing_twice_and_lose_nothing() -> None:
    seed = os.environ.get("ALMAFLOW_FLEET_SEED", str(random.SystemRandom().randrange(1_000_000)))
    size = [
        "--schedules",
        str(SCHEDULES or 100_000),
        *([] if SCHEDULES else ["--seconds", str(TIME)]),
    ]

    done = subprocess.run(
        [sys.executable, "-m", "tests.fleet", "--seed", seed, *size],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    begun = re.search(r"^(\d+) schedules", done.stdout, re.MULTILINE)
    assert begun is not None
    assert int(begun[1]) >= (SCHEDULES // 2 * 2 or FEWEST)
