"""Submissions whose answer was lost: how their runs are told from others in Alma's list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import EntryState, MarkerHabit
from tests.harness import START, Beside, Played, Process, Stage

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
PROFILE = "run_profile: {integration: FUNDS}"
RUN = f"steps: [{{id: x, {JOB}}}]"

# The answer of a submission that Alma takes, and of one that does not reach it, is lost.
TAKEN = {"kind": "lose_answer", "call": "submit", "nth": 1}
NOT_TAKEN = {"kind": "reset", "call": "submit", "nth": 1}

# Sure by this time after the sending (seconds).
SETTLED = 600


def library(*faults: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "sets": [SET],
        "jobs": [{"job": "*", "duration": "30m"}],
        "faults": faults or [TAKEN],
        **more,
    }


def other(at: str, by: str = "api", **more: Any) -> dict[str, Any]:
    """Return a run of the job that somebody else starts."""
    return {"job": "M901", "at": at, "by": by, "duration": "5m", **more}


def seconds_until_known(played: Played, effect: str = "submit") -> float:
    """Return how long after the sending it was known what became of it."""
    entry = played.entry("x", effect)
    return (entry.changed_at - datetime.fromisoformat(entry.value["sent_at"])).total_seconds()


def adopted(stage: Stage, played: Played) -> None:
    """Check that the one run that Alma has started is the step's, and that it was found."""
    (submitted,) = stage.submissions
    assert played.outcome == "succeeded"
    assert played.entry("x", "submit").value["found"] is True
    assert played.steps["x"]["instance_id"] == submitted.instance_id
    assert stage.sent("submit") == 1


def sent_once_more(stage: Stage, played: Played) -> None:
    """Check that the lost submission was found not to be in Alma, and repeated."""
    assert played.outcome == "succeeded"
    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert played.entry("x", "submit").value["absent"] is True
    assert played.state("x", "resubmit") is EntryState.DONE
    (submitted,) = stage.submissions
    assert played.steps["x"]["instance_id"] == submitted.instance_id
    assert stage.sent("submit") == 2


def unclear(stage: Stage, played: Played) -> list[str]:
    """Check that the run waits for a person, and return the runs that may be it."""
    assert (played.outcome, played.record.status) == (None, Status.WAITING)
    assert played.record.reason.startswith(
        "It is not known whether Alma at main accepted the request"
    )
    assert stage.sent("submit") == 1
    value = played.entry("x", "submit").value
    assert value["unknown"] in played.record.reason
    return list(value.get("candidates", []))


# --- found by its marker --------------------------------------------------------------------------


def test_a_run_that_carries_the_marker_is_adopted_at_the_first_look(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library())

    played = stage.run(RUN)

    adopted(stage, played)
    assert seconds_until_known(played) == 5
    (submitted,) = stage.submissions
    assert played.said()[0] == (
        f"The submission whose response was lost runs in Alma as {submitted.instance_id}, "
        "according to its list of instances."
    )
    assert played.said_waiting[0] == (
        "checking whether Alma accepted the request to submit job M901, because the response "
        "was lost; this is settled by 08:25:00 UTC"
    )


def test_a_submission_that_alma_did_not_take_is_sent_once_more_when_that_is_sure(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN))

    played = stage.run(RUN)

    sent_once_more(stage, played)
    assert seconds_until_known(played) == SETTLED
    assert played.said()[0] == (
        "The submission does not appear in Alma's list of instances, so almaflow sends it "
        "once more."
    )
    names = [dict(one.parameters)["job_name"] for one in stage.submissions]
    first = played.entry("x", "submit").value["trace"]["marker"]
    assert first not in names[0]
    assert played.entry("x", "resubmit").value["trace"]["marker"] in names[0]


def test_looks_come_less_and_less_often_up_to_a_minute(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(NOT_TAKEN))

    stage.run(RUN)

    looks = [(one.at - START).total_seconds() for one in stage.alma.received("list_instances")]
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert looks[0] == 5
    assert looks[-1] == SETTLED
    assert pauses[:-1] == sorted(pauses[:-1])
    assert max(pauses) == 60
    assert len(looks) == 15


@pytest.mark.parametrize("habit", ["modern", "legacy", "plain"])
@pytest.mark.parametrize("order", [True, False], ids=["newest first", "oldest first"])
def test_the_marker_is_found_whatever_alma_appends_and_in_whatever_order_it_lists(
    set_stage: Callable[..., Stage], habit: str, order: bool
) -> None:
    alma = {"run_names": habit, "newest_first": order}
    stage = set_stage(library(alma=alma, other_runs=[other("0s", "System", every="30s")]))

    played = stage.run(f"steps: [{{wait: 5m}}, {{id: x, {JOB}}}]")

    adopted(stage, played)
    assert seconds_until_known(played) == 5


@pytest.mark.parametrize("order", [True, False], ids=["newest first", "oldest first"])
def test_every_page_of_the_list_is_read(set_stage: Callable[..., Stage], order: bool) -> None:
    others = [other("0s", "System", every="2s")]
    stage = set_stage(library(alma={"newest_first": order}, other_runs=others))

    played = stage.run(f"steps: [{{wait: 8m}}, {{id: x, {JOB}}}]")

    adopted(stage, played)
    assert len(stage.alma.received("list_instances")) == 3


def test_a_run_that_shows_late_is_waited_for(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(alma={"list_lag": "4m"}))

    played = stage.run(RUN)

    adopted(stage, played)
    assert 240 <= seconds_until_known(played) <= 300


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
@pytest.mark.parametrize("hour", [0, 9, 10, 11, 13, 23])
def test_the_zone_of_alma_s_dates_hides_no_run(
    set_stage: Callable[..., Stage], zone: str, hour: int
) -> None:
    start = datetime(2026, 3, 2, hour, 59, 58, tzinfo=UTC)
    stage = set_stage(library(alma={"timezone": zone}), start=start)

    played = stage.run(RUN)

    adopted(stage, played)


@pytest.mark.parametrize(
    "name",
    [
        "Äpfel & Öl – «weed» 50 % + ‘x’",
        "cafe\u0301 decomposed",
        "日本語の図書",
        "a \\\\u00e9 b",
        'with "quotes" and \\\\ backslash',
        "x" * 150,
    ],
)
def test_names_of_any_characters_are_found(set_stage: Callable[..., Stage], name: str) -> None:
    stage = set_stage(library())

    played = stage.run(
        f"""
        vars: {{name: '{name}'}}
        steps:
          - id: x
            submit_job: {{job: M901, set: '{SET["id"]}', job_name: "{{{{ vars.name }}}}"}}
        """
    )

    adopted(stage, played)
    assert seconds_until_known(played) == 5


def test_each_step_finds_its_own(set_stage: Callable[..., Stage]) -> None:
    lose = {"kind": "lose_answer", "call": "submit", "nth": [1, 2, 3]}
    stage = set_stage(library(lose))
    step = f"[{{id: ID, {JOB}}}]"

    played = stage.run(
        "steps: [{parallel: {"
        + ", ".join(f"b{name}: {step.replace('ID', name)}" for name in "xyz")
        + "}}]"
    )

    assert played.outcome == "succeeded"
    names = {one.instance_id: dict(one.parameters)["job_name"] for one in stage.submissions}
    for name in "xyz":
        path = f"parallel-1/b{name}/{name}"
        marker = played.entry(path, "submit").value["trace"]["marker"]
        assert marker in names[played.steps[path]["instance_id"]]
    assert (len(names), stage.sent("submit")) == (3, 3)


# --- without a marker -----------------------------------------------------------------------------


NAMED = JOB.replace("}", ", job_name: weeding out}")


def habit_seen(stage: Stage, habit: MarkerHabit) -> None:
    """Let earlier submissions of the job have shown what Alma does to names."""
    stage.open_store().note_habit("main", "M901", habit)


def asked_about_one(stage: Stage, played: Played, candidate: str) -> None:
    """Check that a person is asked about the one instance that could be it."""
    assert unclear(stage, played) == [candidate]
    value = played.entry("x", "submit").value["unknown"]
    assert value == (
        "Alma lists an instance without almaflow's marker that could be this submission or "
        f"another user's: {candidate}"
    )


@pytest.mark.parametrize("limit", [10, 15, 20], ids=lambda limit: f"{limit} characters")
def test_a_name_that_alma_cuts_proves_nothing_before_alma_was_seen_to_cut(
    set_stage: Callable[..., Stage], limit: int
) -> None:
    stage = set_stage(library(alma={"name_limit": limit}))

    played = stage.run(f"steps: [{{id: x, {NAMED}}}]")

    (submitted,) = stage.submissions
    asked_about_one(stage, played, submitted.instance_id)
    assert stage.open_store().marker_habit("main", "M901") == MarkerHabit()


@pytest.mark.parametrize("limit", [10, 15, 20], ids=lambda limit: f"{limit} characters")
def test_the_only_candidate_is_adopted_where_alma_was_seen_to_cut_names(
    set_stage: Callable[..., Stage], limit: int
) -> None:
    stage = set_stage(library({**TAKEN, "nth": 2}, alma={"name_limit": limit}))
    assert stage.run(f"steps: [{{id: x, {NAMED}}}]").outcome == "succeeded"
    assert stage.open_store().marker_habit("main", "M901") == MarkerHabit(cut=limit)

    played = stage.run(f"steps: [{{id: x, {NAMED}}}]")

    assert played.outcome == "succeeded"
    assert played.steps["x"]["instance_id"] == stage.submissions[1].instance_id
    assert seconds_until_known(played) == SETTLED
    assert stage.sent("submit") == 2


def test_the_only_candidate_is_adopted_where_alma_was_seen_to_drop_names(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library({**TAKEN, "nth": 2}, alma={"run_names": "dropped"}))
    assert stage.run(RUN).outcome == "succeeded"
    assert stage.open_store().marker_habit("main", "M901") == MarkerHabit(cut=0)

    played = stage.run(RUN)

    assert played.outcome == "succeeded"
    assert played.steps["x"]["instance_id"] == stage.submissions[1].instance_id


@pytest.mark.parametrize("by", ["System", "rapier", "capirossi", "Apia, Anna"])
def test_runs_of_people_and_of_the_timer_are_nobody_s_submission(
    set_stage: Callable[..., Stage], by: str
) -> None:
    stage = set_stage(library(NOT_TAKEN, other_runs=[other("10s", by)]))

    played = stage.run(RUN)

    sent_once_more(stage, played)


@pytest.mark.parametrize("at", ["0s", "1s", "9m"])
@pytest.mark.parametrize(
    "name",
    [
        "test x",
        "test x - 2026-03-02 9:15 AM",
        "test x [job 7] - 2026-03-02 9:15 AM",
        "Nightly export",
        None,
        "",
    ],
)
def test_a_run_of_another_api_user_is_never_adopted_whatever_its_name(
    set_stage: Callable[..., Stage], name: str | None, at: str
) -> None:
    stage = set_stage(library(NOT_TAKEN, other_runs=[other(at, name=name)]))

    played = stage.run(RUN)

    (theirs,) = stage.alma.instances("M901")
    asked_about_one(stage, played, theirs.id)


@pytest.mark.parametrize("job_name", ["", ", job_name: weeding", ", job_name: 'weeding [1]'"])
@pytest.mark.parametrize("names", ["modern", "legacy", "plain"])
@pytest.mark.parametrize("kept", [None, 60])
def test_a_run_that_another_user_starts_at_the_instant_of_a_dropped_submission_is_not_ours(
    set_stage: Callable[..., Stage], job_name: str, names: str, kept: int | None
) -> None:
    stage = set_stage(library({**NOT_TAKEN, "another_run": True}, alma={"run_names": names}))
    habit_seen(stage, MarkerHabit(kept=kept))

    played = stage.run(f"steps: [{{id: x, {JOB.replace('}', job_name + '}')}}}]")

    theirs = stage.alma.instances("M901")[0].id
    if kept:
        sent_once_more(stage, played)
        assert played.steps["x"]["instance_id"] != theirs
    else:
        asked_about_one(stage, played, theirs)


def test_a_run_of_another_api_user_does_not_hide_ours(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(other_runs=[other("0s", name="test x - 2026-03-02 9:15 AM")]))

    played = stage.run(RUN)

    adopted(stage, played)
    assert len(stage.alma.instances("M901")) == 2


@pytest.mark.parametrize(
    "name",
    [
        "test x [af-0123456789] - 2026-03-02 9:15 AM",
        "test x [af-012345 - 2026-03-02 9:15 AM",
        "test x [af-0",
    ],
)
@pytest.mark.parametrize("habit", [MarkerHabit(), MarkerHabit(cut=6)], ids=["unseen", "cut"])
def test_a_run_that_carries_another_almaflow_s_marker_is_not_ours(
    set_stage: Callable[..., Stage], name: str, habit: MarkerHabit
) -> None:
    stage = set_stage(library(NOT_TAKEN, other_runs=[other("10s", name=name)]))
    habit_seen(stage, habit)

    played = stage.run(RUN)

    sent_once_more(stage, played)


@pytest.mark.parametrize("name", ["test x - 2026-03-02 9:15 AM", "Nightly export", None])
def test_where_alma_is_seen_to_keep_the_marker_a_run_without_it_is_not_ours(
    set_stage: Callable[..., Stage], name: str | None
) -> None:
    stage = set_stage(library({**NOT_TAKEN, "nth": 2}, other_runs=[other("1h1s", name=name)]))
    assert stage.run(RUN).outcome == "succeeded"
    assert stage.open_store().marker_habit("main", "M901") == MarkerHabit(kept=22)
    stage.pass_time(minutes=60 - (stage.clock.now() - START) / timedelta(minutes=1))

    played = stage.run(RUN)

    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert played.state("x", "resubmit") is EntryState.DONE
    assert len(stage.submissions) == 2
    assert played.steps["x"]["instance_id"] == stage.submissions[1].instance_id


def test_what_alma_does_to_the_names_of_another_job_or_institution_says_nothing_of_this_one(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN, other_runs=[other("1s", name="test x")]))
    store = stage.open_store()
    for account, job_id in (("main", "M44"), ("other", "M901")):
        store.note_habit(account, job_id, MarkerHabit(cut=0))

    played = stage.run(RUN)

    (theirs,) = stage.alma.instances("M901")
    asked_about_one(stage, played, theirs.id)


def test_a_name_longer_than_all_that_alma_was_seen_to_keep_may_have_been_cut(
    set_stage: Callable[..., Stage],
) -> None:
    long = JOB.replace("}", f", job_name: {'weeding ' * 5}}}")
    stage = set_stage(library(alma={"name_limit": 30}))
    habit_seen(stage, MarkerHabit(kept=24))

    played = stage.run(f"steps: [{{id: x, {long}}}]")

    (submitted,) = stage.submissions
    asked_about_one(stage, played, submitted.instance_id)


@pytest.mark.parametrize("name", ["weeding weeding", "Nightly export of every title", None])
def test_what_is_shorter_than_all_that_alma_was_seen_to_keep_was_not_cut(
    set_stage: Callable[..., Stage], name: str | None
) -> None:
    long = JOB.replace("}", f", job_name: {'weeding ' * 5}}}")
    stage = set_stage(library(NOT_TAKEN, other_runs=[other("1s", name=name)]))
    habit_seen(stage, MarkerHabit(kept=24))

    played = stage.run(f"steps: [{{id: x, {long}}}]")

    sent_once_more(stage, played)


def test_where_alma_is_seen_to_cut_names_a_run_of_another_name_is_not_adopted(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN, other_runs=[other("1s", name="Nightly export")]))
    habit_seen(stage, MarkerHabit(cut=6))

    played = stage.run(RUN)

    (theirs,) = stage.alma.instances("M901")
    asked_about_one(stage, played, theirs.id)


def test_where_alma_is_seen_to_cut_names_two_runs_of_the_api_are_left_to_a_person(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(
        library(
            {**TAKEN, "nth": 2},
            alma={"name_limit": 6},
            other_runs=[other("1h5s", name="Nightly export")],
        )
    )
    assert stage.run(RUN).outcome == "succeeded"
    assert stage.open_store().marker_habit("main", "M901") == MarkerHabit(cut=6)
    stage.pass_time(minutes=60 - (stage.clock.now() - START) / timedelta(minutes=1))

    played = stage.run(RUN)

    assert played.record.status is Status.WAITING
    runs = [run.id for run in stage.alma.instances("M901")]
    assert sorted(played.entry("x", "submit").value["candidates"]) == sorted(runs[1:])


def test_what_was_adopted_on_a_person_s_word_teaches_nothing_of_names(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library(NOT_TAKEN, other_runs=[other("1s", name="test x")]))
    played = stage.run(RUN)
    (theirs,) = stage.alma.instances("M901")
    value = {"attempt": 1, "effect": "submit", "instance_id": theirs.id}
    stage.open_store().add_answer(played.record.id, "x", "resolve", value, "anna")

    resumed = stage.resume()

    assert resumed.outcome == "succeeded"
    assert stage.open_store().marker_habit("main", "M901") == MarkerHabit()


def test_a_second_submission_that_is_lost_too_is_left_to_a_person(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library({**NOT_TAKEN, "nth": [1, 2]}))

    played = stage.run(RUN)

    assert played.record.status is Status.WAITING
    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert played.state("x", "resubmit") is EntryState.LOST
    assert (stage.sent("submit"), stage.submissions) == (2, [])


@pytest.mark.parametrize("step", [PROFILE, JOB.replace("}", ", job_name: false}")])
def test_the_only_run_of_a_job_that_takes_no_name_is_adopted_when_no_more_can_come(
    set_stage: Callable[..., Stage], step: str
) -> None:
    before, timer = other("50m"), other("1h10s", "System")
    others = [{**one, "job": name} for name in ("M901", FUNDS) for one in (before, timer)]
    stage = set_stage(library(other_runs=others))

    played = stage.run(f"steps: [{{wait: 1h}}, {{id: x, {step}}}]")

    adopted(stage, played)
    assert seconds_until_known(played) == SETTLED
    assert played.entry("x", "submit").value["trace"]["name"] == ""


FUNDS = "Funds Allocation Loader Fund allocations"


@pytest.mark.parametrize("step", [PROFILE, JOB.replace("}", ", job_name: false}")])
def test_a_job_that_takes_no_name_is_sent_once_more_when_no_run_shows(
    set_stage: Callable[..., Stage], step: str
) -> None:
    stage = set_stage(library(NOT_TAKEN))

    played = stage.run(f"steps: [{{id: x, {step}}}]")

    sent_once_more(stage, played)


def test_a_second_api_run_of_such_a_job_makes_it_unclear(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(other_runs=[other("1m")]))

    played = stage.run(f"steps: [{{id: x, {JOB.replace('}', ', job_name: false}')}}}]")

    runs = [run.id for run in stage.alma.instances("M901")]
    assert len(runs) == 2
    assert sorted(unclear(stage, played)) == sorted(runs)
    assert (
        f"Alma lists several instances that could be this submission: {' and '.join(runs[::-1])}."
    ) in (played.record.reason)


# --- our clock and Alma's -------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-90, -7, -2, 2, 7, 90])
@pytest.mark.parametrize("step", [PROFILE, JOB])
def test_a_clock_that_differs_from_alma_s_hides_no_run(
    set_stage: Callable[..., Stage], step: str, minutes: int
) -> None:
    stage = set_stage(library(), alma_ahead=timedelta(minutes=minutes))

    played = stage.run(f"steps: [{{id: x, {step}}}]")

    adopted(stage, played)


@pytest.mark.parametrize("minutes", [-7, 0, 7])
def test_what_ran_before_the_sending_by_alma_s_clock_is_not_ours(
    set_stage: Callable[..., Stage], minutes: int
) -> None:
    others = [{**other("57m"), "job": FUNDS}]
    stage = set_stage(library(NOT_TAKEN, other_runs=others), alma_ahead=timedelta(minutes=minutes))

    played = stage.run(f"steps: [{{wait: 1h}}, {{id: x, {PROFILE}}}]")

    sent_once_more(stage, played)


@pytest.mark.parametrize("hours", [-3, -1, 1, 3])
@pytest.mark.parametrize("step", [PROFILE, JOB])
def test_a_clock_that_is_set_while_an_answer_is_lost_hides_no_run(
    set_stage: Callable[..., Stage], step: str, hours: int
) -> None:
    stage = set_stage(library())

    played = stage.run(f"steps: [{{id: x, {step}}}]", beside=set_clock(hours))

    adopted(stage, played)


@pytest.mark.parametrize("hours", [-30, -1, 1, 30])
def test_a_clock_that_is_set_does_not_let_a_run_that_shows_late_be_sent_again(
    set_stage: Callable[..., Stage], hours: int
) -> None:
    stage = set_stage(library(alma={"list_lag": "4m"}))

    played = stage.run(f"{{timeout: 5d, steps: [{{id: x, {JOB}}}]}}", beside=set_clock(hours))

    adopted(stage, played)


def set_clock(hours: int) -> Beside:
    async def beside(process: Process) -> None:
        await process.wait(seconds=2)
        process.stage.clock.set(hours=hours)

    return beside


# --- other submissions of ours --------------------------------------------------------------------


def two(step: str, **more: str) -> str:
    """Return a workflow whose steps x and y submit the same job, y a little later."""
    return (
        f"{{steps: [{{parallel: {{a: [{{id: x, {step}}}], "
        f"b: [{{wait: {more.get('after', '2m')}}}, {{id: y, {step}}}]}}}}]}}"
    )


UNNAMED = JOB.replace("}", ", job_name: false}")


def instances_of(played: Played) -> list[str]:
    return [
        played.steps[path]["instance_id"] for path in played.steps if path.endswith(("/x", "/y"))
    ]


def test_a_run_that_another_step_claims_is_left_to_it(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library(NOT_TAKEN))

    played = stage.run(two(UNNAMED))

    # The run of y is the only one that x sees.
    assert played.outcome == "succeeded"
    assert len(set(instances_of(played))) == len(stage.submissions) == 2
    assert played.state("parallel-1/a/x", "submit") is EntryState.UNTAKEN


def test_two_lost_submissions_of_one_job_that_takes_no_name_are_unclear(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "lose_answer", "call": "submit", "nth": [1, 2]}
    stage = set_stage(library(lose))

    played = stage.run(two(UNNAMED))

    runs = [one.instance_id for one in stage.submissions]
    assert played.record.status is Status.WAITING
    assert stage.sent("submit") == 2
    x, y = (played.entry(path, "submit").value for path in ("parallel-1/a/x", "parallel-1/b/y"))
    assert sorted(x["candidates"]) == sorted(runs)
    assert y["candidates"] == runs[1:]
    assert y["unknown"] == (
        "Alma lists an instance without almaflow's marker that could be this submission or "
        f"another user's: {runs[1]}"
    )


@pytest.mark.parametrize("taken", [True, False], ids=["both taken", "the first not taken"])
def test_runs_of_a_profile_are_alike_so_each_lost_submission_takes_one(
    set_stage: Callable[..., Stage], taken: bool
) -> None:
    lose = [{**TAKEN, "nth": 2}, TAKEN if taken else NOT_TAKEN]
    stage = set_stage(library(*lose, alma={"overlap": "never"}))

    played = stage.run(two(PROFILE))

    assert played.outcome == "succeeded"
    assert len(set(instances_of(played))) == len(stage.submissions) == 2
    assert stage.sent("submit") == (2 if taken else 3)


def test_two_who_look_at_the_same_moment_do_not_take_the_same_run(
    set_stage: Callable[..., Stage],
) -> None:
    lose = [{**TAKEN, "nth": [1, 2]}]
    stage = set_stage(library(*lose, alma={"overlap": "never"}))

    played = stage.run(two(PROFILE, after="0s"))

    assert played.outcome == "succeeded"
    assert sorted(instances_of(played)) == sorted(one.instance_id for one in stage.submissions)
    assert stage.sent("submit") == 2
