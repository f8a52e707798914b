"""Jobs that fight for Alma's limits: how long they take, beside how long they would have to.

The reference is written without looking at the engine: it serves the same jobs in the same order
and leaves no place idle that somebody could take. No order at all can be quicker than the lower
bound. Everything is in virtual time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from almaflow.virtual_time import run_virtual
from tests.harness import START, AtOnce, Ears, Stage

RUNNING, STARTS, HOUR = 3, 5, timedelta(hours=1)

# What the store adds to an hour, as clocks differ (`store/admission.py`).
MARGIN = timedelta(seconds=2)


@dataclass(frozen=True)
class Job:
    """One run of a job; *start* is None for those that have to be served."""

    job_id: str
    duration: timedelta
    start: datetime | None = None


# --- the reference --------------------------------------------------------------------------------


def serve(jobs: Sequence[Job], foreign: Sequence[Job] = (), at: datetime = START) -> datetime:
    """Return when the last of *jobs* ends, served in their order with no place ever left idle.

    Who comes first goes first; one whose job has used up its hour does not hold up the others.
    *foreign* runs begin when they begin, and count.
    """
    queue = list(jobs)
    begun = _spans(foreign)
    end = now = at
    while queue:
        first = next((one for one in queue if _may_start(one, begun, now)), None)
        if first is None:
            now = min(instant for instant in _changes(begun) if instant > now)
            continue
        queue.remove(first)
        begun.append((first.job_id, now, now + first.duration))
        end = max(end, now + first.duration)
    return end


def _spans(jobs: Sequence[Job]) -> list[tuple[str, datetime, datetime]]:
    return [(one.job_id, one.start, one.start + one.duration) for one in jobs if one.start]


def _may_start(job: Job, begun: Sequence[tuple[str, datetime, datetime]], now: datetime) -> bool:
    running = sum(1 for _, start, end in begun if start <= now < end)
    starts = sum(1 for id_, start, _ in begun if id_ == job.job_id and now - HOUR < start <= now)
    return running < RUNNING and starts < STARTS


def _changes(begun: Sequence[tuple[str, datetime, datetime]]) -> list[datetime]:
    return [one for _, start, end in begun for one in (start, end, start + HOUR)]


def lower_bound(jobs: Sequence[Job], at: datetime = START) -> datetime:
    """Return an instant before which no order whatever can have ended all *jobs*.

    It is when all work is done if it could be cut into pieces of any size, or when the last start
    of the job that is wanted most can have ended. That others use Alma too is left out.
    """
    latest = at + sum((one.duration for one in jobs), timedelta()) / RUNNING
    for job_id, count in Counter(one.job_id for one in jobs).items():
        shortest = min(one.duration for one in jobs if one.job_id == job_id)
        latest = max(latest, at + ((count - 1) // STARTS) * HOUR + shortest)
    return latest


# --- the engine -----------------------------------------------------------------------------------

SET = {"id": "59317390720001276", "name": "Titles", "content": "BIB_MMS", "members": 10}
EXPORTS = [f"M9{number:02}" for number in range(10, 18)]


def mixed_jobs(count: int, seed: int) -> list[tuple[str, int]]:
    """Return job ids and minutes, from short to long, some jobs oftener than others."""
    chance = random.Random(seed)
    weights = [6, 4, 3, 3, 2, 2, 1, 1]
    ids = chance.choices(EXPORTS, weights, k=count)
    return [(id_, chance.choice([2, 3, 5, 8, 12, 20, 35, 55])) for id_ in ids]


@dataclass
class Contest:
    """Runs that want their jobs done, and what became of them."""

    stage: Stage
    run_ids: list[str]
    foreign: bool

    @classmethod
    def make(
        cls, folder: Path, count: int = 60, *, seed: int = 1, foreign: bool = False
    ) -> Contest:
        """Record *count* runs of one job each, in an Alma that others use too when *foreign*.

        Without them Alma itself knows no limits, so that whoever passes one is seen.
        """
        wanted = mixed_jobs(count, seed)
        numbers: Counter[str] = Counter()
        rules = []
        library = [{"id": id_, "name": f"Job {id_}", "content": "BIB_MMS"} for id_ in EXPORTS]
        others = _foreign_runs(seed) if foreign else []
        for id_, minutes in wanted:
            numbers[id_] += 1
            rules.append({"job": id_, "nth": numbers[id_], "duration": f"{minutes}m"})
        scenario: dict[str, Any] = {
            "sets": [SET],
            "library": {"jobs": library},
            "jobs": rules,
            "other_runs": others,
            "alma": {} if foreign else {"running_jobs": 1000, "starts_per_hour": 1000},
        }
        stage = Stage(folder, scenario, durable=True)
        run_ids = [stage.add(_workflow(id_)).id for id_, _ in wanted]
        return cls(stage, run_ids, foreign)

    def hold(self, engines: int = 1) -> None:
        """Let so many engines work on the runs, those of each claimed in turn, until all ended."""

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for number in range(engines):
                    tasks.start_soon(self._work, self.run_ids[number::engines])

        run_virtual(main)

    async def _work(self, run_ids: Sequence[str]) -> None:
        # A lease is renewed as time passes, which it does quickly here.
        store = self.stage.open_store(lease=timedelta(days=1000))
        engine = self.stage.engine(store, Ears())
        engine.look = timedelta(minutes=10)
        engine._writer = engine.outbox._writer = AtOnce(store)
        async with engine.running(), anyio.create_task_group() as tasks:
            for run_id in run_ids:
                tasks.start_soon(engine.work_on, run_id)
        store.close()

    # What happened

    @property
    def served(self) -> list[Served]:
        """Return every job that was started, in the order in which places were asked for."""
        instances = {one.id: one for one in self.stage.alma.instances()}
        with self.stage.using_store() as store:
            places = [place for id_ in self.run_ids for place in store.slots_of(id_)]
        return [
            Served(
                place.id,
                place.job_id,
                instances[str(place.instance_id)].submitted_at,
                instances[str(place.instance_id)].timeline.ended_at,
                place.refusals,
            )
            for place in sorted(places, key=lambda place: place.id)
        ]

    @property
    def others(self) -> list[Job]:
        """Return the runs of others."""
        ours = {one.instance_id for one in self.stage.submissions}
        return [
            Job(one.job.id, one.timeline.ended_at - one.submitted_at, one.submitted_at)
            for one in self.stage.alma.instances()
            if one.id not in ours and one.started_by_api and one.submitted_at >= START
        ]

    def ratios(self) -> tuple[float, float]:
        """Return how long it took beside the same order well served, and beside the lower bound."""
        jobs = [Job(one.job_id, one.end - one.start) for one in self.served]
        took = max(one.end for one in self.served) - START
        reference = serve(jobs, self.others) - START
        return took / reference, took / (lower_bound(jobs) - START)

    def broken_limits(self) -> list[str]:
        """Return every start of ours that was a fourth running one, or a sixth within an hour."""
        found = []
        begun = [(one.job_id, one.start, one.end) for one in self.served]
        begun += _spans(self.others)
        for one in self.served:
            running = sum(1 for _, start, end in begun if start <= one.start < end)
            starts = sum(
                1
                for id_, start, _ in begun
                if id_ == one.job_id and one.start - HOUR < start <= one.start
            )
            if running > RUNNING or starts > STARTS:
                found.append(f"ticket {one.ticket} of {one.job_id}: {running} run, {starts} starts")
        return found

    def overtaken(self) -> list[str]:
        """Return who had to wait while somebody behind them went, without a reason for it.

        The reasons are: the hour of their job was used up, or Alma had refused the job for now, as
        others use it too.
        """
        found = []
        refused = {one.job_id for one in self.served if one.refusals}
        starts = [(one.job_id, one.start) for one in self.served]
        starts += [(id_, start) for id_, start, _ in _spans(self.others)]
        for behind in self.served:
            for ahead in self.served:
                if ahead.ticket >= behind.ticket or ahead.start <= behind.start:
                    continue
                since = behind.start - HOUR - MARGIN
                used = sum(id_ == ahead.job_id for id_, at in starts if since < at <= behind.start)
                if used < STARTS and ahead.job_id not in refused:
                    found.append(f"ticket {ahead.ticket} by ticket {behind.ticket}")
        return found


@dataclass(frozen=True)
class Served:
    """A job of ours as Alma ran it; *ticket* is its place in the queue."""

    ticket: int
    job_id: str
    start: datetime
    end: datetime
    refusals: int
    """How often Alma said that it was too early."""


def _workflow(job_id: str) -> str:
    return f"timeout: 10d\nsteps: [{{id: work, submit_job: {{job: {job_id}, set: '{SET['id']}'}}}}]"


def _foreign_runs(seed: int) -> list[dict[str, Any]]:
    """Return a dozen runs that somebody else starts by the API, one at a time."""
    chance = random.Random(seed)
    return [
        {
            "job": chance.choice(EXPORTS),
            "at": f"{40 * number + chance.randint(1, 20)}m",
            "duration": f"{chance.choice([4, 9, 18])}m",
        }
        for number in range(12)
    ]
