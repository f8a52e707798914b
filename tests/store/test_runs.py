from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from almaflow.errors import RequestWrong, StoreError
from almaflow.outcome import Outcome, Status
from almaflow.store import (
    CancelRequest,
    Claim,
    ClaimLost,
    RunEnded,
    RunExists,
    RunHeld,
    RunNotFound,
    Store,
    ValueUnfit,
    new_run_id,
)
from tests.store.conftest import HOST, NOON, ManualClock, claimed, make_record
from tests.waits import wait

DEFINITION = {"workflow": "steps:\n- wait: 1m\n", "files": {"a.xml": "<job/>"}, "commit": None}


def test_a_run_id_tells_the_utc_second_and_five_unambiguous_characters() -> None:
    now = datetime(2026, 11, 1, 2, 30, tzinfo=timezone(timedelta(hours=1)))

    ids = {new_run_id(now, random.Random(seed)) for seed in range(50)}

    assert len(ids) == 50
    assert all(re.fullmatch(r"20261101-013000-[a-hjkmnp-z2-9]{5}", id_) for id_ in ids)


def test_a_recorded_run_comes_back_equal_from_a_reopened_store(
    open_store: Callable[..., Store],
) -> None:
    store = open_store()
    record = make_record(
        inputs={"month": "2026-10", "limit": 500},
        vars={"list": [1, "2", None]},
        outputs={"x": True},
        institution="main",
        path="workflows/withdraw.yaml",
        error="\N{SNOWMAN}",
        deadline_at=NOON + timedelta(microseconds=1),
        outcome=Outcome.MISSED,
    )

    added = store.add_run(DEFINITION, record)
    store.close()
    again = open_store()

    assert added == dataclasses.replace(record, definition=added.definition)
    assert again.run(record.id) == added
    assert again.definition(added.definition) == DEFINITION


def test_equal_definitions_are_kept_once(store: Store) -> None:
    first = store.add_run(DEFINITION, make_record(1))
    second = store.add_run(dict(DEFINITION), make_record(2))
    third = store.add_run({"workflow": "other"}, make_record(3))

    assert first.definition == second.definition != third.definition


def test_a_definition_that_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no definition abc"):
        store.definition("abc")


def test_the_second_run_under_a_key_finds_the_first(store: Store) -> None:
    store.add_run(DEFINITION, make_record(1, key="withdraw/monthly/2026-11-01T01:30:00Z"))

    with pytest.raises(RunExists) as caught:
        store.add_run({}, make_record(2, key="withdraw/monthly/2026-11-01T01:30:00Z"))

    assert caught.value.run_id == make_record(1).id
    assert caught.value.key == "withdraw/monthly/2026-11-01T01:30:00Z"
    assert [run.id for run in store.runs()] == [make_record(1).id]


def test_inputs_that_are_too_large_leave_no_run_and_no_definition(store: Store) -> None:
    with pytest.raises(ValueUnfit, match=r"inputs of run 20261101-120000-aaa01 is 17\.0 MiB"):
        store.add_run({"only": "here"}, make_record(inputs={"x": "y" * (17 * 1024 * 1024)}))

    assert store.runs() == []
    with store._database.read() as connection:
        assert connection.value("SELECT count(*) FROM definitions") == 0


def test_an_unknown_run_is_a_wrong_request(store: Store) -> None:
    with pytest.raises(RunNotFound, match="There is no run nothing in this store"):
        store.run("nothing")
    assert RunNotFound.exit_code == RequestWrong.exit_code == 2


# Finding


def test_a_unique_part_of_the_id_finds_the_run(store: Store) -> None:
    store.add_run({}, make_record(1))
    store.add_run({}, make_record(2))

    assert store.find_run(" AAA02 ").id == make_record(2).id


def test_a_whole_id_finds_its_run_even_when_another_contains_it(store: Store) -> None:
    store.add_run({}, make_record(1, id="20261101-120000-aaaaa"))
    store.add_run({}, make_record(2, id="20261101-120000-aaaaab"))

    assert store.find_run("20261101-120000-aaaaa").key == make_record(1).key


def test_last_is_the_run_recorded_last_even_within_one_instant(store: Store) -> None:
    store.add_run({}, make_record(1, id="20261101-120000-zzzzz"))
    store.add_run({}, make_record(2))

    assert store.find_run("last").id == make_record(2).id


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            "aaa",
            "More than one run has `aaa` in its id: 20261101-120000-aaa07, 20261101-120000-aaa06,"
            " 20261101-120000-aaa05, 20261101-120000-aaa04, 20261101-120000-aaa03, …."
            " Write more of it.",
        ),
        (
            "aaa0",
            "More than one run has `aaa0` in its id: 20261101-120000-aaa07, 20261101-120000-aaa06,"
            " 20261101-120000-aaa05, 20261101-120000-aaa04, 20261101-120000-aaa03, …."
            " Write more of it.",
        ),
        ("aab03", "No run has `aab03` in its id; did you mean `20261101-120000-aaa03`?"),
        (
            "20261101-120000-aab04",
            "No run has `20261101-120000-aab04` in its id; did you mean `20261101-120000-aaa04`?",
        ),
        (
            "%",
            "No run has `%` in its id. The newest are 20261101-120000-aaa07,"
            " 20261101-120000-aaa06, 20261101-120000-aaa05, 20261101-120000-aaa04,"
            " 20261101-120000-aaa03; `almaflow runs` lists more.",
        ),
        (
            "",
            "No run has `` in its id. The newest are 20261101-120000-aaa07,"
            " 20261101-120000-aaa06, 20261101-120000-aaa05, 20261101-120000-aaa04,"
            " 20261101-120000-aaa03; `almaflow runs` lists more.",
        ),
    ],
)
def test_a_part_that_names_no_one_run_lists_what_comes_near(
    store: Store, part: str, message: str
) -> None:
    for number in range(1, 8):
        store.add_run({}, make_record(number))

    with pytest.raises(RunNotFound) as caught:
        store.find_run(part)

    assert str(caught.value) == message


def test_two_runs_with_the_part_are_both_listed(store: Store) -> None:
    store.add_run({}, make_record(1))
    store.add_run({}, make_record(2))

    with pytest.raises(RunNotFound, match=r"-aaa02, 20261101-120000-aaa01\. Write more of it"):
        store.find_run("aaa")


@pytest.mark.parametrize("part", ["last", "k7x2q"])
def test_an_empty_store_says_that_there_is_no_run(store: Store, part: str) -> None:
    with pytest.raises(RunNotFound, match="recorded in this store yet"):
        store.find_run(part)


def test_runs_are_listed_newest_first_and_by_what_is_asked(store: Store) -> None:
    process = store.enter_process("desk", 1, "0.1.0")
    for number in range(1, 5):
        store.add_run({}, make_record(number, workflow="odd" if number % 2 else "even"))
    claim = store.claim_run(make_record(3).id, process.id)
    store.finish_run(claim, Outcome.FAILED, "no members")

    def listed(**wanted: object) -> list[str]:
        return [run.id[-1] for run in store.runs(**wanted)]  # type: ignore[arg-type]

    assert listed() == ["4", "3", "2", "1"]
    assert listed(limit=2) == ["4", "3"]
    assert listed(workflow="odd") == ["3", "1"]
    assert listed(workflow="odd", statuses=[Status.QUEUED]) == ["1"]
    assert listed(outcomes={Outcome.FAILED, Outcome.UNKNOWN}) == ["3"]


# Claims


def test_a_claim_makes_the_process_the_owner_and_ends_a_hold(store: Store) -> None:
    run = store.add_run({}, make_record(held=True))
    process = store.enter_process("desk", 1, "0.1.0")

    claim = store.claim_run(run.id, process.id)

    now = store.run(run.id)
    assert claim == Claim(run.id, process.id, 1)
    assert (now.owner, now.epoch, now.held) == (process.id, 1, False)


def test_a_run_of_a_live_process_cannot_be_claimed(store: Store) -> None:
    claim = claimed(store)
    other = store.enter_process("annex", 2, "0.1.0")

    with pytest.raises(RunHeld) as caught:
        store.claim_run(claim.run_id, other.id)

    assert (caught.value.pid, caught.value.host, caught.value.since) == (101, HOST, NOON)
    assert f"process 101 on {HOST}, alive since 2026-11-01 12:00:00 UTC" in str(caught.value)
    with pytest.raises(RunHeld):
        store.claim_run(claim.run_id, claim.process_id)


def test_a_run_of_a_process_that_left_is_taken_over_with_a_new_epoch(store: Store) -> None:
    claim = claimed(store)
    other = store.enter_process("annex", 2, "0.1.0")
    store.leave_process(claim.process_id)

    taken = store.claim_run(claim.run_id, other.id)

    assert taken == Claim(claim.run_id, other.id, 2)
    with pytest.raises(ClaimLost):
        store.set_status(claim, Status.WAITING, [wait("nobody reads this")])
    assert store.run(claim.run_id).reason == ""


def test_a_released_run_keeps_its_status_and_has_no_owner(store: Store) -> None:
    claim = claimed(store)
    store.set_status(claim, Status.WAITING, [wait("waits until 06:00")])

    store.release_run(claim, held=True)

    run = store.run(claim.run_id)
    assert (run.status, run.reason, run.owner, run.held) == (
        Status.WAITING,
        "waits until 06:00",
        None,
        True,
    )
    with pytest.raises(ClaimLost):
        store.release_run(claim, held=False)
    assert store.claim_run(run.id, claim.process_id).epoch == 2


def test_a_finished_run_cannot_be_claimed_or_cancelled(store: Store) -> None:
    claim = claimed(store)
    store.finish_run(claim, Outcome.SUCCEEDED)

    with pytest.raises(RunEnded, match=r"aaa01 is finished \(succeeded\)"):
        store.claim_run(claim.run_id, claim.process_id)
    with pytest.raises(RunEnded):
        store.ask_cancel(claim.run_id, "eva")


# Life


def test_a_resumed_run_keeps_the_instants_of_its_first_start(store: Store) -> None:
    claim = claimed(store)
    first = store.start_run(claim, NOON, NOON + timedelta(hours=8))
    store.set_status(claim, Status.WAITING, [wait("a place")])
    store.release_run(claim, held=False)

    claim = store.claim_run(claim.run_id, claim.process_id)
    again = store.start_run(claim, NOON + timedelta(hours=1), None)

    assert (first.status, first.started_at) == (Status.RUNNING, NOON)
    assert (again.status, again.reason) == (Status.RUNNING, "")
    assert (again.started_at, again.deadline_at) == (NOON, NOON + timedelta(hours=8))


def test_a_run_is_finished_once_by_its_owner(store: Store, clock: ManualClock) -> None:
    claim = claimed(store)
    store.set_status(claim, Status.WAITING, [wait("the last poll")])
    clock.move(90)

    store.finish_run(claim, Outcome.WARNING, "one item\0 was left", {"withdrawn": "12"})

    run = store.run(claim.run_id)
    assert (run.status, run.outcome, run.owner) == (Status.FINISHED, Outcome.WARNING, None)
    assert (run.error, run.reason) == ("one item\N{REPLACEMENT CHARACTER} was left", "")
    assert (run.outputs, run.ended_at) == ({"withdrawn": "12"}, NOON + timedelta(seconds=90))
    with pytest.raises(ClaimLost):
        store.finish_run(claim, Outcome.FAILED)


def test_outputs_that_are_too_large_do_not_finish_the_run(store: Store) -> None:
    claim = claimed(store)

    with pytest.raises(ValueUnfit, match="outputs of run"):
        store.finish_run(claim, Outcome.SUCCEEDED, outputs={"x": float("nan")})

    assert store.run(claim.run_id).status is Status.QUEUED


def test_who_asked_first_for_a_cancel_stays_recorded(store: Store, clock: ManualClock) -> None:
    claim = claimed(store, 1)
    claimed(store, 2)
    store.ask_cancel(claim.run_id, "eva")
    clock.move(60)

    run = store.ask_cancel(claim.run_id, "tom")

    both = [make_record(1).id, make_record(2).id]
    assert (run.cancel_requested_at, run.cancel_requested_by) == (NOON, "eva")
    assert store.cancels_asked(both) == {claim.run_id: CancelRequest(NOON, "eva")}
    assert store.cancels_asked([make_record(2).id]) == {}
    store.finish_run(claim, Outcome.CANCELLED)
    assert store.cancels_asked(both) == {}


def test_a_run_that_is_not_there_cannot_be_cancelled(store: Store) -> None:
    with pytest.raises(RunNotFound):
        store.ask_cancel("nothing", "eva")


def test_runs_are_listed_by_when_they_were_requested_and_page_by_page(store: Store) -> None:
    for number in range(1, 6):
        at = NOON + timedelta(hours=number)
        store.add_run(DEFINITION, make_record(number, requested_at=at, scheduled_at=at))
    newest = [record.id for record in store.runs()]

    since = store.runs(requested_since=NOON + timedelta(hours=4))
    until = store.runs(requested_until=NOON + timedelta(hours=2))
    page = store.runs(2, before_run=newest[1])

    assert [record.id for record in since] == newest[:2]
    assert [record.id for record in until] == newest[3:]
    assert [record.id for record in page] == newest[2:4]
    with pytest.raises(RunNotFound):
        store.runs(2, before_run="20260101-000000-aaaaa")


def test_a_log_is_read_in_parts(store: Store) -> None:
    store.add_run(DEFINITION, make_record())
    run_id = store.runs(1)[0].id
    for text in "abcde":
        store.add_event(run_id, "said", text=text)

    parts = [store.events(run_id, skip=skip, limit=2) for skip in (0, 2, 4, 6)]

    assert [[event.text for event in part] for part in parts] == [["a", "b"], ["c", "d"], ["e"], []]
    assert [event.text for event in store.events(run_id, skip=3)] == ["d", "e"]


def test_a_run_on_hold_is_free_again_once_the_hold_is_ended(store: Store) -> None:
    claim = claimed(store)
    store.start_run(claim, NOON, None)
    store.set_status(claim, Status.WAITING)
    store.release_run(claim, held=True)
    assert store.orphans() == []

    run = store.end_hold(claim.run_id)

    assert (run.held, run.status) == (False, Status.RUNNING)
    assert store.orphans() == [claim.run_id]
    assert store.end_hold(claim.run_id) == run


def test_the_hold_of_a_finished_run_cannot_be_ended(store: Store) -> None:
    claim = claimed(store)
    store.finish_run(claim, Outcome.SUCCEEDED)

    with pytest.raises(RunEnded):
        store.end_hold(claim.run_id)
