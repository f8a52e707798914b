"""`pause`, `unpause` and `skip-next`: people have a word with the timetables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.operations.typed_times import read_age, read_future, read_past
from almaflow.store import Tick, TickCause, TickEnding
from tests.cli.conftest import Almaflow, Write
from tests.cli.ledger import NOW, Served, served

ZURICH = ZoneInfo("Europe/Zurich")


@pytest.fixture
def it(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)
    monkeypatch.setattr("almaflow.cli.commands.pause.who", lambda: "anna")
    monkeypatch.setattr("almaflow.cli.commands.skip_next.who", lambda: "anna")
    with served(write) as it:
        yield it


def night(day: int) -> datetime:
    """Return the instant of the tick of a day in November."""
    return datetime(2026, 11, day, 1, 30, tzinfo=UTC)


def skipped(it: Served) -> list[Tick]:
    return it.store.ticks(endings=[TickEnding.SKIPPED])


# --- pause and unpause ----------------------------------------------------------------------------


def test_a_workflow_is_paused_until_somebody_ends_it(almaflow: Almaflow, it: Served) -> None:
    typed = almaflow("pause", "nightly", "--note", "stocktaking.")
    (pause,) = it.store.pauses()
    ended = almaflow("unpause", "workflows/nightly.yaml")
    again = almaflow("unpause", "nightly")

    assert (typed.code, ended.code, again.code) == (0, 0, 2)
    assert typed.out == (
        "nightly is paused until `almaflow unpause nightly`. Its ticks are skipped; runs that "
        "have started continue.\n"
    )
    assert (pause.workflow, pause.by, pause.note, pause.until) == (
        *("nightly", "anna", "stocktaking.", None),
    )
    assert ended.out == (
        "nightly is no longer paused. It was paused by anna since 2026-11-02 13:00:00+01:00: "
        "stocktaking.\n"
    )
    assert it.store.pauses()[0].ended_by == "anna"
    assert again.err == "Error: nightly is not paused.\n"


def test_a_pause_may_end_by_itself_and_a_new_one_replaces_it(
    almaflow: Almaflow, it: Served
) -> None:
    first = almaflow("pause", "nightly", "--until", "2026-11-09")
    almaflow("pause", "nightly", "--until", "3h")

    old, new = it.store.pauses()
    assert first.out.startswith("nightly is paused until 2026-11-09 00:00:00+01:00. ")
    assert (old.until, new.until) == (NOW, NOW + timedelta(hours=3))


def test_only_a_workflow_can_be_paused_and_only_for_the_future(
    almaflow: Almaflow, it: Served, write: Write
) -> None:
    write("workflows/broken.yaml", "steps: [{nonsense: 1}]")

    unknown = almaflow("pause", "nigtly")
    past = almaflow("pause", "nightly", "--until", "2026-11-01")
    odd = almaflow("pause", "nightly", "--until", "monday")
    broken = almaflow("pause", "workflows/broken.yaml")

    assert (unknown.code, past.code, odd.code, broken.code) == (2, 2, 2, 0)
    assert "did you mean `nightly`?" in unknown.err
    assert "`--until 2026-11-01` is in" in past.err
    assert "`--until`: `monday` is not a valid date" in odd.err
    assert [one.workflow for one in it.store.pauses()] == ["broken"]


# --- moments --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", datetime(2026, 11, 2, 13, 30, tzinfo=UTC)),
        ("14:00", datetime(2026, 11, 2, 13, tzinfo=UTC)),
        ("13:00", datetime(2026, 11, 3, 12, tzinfo=UTC)),
        ("2026-11-03", datetime(2026, 11, 2, 23, tzinfo=UTC)),
        ("2026-11-03T06:00", datetime(2026, 11, 3, 5, tzinfo=UTC)),
        ("2026-11-03T06:00Z", datetime(2026, 11, 3, 6, tzinfo=UTC)),
    ],
)
def test_an_instant_to_come_is_read_as_people_write_it(text: str, expected: datetime) -> None:
    assert read_future(text, "--until", NOW, ZURICH) == expected


def test_an_instant_that_has_passed_is_read_as_people_write_it() -> None:
    assert read_past("2d", "--since", NOW, ZURICH) == NOW - timedelta(days=2)
    assert read_past("2026-11-01", "--since", NOW, ZURICH) == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert read_age("400d", "--older-than") == timedelta(days=400)
    for wrong in ("400", "0d"):
        with pytest.raises(RequestWrong, match="--older-than"):
            read_age(wrong, "--older-than")


# --- skip-next ------------------------------------------------------------------------------------


def test_the_next_tick_is_skipped_and_given_again_the_one_after_it(
    almaflow: Almaflow, it: Served
) -> None:
    it.take()

    first = almaflow("skip-next", "nightly", "--note", "done by hand")
    second = almaflow("skip-next", "nightly", "--entry", "night")

    assert (first.code, second.code) == (0, 0)
    assert first.out == (
        "The tick of nightly at 2026-11-03 02:30:00+01:00 (entry night) will be skipped.\n"
    )
    assert [(one.at, one.cause, one.reason) for one in skipped(it)] == [
        (night(4), TickCause.SKIP_NEXT, "Skipped by anna."),
        (night(3), TickCause.SKIP_NEXT, "Skipped by anna: done by hand."),
    ]


def test_days_off_and_pauses_are_passed_over(almaflow: Almaflow, it: Served, write: Write) -> None:
    text = 'schedule: [{id: night, cron: "30 2 * * *", except: [closed]}]\nsteps: [{notify: hi}]'
    write("workflows/nightly.yaml", text)
    it.take()
    it.store.pause("nightly", by="anna", until=night(5))

    almaflow("skip-next", "nightly")

    assert [one.at for one in skipped(it)] == [night(5)]


def test_a_pause_without_end_leaves_nothing_to_skip(almaflow: Almaflow, it: Served) -> None:
    it.take()
    it.store.pause("nightly", by="anna")

    typed = almaflow("skip-next", "nightly")

    assert typed.code == 2
    assert "nightly has no future tick that would run: it is paused." in typed.err


def test_of_several_entries_the_first_that_begins_is_skipped(
    almaflow: Almaflow, it: Served, write: Write
) -> None:
    text = """\
    schedule:
      - {id: night, cron: "30 2 * * *"}
      - {id: noon, cron: "0 14 * * *"}
    steps: [{notify: hi}]
    """
    write("workflows/nightly.yaml", text)
    it.take()

    almaflow("skip-next", "nightly")
    almaflow("skip-next", "nightly", "--entry", "night")
    wrong = almaflow("skip-next", "nightly", "--entry", "nigth")

    assert [(one.entry, one.at) for one in reversed(skipped(it))] == [
        ("noon", datetime(2026, 11, 2, 13, tzinfo=UTC)),
        ("night", night(3)),
    ]
    assert wrong.code == 2
    assert (
        "no schedule entry `nigth`; did you mean `night`? Its entries are night, noon." in wrong.err
    )


def test_a_tick_that_has_come_and_not_begun_is_the_next_one(
    almaflow: Almaflow, it: Served, write: Write
) -> None:
    write("workflows/later.yaml", "schedule: [{every: 1h, jitter: 1h}]\nsteps: [{notify: hi}]")
    (tick,) = it.materialize(it.take("workflows/later.yaml", NOW - timedelta(minutes=1)))
    assert tick.starts_at > NOW

    almaflow("skip-next", "later")

    assert [(one.at, one.id) for one in skipped(it)] == [(NOW, tick.id)]


def test_what_no_serve_has_seen_cannot_be_skipped(
    almaflow: Almaflow, it: Served, write: Write
) -> None:
    unseen = almaflow("skip-next", "nightly")
    it.take()
    write("workflows/nightly.yaml", 'schedule: [{cron: "0 5 * * *"}]\nsteps: [{notify: hi}]')
    changed = almaflow("skip-next", "nightly")
    write("workflows/nightly.yaml", "steps: [{notify: hi}]")
    none = almaflow("skip-next", "nightly")

    assert (unseen.code, changed.code, none.code) == (2, 2, 2)
    for typed in (unseen, changed):
        assert (
            "No `almaflow serve` has read the current timetable of nightly, so its next tick is not"
        ) in typed.err
    assert "nightly has no timetable, so there is nothing to skip." in none.err


def test_of_a_file_that_is_invalid_now_what_stands_counts(
    almaflow: Almaflow, it: Served, write: Write
) -> None:
    it.take()
    write("workflows/nightly.yaml", "nonsense")

    assert almaflow("skip-next", "nightly").code == 0


def test_a_timetable_that_is_over_has_nothing_to_skip(
    almaflow: Almaflow, it: Served, write: Write
) -> None:
    write("workflows/nightly.yaml", "schedule: [{dates: [2026-11-01]}]\nsteps: [{notify: hi}]")
    it.take()

    typed = almaflow("skip-next", "nightly")

    assert typed.code == 2
    assert "nightly has no future tick that would run." in typed.err
