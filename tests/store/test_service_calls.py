"""What a service keeps beside the ledger: pauses, workflow files, notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from almaflow.errors import StoreError
from almaflow.store import (
    NewNotification,
    NotificationRecord,
    SchedulePause,
    Store,
    ValueUnfit,
    WorkflowSource,
)
from tests.store.conftest import NOON, ManualClock
from tests.store.ticking import enter_leader

HOUR = timedelta(hours=1)

# Pauses


def test_a_workflow_is_paused_until_somebody_ends_it(store: Store, clock: ManualClock) -> None:
    pause = store.pause("withdraw", by="eva", note="migration")
    clock.move(3600)

    ended = store.unpause("withdraw", by="jo")

    assert pause == SchedulePause(
        id=pause.id, workflow="withdraw", since=NOON, until=None, note="migration", by="eva"
    )
    assert ended == replace(pause, until=NOON + HOUR, ended_by="jo")
    assert store.pauses() == [ended]
    assert store.unpause("withdraw", by="jo") is None
    assert [ended.holds(NOON + HOUR * number) for number in (-1, 0, 1)] == [False, True, False]


def test_a_pause_ends_by_itself_when_it_has_an_end(store: Store, clock: ManualClock) -> None:
    pause = store.pause("withdraw", by="eva", until=NOON + HOUR)
    clock.move(3600)

    assert store.unpause("withdraw", by="jo") is None
    assert store.pauses() == [pause]


def test_a_new_pause_takes_the_place_of_the_one_that_stands(
    store: Store, clock: ManualClock
) -> None:
    other = store.pause("other", by="eva")
    first = store.pause("withdraw", by="eva")
    clock.move(60)

    second = store.pause("withdraw", by="jo", until=NOON + HOUR)

    at = clock.now()
    assert store.pauses() == [other, replace(first, until=at, ended_by="jo"), second]
    assert (second.since, second.until) == (at, NOON + HOUR)


def test_pauses_are_found_by_workflow_and_time(store: Store, clock: ManualClock) -> None:
    past = store.pause("withdraw", by="eva", until=NOON + HOUR)
    clock.move(7200)
    now = store.pause("withdraw", by="eva")
    other = store.pause("other", by="eva")

    assert store.pauses(workflow="withdraw") == [past, now]
    assert store.pauses(since=clock.now()) == [now, other]
    assert store.pauses(workflow="withdraw", since=NOON) == [past, now]
    assert store.pauses(workflow="withdraw", since=NOON + HOUR) == [now]


# Files


def make_source(path: str = "a.yaml", definition: str = "") -> WorkflowSource:
    return WorkflowSource(path=path, workflow="a", definition=definition, read_at=NOON)


def test_a_file_is_kept_as_it_was_when_it_was_valid(store: Store) -> None:
    leader = enter_leader(store)

    kept = store.keep_source(leader, make_source(), {"workflow": "steps: []"})
    store.keep_source(leader, make_source("0.yaml"), {})

    assert store.definition(kept.definition) == {"workflow": "steps: []"}
    assert [source.path for source in store.sources()] == ["0.yaml", "a.yaml"]
    assert store.sources()[1] == kept


def test_a_file_that_has_become_invalid_keeps_what_it_was(store: Store) -> None:
    leader = enter_leader(store)
    kept = store.keep_source(leader, make_source(), {"workflow": "steps: []"})

    broken = store.keep_source(leader, replace(kept, problem="a.yaml:3:1: no"), None)

    assert broken.definition == kept.definition
    assert store.sources() == [replace(kept, problem="a.yaml:3:1: no")]


def test_a_file_is_dropped(store: Store) -> None:
    leader = enter_leader(store)
    store.keep_source(leader, make_source(), {})

    store.drop_source(leader, "a.yaml")
    store.drop_source(leader, "a.yaml")

    assert store.sources() == []


def test_a_file_without_a_definition_that_the_store_has_is_refused(store: Store) -> None:
    leader = enter_leader(store)

    with pytest.raises(StoreError):
        store.keep_source(leader, make_source(definition="nothing"), None)
    with pytest.raises(ValueUnfit, match=r"the workflow of a\.yaml"):
        store.keep_source(leader, make_source(), {"x": object()})

    assert store.sources() == []


# Notices


def notice(key: str = "missed/1", channel: str = "systems", **fields: str) -> NewNotification:
    return NewNotification(
        key=key,
        event="missed",
        workflow=fields.get("workflow", "withdraw"),
        run_id=None,
        channel=channel,
        title="A tick was missed",
        text=fields.get("text", "No serve was running."),
    )


def test_a_notice_is_due_at_once_and_sent_once(store: Store, clock: ManualClock) -> None:
    added = store.add_notices([notice()])

    (due,) = store.due_notices()
    clock.move(60)
    store.notice_sent(due.id)

    fresh = NotificationRecord(
        **vars(notice()),
        id=due.id,
        created_at=NOON,
        tries=0,
        next_at=NOON,
        sent_at=None,
        error="",
    )
    assert (added, due) == (1, fresh)
    assert store.due_notices() == []
    assert store.notices() == [replace(fresh, tries=1, next_at=None, sent_at=clock.now())]


def test_a_notice_that_did_not_get_there_is_tried_again(store: Store, clock: ManualClock) -> None:
    store.add_notices([notice()])
    (due,) = store.due_notices()

    store.notice_failed(due.id, "connection refused", clock.now() + HOUR)

    assert store.due_notices() == []
    clock.move(3600)
    (again,) = store.due_notices()
    assert again == replace(due, tries=1, next_at=clock.now(), error="connection refused")
    store.notice_sent(again.id)
    assert store.notices()[0].error == ""


def test_a_notice_is_given_up(store: Store, clock: ManualClock) -> None:
    store.add_notices([notice()])

    store.notice_failed(store.due_notices()[0].id, "unknown address", None)

    clock.move(86400)
    assert store.due_notices() == []
    (record,) = store.notices()
    assert (record.next_at, record.sent_at, record.error) == (None, None, "unknown address")


def test_a_key_is_told_once_to_each_channel(store: Store) -> None:
    store.add_notices([notice()])
    store.notice_sent(store.due_notices()[0].id)

    added = store.add_notices(
        [notice(text="again"), notice("missed/2"), notice("missed/2"), notice(channel="log")]
    )

    assert added == 2
    assert [(one.key, one.channel) for one in store.due_notices()] == [
        ("missed/2", "systems"),
        ("missed/1", "log"),
    ]
    assert store.add_notices([]) == 0


def test_notices_are_found_by_workflow_and_time(store: Store, clock: ManualClock) -> None:
    store.add_notices([notice("1"), notice("2", workflow="other")])
    clock.move(60)
    store.add_notices([notice("3"), notice("4")])

    def keys(found: list[NotificationRecord]) -> str:
        return "".join(one.key for one in found)

    assert keys(store.notices()) == "4321"
    assert keys(store.notices(limit=2)) == "43"
    assert keys(store.notices(workflow="other")) == "2"
    assert keys(store.notices(since=clock.now())) == "43"
    assert keys(store.due_notices(limit=3)) == "123"


def test_a_notice_with_what_no_database_takes_is_kept_without_it(store: Store) -> None:
    store.add_notices([notice(text="a\0b")])

    assert store.notices()[0].text == "a\N{REPLACEMENT CHARACTER}b"
