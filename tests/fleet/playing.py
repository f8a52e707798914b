"""Many schedules of incidents on one PostgreSQL, several fleets of hosts at a time.

Run as `python -m tests.fleet --schedules 5000 --seed 7`. It prints what happened and exits 1 when
something was done twice, or lost, or a limit of Alma was exceeded.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.incidents import Fleet
from tests.fleet.tcp_proxy import Network
from tests.kills import make_yard
from tests.postgres import PostgresServer, running_server

RESTARTS = 30.0
"""After how many seconds the database is restarted, on average."""


def main() -> int:
    """Play, and return the exit code."""
    parser = argparse.ArgumentParser("python -m tests.fleet", description=__doc__)
    parser.add_argument("--schedules", type=int, default=500, help="how many (500)")
    parser.add_argument("--fleets", type=int, default=4, help="how many at a time (4)")
    parser.add_argument("--seed", type=int, default=None, help="for the same draws again")
    parser.add_argument("--keep", type=Path, help="an empty folder for the logs of the hosts")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="almaflow-fleet-") as folder:
        game = Game(given.schedules, given.fleets, seed)
        wrongs = game.play(given.keep or Path(folder))
    for told in wrongs:
        print(f"  {told}")
    return 1 if wrongs else 0


@dataclass(frozen=True)
class Game:
    """So many schedules, the same number in each fleet."""

    schedules: int
    fleets: int
    seed: int

    def play(self, folder: Path) -> list[str]:
        """Play in an empty *folder*; return what is wrong, after printing what happened."""
        wrongs: list[str] = []
        began = time.monotonic()
        with running_server() as server, ExitStack() as stack:
            network = Network()
            stack.callback(network.close)
            fleets = [self._fleet(folder, n, server, network, stack) for n in range(self.fleets)]
            with _restarts(server, random.Random(self.seed)) as restarts:
                _together([self._story(fleet, wrongs) for fleet in fleets])
            for fleet in fleets:
                wrongs += fleet.wrongs()
        _tell(fleets, restarts, time.monotonic() - began)
        return wrongs

    def _fleet(
        self, folder: Path, number: int, server: PostgresServer, network: Network, stack: ExitStack
    ) -> Fleet:
        each = folder / f"fleet-{number}"
        each.mkdir()
        url = stack.enter_context(server.new_database())
        yard = stack.enter_context(make_yard(each, url, shared=True))
        fleet = Fleet(yard, url, network, f"{self.seed}.{number}")
        stack.callback(fleet.end)
        return fleet

    def _story(self, fleet: Fleet, wrongs: list[str]) -> Callable[[], None]:
        def story() -> None:
            try:
                fleet.play(math.ceil(self.schedules / self.fleets))
            except Exception:
                wrongs.append(traceback.format_exc())

        return story


def _together(stories: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=story) for story in stories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def _restarts(server: PostgresServer, chance: random.Random) -> Iterator[Counter[str]]:
    """Restart the server now and then while the block runs; give how often, by its mode."""
    over = threading.Event()
    done: Counter[str] = Counter()

    def restart() -> None:
        while not over.wait(RESTARTS * chance.uniform(0.5, 1.5)):
            mode = chance.choice(("fast", "immediate"))
            server.restart(mode)
            done[mode] += 1

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()


def _tell(fleets: Sequence[Fleet], restarts: Counter[str], seconds: float) -> None:
    happened = sum((fleet.happened for fleet in fleets), Counter[str]())
    rescues = sorted(rescue for fleet in fleets for rescue in fleet.rescues)
    told = ", ".join(f"{count} {what}" for what, count in sorted(happened.items()))
    print(f"{sum(fleet.schedules for fleet in fleets)} schedules in {seconds:.0f} s: {told};")
    print(f"the database was restarted {restarts['fast']} + {restarts['immediate']} times")
    if rescues:
        print(
            f"runs of dead processes continued after {rescues[len(rescues) // 2]:.1f} s (median),"
            f" {rescues[-1]:.1f} s at most"
        )
