"""Hosts that die, freeze and lose the database: nothing twice, nothing lost, no limit exceeded."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.fleet.incidents import Fleet
from tests.kills import make_yard
from tests.postgres import PostgresServer

# Of each seed; such as ALMAFLOW_FLEET_INCIDENTS=25.
INCIDENTS = int(os.environ.get("ALMAFLOW_FLEET_INCIDENTS", "0"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
    pytest.mark.skipif(not INCIDENTS, reason="ALMAFLOW_FLEET_INCIDENTS says how many"),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_hosts_that_die_freeze_and_lose_the_database_do_nothing_twice_and_lose_nothing(
    seed: int, tmp_path: Path, postgres: PostgresServer
) -> None:
    with postgres.new_database() as url, make_yard(tmp_path, url, shared=True) as yard:
        fleet = Fleet(yard, url, random.Random(seed))
        try:
            fleet.suffer(INCIDENTS)
        finally:
            fleet.end()
        wrongs = yard.wrongs()

    assert wrongs.runs >= 10
    assert yard.over_limits == 0
    assert (wrongs.doubles, wrongs.lost, wrongs.foreign) == (0, [], [])
