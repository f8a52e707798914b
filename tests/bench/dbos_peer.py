"""DBOS's durable steps on SQLite; run by an interpreter that has `dbos`, alone.

`python dbos_peer.py DATABASE FEW MANY`: prints the seconds that one more step takes.
"""

import logging
import sys
import time

from dbos import DBOS  # type: ignore[import-not-found,unused-ignore]

database, few, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
DBOS(
    config={
        "name": "bench",
        "system_database_url": f"sqlite:///{database}",
        "run_admin_server": False,  # type: ignore[typeddict-unknown-key,unused-ignore]
        "log_level": "ERROR",
    }
)
logging.disable(logging.WARNING)


@DBOS.step()  # type: ignore[untyped-decorator,unused-ignore]
def step(number: int) -> bool:
    return number >= 0


@DBOS.workflow()  # type: ignore[untyped-decorator,unused-ignore]
def flow(count: int) -> int:
    return sum(step(number) for number in range(count))


def duration(count: int) -> float:
    began = time.perf_counter()
    assert flow(count) == count
    return time.perf_counter() - began


DBOS.launch()
duration(few)
print((duration(many) - duration(few)) / (many - few))
DBOS.destroy()
