"""Many machines: the runs of a store in PostgreSQL, shared by workers through procrastinate.

A recorded run is a task in the same database. How it travels:

    store.write               a run is recorded, reopened, given back or answered
        |
        |  task_queue         in that transaction: a task with the run's id as its lock
        v
    procrastinate_jobs        NOTIFY wakes the workers of the institution's queue
        |
    worker                    one of them takes the task: `engine.execute` claims the run
        |
        v                     from here on it is as on one machine: see `almaflow/engine`
    engine

    worker      also gives the tasks of dead workers to others, and queues what a crash left in
                between
    wake_ups    NOTIFY on a channel of ours: answers, cancellations, slots that become free
    shared_time one time of day for all hosts: the database's

What guards a run is what guards it on one machine: owner and epoch in its row, which each write
checks. procrastinate only decides who tries.
"""

from __future__ import annotations

from typing import Final

CONCURRENCY: Final = 5_000
"""How many runs a worker has at a time: one that waits is a coroutine here."""
