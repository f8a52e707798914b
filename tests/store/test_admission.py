"""Any order of asking, taking, refusing, ending and dying, beside a model that only counts.

The model keeps a ledger of its own. It knows nothing of SQL, and works out from the rules anew
who may go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from almaflow.store import Claim, JobSlot, NoSlot, SlotLimits, Store, SubmissionKey
from tests.examples import examples
from tests.store.conftest import HOST, ManualClock, make_record

SPOT = SubmissionKey("w", 1, "submit")
HOUR = timedelta(hours=1, seconds=2)
DAY = timedelta(hours=24)
JOBS = ["M1", "M2", "M3"]

# A job, and which process asks for it.
ASKED = st.tuples(st.sampled_from(JOBS), st.integers(0, 1))

# Which of those that fit.
ANY = st.integers(0, 100)


@dataclass
class Wish:
    """One submission, as the model knows it."""

    ticket: int
    claim: Claim
    job: str
    alive: bool = True
    state: str = "queued"
    not_before: datetime | None = None
    taken_at: datetime | None = None
    instance: str = ""


class AdmissionMachine(RuleBasedStateMachine):
    """An account with several processes, and the ledger of what they did."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.store = Store.open("sqlite://", clock=self.clock)
        self.number = 0
        self.all: list[Wish] = []
        self.starts: list[tuple[str, datetime]] = []
        self.processes = [self._enter(), self._enter()]

    @initialize(
        running=st.integers(1, 3),
        starts=st.integers(1, 3),
        asked=st.lists(
            st.tuples(st.sampled_from(JOBS), st.integers(0, 1)), min_size=6, max_size=12
        ),
    )
    def begin(self, running: int, starts: int, asked: list[tuple[str, int]]) -> None:
        self.limits = SlotLimits(running, starts)
        for job, process in asked:
            self.ask(job, process)

    def _enter(self) -> str:
        return self.store.enter_process(HOST, 1, "0.1.0").id

    # What happens

    @rule(job=st.sampled_from(JOBS), process=st.integers(0, 1))
    def ask(self, job: str, process: int) -> None:
        self.number += 1
        record = make_record(self.number, id=f"20261101-120000-{self.number:05}")
        self.store.add_run({}, record)
        claim = self.store.claim_run(record.id, self.processes[process])
        place = self.store.ask_slot(claim, SPOT, "main", job, None, "", True)
        self.all.append(Wish(place.id, claim, job))

    def pick(self, number: int, *states: str, known: bool | None = None) -> Wish | None:
        """Return one of those alive in one of *states*, *known* or not as an instance."""
        fit = [one for one in self.all if one.alive and one.state in states]
        fit = [one for one in fit if known is None or bool(one.instance) == known]
        return fit[number % len(fit)] if fit else None

    @rule(number=ANY)
    def take(self, number: int) -> None:
        wish = self.pick(number, "queued")
        if wish is not None:
            self.try_to_take(wish)

    @rule()
    def all_try_to_take_from_the_front(self) -> None:
        for wish in [one for one in self.all if one.alive and one.state == "queued"]:
            self.try_to_take(wish)

    @rule()
    def all_try_to_take_from_behind(self) -> None:
        for wish in [one for one in self.all if one.alive and one.state == "queued"][::-1]:
            self.try_to_take(wish)

    def try_to_take(self, wish: Wish) -> None:
        expected = self.expected(wish)

        answer = self.store.take_slot(wish.claim, SPOT, self.limits)

        if isinstance(answer, NoSlot):
            assert (answer.reason, answer.again_at) == expected
            assert len(answer.holders) == len(self.running())
        else:
            assert expected is None
            wish.state, wish.taken_at = "taken", self.clock.now()
            self.starts.append((wish.job, self.clock.now()))

    @rule()
    def take_in_turn(self) -> None:
        for place in self.store.turns("main", self.limits):
            wish = next(one for one in self.all if one.ticket == place.id)
            assert isinstance(self.store.take_slot(wish.claim, SPOT, self.limits), JobSlot)
            wish.state, wish.taken_at = "taken", self.clock.now()
            self.starts.append((wish.job, self.clock.now()))
        assert self.store.turns("main", self.limits) == []

    @rule(number=ANY)
    def alma_runs_one(self, number: int) -> None:
        wish = self.pick(number, "taken", known=False)
        if wish is not None:
            self.alma_runs(wish)

    def alma_runs(self, wish: Wish) -> None:
        wish.instance = str(wish.ticket)
        self.store.settle_slot(wish.claim, SPOT, wish.instance)

    @rule(number=ANY)
    def alma_ended_one(self, number: int) -> None:
        wish = self.pick(number, "taken", "freed", "queued", "refused")
        if wish is not None:
            self.alma_ended(wish)

    @rule()
    def alma_runs_and_ends_all(self) -> None:
        for wish in self.all:
            if wish.state == "taken":
                if wish.alive and not wish.instance:
                    self.alma_runs(wish)
                self.alma_ended(wish)

    def alma_ended(self, wish: Wish) -> None:
        seen = self.store.free_slot("main", str(wish.ticket))

        assert seen == (wish.state == "taken" and bool(wish.instance))
        if seen:
            wish.state = "freed"

    @rule(seconds=st.integers(1, 120), most=st.integers(1, 3))
    def alma_said_later(self, seconds: int, most: int) -> None:
        for _ in range(most):
            wish = self.pick(0, "taken", known=False)
            if wish is None or wish.taken_at is None:
                return
            again_at = self.clock.now() + timedelta(seconds=seconds)
            self.store.postpone_slot(wish.claim, SPOT, again_at)
            self.starts.remove((wish.job, wish.taken_at))
            wish.state, wish.not_before, wish.taken_at = "queued", again_at, None

    @rule(seconds=st.integers(1, 120), most=st.integers(1, 3))
    def they_go_and_alma_says_later(self, seconds: int, most: int) -> None:
        self.take_in_turn()
        self.alma_said_later(seconds, most)
        self.all_try_to_take_from_behind()

    @rule(number=ANY)
    def alma_refused_one(self, number: int) -> None:
        wish = self.pick(number, "queued", "taken", known=False)
        if wish is not None:
            self.store.drop_slot(wish.claim, SPOT)
            if wish.taken_at is not None:
                self.starts.remove((wish.job, wish.taken_at))
            wish.state = "refused"

    @rule(number=ANY)
    def one_was_not_taken_after_all(self, number: int) -> None:
        wish = self.pick(number, "taken", known=False)
        if wish is not None:
            self.store.free_spot(wish.claim, SPOT)
            wish.state = "freed"

    @rule(number=ANY)
    def a_run_is_given_back(self, number: int) -> None:
        wish = self.pick(number, "queued", "taken")
        if wish is not None:
            self.store.release_run(wish.claim, held=True)
            wish.alive = False

    @rule(number=st.integers(0, 1))
    def a_process_dies_and_another_one_goes_on(self, number: int) -> None:
        dead = self.processes[number]
        self.store.leave_process(dead)
        self.processes[number] = self._enter()
        runs = [one for one in self.all if one.alive and one.claim.process_id == dead]
        claims = self.store.claim_runs([one.claim.run_id for one in runs], self.processes[number])
        for wish, claim in zip(runs, claims, strict=True):
            wish.claim = claim

    @rule(number=st.integers(0, 1))
    def a_process_dies_and_nobody_goes_on(self, number: int) -> None:
        dead = self.processes[number]
        self.store.leave_process(dead)
        self.processes[number] = self._enter()
        for wish in self.all:
            if wish.claim.process_id == dead:
                wish.alive = False

    @rule(seconds=st.sampled_from([1, 30, 600, 1800, 3601, 3602, 20 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds)

    # The rules

    def running(self) -> list[Wish]:
        now = self.clock.now()
        taken = [one for one in self.all if one.state == "taken"]
        return [one for one in taken if one.instance or (one.taken_at or now) > now - DAY]

    def recent(self, job: str) -> list[datetime]:
        return [at for one, at in self.starts if one == job and at > self.clock.now() - HOUR]

    def expected(self, wish: Wish) -> tuple[str, datetime | None] | None:
        """Return why *wish* has to wait and until when, None when it may go."""
        now = self.clock.now()
        before = [one for one in self.all if one.state == "queued" and one.alive]
        before = [one for one in before if one.ticket <= wish.ticket]
        later = [one for one in before if one.not_before is not None and one.not_before > now]
        told = [one.not_before for one in later if one.job == wish.job and one.not_before]
        if told:
            return "later", max(told)
        starts = {job: sorted(self.recent(job)) for job in JOBS}
        free = self.limits.running - len(self.running())
        most = self.limits.starts_per_hour
        if len(starts[wish.job]) >= most:
            return "hour", starts[wish.job][len(starts[wish.job]) - most] + HOUR
        if free <= 0:
            return "running", None
        blocked: set[str] = set()
        for one in before[:-1]:
            if one in later:
                blocked.add(one.job)
            elif one.job not in blocked and len(starts[one.job]) < most and free > 0:
                starts[one.job].append(now)
                free -= 1
        if len(starts[wish.job]) >= most:
            return "hour", sorted(starts[wish.job])[len(starts[wish.job]) - most] + HOUR
        return None if free > 0 else ("turn", None)

    # What must always be so

    @invariant()
    def never_more_at_a_time_than_alma_allows(self) -> None:
        if self.all:
            assert len(self.running()) <= self.limits.running

    @invariant()
    def never_more_starts_of_a_job_in_an_hour_than_alma_allows(self) -> None:
        if self.all:
            assert all(len(self.recent(job)) <= self.limits.starts_per_hour for job in JOBS)

    @invariant()
    def store_and_ledger_agree(self) -> None:
        for state, found in (
            ("queued", self.store.queue()),
            ("taken", self.store.holders("main")),
        ):
            known = {one.ticket for one in self.all if one.state == state}
            assert {place.id for place in found} == known

    def teardown(self) -> None:
        if self.all:
            self.everybody_gets_a_place_in_the_end()
        self.store.close()

    def everybody_gets_a_place_in_the_end(self) -> None:
        for _ in range(len(self.all) + 1):
            self.alma_runs_and_ends_all()
            self.clock.move(25 * 3600)
            self.take_in_turn()
        assert [one for one in self.all if one.state == "queued" and one.alive] == []


TestAdmissionMachine: Any = AdmissionMachine.TestCase
TestAdmissionMachine.settings = settings(
    max_examples=examples(6), stateful_step_count=20, deadline=None
)
