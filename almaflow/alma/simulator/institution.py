"""The state of one simulated institution, and the changes that time brings to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.kept import kept_at_first
from almaflow.alma.simulator.library import Effect, Job
from almaflow.alma.simulator.profiles import ImportProfile, IntegrationProfile
from almaflow.alma.simulator.quotas import Quota
from almaflow.alma.simulator.records import Members, Records, digest
from almaflow.alma.simulator.runs import Instance, make_timeline
from almaflow.alma.simulator.scenario import OtherRun, RunRule, Scenario
from almaflow.alma.simulator.scenario_fields import MOST_MEMBERS, NEVER, fits
from almaflow.alma.simulator.wanted import Wanted, fitted

# Runs by people take their time too: how much shorter and longer than the rule, by chance.
_SPREAD = (0.85, 1.25)
_HOUR = timedelta(hours=1)
# Runs that others start in one simulation; the description of `every` names it too.
_MOST_OTHERS = 10_000
MOST_KEPT = 10_000
"""Things of one kind that callers may make, or that are made up for them: profiles, tables, ..."""
# Reports that clients are reading at a time; of more, the one read longest ago is forgotten.
_MOST_REPORT_TOKENS = 1000


@dataclass(frozen=True)
class Submission:
    """A run that the API was asked for and Alma took."""

    institution: str
    job_id: str
    at: datetime
    parameters: tuple[tuple[str, str], ...]
    instance_id: str


class Institution:
    """Everything that one key can see; made empty, furnished by `furnish`.

    *report* is called with each run that has ended: it lets its work show.
    """

    def __init__(
        self,
        name: str,
        *,
        code: str,
        suffix: str,
        environment: str,
        scenario: Scenario,
        seed: int,
        started_at: datetime,
        report: Callable[[Institution, Instance], None],
        wants: Wanted | None = None,
    ) -> None:
        self.name = name
        self._report = report
        self.code = code
        self.suffix = suffix
        self.environment = environment
        self.scenario = scenario
        self.switches = scenario.alma
        self.started_at = started_at
        self.zone = ZoneInfo(scenario.alma.timezone)
        self.rng = random.Random(f"{seed}/{name}")
        self.quota = Quota(scenario.alma, environment)
        # What callers want to be there; hints of refusals say it.
        self.wants = wants or Wanted()
        # What is made up when it is asked for; None: what is not there is refused.
        self.wanted = self.wants if scenario.everything_exists else None
        # Ids and names of the sets that callers have deleted.
        self.gone: set[str] = set()
        self.records = Records(
            suffix,
            scenario.unknown_members,
            scenario.known_members,
            any_id=scenario.everything_exists,
        )
        self.jobs: dict[str, Job] = {}
        self.instances: dict[str, Instance] = {}
        self.sets: dict[str, AlmaSet] = {}
        self.integration_profiles: dict[str, IntegrationProfile] = {}
        self.import_profiles: dict[str, ImportProfile] = {}
        # What has no part in jobs: libraries, locations, reminders, tables.
        self.kept = kept_at_first(code)
        self.submissions: list[Submission] = []
        self.submission_counts: dict[str, int] = {}
        # Path and next row of the reports that are being read, by token; since when, by path.
        self.report_tokens: dict[str, tuple[str, int]] = {}
        self.reports_asked_at: dict[str, datetime] = {}
        self._run_counts: dict[str, int] = {}
        self._unreported: list[Instance] = []
        self._later: list[tuple[datetime, Callable[[], None]]] = []
        self._others = [(other, 0) for other in scenario.other_runs if other.meant_for(name)]
        self._others_left = _MOST_OTHERS
        # Alma's ids are numbers of 16 and 17 digits, side by side.
        self._last_numbers = [389_650_902, 3_820_546_310]

    def new_id(self) -> str:
        """Return an id that nothing here has yet."""
        row = self.rng.randrange(2)
        self._last_numbers[row] += self.rng.randint(7, 97)
        return f"{self._last_numbers[row]}000{self.suffix}"

    # --- time -------------------------------------------------------------------------------------

    def settle(self, now: datetime) -> None:
        """Let everything happen that is due by *now*, in its order."""
        self._start_others(now)
        overdue = [do for at, do in self._later if at <= now]
        self._later = [(at, do) for at, do in self._later if at > now]
        for do in overdue:
            do()
        due = [run for run in self._unreported if run.timeline.ended_at <= now]
        if due:
            self._unreported = [run for run in self._unreported if run.timeline.ended_at > now]
            for run in sorted(due, key=lambda run: run.timeline.ended_at):
                self._report(self, run)

    def keep_report_token(self, token: str, path: str, next_row: int) -> None:
        """Remember where a client that has *token* continues to read the report *path*."""
        self.report_tokens.pop(token, None)
        self.report_tokens[token] = (path, next_row)
        while len(self.report_tokens) > _MOST_REPORT_TOKENS:
            del self.report_tokens[next(iter(self.report_tokens))]

    def later(self, at: datetime, do: Callable[[], None]) -> None:
        """Let something happen at *at*: work that continues behind the gateway's back."""
        self._later.append((at, do))

    def add_other_run(self, other: OtherRun) -> None:
        """Let another person start one more run, or one again and again."""
        self._others.append((other, 0))

    def _start_others(self, now: datetime) -> None:
        waiting: list[tuple[OtherRun, int]] = []
        for other, done in self._others:
            first = other.at.first(self.started_at, self.zone)
            while self._others_left and first + done * (other.every or timedelta(0)) <= now:
                self._start_other(other, first + done * (other.every or timedelta(0)))
                self._others_left -= 1
                done += 1
                if other.every is None:
                    break
            if done == 0 or other.every is not None:
                waiting.append((other, done))
        self._others = waiting

    def _start_other(self, other: OtherRun, at: datetime) -> None:
        job = next(
            (
                job
                for job in self.jobs.values()
                if other.job.casefold() in (job.id.casefold(), job.name.casefold())
            ),
            Job(id="O999", name=other.job, category="REPOSITORY", effect=Effect.SILENT),
        )
        self.start_run(
            job,
            at,
            name=other.name or job.name,
            submitted_by="exl_api" if other.by == "api" else other.by,
            duration=other.duration,
            outcome=other.outcome,
        )

    # --- runs -------------------------------------------------------------------------------------

    def start_run(
        self,
        job: Job,
        at: datetime,
        *,
        name: str,
        submitted_by: str,
        parameters: Sequence[tuple[str, str]] = (),
        alma_set: AlmaSet | None = None,
        outcome: str | None = None,
        duration: timedelta | None = None,
        history: bool = False,
    ) -> Instance:
        """Begin a run; the scenario's rules say how it goes, where *outcome* does not.

        *history*: a run from before the scenario, which its rules neither count nor concern.
        """
        number = 0 if history else self._run_counts.get(job.id, 0) + 1
        rule = None if history else self.rule_for(job, number)
        rule = rule or RunRule(job="*")
        if number:
            self._run_counts[job.id] = number
        members = alma_set.count(at) if alma_set else job.records
        pending = rule.stays_pending
        instance = Instance(
            id=self.new_id(),
            external_id=self.new_id(),
            job=job,
            name=name,
            submitted_by=submitted_by,
            timeline=make_timeline(
                at,
                self._duration(duration or rule.duration, job, members),
                self.rng,
                pending=pending if isinstance(pending, timedelta) else NEVER * pending,
                skip_phases=self.switches.skip_phases,
                never_ends=rule.never_ends,
            ),
            outcome=outcome or _outcome(rule, number) or self._ending(job, alma_set, members),
            number=number,
            parameters=tuple(parameters),
            set_id=alma_set.id if alma_set else None,
            members=members,
            progress_style=rule.progress,
            running_status=rule.running_status or "RUNNING",
            told_counters=rule.counters,
            told_alerts=rule.alerts,
            counter_lag=_first(rule.counter_lag, self.switches.counter_lag) or timedelta(0),
        )
        self.instances[instance.id] = instance
        self._unreported.append(instance)
        return instance

    def _duration(self, fixed: timedelta | None, job: Job, members: int) -> timedelta:
        chance = self.rng.uniform(*_SPREAD)
        seconds = (job.seconds + job.per_member * members) * chance
        whole = timedelta(seconds=seconds) if fixed is None else fixed
        seconds = min(whole.total_seconds() / self.switches.speed, NEVER.total_seconds())
        return timedelta(seconds=round(seconds, 3))

    def _ending(self, job: Job, alma_set: AlmaSet | None, members: int) -> str:
        if alma_set is not None and members == 0 and self.switches.empty_set == "no_bulks":
            return "COMPLETED_NO_BULKS"
        return "COMPLETED_SUCCESS"

    def rule_for(self, job: Job, number: int, *, refusing: bool = False) -> RunRule | None:
        """Return the scenario's first rule for the *number*th run of a job.

        *refusing*: the first that refuses the *number*th submission instead.
        """
        for rule in self.scenario.jobs:
            counted = rule.nth is None or number in rule.nth
            named = fits(rule.job, job.id) or fits(rule.job.casefold(), job.name.casefold())
            if counted and named and rule.meant_for(self.name) and bool(rule.refuse) == refusing:
                return rule
        return None

    def running(self, now: datetime) -> list[Instance]:
        """Return the API-started runs that have not ended."""
        return [
            run for run in self.instances.values() if run.started_by_api and not run.is_over(now)
        ]

    def started_in_last_hour(self, job: Job, now: datetime) -> int:
        """Count the API's starts of one job in the last 60 minutes."""
        return sum(
            1
            for run in self.instances.values()
            if run.job.id == job.id and run.started_by_api and now - run.submitted_at < _HOUR
        )

    # --- sets and records -------------------------------------------------------------------------

    def add_set(
        self,
        name: str,
        content: str,
        members: Members,
        *,
        created_at: datetime,
        created_by: str = "exl_api",
        query: str = "",
        private: bool = True,
        set_id: str | None = None,
    ) -> AlmaSet:
        """Keep a new set."""
        alma_set = AlmaSet(
            id=set_id or self.new_id(),
            name=name,
            content=content,
            members=members,
            created_at=created_at,
            status_at=created_at,
            created_by=created_by,
            query=query,
            private=private,
            fill_rate=self.switches.fill_rate,
        )
        self.sets[alma_set.id] = alma_set
        return alma_set

    def set_named(self, name: str) -> AlmaSet | None:
        """Return the set of exactly that name, also one that does not show yet."""
        return next((found for found in self.sets.values() if found.name == name), None)

    def free_set_name(self, name: str, at: datetime) -> str:
        """Return *name*, with a date when it is taken."""
        if self.set_named(name) is None:
            return name
        return f"{name} - {at.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"

    def members_count(self, name: str, query: str | None, otherwise: int | None = None) -> int:
        """Return how many members a set has that Alma fills: as the scenario says, else by chance.

        The same query always has the same number, 20 to 5000.
        """
        for rule in self.scenario.members:
            by_query = rule.query is None or (query is not None and fits(rule.query, query))
            by_name = rule.set is None or fits(rule.set, name)
            if by_query and by_name and rule.meant_for(self.name):
                return rule.count
        count = 20 + digest(query or name) % 4981 if otherwise is None else otherwise
        if self.wanted is None:
            return count
        return min(max(0, int(float(fitted(str(count), self.wanted.members)))), MOST_MEMBERS)

    def logical_members(self, name: str, content: str, query: str) -> Members:
        """Return what a logical set's query finds."""
        count = self.members_count(name, query)
        return Members.computed(self.records, content, query, count)

    def delete_records(self, ids: Iterable[str]) -> None:
        """Let records be gone, from every set too."""
        gone = list(ids)
        self.records.delete(gone)
        for alma_set in self.sets.values():
            alma_set.members.discard(gone)

    def set_left_by(self, set_id: str, now: datetime) -> None:
        """A set is deleted: runs that have not begun to work on it find nothing."""
        for run in self.instances.values():
            if run.set_id == set_id and now < run.timeline.initializing_at:
                run.outcome = "FAILED"


def _outcome(rule: RunRule, number: int) -> str | None:
    if not rule.outcomes:
        return None
    index = number - 1 if rule.nth is None else rule.nth.index(number)
    return rule.outcomes[min(index, len(rule.outcomes) - 1)]


def _first(*durations: timedelta | None) -> timedelta | None:
    return next((duration for duration in durations if duration is not None), None)
