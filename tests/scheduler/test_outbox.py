"""Notices get to their channels, or are tried again until a day is over."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from email import policy
from pathlib import Path

import anyio
import pytest

from almaflow.clock import SystemClock
from almaflow.connectors.attached_files import AttachedFile
from almaflow.connectors.base import NoExternalSystems
from almaflow.connectors.registry import LiveSystems
from almaflow.engine.outbox import Outbox
from almaflow.redaction import Mask, placeholder
from almaflow.scheduler.notifications.routing import notices_for_ticks
from almaflow.settings import find_project
from almaflow.store import Store, StoreFull, TickCause, TickEnd, TickEnding
from almaflow.store.writer import StoreWriter
from tests.connectors.servers import mail_server, web_hook
from tests.scheduler.telling import NOON, Heard, Room, notice, tick, workflow


def test_what_is_put_in_is_delivered_once() -> None:
    room = Room()

    async def put() -> None:
        await room.outbox.put([notice()])
        await room.outbox.put([notice(), notice(channel="catalogers")])

    room.play(room.outbox.run, put, seconds=1)
    room.deliver(hours=1)

    assert sorted(room.channels.taken) == [
        ("catalogers", "missed/nightly/1"),
        ("systems", "missed/nightly/1"),
    ]
    assert all(one.sent_at is not None for one in room.notices())
    assert room.log.lines == []


def test_what_others_recorded_is_found_soon() -> None:
    room = Room()
    room.put(notice())

    room.deliver(seconds=11)

    assert len(room.channels.taken) == 1


def test_a_channel_in_trouble_is_tried_with_growing_waits_and_named_once() -> None:
    room = Room(look=timedelta(minutes=5))
    room.channels.trouble["systems"] = "The channel `systems` did not accept the notification: 503."
    room.put(notice())

    room.deliver(hours=3)

    # After 5 and 15 seconds, and 1, 2, 4, 8, 16, 32 and 60 minutes.
    assert len(room.channels.tried) == 10
    [waiting] = room.notices()
    assert waiting.error == "The channel `systems` did not accept the notification: 503."
    assert waiting.next_at is not None
    assert room.log.lines == [
        (
            "error",
            "The channel `systems` did not accept the notification: 503. Its notifications are "
            "kept and retried for a day. `almaflow doctor` checks every channel.",
        )
    ]

    room.channels.trouble.clear()
    room.deliver(hours=2)

    assert room.channels.taken == [("systems", "missed/nightly/1")]
    assert room.log.lines[1:] == [("info", "The channel `systems` works again.")]


def test_a_notice_is_given_up_after_a_day() -> None:
    room = Room(look=timedelta(minutes=5))
    room.channels.trouble["systems"] = "Busy."
    room.put(notice())

    room.deliver(hours=30)

    [given_up] = room.notices()
    assert (given_up.next_at, given_up.sent_at) == (None, None)
    assert room.log.lines[-1] == (
        "error",
        "A notification could not be delivered for a day and was given up: missed/nightly/1. Busy.",
    )
    assert room.log.data[-1] == {"channel": "systems", "workflow": "nightly"}


def test_a_notice_that_no_channel_takes_does_not_keep_others_back() -> None:
    room = Room()
    room.channels.refuses.add("poison")
    room.put(notice("poison"), notice("good"))

    room.deliver(minutes=1)

    assert room.channels.taken == [("systems", "good")]


def test_a_channel_that_fails_again_and_again_is_left_alone_for_a_while() -> None:
    room = Room()
    room.channels.trouble["systems"] = "Busy."
    room.put(*(notice(f"n{number}") for number in range(50)))

    room.deliver(seconds=30)

    # Three of them, and each again after 5 and 15 seconds.
    assert len(room.channels.tried) == 9
    assert {one.error for one in room.notices()} == {"Busy."}


def test_a_defect_in_a_channel_is_that_channel_s_only(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(Mask(["t0ken-passw0rd"]))
    take = room.channels.send_notice

    def send(channel: str, title: str, text: str, files: Sequence[AttachedFile]) -> str:
        if channel == "systems":
            raise KeyError("t0ken-passw0rd")
        return take(channel, title, text, files)

    monkeypatch.setattr(room.channels, "send_notice", send)
    room.put(notice(), notice(channel="catalogers"))

    room.deliver(minutes=1)

    assert room.channels.taken == [("catalogers", "missed/nightly/1")]
    assert room.notices()[0].error == "The channel `systems` failed: KeyError: '***'."


def test_the_log_needs_no_delivery() -> None:
    room = Room()
    room.put(notice(channel="log", title="almaflow: late", text="It was.", run_id="a"))

    room.deliver(minutes=1)

    assert room.channels.tried == []
    assert room.log.lines == [("warning", "almaflow: late\nIt was.")]
    assert room.log.data == [{"event": "missed", "workflow": "nightly", "run": "a"}]


def test_no_secret_gets_into_the_store_or_out() -> None:
    room = Room(Mask(["the-ftp-passw0rd"]))

    async def put() -> None:
        said = f"the-ftp-passw0rd and {placeholder('ftp')}"
        await room.outbox.put([notice(title=said, text=said)])

    room.play(put, seconds=1)

    [kept] = room.notices()
    assert kept.title == kept.text == "*** and ***secrets.ftp***"


def another_outbox(room: Room) -> Outbox:
    """Return the outbox of another process on the same store."""
    return Outbox(room.store, room.writer, room.channels, room.clock, Mask(()), room.log)


def test_two_processes_deliver_each_notice_once() -> None:
    room = Room()
    room.put(*(notice(f"n{number}") for number in range(20)))

    room.play(room.outbox.run, another_outbox(room).run, minutes=5)

    assert sorted(room.channels.taken) == sorted(("systems", f"n{n}") for n in range(20))


def test_a_notice_whose_process_died_while_it_was_sent_is_sent_by_another_one() -> None:
    room = Room()
    room.put(notice())
    [due] = room.store.due_notices()
    assert room.store.take_notice(due, NOON + timedelta(seconds=30))
    assert not room.store.take_notice(due, NOON + timedelta(seconds=30))

    room.deliver(seconds=29)
    before = list(room.channels.taken)
    room.deliver(seconds=2)

    assert (before, room.channels.taken) == ([], [("systems", "missed/nightly/1")])


def test_a_notice_that_was_delivered_and_not_recorded_is_not_sent_again_by_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room()
    room.put(notice())
    sent, refusals = room.store.notice_sent, [StoreFull("full"), StoreFull("full")]

    def refuse(notice_id: int) -> None:
        if refusals:
            raise refusals.pop()
        sent(notice_id)

    monkeypatch.setattr(room.store, "notice_sent", refuse)
    room.deliver(minutes=5)

    assert room.channels.taken == [("systems", "missed/nightly/1")]
    assert room.notices()[0].sent_at is not None


# --- in real time, with real channels -------------------------------------------------------------


class Hanging(NoExternalSystems):
    """The channel `slow` does not come back before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.taken: list[tuple[str, str]] = []

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        if channel == "slow":
            assert self.let_go.wait(30)
        self.taken.append((channel, title))
        return ""


def test_a_channel_that_hangs_holds_up_no_other_and_is_not_asked_twice() -> None:
    outside, log, clock = Hanging(), Heard(), SystemClock()
    store = Store.open("sqlite://", clock=clock)
    # The other channel has to do with as much, and a busy machine starts its thread late.
    patience = timedelta(milliseconds=300)
    box = Outbox(store, StoreWriter(store), outside, clock, Mask(()), log, patience)

    async def until(wanted: Callable[[], bool]) -> None:
        with anyio.fail_after(20):
            while not wanted():  # noqa: ASYNC110 - a thread and the store tell no event
                await anyio.sleep(0.001)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(box.run)
            await box.put([notice("one", "slow"), notice("two", "slow"), notice("3", "fast")])
            await until(lambda: all(one.tries > 0 for one in store.notices()))
            outside.let_go.set()
            await until(lambda: len(outside.taken) == 2)
            # It is due again, and known to have got there after all.
            for one in store.due_notices() or store.notices():
                if one.sent_at is None:
                    store.notice_failed(one.id, one.error, clock.now())
            box.wake()
            await until(lambda: all(one.sent_at is not None for one in store.notices()))
            tasks.cancel_scope.cancel()

    anyio.run(main)

    assert sorted(outside.taken) == [("fast", "3"), ("slow", "one"), ("slow", "two")]
    assert log.lines[0][1].startswith("The channel `slow` did not respond within 0.3 seconds. ")
    assert log.lines[1:] == [("info", "The channel `slow` works again.")]


SETTINGS = """\
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
channels: {systems: env:SYSTEMS}
serve: {to: systems}
"""


@pytest.mark.parametrize("kind", ["mail", "hook"])
def test_a_missed_tick_is_heard_of_by_mail_and_by_web_hook(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "almaflow.yaml").write_text(SETTINGS)
    project = find_project(tmp_path)
    room = Room()
    outside = LiveSystems(project)
    box = Outbox(room.store, room.writer, outside, room.clock, Mask(()), room.log)
    end = TickEnd(
        tick_id=1,
        ending=TickEnding.MISSED,
        cause=TickCause.MAX_AGE,
        reason="No `almaflow serve` was running in time, and ticks older than 2h (`max_age`) do "
        "not run.",
    )
    found = notices_for_ticks([(tick(), end)], [], {"nightly": workflow()}, project.settings)

    with mail_server() as mails, web_hook() as hook:
        mail = f"mailto://127.0.0.1:{mails.port}?from=a@example.org&to=b@example.org"
        address = mail if kind == "mail" else f"json://127.0.0.1:{hook.port}"
        monkeypatch.setenv("SYSTEMS", address)
        room.store.add_notices(found)
        room.play(box.run, seconds=1)

    if kind == "mail":
        [(_, to, whole)] = mails.taken
        message = email.message_from_string(whole, policy=policy.default)
        body = message.get_body(("plain", "html"))
        assert to == ["b@example.org"]
        assert body is not None
        title, text = message["Subject"], body.get_content()
    else:
        [posted] = map(json.loads, hook.bodies)
        title, text = posted["title"], posted["message"]
    assert title == f"almaflow: nightly did not run at {NOON:%Y-%m-%d %H:%M} UTC"
    assert "older than 2h (`max_age`) do not run." in text
    assert "almaflow ticks nightly --ending missed" in text
    [sent] = room.notices()
    assert sent.sent_at is not None
