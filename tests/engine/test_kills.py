"""A hundred processes killed by SIGKILL while they work: nothing twice, nothing lost."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.kills import kill_again_and_again, make_yard

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

KILLS = 25


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_processes_that_are_killed_again_and_again_do_nothing_twice_and_lose_nothing(
    seed: int, tmp_path: Path
) -> None:
    with make_yard(tmp_path) as yard:
        killed = kill_again_and_again(yard, KILLS, random.Random(seed))

        wrongs = yard.wrongs()

    assert killed == KILLS
    assert wrongs.runs >= 10
    assert (wrongs.doubles, wrongs.lost, wrongs.foreign) == (0, [], [])
