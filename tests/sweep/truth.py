"""What must hold when a schedule has been played, by what the simulator and the store know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from almaflow.alma.simulator import Submission
from almaflow.expressions.serialization import decode, plain
from almaflow.outcome import Status
from almaflow.runs.events import EventKind as Kind
from almaflow.store import EntryState, JournalEntry, SlotState
from tests.sweep.machine import Machine, WholeRun


class Broken(AssertionError):
    """A promise was not kept."""


@dataclass(frozen=True)
class Facts:
    """What a run came to, which nothing that happens on the way may change."""

    outcome: str
    error: str
    steps: dict[str, str]
    outputs: Any
    notices: Counter[str]
    """What was told to whom; an earlier attempt at the run has told of its own end."""
    ended: Counter[str]
    """How often each step ended; not known of a run that was tried again."""

    def alike(self, other: Facts) -> bool:
        """Whether the runs came to the same, however often they were tried."""
        ours, theirs = [(one.outcome, one.error, one.steps, one.outputs) for one in (self, other)]
        return ours == theirs

    def alike_but_for_cleaning_up(self, other: Facts) -> bool:
        """Whether the runs came to the same, apart from a `finally` whose half hour was over."""
        ours, theirs = (
            {path: outcome for path, outcome in one.steps.items() if "finally/" not in path}
            for one in (self, other)
        )
        for path, outcome in ours.items():
            # What calls a workflow is told of its `finally`.
            if outcome == "warning" and f"{path}/finally/" in " ".join(self.steps):
                theirs[path] = "warning"
        over = "timed_out" in {self.steps[path] for path in self.steps if "finally/" in path}
        return over and ours == theirs and self.outcome in (other.outcome, "warning")


def facts(told: WholeRun) -> Facts:
    ends = [entry for entry in told.journal if entry.effect == "end"]
    return Facts(
        outcome=told.record.outcome.value if told.record.outcome else "unfinished",
        error=told.record.error,
        steps={entry.path: decode(entry.value["facts"], UTC)["outcome"] for entry in ends},
        outputs=plain(told.record.outputs),
        notices=Counter(event.text for event in told.log if event.kind == Kind.NOTICE),
        ended=Counter(event.path for event in told.log if event.kind == Kind.ENDED),
    )


def submissions_of(told: WholeRun) -> Iterator[JournalEntry]:
    """Yield the entries of all submissions of a run, of every attempt and repetition."""
    for entry in told.journal:
        if entry.request_hash and (entry.value.get("trace") or {}).get("trace") == "run":
            yield entry


def started_by(entry: JournalEntry, submissions: list[Submission]) -> list[Submission]:
    """Return the runs in Alma that a recorded submission has really started, by its marker."""
    marker = entry.value["trace"]["marker"]
    return [one for one in submissions if marker in dict(one.parameters).get("job_name", "")]


def doubles(machine: Machine, runs: list[WholeRun]) -> list[str]:
    """Return what was done more than once, or by nobody's order."""
    found = []
    submissions = machine.submissions
    for told in runs:
        of_step: Counter[tuple[str, int]] = Counter()
        for entry in submissions_of(told):
            if entry.value["trace"]["name"]:
                of_step[entry.path, entry.attempt] += len(started_by(entry, submissions))
        found += [f"{told.record.id} {path}: {n} runs" for (path, _), n in of_step.items() if n > 1]
    jobs = Counter(one.job_id for one in submissions)
    found += [
        f"job {job}: {n} too many" for job, n in (jobs - machine.prepared.scene.all_jobs).items()
    ]
    made = Counter(one.name for one in machine.made.values())
    # Each attempt at a run may make its sets anew.
    most = max(told.record.attempt for told in runs)
    found += [f"set {name}: made {n} times" for name, n in made.items() if n > most]
    return found


def foreign(machine: Machine, runs: list[WholeRun]) -> list[str]:
    """Return the runs of other API users that a step took for its own.

    A job that is sent no name leaves no proof, so there the only candidate is adopted.
    """
    started = {one.instance_id for one in machine.submissions}
    return [
        f"{told.record.id} {entry.path}: took {entry.value['result']} for its own"
        for told in runs
        for entry in submissions_of(told)
        if entry.value["trace"]["name"]
        and entry.state is EntryState.DONE
        and entry.value["result"] not in started
    ]


def lost(machine: Machine, runs: list[WholeRun], wanted: list[Facts]) -> list[str]:
    """Return what did not happen although it had to, or ended otherwise than it had to."""
    found = []
    slow = machine.schedule.takes_long
    for told, want in zip(runs, wanted, strict=True):
        have = facts(told)
        if told.record.status is not Status.FINISHED:
            found.append(f"{told.record.id} is {told.record.status}: {told.record.reason}")
        elif told.record.attempt > 1 and have.alike(want):
            continue
        elif slow and have.alike_but_for_cleaning_up(want):
            machine.tally.late += 1
        elif have != want:
            found.append(f"{told.record.id} ended otherwise: {have} instead of {want}")
    scene = machine.prepared.scene
    jobs = Counter(one.job_id for one in machine.submissions)
    found += [f"job {job}: {n} missing" for job, n in (scene.all_jobs - jobs).items()]
    made = {one.name.partition(" ")[0]: one.members for one in machine.made.values()}
    for name, count in scene.sets.items():
        if name not in made:
            found.append(f"set {name} was not made")
        elif count is not None and len(made[name]) != count:
            found.append(f"set {name} had {len(made[name])} members in place of {count}")
    return found


def kept_places(machine: Machine) -> list[str]:
    """Return the places that are held although nothing runs that would need them."""
    found = []
    now = machine.wall.alma()
    running = {run.id for run in machine.alma.instances() if not run.is_over(now)}
    for run_id in machine.prepared.run_ids:
        for place in machine.observer.slots_of(run_id):
            held = place.state is SlotState.TAKEN and place.instance_id not in running
            if held or place.state is SlotState.QUEUED:
                found.append(f"{run_id} {place.spot.path}: {place.state}, {place.instance_id}")
    return found


def unresolved(told: WholeRun) -> list[JournalEntry]:
    """Return the submissions of which only a person can tell what became of them."""
    return [
        entry
        for entry in submissions_of(told)
        if entry.state is EntryState.LOST and "unknown" in entry.value
    ]
