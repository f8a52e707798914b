"""Whose turn it is: the limits of an account, the order of asking, what frees a place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import (
    Claim,
    ClaimLost,
    InstanceTaken,
    JobSlot,
    MoveWrong,
    NoSlot,
    SlotLimits,
    SlotState,
    Store,
    SubmissionKey,
    admission,
)
from almaflow.store.admission import COUNTS
from almaflow.store.overview import UnfinishedRuns, unfinished_runs
from almaflow.waiting import Waiting, WaitingKind
from tests.store.conftest import HOST, NOON, ManualClock, make_record

Opener = Callable[..., Store]

LIMITS = SlotLimits(running=3, starts_per_hour=5)
ONE = SlotLimits(running=1, starts_per_hour=5)
SPOT = SubmissionKey("w", 1, "submit")
HOUR = timedelta(hours=1)


class Asker:
    """Runs of one process that each want a place for a job."""

    def __init__(self, store: Store, host: str = HOST) -> None:
        self.store = store
        self.process = store.enter_process(host, 1, "0.1.0")

    def run(self) -> Claim:
        number = len(self.store.runs()) + 1
        run = self.store.add_run({}, make_record(number, id=f"20261101-120000-{number:05}"))
        return self.store.claim_run(run.id, self.process.id)

    def ask(self, job_id: str = "M1", account: str = "main", **more: Any) -> Claim:
        claim = self.run()
        asked: dict[str, Any] = {"set_id": "17", "marker": "af-1", "named": True} | more
        self.store.ask_slot(claim, SPOT, account, job_id, **asked)
        return claim

    def take(self, claim: Claim, limits: SlotLimits = LIMITS) -> JobSlot | NoSlot:
        return self.store.take_slot(claim, SPOT, limits)

    def taken(self, job_id: str = "M1", instance_id: str = "", **more: Any) -> Claim:
        """Let a run have a place, and be *instance_id* when that is given."""
        claim = self.ask(job_id, **more)
        assert isinstance(self.take(claim, SlotLimits(1000, 1000)), JobSlot)
        if instance_id:
            self.store.settle_slot(claim, SPOT, instance_id)
        return claim

    def slot(self, claim: Claim) -> JobSlot:
        found = self.store.slot(claim.run_id, SPOT)
        assert found is not None
        return found


def busy(answer: JobSlot | NoSlot) -> tuple[str, datetime | None, int]:
    assert isinstance(answer, NoSlot)
    return answer.reason, answer.again_at, answer.ahead


@pytest.fixture
def asker(store: Store) -> Asker:
    return Asker(store)


# Asking


def test_unfinished_runs_are_counted_by_what_they_wait_for(asker: Asker) -> None:
    text = f'"kind":"{WaitingKind.PERSON}" is not what it waits for: 100 %'
    asker.run()
    for _ in range(2):
        claim = asker.ask()
        asker.store.set_status(claim, Status.WAITING, (Waiting(WaitingKind.JOB, text),))

    with asker.store.read() as tx:
        found = unfinished_runs(tx, (WaitingKind.PERSON, WaitingKind.JOB))
        unasked = unfinished_runs(tx, (WaitingKind.TIME,))

    job = UnfinishedRuns(2, Status.WAITING, queued=True, kind=WaitingKind.JOB)
    assert sorted(found, key=lambda alike: alike.runs) == [UnfinishedRuns(1, Status.QUEUED), job]
    assert {alike.kind for alike in unasked} == {None}


def test_a_submission_asks_once_and_keeps_its_ticket(asker: Asker, clock: ManualClock) -> None:
    claim = asker.run()

    first = asker.store.ask_slot(claim, SPOT, "main", "M1", "17", "af-1", True)
    clock.move(60)
    again = asker.store.ask_slot(claim, SPOT, "main", "M1", "17", "af-1", True)

    assert first == again == asker.slot(claim)
    assert first == JobSlot(
        id=first.id,
        account="main",
        job_id="M1",
        run_id=claim.run_id,
        path="w",
        attempt=1,
        effect="submit",
        set_id="17",
        marker="af-1",
        named=True,
        state=SlotState.QUEUED,
        asked_at=NOON,
        not_before=None,
        refusals=0,
        taken_at=None,
        instance_id=None,
        candidates=(),
        freed_at=None,
    )
    assert first.spot == SPOT
    assert asker.store.queue() == asker.store.queue("main") == [first]
    assert asker.store.queue("other") == []


def test_each_submission_of_a_step_has_a_place_of_its_own(asker: Asker) -> None:
    claim = asker.ask()
    more = [
        SubmissionKey("w", 1, "resubmit"),
        SubmissionKey("w", 2, "submit"),
        SubmissionKey("x", 1, "submit"),
    ]

    for spot in more:
        asker.store.ask_slot(claim, spot, "main", "M1", None, "", False)

    asked = asker.store.slots_of(claim.run_id)
    assert [place.spot for place in asked] == [SPOT, *more]
    assert [place.id for place in asked] == sorted(place.id for place in asked)
    assert asker.store.slot(claim.run_id, SubmissionKey("y", 1, "submit")) is None


def test_whoever_lost_the_run_can_do_nothing_about_its_place(asker: Asker) -> None:
    claim = asker.ask()
    lost = Claim(claim.run_id, claim.process_id, 7)
    store = asker.store

    for call in (
        lambda: store.ask_slot(lost, SPOT, "main", "M1", None, "", False),
        lambda: store.take_slot(lost, SPOT, LIMITS),
        lambda: store.postpone_slot(lost, SPOT, NOON),
        lambda: store.drop_slot(lost, SPOT),
        lambda: store.settle_slot(lost, SPOT, "1"),
        lambda: store.suspect_slot(lost, SPOT, ["1"]),
        lambda: store.free_spot(lost, SPOT),
    ):
        with pytest.raises(ClaimLost):
            call()

    assert asker.slot(claim).state is SlotState.QUEUED


def test_what_never_asked_for_a_place_has_none_to_change(asker: Asker) -> None:
    claim = asker.run()

    asker.store.postpone_slot(claim, SPOT, NOON)
    asker.store.drop_slot(claim, SPOT)
    asker.store.settle_slot(claim, SPOT, "1")
    asker.store.suspect_slot(claim, SPOT, ["1"])
    asker.store.free_spot(claim, SPOT)

    assert asker.store.slots_of(claim.run_id) == []


@pytest.mark.parametrize(("dropped", "why"), [(True, "is `refused`"), (False, "asked for none")])
def test_a_place_that_is_not_asked_for_cannot_be_taken(
    asker: Asker, dropped: bool, why: str
) -> None:
    claim = asker.ask() if dropped else asker.run()
    asker.store.drop_slot(claim, SPOT)

    with pytest.raises(MoveWrong) as caught:
        asker.take(claim)

    assert str(caught.value) == (
        f"The submit of step w (attempt 1) in run {claim.run_id} cannot take a slot: it {why}."
        " This is a defect of almaflow: please report it with the output of `almaflow show`."
    )


# Running at a time


def test_places_are_taken_until_all_are(asker: Asker, clock: ManualClock) -> None:
    claims = [asker.ask(f"M{number}") for number in range(4)]
    clock.move(5)

    answers = [asker.take(claim) for claim in claims]

    for claim, answer in zip(claims[:3], answers[:3], strict=True):
        assert answer == asker.slot(claim)
        assert asker.slot(claim).state is SlotState.TAKEN
        assert asker.slot(claim).taken_at == clock.now()
    assert answers[3] == NoSlot("running", tuple(asker.store.holders("main")), None, 0)
    assert [place.run_id for place in asker.store.holders("main")] == [
        claim.run_id for claim in claims[:3]
    ]


def test_who_has_a_place_keeps_it(asker: Asker) -> None:
    claim = asker.taken(instance_id="1")

    assert asker.take(claim, ONE) == asker.slot(claim)


def test_each_account_has_places_of_its_own(asker: Asker) -> None:
    asker.taken()

    assert busy(asker.take(asker.ask("M2"), ONE))[0] == "running"
    assert isinstance(asker.take(asker.ask("M2", "other"), ONE), JobSlot)


@pytest.mark.parametrize("settled", [True, False])
def test_a_place_is_free_once_alma_shows_the_instance_ended(asker: Asker, settled: bool) -> None:
    asker.taken(instance_id="1" if settled else "")
    waiting = asker.ask("M2")
    assert busy(asker.take(waiting, ONE)) == ("running", None, 0)

    freed = asker.store.free_slot("main", "1")

    assert freed is settled
    assert isinstance(asker.take(waiting, ONE), JobSlot) is settled
    assert asker.store.free_slot("main", "1") is False
    assert asker.store.free_slot("other", "1") is False


def test_the_end_of_our_run_does_not_free_its_place(asker: Asker) -> None:
    claim = asker.taken(instance_id="1")
    asker.store.release_run(claim, held=False)
    asker.store.leave_process(asker.process.id)

    other = Asker(asker.store)

    assert busy(other.take(other.ask("M2"), ONE))[0] == "running"


def test_an_unknown_submission_is_free_when_all_that_it_could_be_have_ended(
    asker: Asker, clock: ManualClock
) -> None:
    unknown = asker.taken()
    asker.store.suspect_slot(unknown, SPOT, ["1", "2"])
    waiting = asker.ask("M2")
    clock.move(60)

    other = asker.taken()
    asker.store.suspect_slot(other, SPOT, ["3"])

    first = asker.store.free_slot("main", "1")

    assert asker.slot(other).candidates == ("3",)
    asker.store.drop_slot(other, SPOT)
    assert (first, asker.slot(unknown).candidates) == (True, ("2",))
    assert busy(asker.take(waiting, ONE))[0] == "running"
    assert asker.store.free_slot("main", "2") is True
    assert asker.slot(unknown).state is SlotState.FREED
    assert asker.slot(unknown).freed_at == clock.now()
    assert isinstance(asker.take(waiting, ONE), JobSlot)


def test_one_instance_may_be_what_several_unknown_submissions_are(asker: Asker) -> None:
    unknown = [asker.taken() for _ in range(2)]
    for claim in unknown:
        asker.store.suspect_slot(claim, SPOT, ["1"])

    assert asker.store.free_slot("main", "1")

    assert {asker.slot(claim).state for claim in unknown} == {SlotState.FREED}


@pytest.mark.parametrize("candidates", [[], ["1"]])
def test_an_unknown_submission_counts_as_running_for_a_day_at_most(
    asker: Asker, clock: ManualClock, candidates: list[str]
) -> None:
    unknown = asker.taken()
    asker.store.suspect_slot(unknown, SPOT, candidates)
    waiting = asker.ask("M2")
    clock.move(24 * 3600 - 1)
    assert busy(asker.take(waiting, ONE))[0] == "running"

    clock.move(1)

    assert isinstance(asker.take(waiting, ONE), JobSlot)
    assert asker.slot(unknown).state is SlotState.TAKEN


def test_a_known_instance_counts_as_running_for_as_long_as_it_takes(
    asker: Asker, clock: ManualClock
) -> None:
    asker.taken(instance_id="1")
    clock.move(24 * 3600 * 30)

    assert busy(asker.take(asker.ask("M2"), ONE))[0] == "running"


# Starts within an hour


def test_a_job_that_used_up_its_hour_waits_for_its_oldest_start_and_lets_others_pass(
    asker: Asker, clock: ManualClock
) -> None:
    for number in range(5):
        asker.taken(instance_id=str(number))
        asker.store.free_slot("main", str(number))
        clock.move(60)
    waiting = asker.ask()

    assert busy(asker.take(waiting)) == ("hour", NOON + COUNTS, 0)
    assert isinstance(asker.take(asker.ask("M2")), JobSlot)
    clock.set(seconds=-300)
    clock.move(COUNTS.total_seconds() - 0.001)
    assert busy(asker.take(waiting))[0] == "hour"
    clock.move(0.001)
    assert isinstance(asker.take(waiting), JobSlot)
    assert busy(asker.take(asker.ask())) == ("hour", NOON + COUNTS + timedelta(minutes=1), 0)


def test_a_start_counts_two_seconds_longer_than_an_hour() -> None:
    assert timedelta(hours=1, seconds=2) == COUNTS


def test_a_refused_submission_is_no_start_and_holds_no_place(asker: Asker) -> None:
    for _ in range(5):
        asker.store.drop_slot(asker.taken(), SPOT)

    assert isinstance(asker.take(asker.ask(), ONE), JobSlot)


def test_a_submission_that_was_not_taken_after_all_stays_a_start(
    asker: Asker, clock: ManualClock
) -> None:
    limits = SlotLimits(1, 1)
    lost = asker.taken()

    asker.store.free_spot(lost, SPOT)

    assert asker.slot(lost).freed_at == clock.now()
    assert busy(asker.take(asker.ask(), limits))[0] == "hour"
    assert isinstance(asker.take(asker.ask("M2"), limits), JobSlot)


def test_starts_that_are_granted_before_ours_count(asker: Asker) -> None:
    asker.taken(instance_id="1")
    asker.store.free_slot("main", "1")
    ahead, ours = asker.ask(), asker.ask()
    limits = SlotLimits(3, 2)

    answer = asker.take(ours, limits)

    assert busy(answer) == ("hour", NOON + COUNTS, 1)
    assert isinstance(asker.take(ahead, limits), JobSlot)


def test_limits_that_were_lowered_wait_until_enough_starts_are_over(
    asker: Asker, clock: ManualClock
) -> None:
    for number in range(4):
        asker.taken(instance_id=str(number))
        asker.store.free_slot("main", str(number))
        clock.move(60)

    answer = asker.take(asker.ask(), SlotLimits(3, 2))

    assert busy(answer) == ("hour", NOON + timedelta(minutes=2) + COUNTS, 0)


# The order of asking


def test_who_asked_first_goes_first(asker: Asker) -> None:
    asker.taken(instance_id="1")
    first, second = asker.ask("M2"), asker.ask("M3")
    asker.store.free_slot("main", "1")

    assert busy(asker.take(second, ONE)) == ("turn", None, 1)
    assert isinstance(asker.take(first, ONE), JobSlot)
    assert busy(asker.take(second, ONE)) == ("running", None, 0)


def test_as_many_may_go_as_there_are_places(asker: Asker) -> None:
    first, second, third = (asker.ask(f"M{number}") for number in range(3))
    two = SlotLimits(2, 5)

    assert busy(asker.take(third, two)) == ("turn", None, 2)
    assert isinstance(asker.take(second, two), JobSlot)
    assert isinstance(asker.take(first, two), JobSlot)


def test_looking_at_a_place_takes_nothing(asker: Asker) -> None:
    first, second, stranger = asker.ask(), asker.ask("M2"), asker.run()

    def look(claim: Claim) -> NoSlot | None:
        return asker.store.slot_blocker(claim.run_id, SPOT, ONE)

    assert look(first) is None
    assert look(second) == NoSlot("turn", (), None, 1)
    assert look(stranger) is None
    assert asker.slot(first).state is SlotState.QUEUED
    asker.take(first)
    assert look(first) is None
    assert look(second) == NoSlot("running", (asker.slot(first),), None, 0)


def test_who_may_go_now_is_told_in_the_order_of_asking(open_store: Opener, asker: Asker) -> None:
    assert asker.store.turns("main", LIMITS) == []
    asker.taken("M9", instance_id="1")
    theirs = open_store()
    dead = Asker(theirs).ask()
    first, same, second, third = (asker.ask(job) for job in ("M1", "M1", "M2", "M3"))
    asker.ask("M4", "other")
    theirs.close()

    turns = asker.store.turns("main", SlotLimits(3, 1))

    assert turns == [asker.slot(first), asker.slot(second)]
    assert dead.run_id not in {place.run_id for place in turns}
    everybody = asker.store.turns("main", SlotLimits(9, 9))
    assert everybody == [asker.slot(claim) for claim in (first, same, second, third)]


def test_a_long_queue_is_looked_through_to_its_end(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_PART", 2)
    asker.taken(instance_id="1")
    for _ in range(4):
        asker.ask()
    behind, last = asker.ask("M2"), asker.ask("M3")

    limits = SlotLimits(3, 1)

    assert busy(asker.take(last, SlotLimits(2, 1))) == ("turn", None, 5)
    assert asker.store.turns("main", limits) == [asker.slot(behind), asker.slot(last)]
    assert isinstance(asker.take(last, limits), JobSlot)


def test_who_waits_for_its_hour_does_not_hold_up_others(asker: Asker) -> None:
    for number in range(5):
        asker.taken(instance_id=str(number))
        asker.store.free_slot("main", str(number))
    waiting = asker.ask()

    other = asker.ask("M2")

    assert isinstance(asker.take(other, ONE), JobSlot)
    assert busy(asker.take(waiting, ONE))[0] == "hour"


def test_what_alma_put_off_keeps_its_ticket_and_nobody_of_its_job_passes(
    asker: Asker, clock: ManualClock
) -> None:
    first, same, other = asker.taken(), asker.ask(), asker.ask("M2")
    again_at = NOON + timedelta(seconds=30)
    ticket = asker.slot(first).id

    asker.store.postpone_slot(first, SPOT, again_at)

    place = asker.slot(first)
    assert (place.id, place.state, place.taken_at) == (ticket, SlotState.QUEUED, None)
    assert (place.refusals, place.not_before) == (1, again_at)
    assert busy(asker.take(first)) == ("later", again_at, 0)
    assert busy(asker.take(same)) == ("later", again_at, 1)
    assert isinstance(asker.take(other), JobSlot)
    assert busy(asker.take(asker.ask("M3"), ONE)) == ("running", None, 2)
    clock.move(30)
    assert busy(asker.take(same, SlotLimits(2, 5))) == ("turn", None, 1)
    again = asker.take(first, SlotLimits(2, 5))
    assert isinstance(again, JobSlot)
    assert (again.refusals, again.taken_at, again.not_before) == (1, clock.now(), None)


def test_one_that_was_put_off_is_passed_by_other_jobs_in_the_queue(asker: Asker) -> None:
    first, same = asker.taken(), asker.ask()
    asker.store.postpone_slot(first, SPOT, NOON + timedelta(seconds=30))

    other = asker.ask("M2")

    assert isinstance(asker.take(other, ONE), JobSlot)
    assert busy(asker.take(same, ONE))[0] == "later"


def test_runs_without_an_owner_do_not_hold_up_others(asker: Asker) -> None:
    released, put_off, ours = asker.ask(), asker.taken(), asker.ask()
    asker.store.postpone_slot(put_off, SPOT, NOON + HOUR)
    asker.store.release_run(released, held=True)
    asker.store.release_run(put_off, held=True)

    assert isinstance(asker.take(ours, ONE), JobSlot)


def test_runs_of_dead_processes_do_not_hold_up_others(open_store: Opener, asker: Asker) -> None:
    theirs = open_store()
    dead = Asker(theirs)
    dead.ask()
    ours = asker.ask("M2")
    assert busy(asker.take(ours, ONE))[0] == "turn"

    theirs.close()

    assert isinstance(asker.take(ours, ONE), JobSlot)
    process = asker.store.process(dead.process.id)
    assert process is not None
    assert process.left_at is not None


def test_a_run_that_is_taken_over_has_its_old_ticket(open_store: Opener, asker: Asker) -> None:
    theirs = open_store()
    claim = Asker(theirs).ask()
    ours = asker.ask("M2")
    theirs.close()

    taken_over = asker.store.claim_run(claim.run_id, asker.process.id)

    assert busy(asker.take(ours, ONE))[0] == "turn"
    assert isinstance(asker.take(taken_over, ONE), JobSlot)


def test_a_place_that_is_taken_in_a_batch_that_fails_is_not_taken(asker: Asker) -> None:
    claim = asker.ask()

    def send() -> None:
        with asker.store.batch():
            assert isinstance(asker.take(claim), JobSlot)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send()

    assert asker.slot(claim).state is SlotState.QUEUED


# What a submission became


def test_two_submissions_are_never_one_instance(asker: Asker) -> None:
    first = asker.taken(instance_id="17")
    second = asker.taken()

    with pytest.raises(InstanceTaken) as caught:
        asker.store.settle_slot(second, SPOT, "17")

    assert caught.value.slot == asker.slot(first)
    assert asker.slot(second).instance_id is None
    asker.store.settle_slot(asker.taken(account="other"), SPOT, "17")


def test_settling_twice_changes_nothing_even_after_the_end(asker: Asker) -> None:
    claim = asker.taken(instance_id="17")
    asker.store.free_slot("main", "17")

    asker.store.settle_slot(claim, SPOT, "17")

    assert asker.slot(claim).state is SlotState.FREED


@pytest.mark.parametrize("before", ["freed", "refused", "suspected"])
def test_what_is_found_after_all_runs_until_it_is_seen_ended(
    asker: Asker, clock: ManualClock, before: str
) -> None:
    claim = asker.taken()
    match before:
        case "freed":
            asker.store.free_spot(claim, SPOT)
        case "refused":
            asker.store.drop_slot(claim, SPOT)
        case "suspected":
            asker.store.suspect_slot(claim, SPOT, ["17", "18"])
    clock.move(60)

    asker.store.settle_slot(claim, SPOT, "17")

    place = asker.slot(claim)
    assert (place.state, place.instance_id, place.candidates) == (SlotState.TAKEN, "17", ())
    assert (place.taken_at, place.freed_at) == (NOON, None)


def test_an_adopted_instance_that_was_never_let_go_counts_from_now(
    asker: Asker, clock: ManualClock
) -> None:
    claim = asker.ask()
    clock.move(60)

    asker.store.settle_slot(claim, SPOT, "17")

    assert asker.slot(claim).taken_at == clock.now()


def test_the_instances_of_a_job_are_known_whoever_they_belong_to(asker: Asker) -> None:
    asker.taken(instance_id="1")
    asker.taken(instance_id="2")
    asker.taken("M2", instance_id="3")
    asker.taken(account="other", instance_id="4")
    asker.taken()
    asker.store.free_slot("main", "2")

    assert asker.store.known_instances("main", "M1") == {"1", "2"}
    assert asker.store.known_instances("main", "M9") == set()


def test_other_lost_submissions_of_a_job_are_named(asker: Asker) -> None:
    ours, theirs = asker.taken(), asker.taken()
    asker.taken(instance_id="1")
    asker.taken("M2")
    asker.taken(account="other")
    asker.ask()
    resubmit = SubmissionKey("w", 1, "resubmit")
    asker.store.ask_slot(ours, resubmit, "main", "M1", None, "", False)
    asker.store.take_slot(ours, resubmit, SlotLimits(100, 100))

    beside = asker.store.others_lost("main", "M1", ours.run_id, SPOT)

    assert beside == [asker.slot(theirs), asker.store.slot(ours.run_id, resubmit)]


def test_the_jobs_that_work_on_a_set_are_known(asker: Asker) -> None:
    works = asker.taken(instance_id="1")
    unknown = asker.taken()
    asker.taken(set_id="18")
    asker.taken(account="other")
    asker.taken(instance_id="2")
    asker.store.free_slot("main", "2")
    asker.ask()

    on_set = asker.store.jobs_on_set("main", "17")

    assert on_set == [asker.slot(works), asker.slot(unknown)]
