"""Why a run waits, or ended as it did: each cause, with what a person can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.plan import make_plan
from almaflow.runs.diagnosis import DiagnosisContext, Reason, WaitingCause, why
from almaflow.runs.job_durations import Durations
from almaflow.runs.step_tree import CalledWorkflow, StepTree
from almaflow.runs.views import view_of
from almaflow.store import EntryState, JobSlot, JournalEntry, Process, SlotState
from almaflow.waiting import WaitingKind
from almaflow.workflow_loader import load_text
from tests.harness import START
from tests.journals import PROJECT, after, entry, sent, step
from tests.waits import following, question, wait

TEXT = """\
name: weed
steps:
  - id: both
    parallel:
      left:
        - {id: job, submit_job: {job: M48}}
        - {id: later, wait: 1m}
      right:
        - {id: sign, approve: "Delete?", timeout: 2d}
finally: [{id: tidy, wait: 1m}]
"""
NOW = after(minutes=12)
RESUME = "`almaflow resume r` continues it."


def place(number: int, **more: Any) -> JobSlot:
    """Return a place of job M48 that is taken since the start."""
    told: dict[str, Any] = {
        "account": "ACC",
        "job_id": "M48",
        "run_id": "other",
        "path": "export",
        "attempt": 1,
        "effect": "submit",
        "set_id": None,
        "marker": "",
        "named": True,
        "state": SlotState.TAKEN,
        "asked_at": START,
        "not_before": None,
        "refusals": 0,
        "taken_at": START,
        "instance_id": str(number),
        "candidates": (),
        "freed_at": None,
    }
    return JobSlot(id=number, **{**told, **more})


def causes(
    *entries: Iterable[JournalEntry],
    text: str = TEXT,
    places: Sequence[JobSlot] = (),
    holders: Sequence[JobSlot] = (),
    queue: Sequence[JobSlot] = (),
    learned: float | None = None,
    settle: timedelta | None = timedelta(minutes=10),
    process: Process | None = None,
    worked_on: bool = True,
    now: datetime = NOW,
    known: bool = True,
    **record: Any,
) -> list[Reason]:
    loaded = load_text(text, "weed.yaml")
    plan = make_plan(loaded, PROJECT, {}, run_id="r", now=START, simulated=True)
    told = {"status": Status.RUNNING, "started_at": START, **record}
    journal = [one for group in entries for one in group]
    view = view_of(
        replace(plan.record(), **told), plan.definition, journal, [], worked_on=worked_on
    )
    seconds = [] if learned is None else [learned] * 2
    durations = Durations(
        {"institution": "ACC", "job_id": "M48", "seconds": one} for one in seconds
    )
    around = DiagnosisContext(
        now=now,
        own_slots=places,
        holders=lambda account: holders,
        queue=lambda account: queue,
        durations=durations,
        settle=lambda institution: settle,
        process=process,
        step_tree=StepTree(CalledWorkflow(loaded.workflow, {}, loaded.document)) if known else None,
    )
    return why(view, around)


BOTH = step("both", "")
JOB = [*BOTH, *step("both/left/job", "")]
DONE = [*JOB, sent("both/left/job", EntryState.DONE)]


# --- steps ----------------------------------------------------------------------------------------


def test_a_job_in_alma_tells_its_status_since_when_and_how_long_it_takes() -> None:
    job = following("M48", "both/left/job", "4711", "40 %")
    waits: dict[str, Any] = {"status": Status.WAITING, "waits": (job,)}
    own = [place(1, run_id="r", path="both/left/job")]

    (known,) = causes(DONE, places=own, learned=900, **waits)
    (late,) = causes(DONE, places=own, learned=300, **waits)
    (new,) = causes(DONE, status=Status.RUNNING)

    assert known == Reason(
        WaitingCause.ALMA,
        "both/left/job",
        "Job M48 runs in Alma at main as 4711 (RUNNING, 40 %), since 08:15:00 UTC (12m).",
        ("it usually takes 15m",),
    )
    assert late.details == ("it usually takes 5m, so it is late",)
    assert new.text == "Job M48 runs in Alma at main as 4711, since 08:15:00 UTC (12m)."
    assert new.details == ("its usual duration is not known yet",)


def test_a_step_that_waits_for_its_turn_tells_who_is_before_it() -> None:
    own = place(9, run_id="r", path="both/left/job", state=SlotState.QUEUED, taken_at=None,
                instance_id=None, refusals=2)  # fmt: skip
    holders = [
        place(1),
        place(2, run_id="r", path="first"),
        place(3, instance_id=None, candidates=("31", "32")),
        place(4, instance_id=None, taken_at=None),
    ]
    queue = [
        place(8, run_id="third", path="x", asked_at=after(minutes=1), state=SlotState.QUEUED),
        own,
    ]

    (one,) = causes(
        JOB,
        places=[own],
        holders=holders,
        queue=queue,
        learned=1200,
        status=Status.WAITING,
        waits=(
            wait(
                "3 API-started jobs are running at main; first expected end 08:35 UTC",
                "both/left/job",
                WaitingKind.SLOT,
            ),
        ),
    )

    assert one == Reason(
        WaitingCause.PLACE,
        "both/left/job",
        "Job M48 has been waiting for a slot since 08:15:00 UTC: 3 API-started jobs are "
        "running at main; first expected end 08:35 UTC.",
        (
            "running: job M48 as 1, of run other, step export, since 08:15:00 UTC, expected to end "
            "08:35:00 UTC",
            "running: job M48 as 2, of this run, step first, since 08:15:00 UTC, expected to end "
            "08:35:00 UTC",
            "running: job M48 as 31 or 32, of run other, step export, since 08:15:00 UTC, expected "
            "to end 08:35:00 UTC",
            "running: job M48, as an unknown instance, of run other, step export",
            "before it: job M48 of run third, step x, requested 08:16:00 UTC",
            "Alma has refused it 2 times so far",
        ),
    )


def test_of_many_holders_and_of_a_long_queue_the_first_are_named() -> None:
    own = place(99, run_id="r", path="both/left/job", state=SlotState.QUEUED, refusals=1)

    (one,) = causes(
        JOB,
        places=[own],
        holders=[place(number) for number in range(7)],
        queue=[place(number, state=SlotState.QUEUED) for number in range(20)],
    )

    assert (
        one.text == "Job M48 has been waiting for a slot since 08:15:00 UTC: others asked before."
    )
    assert len(one.details) == 13
    assert one.details[5] == "and 2 more are running"
    assert one.details[11:] == ("and 15 more asked before", "Alma has refused it once so far")


def test_a_question_tells_how_it_is_answered_and_until_when() -> None:
    begin = step("both/right/sign", "")
    begin[0].value["deadline"] = after(days=2).isoformat()

    (one,) = causes(
        BOTH,
        begin,
        status=Status.WAITING,
        waits=(question("Delete?", "both/right/sign"),),
    )

    assert one == Reason(
        WaitingCause.PERSON,
        "both/right/sign",
        "A person has to approve: Delete?",
        ("it has been waiting since 08:15:00 UTC, until 2026-03-04 08:15:00 UTC",),
        (
            "`almaflow approve r both/right/sign` approves, `almaflow approve r "
            "both/right/sign --reject` rejects.",
        ),
    )


LOOKING = (
    "The response to its request POST /conf/jobs/M48?op=run, sent 08:15:00 UTC, was "
    "lost, so almaflow searches Alma for the outcome"
)


@pytest.mark.parametrize(
    ("effect", "settle", "then"),
    [
        (
            "submit",
            10,
            "if it does not appear in Alma by 08:25:00 UTC, almaflow submits it once more",
        ),
        ("submit", None, "if it does not appear in Alma in time, a person has to check"),
        ("resubmit", 10, "if it does not appear in Alma in time, a person has to check"),
        ("create", 10, "if it does not appear in Alma in time, almaflow sends it once more"),
    ],
)
def test_a_lost_answer_tells_what_happens_when_nothing_is_found(
    effect: str, settle: int | None, then: str
) -> None:
    lost = sent("both/left/job", EntryState.LOST, effect=effect, error="gone")

    (one,) = causes(
        JOB,
        [lost],
        settle=None if settle is None else timedelta(minutes=settle),
        status=Status.WAITING,
        waits=(wait("looking in Alma", "both/left/job"),),
    )

    assert (one.cause, one.moves) == (WaitingCause.LOST, ())
    assert one.text == f"{LOOKING}; it searches about once a minute: {then}."
    assert one.details == (
        ("the response was lost (gone); being searched for in Alma since 08:15:00"),
    )


def test_without_a_process_nobody_looks_for_a_lost_answer() -> None:
    lost = sent("both/left/job", EntryState.INTENT)

    nobody, one = causes(JOB, [lost], worked_on=False)

    assert nobody.cause is WaitingCause.NOBODY
    assert one.text.startswith(f"{LOOKING}: if it does not appear in Alma by ")


def test_what_nobody_can_tell_leads_to_resolve() -> None:
    absent = sent("both/left/job", EntryState.UNTAKEN, absent=True, error="gone")
    lost = sent("both/left/job", EntryState.LOST, effect="resubmit", error="gone",
                unknown="it does not appear in Alma's list of instances")  # fmt: skip

    (one,) = causes(
        JOB,
        [absent, lost],
        worked_on=False,
        status=Status.WAITING,
        waits=(wait("Nobody can tell."),),
    )

    assert one == Reason(
        WaitingCause.UNKNOWN,
        "both/left/job",
        "It is not known whether Alma accepted what it submitted, so almaflow sends nothing "
        "before a person confirms the outcome.",
        (
            "sent 08:15:00 UTC: the response was lost (gone); not found in Alma by 08:15:00, so "
            "it was sent once more",
            "sent 08:15:00 UTC: the response was lost (gone); it does not appear in Alma's list "
            "of instances, so it is not known whether Alma accepted it",
        ),
        (
            "Check in Alma (Admin > Monitor Jobs). If the job runs or ran there: `almaflow "
            "resolve r both/left/job --instance ID`.",
            "If Alma did not accept it: `almaflow resolve r both/left/job --not-submitted`. "
            "almaflow then submits it once more.",
        ),
    )


def test_any_other_wait_is_told_as_the_step_says_it() -> None:
    waits = (wait("until 2026-03-02 09:00:00 UTC", "both/left/later", WaitingKind.TIME),)

    (one,) = causes(
        BOTH,
        step("both/left/job"),
        step("both/left/later", ""),
        status=Status.WAITING,
        waits=waits,
    )

    assert one == Reason(
        WaitingCause.TIME, "both/left/later", "It waits: until 2026-03-02 09:00:00 UTC."
    )


def test_branches_that_wait_are_told_one_by_one() -> None:
    found = causes(
        DONE,
        step("both/right/sign", ""),
        status=Status.WAITING,
        waits=(wait("x", "both/left/job"), question("Delete?", "both/right/sign")),
    )

    assert [(one.cause, one.path) for one in found] == [
        (WaitingCause.ALMA, "both/left/job"),
        (WaitingCause.PERSON, "both/right/sign"),
    ]


def test_a_step_that_waits_for_nothing_is_at_work() -> None:
    (one,) = causes(BOTH, step("both/left/later", ""))

    assert one == Reason(WaitingCause.TIME, "both/left/later", "It is running right now.")


# --- the run --------------------------------------------------------------------------------------


def test_a_held_run_waits_for_resume() -> None:
    held, job = causes(DONE, worked_on=False, held=True)

    assert held == Reason(
        WaitingCause.HELD,
        "",
        "It was interrupted. It is on hold until a person resumes it; jobs that it started in "
        "Alma keep running.",
        moves=(RESUME,),
    )
    assert job.cause is WaitingCause.ALMA


def test_a_run_that_could_not_go_on_says_why() -> None:
    (held,) = causes(
        step("both"),
        worked_on=False,
        held=True,
        status=Status.WAITING,
        waits=(wait("The disk is full."),),
    )

    assert held.text.startswith("It could not continue: The disk is full. It is on hold until")


def test_a_run_whose_process_died_says_which() -> None:
    process = Process("p", "shelf", 4711, "1", START)

    nobody, *_ = causes(step("both"), worked_on=False, process=process)

    assert nobody == Reason(
        WaitingCause.NOBODY,
        "",
        "The process that executed it (4711 on shelf) has died; jobs that it started in "
        "Alma keep running.",
        moves=(f"{RESUME} A process with `almaflow resume --all --watch` also does.",),
    )


@pytest.mark.parametrize(
    ("started_at", "text"),
    [(None, "No process has started it yet."), (START, "No process is executing it now.")],
)
def test_a_run_that_nobody_works_on_says_so(started_at: datetime | None, text: str) -> None:
    (one,) = causes(worked_on=False, started_at=started_at, status=Status.QUEUED)

    assert one == Reason(WaitingCause.NOBODY, "", text, moves=(RESUME,))


# --- runs that have ended -------------------------------------------------------------------------


def ended(outcome: Outcome, error: str = "", **more: Any) -> dict[str, Any]:
    return {"status": Status.FINISHED, "outcome": outcome, "error": error,
            "ended_at": after(minutes=11), **more}  # fmt: skip


def test_a_failed_run_tells_where_it_began_with_its_place_in_the_file() -> None:
    (one,) = causes(
        step("both", "failed", error="Step both/left/job: oops"),
        step("both/left/job", "failed", error="oops"),
        step("both/right/sign", "timed_out", began_at=after(minutes=5), error="too late"),
        **ended(Outcome.FAILED, "Step both/left/job: oops"),
    )

    assert one == Reason(
        WaitingCause.ENDED,
        "",
        "It ended as failed 08:26:00 UTC: Step both/left/job: oops.",
        (
            "step both/left/job (weed.yaml:6): failed 08:16:00 UTC: oops",
            "step both/right/sign (weed.yaml:9): timed_out 08:21:00 UTC: too late",
        ),
        (
            "When the cause is fixed, `almaflow retry r` retries the steps that failed and "
            "keeps the rest. A changed file counts for new runs only.",
        ),
    )


def test_a_run_that_ended_well_says_so() -> None:
    (one,) = causes(step("both"), **ended(Outcome.SUCCEEDED))

    assert one == Reason(WaitingCause.ENDED, "", "It ended as succeeded 08:26:00 UTC.")


def test_a_warning_names_the_step_to_begin_again_with() -> None:
    (one,) = causes(
        step("both", "warning"),
        step("both/left/job", "failed", error="oops"),
        **ended(Outcome.WARNING),
    )

    assert one.details == ("step both/left/job (weed.yaml:6): failed 08:16:00 UTC: oops",)
    assert one.moves == ("`almaflow retry r --from both/left/job` starts again there.",)
    (plain,) = causes(step("both", "warning"), **ended(Outcome.WARNING))
    assert plain.moves == ()


def test_an_unknown_end_sends_a_person_to_look() -> None:
    (one,) = causes(
        JOB,
        [sent("both/left/job", EntryState.LOST, error="gone")],
        known=False,
        now=after(days=2),
        **ended(Outcome.UNKNOWN, "Nobody can tell."),
    )

    assert one.text == "It ended as unknown 2026-03-02 08:26:00 UTC: Nobody can tell."
    assert one.details == ("step both/left/job: unknown",)
    assert one.moves == (
        "Check in Alma (Admin > Monitor Jobs) whether it accepted the submission, then run "
        "`almaflow retry r`, which asks before it submits anything again.",
    )


def test_an_end_of_an_unknown_time_is_told_without_it() -> None:
    (one,) = causes(**ended(Outcome.CANCELLED, "Cancelled by anna.", ended_at=None))

    assert one.text == "It ended as cancelled: Cancelled by anna."


def test_an_earlier_attempt_does_not_count() -> None:
    retry = entry("", 2, "retry", {"from": None, "redo": {"both": 1}, "by": "anna"})

    (one,) = causes(
        step("both", "failed"),
        [retry],
        step("both", attempt=2),
        attempt=2,
        **ended(Outcome.SUCCEEDED),
    )

    assert one.details == ()
