"""Runs that are slow, stuck or wait for a person are told of, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.scheduler.monitoring import RunMonitor, usual_of
from almaflow.store import Claim, NewLogEntry, RunRecord, StoreTrouble
from almaflow.waiting import Waiting, WaitingKind
from tests.scheduler.telling import NOON, Room, run
from tests.waits import following, question, wait

MINUTE = timedelta(minutes=1)

NOTIFY = "notify: [{on: [slow, stuck, waiting], to: systems}]"
WORKFLOW = f"name: nightly\n{NOTIFY}\nsteps: [{{wait: 1m}}]\n"


class Watched(Room):
    """A room with runs in its store, and somebody who looks at them."""

    def __init__(self) -> None:
        super().__init__()
        self.watching = RunMonitor(self.store, self.writer, self.clock, self.outbox)
        self.process = self.store.enter_process("host", 1, "0.1.0").id

    def add(self, number: int = 1, text: str = WORKFLOW, **fields: Any) -> RunRecord:
        definition = {"text": text, "file": "nightly.yaml", "timezone": "Europe/Berlin"}
        return self.store.add_run(definition, run(number, **fields))

    def learn(self, *minutes: float, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        """Let earlier runs have taken so long."""
        for number, took in enumerate(minutes, start=50):
            ended_at = NOON + took * MINUTE
            self.add(
                number,
                status=Status.FINISHED,
                outcome=outcome,
                started_at=NOON,
                ended_at=ended_at,
            )

    def begin(self, record: RunRecord) -> Claim:
        claim = self.store.claim_run(record.id, self.process)
        self.store.start_run(claim, self.clock.now(), None)
        self.store.add_events(record.id, [NewLogEntry(self.clock.now(), "run", text="It began.")])
        return claim

    def watch(self, **duration: float) -> list[tuple[str, str]]:
        """Return events and titles of what was told by the end of that time."""
        self.play(self.watching.run, **duration)
        return [(one.event, one.title) for one in self.notices()]


def test_a_run_that_takes_longer_than_usual_is_told_once() -> None:
    room = Watched()
    room.learn(10, 12, 30, 11, 10)
    record = room.add()
    room.begin(record)

    assert room.watch(minutes=44) == []
    assert room.watch(hours=2) == [("slow", "almaflow: nightly takes longer than usual (main)")]

    [told] = room.notices()
    assert (told.key, told.channel, told.run_id) == (f"slow/{record.id}/1", "systems", record.id)
    assert told.text.startswith(
        f"Run {record.id} of nightly at main has been running since 2026-11-01 13:00 CET, for "
        "46m. Of its last 5 successful runs, nine of ten took no longer than 30m.\n\n"
    )
    assert f"almaflow why {record.id}" in told.text


def test_short_runs_have_five_minutes_more() -> None:
    room = Watched()
    room.learn(1, 1, 1, 1, 1)
    room.begin(room.add())

    assert room.watch(minutes=6) == []
    assert len(room.watch(minutes=2)) == 1


@pytest.mark.parametrize(
    ("minutes", "outcome"),
    [((1, 1, 1, 1), Outcome.SUCCEEDED), ((1,) * 9, Outcome.FAILED), ((1,) * 9, Outcome.SKIPPED)],
)
def test_what_is_usual_is_learned_from_five_good_runs(
    minutes: tuple[float, ...], outcome: Outcome
) -> None:
    room = Watched()
    room.learn(*minutes, outcome=outcome)
    room.begin(room.add())

    assert room.watch(hours=3) == []


def test_usual_is_what_nine_of_ten_of_the_last_twenty_took() -> None:
    runs = [
        run(
            status=Status.FINISHED,
            outcome=Outcome.SUCCEEDED,
            started_at=NOON,
            ended_at=NOON + number * MINUTE,
        )
        for number in range(1, 41)
    ]

    usual = usual_of(runs)

    assert usual is not None
    assert (usual.longest, usual.runs) == (timedelta(minutes=18), 20)
    assert usual.slow == timedelta(minutes=27)


def test_a_run_that_is_held_is_stuck_after_ten_minutes() -> None:
    room = Watched()
    record = room.add()
    room.store.release_run(room.begin(record), held=True)

    assert room.watch(minutes=9) == []
    assert room.watch(minutes=2) == [("stuck", "almaflow: nightly is stuck (main)")]
    assert len(room.watch(hours=3)) == 1

    [told] = room.notices()
    assert told.text.startswith(
        f"Run {record.id} of nightly at main has not been executed by any process since "
        "2026-11-01 13:00 CET. It was interrupted, or could not continue automatically, and is "
        "on hold."
    )
    assert f"`almaflow resume {record.id}` continues it" in told.text


def test_a_run_that_is_held_again_is_told_again() -> None:
    room = Watched()
    record = room.add()
    room.store.release_run(room.begin(record), held=True)
    room.watch(minutes=15)

    room.store.release_run(room.begin(record), held=True)

    assert len(room.watch(minutes=15)) == 2


def test_a_run_that_nobody_begins_is_stuck() -> None:
    room = Watched()
    record = room.add()

    assert room.watch(minutes=11) == [("stuck", "almaflow: nightly is stuck (main)")]
    assert "No process takes it over." in room.notices()[0].text
    assert room.notices()[0].run_id == record.id


def test_a_run_in_which_nothing_happens_for_six_hours_is_stuck() -> None:
    room = Watched()
    claim = room.begin(room.add())
    room.store.set_status(claim, Status.WAITING, [following("M157", "it")])

    assert room.watch(hours=5, minutes=58) == []
    assert room.watch(minutes=5) == [("stuck", "almaflow: nightly is stuck (main)")]
    assert ("It waits: it: job M157 is running in Alma as instance 12 (RUNNING)") in room.notices()[
        0
    ].text


def test_what_is_usually_silent_for_longer_is_not_stuck() -> None:
    room = Watched()
    room.learn(*[600] * 5)
    room.begin(room.add())

    assert room.watch(hours=9, minutes=59) == []


@pytest.mark.parametrize(
    "waiting", [wait("until 06:00", "wait-1", WaitingKind.TIME), question("Go?", "x")]
)
def test_who_says_for_what_it_waits_is_not_stuck(waiting: Waiting) -> None:
    room = Watched()
    claim = room.begin(room.add())
    room.store.set_status(claim, Status.WAITING, [waiting])

    assert ("stuck", "almaflow: nightly is stuck (main)") not in room.watch(hours=7)


def test_each_question_for_a_person_is_told_once() -> None:
    room = Watched()
    record = room.add()
    claim = room.begin(record)
    room.store.set_status(claim, Status.WAITING, [question("Delete 3 titles?", "a")])
    room.watch(minutes=1)
    asked = [question("Delete 3 titles?", "a"), question("Go on: yes or no?", "all/2/b")]
    room.store.set_status(claim, Status.WAITING, asked)
    room.watch(minutes=3)

    first, second = room.notices()
    assert first.title == "almaflow: nightly is waiting for approval (main)"
    assert "asks before it continues with step a: Delete 3 titles?" in first.text
    assert f"`almaflow approve {record.id} all/2/b` approves" in second.text
    assert "Go on: yes or no?" in second.text


def test_a_lost_submission_waits_for_a_person_and_is_not_stuck() -> None:
    room = Watched()
    record = room.add()
    claim = room.begin(record)
    room.store.set_status(claim, Status.WAITING, [wait("Nobody can tell whether Alma took M157.")])
    room.store.release_run(claim, held=False)

    [(event, _)] = room.watch(hours=7)

    [told] = room.notices()
    assert event == "waiting"
    assert "Nobody can tell whether Alma took M157." in told.text
    assert f"What was sent: almaflow why {record.id}" in told.text


def test_a_run_that_was_given_back_while_a_step_waits_is_stuck() -> None:
    room = Watched()
    claim = room.begin(room.add())
    room.store.set_status(claim, Status.WAITING, [following("M157", "it")])
    room.store.release_run(claim, held=False)

    assert room.watch(minutes=11) == [("stuck", "almaflow: nightly is stuck (main)")]


def test_nobody_hears_who_did_not_ask() -> None:
    room = Watched()
    room.store.release_run(room.begin(room.add(text=WORKFLOW.replace("stuck, ", ""))), held=True)
    room.add(2, text=WORKFLOW.replace(NOTIFY, ""))

    assert room.watch(hours=7) == []


def test_another_look_by_another_process_tells_nothing_twice() -> None:
    room = Watched()
    room.add()
    room.watch(minutes=15)

    room.watching = RunMonitor(room.store, room.writer, room.clock, room.outbox)

    assert len(room.watch(minutes=15)) == 1


def test_a_definition_that_cannot_be_read_is_passed_over() -> None:
    room = Watched()
    room.store.add_run({"of": "another version"}, run(7))
    room.add(1, text="name: nightly\nsteps: [{sort_of_step: x}]")
    room.add(2)

    assert len(room.watch(minutes=15)) == 1


def test_a_store_that_refuses_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Watched()
    room.add()
    look, refusals = room.store.last_changes, [StoreTrouble("Busy.")] * 12

    def refuse(run_ids: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return look(run_ids)

    monkeypatch.setattr(room.store, "last_changes", refuse)

    assert len(room.watch(minutes=20)) == 1
