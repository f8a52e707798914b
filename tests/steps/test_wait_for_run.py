"""`wait_for_run`: a run that Alma or a person started is found, followed and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.steps.result import StepFailed
from almaflow.steps.wait_for_run import read_since
from tests.harness import START, Stage, interrupt_after

PUBLISHING = "Publishing Platform Job Weekly"
LIBRARY: dict[str, Any] = {
    "library": {
        "publishing_profiles": [{"name": "Weekly"}],
        "integration_profiles": [{"code": "DEPOT", "jobs": ["Send requests", "Take stock"]}],
        "import_profiles": [{"name": "Zeta"}],
    }
}
ZONE = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 3, 2, 9, 15, tzinfo=ZONE)


def others(*runs: dict[str, Any]) -> dict[str, Any]:
    """Return a scenario in which others start runs, by default of the publishing job."""
    return LIBRARY | {"other_runs": [{"job": PUBLISHING, "by": "System", **run} for run in runs]}


WAIT = f"steps: [{{id: it, wait_for_run: {{job: {{name: {PUBLISHING}}}}}}}]"


def test_a_run_that_alma_starts_later_is_waited_for_and_followed_to_its_end(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(others({"at": "30m", "duration": "20m"}))

    played = stage.run(WAIT)

    assert played.ended == ("succeeded", "")
    it = played.steps["it"]
    assert it["status"] == "COMPLETED_SUCCESS"
    assert it["submitted_at"] == datetime(2026, 3, 2, 8, 45, tzinfo=UTC)
    assert it["ended_at"] >= datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert it["link"].endswith(f"/instances/{it['instance_id']}")
    assert stage.submissions == []
    (why, *_) = played.said_waiting
    assert why.startswith("no instance of job S")
    assert why.endswith("since 2026-03-02 08:15 UTC yet")


def test_the_newest_of_several_runs_counts(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(
        others({"at": "5m", "name": "first"}, {"at": "20m", "name": "second"}, {"at": "3h"})
    )

    played = stage.run(
        f"steps: [{{wait: 30m}}, {{id: it, wait_for_run: {{job: {{name: {PUBLISHING}}}}}}}]"
    )

    assert played.steps["it"]["submitted_at"] == datetime(2026, 3, 2, 8, 35, tzinfo=UTC)
    assert "Following second, instance" in played.said()[0]


def test_a_run_from_before_counts_when_since_says_so(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(others({"at": "5m", "duration": "10m"}))
    stage.pass_time(hours=2)

    played = stage.run(
        """
        steps:
          - id: it
            wait_for_run:
              job: {name: Publishing Platform Job Weekly}
              since: "{{ run.scheduled_at - hours(3) }}"
        """
    )

    assert played.outcome == "succeeded"
    assert played.steps["it"]["submitted_at"] == datetime(2026, 3, 2, 8, 20, tzinfo=UTC)


def test_a_name_chooses_among_the_runs(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(
        others({"at": "5m", "name": "Daily 1"}, {"at": "10m", "name": "Weekly 1"}, {"at": "15m"})
    )

    played = stage.run(
        """
        steps:
          - id: it
            wait_for_run: {job: {name: Publishing Platform Job Weekly}, name: "Weekly *"}
        """
    )

    assert "Following Weekly 1, instance" in played.said()[0]


def test_a_run_that_another_step_of_ours_started_does_not_count(
    set_stage: Callable[..., Stage],
) -> None:
    scenario = {
        "sets": [{"id": "59317390720001276", "name": "x", "content": "ITEM", "members": 3}],
        "jobs": [{"job": "M48", "duration": "5m"}],
        "other_runs": [{"job": "M48", "at": "20m", "by": "jdoe", "name": "hers"}],
    }
    played = set_stage(scenario).run(
        """
        steps:
          - submit_job: {job: M48, set: '59317390720001276'}
          - {id: it, wait_for_run: {job: M48}}
        """
    )

    assert played.steps["it"]["submitted_at"] == datetime(2026, 3, 2, 8, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("which", "job"),
    [
        ("integration: DEPOT, job: {name: Take}", "Take stock"),
        ("import: Zeta", "Zeta"),
    ],
)
def test_the_job_of_a_profile_is_meant_by_the_profile(
    set_stage: Callable[..., Stage], which: str, job: str
) -> None:
    stage = set_stage(LIBRARY)
    stage.alma.add_institution("main")
    jobs = [one for one in stage.alma.institution("main").jobs.values() if job in one.name]
    scenario = LIBRARY | {"other_runs": [{"job": jobs[0].id, "at": "5m", "by": "System"}]}
    stage = set_stage(scenario)

    played = stage.run(f"steps: [{{id: it, wait_for_run: {{{which}}}}}]")

    assert played.outcome == "succeeded"
    assert played.steps["it"]["job_id"] == jobs[0].id


def test_a_run_that_ends_badly_fails_the_step(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(others({"at": "5m", "outcome": "FAILED"})).run(WAIT)

    assert played.outcome == "failed"
    assert "as FAILED" in played.ended[1]


def test_without_waiting_the_run_is_only_found(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(others({"at": "5m", "duration": "3h"}))

    played = stage.run(WAIT.replace("}}}]", "}, wait: false}}]"))

    assert played.outcome == "succeeded"
    assert played.steps["it"]["status"] == ""
    assert stage.clock.now() < datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def test_nobody_starts_a_run_before_the_time_is_up(stage: Stage) -> None:
    played = stage.run("steps: [{id: it, wait_for_run: {job: M48}, timeout: 2h}]")

    assert played.ended == ("timed_out", "Step it: The time limit of step it expired.")


def test_a_resumed_step_follows_the_run_that_it_had_found(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(
        others({"at": "5m", "duration": "2h", "name": "first"}, {"at": "30m", "name": "second"}),
        durable=True,
    )

    stage.run(WAIT, beside=interrupt_after(minutes=15))
    stage.pass_time(hours=1)
    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.steps["it"]["submitted_at"] == datetime(2026, 3, 2, 8, 20, tzinfo=UTC)


# --- our clock and Alma's -------------------------------------------------------------------------

APART = [-90, -40, -2, 2, 40, 90]


def looks_at_the_run(stage: Stage) -> list[float]:
    """Return when the run was looked at, in seconds since the start by our clock."""
    looks = stage.alma.received("get_instance")
    return [(one.at - stage.alma_ahead - START).total_seconds() for one in looks]


@pytest.mark.parametrize("ahead", APART)
def test_a_run_that_ended_before_it_was_found_is_looked_at_without_a_wait(
    set_stage: Callable[..., Stage], ahead: int
) -> None:
    stage = set_stage(others({"at": "1m", "duration": "5m"}), alma_ahead=timedelta(minutes=ahead))
    stage.pass_time(minutes=16)

    played = stage.run(WAIT.replace("}}}]", "}, since: '{{ now - hours(5) }}'}}]"))

    assert played.outcome == "succeeded"
    assert looks_at_the_run(stage) == [16 * 60]


@pytest.mark.parametrize("ahead", APART)
def test_a_run_of_a_job_that_makes_a_set_is_followed_whoever_started_it(
    set_stage: Callable[..., Stage], ahead: int
) -> None:
    runs = {"other_runs": [{"job": "M58", "at": "1s", "by": "jdoe", "duration": "20m"}]}
    stage = set_stage(runs, alma_ahead=timedelta(minutes=ahead))
    stage.pass_time(minutes=30)

    played = stage.run(
        "steps: [{id: it, wait_for_run: {job: M58, since: '{{ now - hours(5) }}'}, timeout: 2h}]"
    )

    assert played.outcome == "succeeded"
    assert looks_at_the_run(stage) == [30 * 60]


@pytest.mark.parametrize("ahead", APART)
def test_a_run_is_looked_at_within_the_longest_pause_whatever_the_clocks_say(
    set_stage: Callable[..., Stage], ahead: int
) -> None:
    stage = set_stage(others({"at": "1m", "duration": "50m"}), alma_ahead=timedelta(minutes=ahead))

    played = stage.run(WAIT)

    looks = looks_at_the_run(stage)
    assert played.outcome == "succeeded"
    assert looks[0] <= 60 + 120
    assert max(later - earlier for earlier, later in pairwise(looks)) <= 120
    assert looks[-1] <= 51 * 60 + 120


@pytest.mark.parametrize("ahead", APART)
def test_only_runs_since_the_start_by_alma_s_clock_count(
    set_stage: Callable[..., Stage], ahead: int
) -> None:
    runs = others({"at": "9m", "name": "before"}, {"at": "12m", "name": "after"})
    stage = set_stage(runs, alma_ahead=timedelta(minutes=ahead))
    stage.pass_time(minutes=10)

    played = stage.run(WAIT)

    assert played.outcome == "succeeded"
    assert "Following after, instance" in played.said()[0]


@pytest.mark.parametrize("ahead", APART)
def test_what_since_says_of_now_is_meant_by_alma_s_clock(
    set_stage: Callable[..., Stage], ahead: int
) -> None:
    runs = others({"at": "3m", "name": "before"}, {"at": "6m", "name": "after", "duration": "1m"})
    stage = set_stage(runs, alma_ahead=timedelta(minutes=ahead))
    stage.pass_time(minutes=10)

    played = stage.run(WAIT.replace("}}}]", "}, name: '*', since: '{{ now - hours(0.08) }}'}}]"))

    assert "Following after, instance" in played.said()[0]


@pytest.mark.parametrize("ahead", APART)
def test_a_tick_of_a_timetable_is_the_instant_that_it_names(
    set_stage: Callable[..., Stage], ahead: int
) -> None:
    # Both clocks know when 08:20 is; ours comes to it earlier or later.
    at = START + timedelta(minutes=5)
    runs = others({"at": at.isoformat(), "name": "nightly", "duration": "1m"})
    stage = set_stage(runs, alma_ahead=timedelta(minutes=ahead))
    plan = replace(stage.plan(WAIT), trigger="timetable", scheduled_at=at - timedelta(minutes=1))
    with stage.using_store() as store:
        store.add_run(plan.definition, plan.record())

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.steps["it"]["submitted_at"] == at


def test_a_clock_that_is_set_while_a_run_is_followed_delays_no_look(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(others({"at": "1m", "duration": "30m"}), durable=True)

    stage.run(WAIT, beside=interrupt_after(minutes=10))
    stage.clock.set(hours=-3)
    began = stage.clock.true_now()
    played = stage.resume()

    assert played.outcome == "succeeded"
    assert stage.clock.true_now() - began <= timedelta(minutes=25)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        (START, START),
        (datetime(2026, 3, 1, 22, 0), datetime(2026, 3, 1, 22, 0, tzinfo=ZONE)),
        ("2026-03-01T22:00", datetime(2026, 3, 1, 22, 0, tzinfo=ZONE)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=ZONE)),
        (date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=ZONE)),
        ("09:00", datetime(2026, 3, 2, 9, 0, tzinfo=ZONE)),
        ("22:00", datetime(2026, 3, 1, 22, 0, tzinfo=ZONE)),
        (time(22, 0), datetime(2026, 3, 1, 22, 0, tzinfo=ZONE)),
        ("-13d", NOW - timedelta(days=13)),
        (" -1h30m ", NOW - timedelta(minutes=90)),
    ],
)
def test_since_is_an_instant_a_day_or_the_last_time_of_day(value: Any, instant: datetime) -> None:
    assert read_since(value, NOW) == instant


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31T23:59", date(9999, 12, 31)])
def test_a_since_outside_of_all_years_of_alma_is_refused(value: Any) -> None:
    with pytest.raises(StepFailed, match="Use an instant at which Alma may have started the job"):
        read_since(value, NOW)


@pytest.mark.parametrize("value", ["yesterday", "2026", 5, "", "13d", "-", "-13 days", "-999999d"])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(StepFailed) as raised:
        read_since(value, NOW)

    message, _, advice = str(raised.value).partition(" Write ")
    assert message == (
        f"`since` is `{value}`, which is not a valid instant (2026-12-24T18:00), day "
        "(2026-12-24), time of day (22:00) or duration before now (-13d)."
    )
    assert advice == {
        "yesterday": '`since: "-1d"`.',
        "13d": '`since: "-13d"`.',
        "-13 days": '`since: "-13d"`.',
        "-999999d": "",
    }.get(value, "")


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("gestern", "-1d"),
        ("13 days ago", "-13d"),
        ("24.12.2025", "2025-12-24"),
        ("2025-12-24Z", "2025-12-24"),
        ("24.12.2025 6 Uhr", "2025-12-24T06:00"),
        ("1793500000000", "2026-11-01T02:26:40Z"),
    ],
)
def test_a_since_in_another_form_is_refused_with_the_form_to_write(value: str, meant: str) -> None:
    with pytest.raises(StepFailed) as raised:
        read_since(value, NOW)

    assert f'Write `since: "{meant}"`.' in str(raised.value)


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("name: x", "`wait_for_run` needs one of `job`, `integration` and `import`."),
        ("integration: A, import: B", "`wait_for_run` needs one of `job`, `integration` and"),
        ("import: B, job: M1", "An import profile has only one job. Omit `job`."),
        ("integration: A, job: M1", "With `integration`, `job` may have a `name` only:"),
    ],
)
def test_one_job_is_meant(stage: Stage, which: str, told: str) -> None:
    with pytest.raises(DocumentsInvalid, match=told):
        stage.run(f"steps: [{{wait_for_run: {{{which}}}}}]")


RECENT = """
steps:
  - id: it
    wait_for_run: {{job: {{name: {job}}}, since: "-2h", if_none: {if_none}}}
  - id: later
    if: steps.it.outcome == 'succeeded'
    notify: "{{{{ steps.it.status }}}}"
"""


@pytest.mark.parametrize(
    ("if_none", "outcome"), [("fail", "failed"), ("skip", "skipped"), ("continue", "succeeded")]
)
def test_what_happens_without_a_run_is_said_by_if_none(
    set_stage: Callable[..., Stage], if_none: str, outcome: str
) -> None:
    stage = set_stage(others({"at": "-3h"}, {"at": "30m"}))

    played = stage.run(RECENT.format(job=PUBLISHING, if_none=if_none))

    assert played.outcome == outcome
    assert played.steps["it"]["outcome"] == ("failed" if if_none == "fail" else "skipped")
    assert "instance_id" not in played.steps["it"]
    assert (stage.clock.true_now() - START).total_seconds() < 60


@pytest.mark.parametrize("if_none", ["wait", "fail", "skip", "continue"])
def test_a_run_since_a_duration_before_now_is_followed_to_its_end(
    set_stage: Callable[..., Stage], if_none: str
) -> None:
    stage = set_stage(others({"at": "-1h", "duration": "90m"}))

    played = stage.run(RECENT.format(job=PUBLISHING, if_none=if_none))

    assert (played.outcome, played.steps["it"]["status"]) == ("succeeded", "COMPLETED_SUCCESS")
