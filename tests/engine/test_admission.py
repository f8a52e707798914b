"""Waiting for a place among Alma's limits: who may go, who waits for what, who frees a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from almaflow.clock import SystemClock
from almaflow.engine.alma_writes.admission import Admission
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.outcome import Status
from almaflow.runs.job_durations import Durations
from almaflow.store import EntryState, NoSlot, RunRecord, SlotState
from almaflow.store.writer import StoreWriter
from almaflow.timetable import Maintenance
from almaflow.virtual_time import run_virtual
from tests import harness
from tests.harness import START, Boundary, Ears, Played, Stage, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def few_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes with a store on disk write to it only now and then for their own sake."""
    monkeypatch.setattr(harness, "LOOK", timedelta(minutes=1))
    monkeypatch.setattr(harness, "LEASE", timedelta(hours=1))


def job(id: str = "M901", step: str = "x", more: str = "") -> str:
    """Return the step that submits a job."""
    return f"{{id: {step}, submit_job: {{job: {id}, set: '{SET['id']}'{more}}}}}"


def run_of(id: str = "M901", more: str = "") -> str:
    return f"{{timeout: 3d, steps: [{job(id, more=more)}]}}"


def library(lengths: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    rules = [{"job": one, "duration": length} for one, length in (lengths or {}).items()]
    alma = {"wrong_content": "ignore", **more.pop("alma", {})}
    rules = [*more.pop("jobs", []), *rules, {"job": "*", "duration": "20m"}]
    return {"sets": [SET], "jobs": rules, "alma": alma, **more}


def others(count: int, at: str = "0s", duration: str = "1h", **more: Any) -> list[dict[str, Any]]:
    """Return runs of a job that another user of the API starts."""
    return [{"job": "M909", "at": at, "duration": duration, **more} for _ in range(count)]


def work(stage: Stage, *, engines: int = 1, beside: Any = None) -> list[Played]:
    """Let engines share the runs that there are and work on them; returns all that are there."""

    async def one(number: int) -> None:
        engine = stage.engine(stage.open_store(), Ears())
        unfinished = [one.id for one in runs(stage) if one.status is not Status.FINISHED]
        async with engine.running(), anyio.create_task_group() as tasks:
            for run_id in unfinished[number::engines]:
                tasks.start_soon(engine.work_on, run_id)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(engines):
                tasks.start_soon(one, number)
            if beside is not None:
                tasks.start_soon(beside)

    run_virtual(main)
    return [stage.look(one.id) for one in runs(stage)]


def runs(stage: Stage) -> list[RunRecord]:
    with stage.using_store() as store:
        return sorted(store.runs(limit=1000), key=lambda record: record.id)


def order(stage: Stage) -> list[int]:
    """Return the places of our runs, as they were recorded, in the order of Alma's starts."""
    instances = [one.instance_id for one in stage.submissions]
    played = [stage.look(one.id) for one in runs(stage)]
    return [instances.index(one.steps["x"]["instance_id"]) for one in played]


def starts(stage: Stage) -> list[datetime]:
    """Return when Alma started our runs, in the order in which they were recorded."""
    return [stage.submissions[number].at for number in order(stage)]


def minutes(instant: datetime) -> float:
    return (instant - START) / timedelta(minutes=1)


def most_at_once(stage: Stage) -> int:
    """Return how many API-started runs went on at a time, at most."""
    mine = [run for run in stage.alma.instances() if run.started_by_api]
    return max(
        sum(1 for run in mine if run.submitted_at <= at.submitted_at < run.timeline.final_at)
        for at in mine
    )


def most_in_an_hour(stage: Stage) -> int:
    """Return how often a job was started within an hour, at most."""
    return max(
        sum(1 for at in times if 0 <= (at - first) / HOUR < 1)
        for times in _by_job(stage).values()
        for first in times
    )


def _by_job(stage: Stage) -> dict[str, list[datetime]]:
    times: dict[str, list[datetime]] = {}
    for run in stage.alma.instances():
        if run.started_by_api:
            times.setdefault(run.job.id, []).append(run.submitted_at)
    return times


def refused(stage: Stage) -> int:
    return sum(1 for one in stage.alma.received("submit") if one.status != 200)


# --- the two limits -------------------------------------------------------------------------------


@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.slow
def test_there_is_never_a_fourth_run_nor_a_sixth_start_within_an_hour(
    tmp_path: Path, engines: int
) -> None:
    lengths = {"M901": "4m", "M902": "25m", "M903": "50m"}
    stage = Stage(tmp_path, library(lengths), durable=engines > 1)
    for number in range(18):
        stage.add(run_of("M901" if number % 3 else f"M90{2 + number % 2}"))

    played = work(stage, engines=engines)

    assert Counter(one.outcome for one in played) == {"succeeded": 18}
    assert len(stage.submissions) == 18
    assert most_at_once(stage) == 3
    assert most_in_an_hour(stage) == 5
    # Decided before sending: Alma had nothing to refuse.
    assert refused(stage) == 0


@pytest.mark.parametrize("engines", [1, 2])
def test_who_asks_first_goes_first(tmp_path: Path, engines: int) -> None:
    stage = Stage(tmp_path, library({"*": "5m"}), durable=engines > 1)
    for number in range(9):
        step = job(f"M90{1 + number % 3}")
        stage.add(f"{{timeout: 1d, steps: [{{wait: {10 * number + 1}s}}, {step}]}}")

    work(stage, engines=engines)

    assert order(stage) == list(range(9))


def test_who_waits_for_its_job_s_hour_lets_others_pass(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"*": "2m"}))
    for _ in range(6):
        stage.add(run_of("M901"))
    stage.add(run_of("M902"))

    played = work(stage)

    *early, sixth, other = starts(stage)
    assert minutes(max(early)) < 10
    assert minutes(other) < 10
    # An hour and the margin behind the first start.
    assert 60 <= minutes(sixth) <= 61
    told = "job M901 was started 5 times within an hour at main; next try at 09:15:02 UTC"
    assert told in played[5].said_waiting


def test_a_place_is_free_as_soon_as_its_run_has_ended(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"*": "10m"}, alma={"skip_phases": True}))
    for number in range(4):
        stage.add(run_of(f"M90{number + 1}"))

    work(stage)

    assert minutes(starts(stage)[3]) <= 10.5
    assert stage.open_store().holders("main") == []


# --- what is told ---------------------------------------------------------------------------------


def test_who_waits_says_what_for(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"*": "10m"}))
    for number in range(4):
        stage.add(run_of(f"M90{number + 1}"))
    seen: list[str] = []

    async def look() -> None:
        await anyio.sleep(60)
        seen.extend(one.reason for one in runs(stage))

    played = work(stage, beside=look)

    assert seen[3] == "x: 3 API-started jobs are running at main"
    assert played[3].said_waiting[0] == "3 API-started jobs are running at main"


def test_an_estimate_is_told_where_durations_are_known(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"M901": "20m", "*": "40m"}, alma={"skip_phases": True}))
    for _ in range(2):
        assert stage.run(run_of("M901")).outcome == "succeeded"
    stage.pass_time(hours=2)
    begun = minutes(stage.clock.now())
    for id in ("M901", "M902", "M903", "M904"):
        stage.add(run_of(id))

    played = [one for one in work(stage) if minutes(one.record.requested_at) >= begun]

    expected = stage.look(played[0].record.id).steps["x"]["submitted_at"] + timedelta(minutes=20)
    assert played[3].said_waiting[0] == (
        f"3 API-started jobs are running at main; first expected end {expected:%H:%M} UTC"
    )


def test_a_free_place_is_for_those_who_asked_before(set_stage: Callable[..., Stage]) -> None:
    store = set_stage(library()).open_store()
    admission = Admission(store, StoreWriter(store), SystemClock(), Durations())
    connection: Any = InstitutionConnection("main", None, "")  # type: ignore[arg-type]

    several, one = (NoSlot("turn", (), None, ahead) for ahead in (4, 1))

    told = [admission.reason(busy, "M901", connection, "") for busy in (several, one)]

    assert told[0] == "4 submissions at main asked before this one"
    assert told[1] == "1 submission at main asked before this one"


# --- who keeps a place ----------------------------------------------------------------------------


def keeps_its_place(stage: Stage, first: Played) -> None:
    """Check that the fourth run waited for the end of the first run's job, and no longer."""
    (job_of_first,) = [run for run in stage.alma.instances("M901") if run.started_by_api]
    fourth = stage.look(runs(stage)[3].id)
    assert first.record.ended_at is not None
    assert first.record.ended_at < job_of_first.timeline.final_at
    wait = stage.submissions[3].at - job_of_first.timeline.final_at
    assert timedelta() <= wait <= timedelta(seconds=20)
    assert fourth.outcome == "succeeded"
    assert refused(stage) == 0


# The holders of the places are looked at every ten seconds, so hours of them take long.
FOUR = {"M901": "15m", "M902": "40m", "M903": "40m", "M904": "5m"}


def test_a_cancelled_run_keeps_its_place_until_its_job_has_ended(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, library(FOUR), durable=True)
    for id in FOUR:
        stage.add(run_of(id))

    async def act() -> None:
        await anyio.sleep(600)
        with stage.using_store() as store:
            store.ask_cancel(runs(stage)[0].id, "anna")

    first, *_ = work(stage, beside=act)

    assert first.ended == ("cancelled", "Cancelled by anna.")
    keeps_its_place(stage, first)


def test_a_run_whose_time_was_up_keeps_its_place(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(FOUR))
    stage.add(f"{{timeout: 10m, steps: [{job('M901')}]}}")
    for id in ("M902", "M903", "M904"):
        stage.add(run_of(id))

    first, *_ = work(stage)

    assert first.outcome == "timed_out"
    keeps_its_place(stage, first)


def test_a_run_that_does_not_follow_its_job_keeps_its_place(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(FOUR))
    stage.add(run_of("M901", ", wait: false"))
    for id in ("M902", "M903", "M904"):
        stage.add(run_of(id))

    first, *_ = work(stage)

    assert first.outcome == "succeeded"
    keeps_its_place(stage, first)


def test_a_job_of_an_earlier_process_keeps_its_place(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(FOUR))
    for id in ("M901", "M902", "M903"):
        assert stage.run(run_of(id, ", wait: false")).outcome == "succeeded"
    stage.pass_time(minutes=1)
    stage.add(run_of("M904"))

    played = work(stage)

    keeps_its_place(stage, played[0])


def test_a_run_that_alma_does_not_know_any_more_frees_its_place(
    set_stage: Callable[..., Stage],
) -> None:
    gone = {"kind": "status", "status": 400, "code": "402218", "call": "get_instance"}
    stage = set_stage(library(FOUR, faults=[{**gone, "from": "10m"}]))
    for id in ("M901", "M902", "M903"):
        stage.run(run_of(id, ", wait: false"))
    stage.add(run_of("M904", ", wait: false"))

    work(stage)

    # Alma itself counts it still, and says so.
    assert stage.sent("submit") > 4
    assert refused(stage) == stage.sent("submit") - 4
    assert 10 <= minutes(stage.alma.received("submit")[3].at) <= 11


def test_a_submission_that_alma_refuses_for_good_frees_its_place(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "status", "status": 400, "code": "402229", "call": "submit", "nth": [1, 2, 3]}
    stage = set_stage(library(faults=[fault]))
    for number in range(4):
        stage.add(run_of(f"M90{number + 1}"))

    played = work(stage)

    assert [one.outcome for one in played] == ["failed", "failed", "failed", "succeeded"]
    assert minutes(stage.submissions[0].at) < 1
    assert {one.state for one in stage.open_store().slots_of(played[0].record.id)} == {
        SlotState.REFUSED
    }


def test_a_submission_that_was_not_taken_frees_its_place_and_counts_as_a_start(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "reset", "call": "submit", "nth": 1}
    stage = set_stage(library({"*": "2m"}, faults=[lose]))
    for _ in range(5):
        stage.add(run_of("M901"))

    work(stage)

    # The lost one, its repetition and three others within the hour; the fifth an hour later.
    times = [minutes(one.at) for one in stage.submissions]
    assert times[3] < 15
    assert 60 <= times[4] <= 75
    assert stage.open_store().holders("main") == []


# --- unknown --------------------------------------------------------------------------------------


def test_what_nobody_knows_counts_as_running_for_a_day(set_stage: Callable[..., Stage]) -> None:
    lose = {"kind": "reset", "call": "submit", "nth": [1, 2, 3]}
    stage = set_stage(library(faults=[lose]), connection={"settle": None})
    for number in range(3):
        waiting = stage.run(run_of(f"M90{number + 1}"))
        assert waiting.record.status is Status.WAITING
    last = minutes(stage.clock.now())

    seldom = "defaults: {poll: {first: 5m, max: 5m}}"
    played = stage.run(f"{{timeout: 3d, {seldom}, steps: [{job('M904')}]}}")

    assert played.outcome == "succeeded"
    # The first of the three was sent at the start.
    assert 24 * 60 <= minutes(stage.submissions[0].at) <= 24 * 60 + 5
    assert last <= 31


def test_what_may_be_one_of_several_runs_counts_until_all_of_them_have_ended(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "lose_answer", "call": "submit", "nth": 1}
    foreign = {"job": "M901", "at": "1m", "duration": "50m"}
    stage = set_stage(
        library({"M901": "30m", "*": "1h"}, faults=[lose], other_runs=[foreign]),
        connection={"running_jobs": 2},
    )
    waiting = stage.run(run_of("M901", ", job_name: false"))
    assert len(waiting.entry("x", "submit").value["candidates"]) == 2
    stage.run(run_of("M902", ", wait: false"))
    stage.add(run_of("M903", ", wait: false"))

    stage.resume()

    assert 51 <= minutes(stage.submissions[2].at) <= 52


# --- others who use the API -----------------------------------------------------------------------


def test_refusals_for_the_sake_of_others_are_waited_out_with_growing_pauses(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(other_runs=others(3, duration="30m")))

    played = stage.run(run_of("M901"))

    times = [one.at for one in stage.alma.received("submit")]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert played.outcome == "succeeded"
    assert 30 <= minutes(times[-1]) <= 32
    assert 30 <= pauses[0] < 60 < max(pauses) <= 120
    assert played.said_waiting[0] == (
        "Alma's limit of API-started jobs is reached at main; next try at 08:15:30 UTC"
    )
    assert len(stage.submissions) == 1


def test_who_was_refused_keeps_its_ticket(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library({"*": "10m"}, other_runs=others(3, duration="30m")))
    stage.add(run_of("M901"))
    stage.add(f"{{timeout: 1d, steps: [{{wait: 20m}}, {job('M901')}]}}")

    work(stage)

    assert order(stage) == [0, 1]


def test_a_refusal_holds_up_no_other_job(set_stage: Callable[..., Stage]) -> None:
    rule = {"job": "M901", "refuse": "60347", "nth": list(range(1, 9))}
    stage = set_stage(library(jobs=[rule]))
    stage.add(run_of("M901"))
    stage.add(run_of("M901"))
    stage.add(run_of("M902"))

    work(stage)

    first, second, other = starts(stage)
    assert minutes(other) < 1
    assert 4 < minutes(first) <= minutes(second)


# --- giving up ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
def test_who_gives_up_waiting_leaves_the_queue(tmp_path: Path, how: str) -> None:
    stage = Stage(tmp_path, library({"*": "20m"}), durable=True)
    for number in range(3):
        stage.add(run_of(f"M90{number + 1}"))
    timeout = "timeout: 10m, " if how == "timed out" else ""
    stage.add(f"{{timeout: 1d, steps: [{{{timeout}{job('M904')[1:]}]}}")
    stage.add(run_of("M904"))

    async def act() -> None:
        await anyio.sleep(600)
        if how == "cancelled":
            with stage.using_store() as store:
                store.ask_cancel(runs(stage)[3].id, "anna")

    *_, gave_up, last = work(stage, beside=act)

    assert gave_up.outcome == how.replace(" ", "_")
    assert last.outcome == "succeeded"
    with stage.using_store() as store:
        (place,) = store.slots_of(gave_up.record.id)
        assert (place.state, store.queue()) == (SlotState.REFUSED, [])
    assert len(stage.submissions) == 4


def test_an_interrupted_run_keeps_its_ticket_and_holds_up_nobody(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library({"*": "30m"}))
    for number in range(3):
        stage.run(run_of(f"M90{number + 1}", ", wait: false"))
    held = stage.run(run_of("M904"), beside=interrupt_after(minutes=1))
    assert held.interrupted
    assert [place.state for place in stage.open_store().slots_of(held.record.id)] == [
        SlotState.QUEUED
    ]

    assert stage.run(run_of("M904")).outcome == "succeeded"
    assert stage.resume(part=held.record.id).outcome == "succeeded"

    # The later one went first: nobody was there to send the earlier one.
    assert len(stage.submissions) == 5


# --- calls ----------------------------------------------------------------------------------------


def test_below_the_reserve_only_polls_go_on_at_their_longest_distance(
    set_stage: Callable[..., Stage],
) -> None:
    alma = {"calls_per_day": 60, "skip_phases": True}
    stage = set_stage(library({"*": "1h"}, alma=alma), connection={"reserve_calls": 58})

    played = stage.run(f"{{timeout: 3d, steps: [{job('M901')}, {job('M902', 'y')}]}}")

    assert played.outcome == "succeeded"
    polls = [one.at for one in stage.alma.received("get_instance") if one.at < midnight]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(polls)]
    assert pauses == [120] * len(pauses)
    assert 25 <= len(pauses) <= 30
    assert midnight <= stage.submissions[1].at <= midnight + timedelta(minutes=1)
    left = 60 - 2 - len(polls)
    assert f"{left} calls are left today at main, fewer than the 58 reserved ones" in " ".join(
        played.said_waiting
    )


def test_once_a_day_the_log_warns_that_half_of_the_calls_are_gone(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage({"alma": {"calls_per_day": 10}})
    reads = ", ".join(["{get: /conf/general}"] * 7)

    played = stage.run(f"{{timeout: 3d, steps: [{reads}, {{wait: 20h}}, {reads}]}}")

    warnings = [text for text in played.said() if "API calls are left today" in text]
    assert played.outcome == "succeeded"
    assert [text.split()[1] for text in warnings] == ["4", "4"]


def test_a_submission_waits_until_maintenance_is_over_and_polls_go_on(
    set_stage: Callable[..., Stage],
) -> None:
    # The run begins at 08:15.
    maintenance = Maintenance.of(["08:30-10:00"], "UTC")
    stage = set_stage(library({"*": "1h"}), connection={"maintenance": maintenance})

    played = stage.run(f"steps: [{job('M901')}, {job('M902', 'y')}]")

    over = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert played.outcome == "succeeded"
    assert stage.submissions[0].at < over <= stage.submissions[1].at < over + timedelta(minutes=1)
    assert len([one for one in stage.alma.received("get_instance") if one.at < over]) > 5
    assert "Alma at main is being maintained until 2026-03-02 10:00" in " ".join(
        played.said_waiting
    )


midnight = datetime(2026, 3, 3, tzinfo=UTC)


def test_a_submission_on_a_day_without_calls_waits_for_midnight(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "status", "status": 429, "code": "DAILY_THRESHOLD", "call": "submit"}
    stage = set_stage(library(faults=[{**fault, "for": "15h45m"}]))

    played = stage.run(run_of("M901"))

    assert played.outcome == "succeeded"
    assert stage.sent("submit") == 2
    assert midnight <= stage.submissions[0].at <= midnight + timedelta(minutes=1)
    assert played.said_waiting[0] == "main's calls for today are used up"


@pytest.mark.parametrize("minutes", [-40, 40])
def test_midnight_is_alma_s_and_not_ours(set_stage: Callable[..., Stage], minutes: int) -> None:
    fault = {"kind": "status", "status": 429, "code": "DAILY_THRESHOLD", "call": "submit"}
    lasts = {**fault, "for": f"{15 * 60 + 45 - minutes}m"}
    stage = set_stage(library(faults=[lasts]), alma_ahead=timedelta(minutes=minutes))

    played = stage.run(run_of("M901"))

    assert played.outcome == "succeeded"
    assert stage.sent("submit") == 2
    assert midnight <= stage.submissions[0].at <= midnight + timedelta(minutes=1)


def test_a_day_without_calls_ends_a_step_whose_time_is_up_before(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "status", "status": 429, "code": "DAILY_THRESHOLD", "call": "submit"}
    stage = set_stage(library(faults=[fault]))

    played = stage.run(f"steps: [{{timeout: 2h, {job()[1:]}]")

    assert played.ended == (
        "timed_out",
        "Step x: The time limit of step x expired. main's calls for today are used up.",
    )
    assert played.record.ended_at == START + timedelta(hours=2)
    (place,) = stage.open_store().slots_of(played.record.id)
    assert place.state is SlotState.REFUSED


# --- crashes --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_place_and_intent_are_recorded_together_whenever_a_process_dies(tmp_path: Path) -> None:
    whole = Stage(prepared(tmp_path / "whole"), library({"*": "2m"}), durable=True)
    assert whole.run(run_of()).outcome == "succeeded"

    for at in range(1, whole.boundary.counts["commit"] + 1):
        for after in (False, True):
            stage = Stage(prepared(tmp_path / f"{at}-{after}"), library({"*": "2m"}), durable=True)
            stage.add(run_of())
            stage.boundary = Boundary("commit", at, after=after)
            crashed = stage.resume()
            stage.boundary = Boundary()

            sent = [one for one in crashed.journal if one.effect == "submit"]
            with stage.using_store() as store:
                places = store.slots_of(crashed.record.id)
            taken = [one for one in places if one.state is not SlotState.QUEUED]
            assert len(sent) == len(taken), at
            known = [one.value["result"] for one in sent if one.state is EntryState.DONE]
            assert [one.instance_id for one in taken if one.instance_id] == known, at


def prepared(folder: Path) -> Path:
    folder.mkdir()
    return folder
