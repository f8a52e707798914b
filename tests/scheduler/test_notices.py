"""Who hears of what, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from almaflow.scheduler.notifications import messages
from almaflow.scheduler.notifications.routing import (
    about_clock,
    about_file,
    about_pause,
    notices_for_ticks,
)
from almaflow.settings import Settings
from almaflow.store import RunRecord, SchedulePause, Tick, TickCause, TickEnd, TickEnding
from tests.scheduler.telling import NOON, run, tick, workflow

HEARS = workflow("{on: [missed, late], to: systems}, {on: [missed], to: catalogers}")
NOBODY = workflow()
TO = Settings.model_validate({"serve": {"to": "office"}, "timezone": "Europe/Berlin"})
SILENT = Settings.model_validate({"timezone": "Europe/Berlin"})

DOWN = "No `almaflow serve` started it when it was due, and `missed` is `none`."


def missed(at: datetime = NOON, **fields: Any) -> tuple[Tick, TickEnd]:
    given = {"ending": TickEnding.MISSED, "cause": TickCause.DOWNTIME, "reason": DOWN}
    entry = fields.pop("entry", "e")
    name = fields.pop("workflow", "nightly")
    end = TickEnd(tick_id=1, **(given | fields))
    return tick(at, entry=entry, workflow=name), end


def begun(after: timedelta, **fields: Any) -> tuple[Tick, RunRecord]:
    return tick(**fields), run(requested_at=NOON + after)


def test_a_missed_tick_is_told_to_whoever_the_workflow_names() -> None:
    found = notices_for_ticks([missed()], [], {"nightly": HEARS}, TO)

    assert [one.channel for one in found] == ["systems", "catalogers"]
    assert {one.key for one in found} == {"missed/nightly/e/2026-11-01T12:00:00Z"}
    assert found[0].title == "almaflow: nightly did not run at 2026-11-01 13:00 CET"
    assert found[0].text == (
        f"nightly was due at 2026-11-01 13:00 CET and did not run.\n\n{DOWN}\n\nWhat happened: "
        "almaflow ticks nightly --ending missed\n\n`almaflow run nightly` runs it now; "
        "otherwise it runs at its next time."
    )


def test_a_missed_tick_that_nobody_asked_for_is_told_to_the_service_s_channel() -> None:
    [found] = notices_for_ticks([missed()], [], {"nightly": NOBODY}, TO)
    [gone] = notices_for_ticks([missed()], [], {}, TO)

    assert found.channel == gone.channel == "office"
    assert notices_for_ticks([missed()], [], {"nightly": NOBODY}, SILENT) == []


def test_many_missed_ticks_of_one_workflow_are_one_notice_with_their_number() -> None:
    ticks = [missed(NOON + timedelta(hours=hour)) for hour in reversed(range(24))]
    ticks.append(missed(NOON, reason="Older than 2h.", cause=TickCause.MAX_AGE, entry="f"))

    [found] = notices_for_ticks(ticks, [], {"nightly": NOBODY}, TO)

    assert found.key == "missed/nightly/e/2026-11-02T11:00:00Z"
    assert found.title == "almaflow: nightly did not run 25 times"
    assert (
        "25 times and did not run: 2026-11-01 13:00 CET, 2026-11-01 13:00 CET, 2026"
    ) in found.text
    assert "2026-11-01 21:00 CET and 15 more.\n" in found.text
    assert f"24 of them: {DOWN}\n1 of them: Older than 2h.\n" in found.text


def test_ticks_of_several_workflows_are_told_apart() -> None:
    found = notices_for_ticks([missed(), missed(workflow="weeding")], [], {}, TO)

    assert [one.workflow for one in found] == ["nightly", "weeding"]


def test_a_tick_of_which_no_run_could_be_made_asks_for_a_correction() -> None:
    end = missed(
        cause=TickCause.INVALID, reason="almaflow could not create a run for it: no input `month`."
    )

    [found] = notices_for_ticks([end], [], {}, TO)

    assert found.text.endswith(
        "Correct the problem above; it then runs at its next time. `almaflow run nightly` runs "
        "it now."
    )


def test_what_is_skipped_or_merged_is_told_to_nobody() -> None:
    ends = [missed(ending=TickEnding.SKIPPED), missed(ending=TickEnding.MERGED)]

    assert notices_for_ticks(ends, [], {"nightly": HEARS}, TO) == []


def test_a_late_begin_is_told_only_to_whoever_asked() -> None:
    late = begun(timedelta(minutes=25, seconds=7), caught_up=True)

    [found] = notices_for_ticks([], [late], {"nightly": HEARS}, TO)

    assert (found.channel, found.event, found.run_id) == ("systems", "late", late[1].id)
    assert found.title == "almaflow: nightly began 25m late"
    assert found.text == (
        "nightly was due at 2026-11-01 13:00 CET and started at 2026-11-01 13:25 CET, 25m "
        "late. No `almaflow serve` started it when it was due, so it was caught up. Details: "
        f"almaflow show {late[1].id}\n\nYou do not need to do anything, unless this is too "
        "late for its purpose."
    )
    assert notices_for_ticks([], [late], {"nightly": NOBODY}, TO) == []


def test_five_minutes_are_not_late() -> None:
    on_time = begun(timedelta(minutes=5))

    assert notices_for_ticks([], [on_time], {"nightly": HEARS}, TO) == []


def test_late_ticks_of_one_workflow_are_one_notice() -> None:
    waited = begun(timedelta(hours=2), ready_at=NOON)
    slow = begun(timedelta(minutes=9), at=NOON, entry="f")

    [found] = notices_for_ticks([], [waited, slow], {"nightly": HEARS}, TO)

    assert found.title == "almaflow: nightly started late 2 times"
    assert "2h late. Another run of the workflow was still running." in found.text
    assert "9m late. It could not start sooner." in found.text


# --- the service itself ---------------------------------------------------------------------------


def test_an_invalid_file_is_told_once_a_day_for_each_of_its_problems() -> None:
    at = datetime(2026, 11, 1, 22, tzinfo=UTC)
    first, again, other, next_day = (
        about_file("workflows/a.yaml", problem, TO, at + timedelta(hours=later), stands=True)[0]
        for problem, later in [("x", 0), ("x", 0.5), ("y", 0), ("x", 1)]
    )

    assert first.key == again.key
    assert len({first.key, other.key, next_day.key}) == 3
    assert first.channel == "office"
    assert first.title == "almaflow: workflows/a.yaml is invalid"
    assert "The last valid version stays active.\n\nx\n\n" in first.text
    assert about_file("a.yaml", "x", SILENT, at, stands=True) == []


def test_a_file_that_never_was_valid_does_not_run() -> None:
    [found] = about_file("workflows/it's.yaml", "x", TO, NOON, stands=False)

    assert "It does not run." in found.text
    assert "almaflow validate 'workflows/it'\\''s.yaml'" in found.text


def test_a_file_that_is_valid_again_is_told() -> None:
    [found] = about_file("a.yaml", "", TO, NOON, stands=True)

    assert (found.event, found.title) == ("valid", "almaflow: a.yaml is valid again")


def test_a_pause_of_its_own_accord_is_told_to_whoever_hears_of_failures() -> None:
    note = "Its last 3 runs did not end well; the newest is x."
    pause = SchedulePause(
        id=1, workflow="nightly", since=NOON, until=None, note=note, by="almaflow"
    )
    hears = workflow("{on: [failed], to: systems}, {on: [failed], to: office}")

    found = about_pause(pause, run(error="No."), hears, TO)

    assert [one.channel for one in found] == ["office", "systems"]
    assert found[0].title == "almaflow: nightly is paused"
    assert note in found[0].text
    assert "`almaflow unpause nightly`" in found[0].text


def test_a_clock_that_was_set_is_told() -> None:
    [found] = about_clock("The clock was set forward by 2:00:00.", TO, NOON)

    assert found.title == "almaflow: the clock of this machine was changed"
    assert found.text.startswith("The clock was set forward by 2:00:00.\n\n")


def test_durations_lose_their_seconds_where_they_do_not_matter() -> None:
    assert messages.about(timedelta(minutes=9, seconds=7)) == "9m7s"
    assert messages.about(timedelta(minutes=10, seconds=7)) == "10m"
