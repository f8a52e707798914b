"""What people ask of runs: recorded with their names, and executed by whichever process can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from almaflow.errors import RequestWrong
from almaflow.operations.approval import reply
from almaflow.operations.cancellation import ask_cancel, cancel_anywhere
from almaflow.operations.continuing import continue_run
from almaflow.operations.retrying import preview_retry, queue_retry
from almaflow.operations.starting import add_run, queue_once, queue_run, request_key
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan
from almaflow.store import RunNotEnded, RunRecord, Store
from almaflow.virtual_time import run_virtual
from tests.harness import Ears, Stage, interrupt_after
from tests.operations.conftest import BY, log_of, opened

ASKS = """\
name: weed
steps:
  - id: sign
    approve: "Delete?"
  - {id: after, notify: done}
"""
SHORT = "steps: [{id: one, notify: hi}, {id: two, notify: there}]"
WAITS = "steps: [{id: pause, wait: 30m}, {id: after, notify: hi}]"
FAILS = "steps: [{id: one, notify: hi}, {id: two, check: '1 > 2'}]"


def serve(stage: Stage) -> None:
    """Be a process that takes runs, until none is left."""
    store = stage.open_store()
    try:
        engine = stage.engine(store, Ears())

        async def work() -> None:
            async with engine.running():
                await engine.keep_working()

        run_virtual(work)
    finally:
        store.close()


def held(stage: Stage, workflow: str = WAITS) -> RunRecord:
    """Return a run that a person interrupted."""
    record = stage.run(workflow, beside=interrupt_after(minutes=1)).record
    assert record.held
    return record


def test_a_held_run_is_cancelled_by_the_process_that_serves(stage: Stage) -> None:
    run = held(stage)
    with opened(stage) as store:
        record = cancel_anywhere(store, run.id, BY)
        assert (record.held, record.cancel_requested_by) == (False, BY)

    serve(stage)

    with opened(stage) as store:
        record = store.run(run.id)
        assert (record.outcome, record.error) == (Outcome.CANCELLED, f"Cancelled by {BY}.")
        assert log_of(store, run.id) == [f"{BY} asked to cancel the run."]


def test_a_cancelled_run_names_the_first_person_who_asked(stage: Stage) -> None:
    run = held(stage)
    with opened(stage) as store:
        ask_cancel(store, run.id, "anna")

        record = cancel_anywhere(store, run.id, "bert")

        assert record.cancel_requested_by == "anna"
        assert log_of(store, run.id) == ["anna asked to cancel the run."]


def test_a_request_that_fails_half_way_leaves_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = held(stage)
    with opened(stage) as store:

        def refuse(*_: object) -> None:
            raise RequestWrong("No.")

        monkeypatch.setattr(Store, "end_hold", refuse)
        with pytest.raises(RequestWrong):
            cancel_anywhere(store, run.id, BY)

        assert store.run(run.id).cancel_requested_at is None
        assert log_of(store, run.id) == []


def test_a_held_run_continues_where_it_stopped(stage: Stage) -> None:
    run = held(stage)
    with opened(stage) as store:
        continue_run(store, "last", BY)

    serve(stage)

    played = stage.look(run.id)
    assert played.outcome == "succeeded"
    assert f"{BY} continues the run." in [one.text for one in played.log]


def test_a_run_that_is_not_on_hold_is_not_continued(stage: Stage) -> None:
    with opened(stage) as store:
        waiting = add_run(store, stage.plan(SHORT))
        with pytest.raises(RequestWrong, match="not on hold"):
            continue_run(store, waiting.id, BY)

        process = store.enter_process("shelf", 1, "0")
        store.claim_run(waiting.id, process.id)
        with pytest.raises(RequestWrong, match="A process is executing run"):
            continue_run(store, waiting.id, BY)

    ended = stage.run(SHORT).record
    with opened(stage) as store, pytest.raises(RequestWrong, match="is finished"):
        continue_run(store, ended.id, BY)


Asks = Callable[[Store, Stage], object]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, stage: queue_run(store, stage.plan(SHORT), BY),
        lambda store, stage: continue_run(store, "last", BY),
    ],
)
def test_nothing_is_queued_that_no_process_would_execute(stage: Stage, ask: Asks) -> None:
    run = held(stage)
    with opened(stage, served=False) as store:
        with pytest.raises(RequestWrong, match="No `almaflow serve` is running"):
            ask(store, stage)

        assert store.run(run.id).held
        assert len(store.runs()) == 1


def test_a_reply_names_the_person_and_has_the_comment_in_the_log(stage: Stage) -> None:
    stage.run(ASKS, beside=interrupt_after(minutes=1))
    with opened(stage) as store:
        given = reply(store, "last", "sign", approved=True, comment=" as agreed ", by=BY)
        continue_run(store, given.run, "bert")

    serve(stage)

    with opened(stage) as store:
        record = store.run(given.run)
        assert record.outcome is Outcome.SUCCEEDED
        assert log_of(store, record.id) == [
            f"{BY} approved step sign: as agreed",
            "bert continues the run.",
        ]


def test_a_retry_is_previewed_and_then_queued_once(stage: Stage) -> None:
    run = stage.run(FAILS).record
    with opened(stage) as store:
        coming = preview_retry(store, run.id, None)
        assert list(coming.steps.redo) == ["two"]
        assert store.run(run.id).status is Status.FINISHED

        record = queue_retry(store, coming, BY)

        assert (record.status, record.attempt) == (Status.QUEUED, 2)
        assert log_of(store, run.id) == [f"{BY} asked for attempt 2."]
        with pytest.raises(RunNotEnded):
            queue_retry(store, coming, BY)
        assert len(log_of(store, run.id)) == 1


def test_a_retry_from_a_step_says_so_in_the_log(stage: Stage) -> None:
    run = stage.run(SHORT).record
    with opened(stage) as store:
        queue_retry(store, preview_retry(store, run.id, "two"), BY)

        assert log_of(store, run.id) == [f"{BY} asked for attempt 2 from step two on."]


def test_a_repeated_request_for_a_run_finds_the_first_run(stage: Stage) -> None:
    def plan(name: str) -> Plan:
        made = stage.plan(f"inputs: {{name: {{}}, more: {{default: x}}}}\n{SHORT}", name=name)
        return replace(made, key=request_key("test", "1"))

    with opened(stage) as store:
        record, is_new = queue_once(store, plan("a"), ["name"], BY)
        again, is_new_again = queue_once(store, plan("a"), ["name"], BY)

        assert (is_new, is_new_again) == (True, False)
        assert record.id == again.id
        assert log_of(store, record.id) == [f"{BY} asked for this run."]
        with pytest.raises(RequestWrong, match="other inputs"):
            queue_once(store, plan("b"), ["name"], BY)
        assert len(store.runs()) == 1


@pytest.mark.parametrize("key", ["", "two words", "ä", "x" * 201, "a\nb"])
def test_the_key_of_a_request_is_short_and_plain(key: str) -> None:
    with pytest.raises(RequestWrong, match="visible ASCII"):
        request_key("weed", key)
